#pragma once
#include <algorithm>
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

/// A large sparse graph: every vertex has an edge to `n_edges` random ones, most of them in its own one of 50 groups.
inline Adjacency large(Size n, Size n_edges, std::uint64_t seed) {
    const Random random(seed, 0);
    std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(n));
    for (Size a = 0; a < n; ++a) {
        for (Size k = 0; k < n_edges; ++k) {
            const auto index = static_cast<std::uint64_t>(3 * (a * n_edges + k));
            auto b = static_cast<Size>(random.below(index, static_cast<std::uint32_t>(n)));
            if (random.uniform(index + 1) < 0.8) b = std::min(n - 1, b - b % 50 + a % 50);
            if (a == b) continue;
            rows[static_cast<std::size_t>(a)].push_back(static_cast<std::int32_t>(b));
            rows[static_cast<std::size_t>(b)].push_back(static_cast<std::int32_t>(a));
        }
    }
    Adjacency result;
    result.n = n;
    for (auto& row : rows) {
        std::sort(row.begin(), row.end());
        row.erase(std::unique(row.begin(), row.end()), row.end());
        result.indices.insert(result.indices.end(), row.begin(), row.end());
        result.indptr.push_back(static_cast<std::int32_t>(result.indices.size()));
    }
    result.data.assign(result.indices.size(), 1.0F);
    return result;
}

}  // namespace graphs
