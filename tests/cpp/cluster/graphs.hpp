#pragma once
#include <vector>

#include "cluster/leiden.hpp"
#include "core/random.hpp"

/// Small graphs for the tests of clustering.
namespace graphs {

using namespace cellweave;

/// A symmetric adjacency matrix with its arrays.
struct Adjacency {
    Size n = 0;
    std::vector<std::int32_t> indptr{0};
    std::vector<std::int32_t> indices;
    std::vector<float> data;

    CsrView<const float, std::int32_t> view() const { return {data.data(), indices.data(), indptr.data(), n, n}; }
};

/// From a dense matrix, row by row.
inline Adjacency from_dense(const std::vector<std::vector<float>>& rows) {
    Adjacency result;
    result.n = static_cast<Size>(rows.size());
    for (const auto& row : rows) {
        for (std::size_t col = 0; col < row.size(); ++col) {
            if (row[col] == 0) continue;
            result.indices.push_back(static_cast<std::int32_t>(col));
            result.data.push_back(row[col]);
        }
        result.indptr.push_back(static_cast<std::int32_t>(result.indices.size()));
    }
    return result;
}

/// Blocks of equal size, in the order of the vertices: an edge within a block with probability `inside`, else
/// `outside`.
inline Adjacency planted(Size n_blocks, Size block_size, double inside, double outside, std::uint64_t seed) {
    const Random random(seed, 0);
    const Size n = n_blocks * block_size;
    std::vector<std::vector<float>> rows(static_cast<std::size_t>(n), std::vector<float>(static_cast<std::size_t>(n)));
    for (Size a = 0; a < n; ++a) {
        for (Size b = a + 1; b < n; ++b) {
            const auto index = static_cast<std::uint64_t>(a * n + b);
            const double probability = a / block_size == b / block_size ? inside : outside;
            if (random.uniform(2 * index) >= probability) continue;
            const auto weight = static_cast<float>(0.5 + random.uniform(2 * index + 1));
            rows[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)] = weight;
            rows[static_cast<std::size_t>(b)][static_cast<std::size_t>(a)] = weight;
        }
    }
    return from_dense(rows);
}

/// `n` cliques of `size` vertices, neighbouring cliques joined by one edge.
inline Adjacency ring_of_cliques(Size n, Size size) {
    const auto total = static_cast<std::size_t>(n * size);
    std::vector<std::vector<float>> rows(total, std::vector<float>(total));
    for (std::size_t a = 0; a < total; ++a) {
        for (std::size_t b = 0; b < total; ++b) {
            if (a != b && a / static_cast<std::size_t>(size) == b / static_cast<std::size_t>(size)) rows[a][b] = 1;
        }
    }
    for (std::size_t clique = 0; clique < static_cast<std::size_t>(n); ++clique) {
        const std::size_t a = clique * static_cast<std::size_t>(size);
        const std::size_t b = (a + static_cast<std::size_t>(size) + 1) % total;
        rows[a][b] = rows[b][a] = 1;
    }
    return from_dense(rows);
}

}  // namespace graphs
