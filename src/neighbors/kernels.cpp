#include <algorithm>
#include <cmath>

#include "neighbors/connectivities.hpp"
#include "neighbors/directed_edges.hpp"
#include "sparse/symmetrize.hpp"

namespace cellweave {

namespace {

/// The Gaussian kernel of two widths; 1 where both are zero.
template <Real T>
T gauss_weight(T squared_distance, T width_i, T width_j) {
    const T sum = width_i * width_i + width_j * width_j;
    if (sum == 0) return 1;
    return std::sqrt(2 * (width_i * width_j) / sum) * std::exp(-squared_distance / sum);
}

template <Real T>
T median_of(std::vector<T>& values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

}  // namespace

template <Real T>
Graph<T> gauss_graph(DenseView<const std::int32_t> indices, DenseView<const T> distances, Threads threads) {
    require(indices.n_rows() == distances.n_rows() && indices.n_cols() == distances.n_cols(),
            "knn indices and distances have different shapes");
    check_indices(indices, false, threads);
    const Size n = indices.n_rows();
    std::vector<T> widths(static_cast<std::size_t>(n));
    parallel_for(n, Grain{4096}, threads, [&](Range range) {
        std::vector<T> squares;
        for (const Size i : range) {
            squares.clear();
            for (const T d : distances.row(i)) squares.push_back(d * d);
            widths[static_cast<std::size_t>(i)] = std::sqrt(median_of(squares));
        }
    });
    DirectedEdges<T> edges(n, indices.n_cols());
    parallel_for(n, Grain{4096}, threads, [&](Range range) {
        for (const Size i : range) {
            for (Size j = 0; j < indices.n_cols(); ++j) {
                const std::int32_t to = indices(i, j);
                const T d = distances(i, j);
                edges.add(
                    i, to,
                    gauss_weight(d * d, widths[static_cast<std::size_t>(i)], widths[static_cast<std::size_t>(to)]));
            }
            edges.tidy(i);
        }
    });
    // Both directions carry the same weight, if both exist.
    return symmetrized(
        edges, [](T a, T b) { return std::max(a, b); }, threads);
}

template <Real T>
void gauss_dense(DenseView<const T> distances, Size n_neighbors, DenseView<T> weights, Threads threads) {
    const Size n = distances.n_rows();
    require(distances.n_cols() == n, "distances must be square");
    require(n_neighbors >= 1 && n_neighbors <= n, "n_neighbors must be between 1 and the number of cells");
    std::vector<T> widths(static_cast<std::size_t>(n));
    parallel_for(n, Grain{16}, threads, [&](Range range) {
        std::vector<T> row;
        for (const Size i : range) {
            row.assign(distances.row(i).begin(), distances.row(i).end());
            const auto kth = row.begin() + (n_neighbors - 1);
            std::nth_element(row.begin(), kth, row.end());
            widths[static_cast<std::size_t>(i)] = *kth / 2;
        }
    });
    parallel_for(n, Grain{16}, threads, [&](Range range) {
        for (const Size i : range) {
            for (Size j = 0; j < n; ++j) {
                const T d = distances(i, j);
                const T weight =
                    gauss_weight(d * d, widths[static_cast<std::size_t>(i)], widths[static_cast<std::size_t>(j)]);
                weights(i, j) = weight > T(1e-14) ? weight : T(0);
            }
        }
    });
}

Graph<double> jaccard_graph(DenseView<const std::int32_t> indices, Threads threads) {
    check_indices(indices, false, threads);
    const Size n = indices.n_rows();
    const Size k = indices.n_cols();
    std::vector<std::int32_t> sorted(static_cast<std::size_t>(n * k));
    const auto row_of = [&](Size i) {
        return std::span<std::int32_t>(sorted.data() + i * k, static_cast<std::size_t>(k));
    };
    parallel_for(n, Grain{4096}, threads, [&](Range range) {
        for (const Size i : range) {
            std::copy(indices.row(i).begin(), indices.row(i).end(), row_of(i).begin());
            std::sort(row_of(i).begin(), row_of(i).end());
        }
    });
    DirectedEdges<double> edges(n, k);
    parallel_for(n, Grain{1024}, threads, [&](Range range) {
        std::vector<std::int32_t> both(static_cast<std::size_t>(k));
        for (const Size i : range) {
            for (const std::int32_t to : row_of(i)) {
                const auto a = row_of(i);
                const auto b = row_of(to);
                const auto end = std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), both.begin());
                const auto n_shared = static_cast<double>(end - both.begin());
                if (n_shared > 0) edges.add(i, to, n_shared / (2 * static_cast<double>(k) - n_shared));
            }
            edges.tidy(i);
        }
    });
    return mean_with_reversed(edges, threads);
}

template Graph<float> gauss_graph(DenseView<const std::int32_t>, DenseView<const float>, Threads);
template Graph<double> gauss_graph(DenseView<const std::int32_t>, DenseView<const double>, Threads);
template void gauss_dense(DenseView<const float>, Size, DenseView<float>, Threads);
template void gauss_dense(DenseView<const double>, Size, DenseView<double>, Threads);

}  // namespace cellweave
