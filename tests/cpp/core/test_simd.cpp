#include <cstdint>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "core/simd.hpp"

using namespace cellweave;

TEST("the scores below a threshold are kept in order, also in place") {
    const Random random(1, 0);
    for (Size n = 0; n <= 40; ++n) {
        std::vector<float> scores;
        std::vector<std::int32_t> ids;
        std::vector<float> expected_scores;
        std::vector<std::int32_t> expected_ids;
        for (Size item = 0; item < n; ++item) {
            scores.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(41 * n + item))));
            ids.push_back(static_cast<std::int32_t>(100 + item));
            if (scores.back() >= 0.25F) continue;
            expected_scores.push_back(scores.back());
            expected_ids.push_back(ids.back());
        }
        std::vector<float> kept_scores(scores.size());
        std::vector<std::int32_t> kept_ids(ids.size());
        Size n_kept = keep_below(0.25F, scores.data(), ids.data(), n, kept_scores.data(), kept_ids.data());
        kept_scores.resize(static_cast<std::size_t>(n_kept));
        kept_ids.resize(static_cast<std::size_t>(n_kept));
        CHECK(kept_scores == expected_scores && kept_ids == expected_ids);

        n_kept = keep_below(0.25F, scores.data(), ids.data(), n, scores.data(), ids.data());
        scores.resize(static_cast<std::size_t>(n_kept));
        ids.resize(static_cast<std::size_t>(n_kept));
        CHECK(scores == expected_scores && ids == expected_ids);
    }
}

TEST("the values above a threshold are kept in order") {
    const Random random(2, 0);
    for (Size n = 0; n <= 40; ++n) {
        std::vector<std::int32_t> values;
        std::vector<std::int32_t> expected;
        for (Size item = 0; item < n; ++item) {
            values.push_back(static_cast<std::int32_t>(4 * random.uniform(static_cast<std::uint64_t>(41 * n + item))));
            if (values.back() > 1) expected.push_back(values.back());
        }
        std::vector<std::int32_t> kept(values.size());
        kept.resize(static_cast<std::size_t>(keep_above(1, values.data(), n, kept.data())));
        CHECK(kept == expected);
    }
}
