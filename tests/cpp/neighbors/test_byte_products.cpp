#include <cstdint>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/byte_products.hpp"

using namespace cellweave;

namespace {

constexpr Size n_panels = 3;

/// What there is to multiply: any bytes, or the largest.
struct Codes {
    std::vector<std::int8_t> panels;
    std::vector<std::int32_t> starts;
    std::vector<std::uint8_t> queries;  // one after another

    Codes(Size n_blocks, bool largest) {
        const Random random(9, 0);
        std::uint64_t draws = 0;
        const auto draw = [&](int low, int high) {
            return largest ? high : low + static_cast<int>(random.uniform(draws++) * (high - low + 1));
        };
        for (Size at = 0; at < n_panels * bytes::panel_bytes(n_blocks); ++at)
            panels.push_back(static_cast<std::int8_t>(draw(-bytes::largest_reference, bytes::largest_reference)));
        for (Size at = 0; at < n_panels * bytes::panel_width; ++at) starts.push_back(draw(-100'000, 100'000));
        for (Size at = 0; at < bytes::group_size * n_blocks * bytes::block; ++at)
            queries.push_back(static_cast<std::uint8_t>(draw(0, bytes::largest_query)));
    }
};

std::vector<std::int32_t> expected(const Codes& codes, Size n_blocks) {
    std::vector<std::int32_t> sums;
    for (Size panel = 0; panel < n_panels; ++panel) {
        for (Size query = 0; query < bytes::group_size; ++query) {
            for (Size lane = 0; lane < bytes::panel_width; ++lane) {
                sums.push_back(codes.starts[panel * bytes::panel_width + lane]);
                for (Size k = 0; k < n_blocks * bytes::block; ++k) {
                    const Size block = k / bytes::block;
                    const Size in_block = k % bytes::block;
                    const Size in_panel = (block * bytes::panel_width + lane) * bytes::block + in_block;
                    sums.back() += codes.queries[query * n_blocks * bytes::block + k] *
                                   codes.panels[panel * bytes::panel_bytes(n_blocks) + in_panel];
                }
            }
        }
    }
    return sums;
}

}  // namespace

TEST("products of bytes are the sums of the products, by whatever instructions") {
    for (const Size n_blocks : {1, 2, 13}) {
        for (const bool largest : {false, true}) {
            const Codes codes(n_blocks, largest);
            const auto sums = expected(codes, n_blocks);
            for (const bytes::Products products : bytes::all_products()) {
                std::vector<std::int32_t> found(sums.size());
                bytes::Group group;
                for (std::size_t query = 0; query < group.size(); ++query)
                    group[query] = codes.queries.data() + query * static_cast<std::size_t>(n_blocks * bytes::block);
                products(codes.panels.data(), codes.starts.data(), n_panels, n_blocks, group, found.data());
                CHECK(found == sums);
            }
        }
    }
}
