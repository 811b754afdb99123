#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/candidates.hpp"

using namespace cellweave;

namespace {

constexpr int panel = 16;

/// What is left of scores 0 ... n - 1, offered panel by panel, when the k nearest are wanted.
std::vector<std::int32_t> kept(std::vector<float> scores, Size k) {
    const ScoreMargin margin(Metric::euclidean, 8);
    CandidateList list;
    list.start(k, 1.0F, margin);
    std::vector<std::int32_t> ids(scores.size());
    std::iota(ids.begin(), ids.end(), 0);
    scores.resize((scores.size() + panel - 1) / panel * panel, std::numeric_limits<float>::infinity());
    ids.resize(scores.size(), -1);
    for (std::size_t at = 0; at < scores.size(); at += panel) list.offer(&scores[at], &ids[at], panel);
    list.shrink();
    return {list.ids().begin(), list.ids().end()};
}

}  // namespace

TEST("candidates hold the k best, and few more, whatever their order") {
    const Random random(5, 0);
    for (const Size n : {1, 20, 300, 5000}) {
        std::vector<float> scores(static_cast<std::size_t>(n));
        for (std::size_t item = 0; item < scores.size(); ++item)
            scores[item] = static_cast<float>(random.normal(item)) + (item % 7 == 0 ? 1000.0F : 0.0F);
        for (const Size k : {1, 3, 15, 400}) {
            const auto left = kept(scores, k);
            auto sorted = scores;
            std::sort(sorted.begin(), sorted.end());
            const float kth = sorted[static_cast<std::size_t>(std::min(n, k) - 1)];
            const auto n_wanted = std::count_if(
                left.begin(), left.end(), [&](std::int32_t id) { return scores[static_cast<std::size_t>(id)] <= kth; });
            CHECK(n_wanted == std::min(n, k));
            CHECK(static_cast<Size>(left.size()) <= k + k / 8 + 2);
        }
    }
}

TEST("candidates keep everything that ties for the last place") {
    std::vector<float> scores(200, 2.0F);
    scores[77] = 1.0F;
    CHECK(kept(scores, 5).size() == 200);
    CHECK(kept(scores, 1) == std::vector<std::int32_t>{77});
}
