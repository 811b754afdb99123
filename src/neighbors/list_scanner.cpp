#include "neighbors/list_scanner.hpp"

namespace cellweave {

class FloatLists::Scan : public ListScan {
public:
    Scan(const FloatLists& lists, const ListQueries& queries, Size k, std::span<CandidateList> found)
        : lists_(lists), queries_(queries), found_(found) {
        for (std::size_t q = 0; q < found.size(); ++q)
            found[q].start(k, queries.asked.norms[static_cast<std::size_t>(queries.queries[q])], lists.margin_);
    }

    void offer(Size list, std::span<const std::int32_t> which, std::span<const float>) override {
        rows_.clear();
        sinks_.clear();
        for (const std::int32_t q : which) {
            rows_.push_back(queries_.asked.row(queries_.queries[static_cast<std::size_t>(q)]));
            sinks_.push_back(&found_[static_cast<std::size_t>(q)]);
        }
        const auto& packed = lists_.packed_;
        scan::scan_panels<CandidateList>(packed, lists_.metric_, packed.first_panel(list), packed.first_panel(list + 1),
                                         rows_, sinks_);
    }

private:
    const FloatLists& lists_;
    ListQueries queries_;
    std::span<CandidateList> found_;
    std::vector<const float*> rows_;     // scratch of offer(), as is
    std::vector<CandidateList*> sinks_;  // this
};

FloatLists::FloatLists(const PreparedPoints& points, Metric metric, const Clusters& lists, Threads threads)
    : packed_(points, metric, lists.order, lists.starts, threads), metric_(metric), margin_(metric, points.n_dims) {}

std::unique_ptr<ListScan> FloatLists::begin(const ListQueries& queries, Size k, std::span<CandidateList> found) const {
    return std::make_unique<Scan>(*this, queries, k, found);
}

}  // namespace cellweave
