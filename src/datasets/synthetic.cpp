#include "datasets/synthetic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/monitor.hpp"
#include "core/random.hpp"

namespace cellweave {

namespace {

constexpr Size cells_per_chunk = 64;
/// Chunks that are drawn before their results move to the end of the whole: bounds the scratch memory.
constexpr Size chunks_per_wave = 256;
constexpr double largest_mean = 1e6;
/// Above this bound of the probability, visiting every gene is cheaper than drawing gaps.
constexpr double frequent = 0.3;

std::size_t at(Size k) {
    return static_cast<std::size_t>(k);
}

/// Genes whose shares lie within a factor of two, in rising order.
struct GeneClass {
    double largest_share;
    std::vector<std::int32_t> genes;
    std::vector<double> shares;
};

using Profile = std::vector<GeneClass>;

Profile classes_of(std::span<const double> shares) {
    Profile classes;
    std::vector<int> exponents;
    for (std::size_t gene = 0; gene < shares.size(); ++gene) {
        if (shares[gene] == 0) continue;
        int exponent = 0;
        std::frexp(shares[gene], &exponent);
        // Shares below 2^-60 share a class: they hardly ever give a count.
        exponent = std::max(exponent, -60);
        const auto known = std::find(exponents.begin(), exponents.end(), exponent) - exponents.begin();
        if (known == std::ssize(exponents)) {
            exponents.push_back(exponent);
            classes.push_back({std::ldexp(1.0, exponent), {}, {}});
        }
        classes[at(known)].genes.push_back(static_cast<std::int32_t>(gene));
        classes[at(known)].shares.push_back(shares[gene]);
    }
    return classes;
}

/// The counts of one cell while they are drawn class by class, to be read in the order of the genes.
class Row {
public:
    explicit Row(Size n_genes) : counts_(at(n_genes)), filled_(at((n_genes + 63) / 64), 0) {}

    void set(std::int32_t gene, Size count) {
        counts_[at(gene)] = static_cast<float>(count);
        filled_[at(gene / 64)] |= std::uint64_t{1} << (gene % 64);
    }

    /// Appends the row and empties it.
    Size move_to(std::vector<std::int32_t>& indices, std::vector<float>& values) {
        const std::size_t before = indices.size();
        for (std::size_t word = 0; word < filled_.size(); ++word) {
            for (std::uint64_t bits = filled_[word]; bits != 0; bits &= bits - 1) {
                const std::size_t gene = 64 * word + static_cast<std::size_t>(std::countr_zero(bits));
                indices.push_back(static_cast<std::int32_t>(gene));
                values.push_back(counts_[gene]);
            }
            filled_[word] = 0;
        }
        return static_cast<Size>(indices.size() - before);
    }

private:
    std::vector<float> counts_;
    std::vector<std::uint64_t> filled_;
};

/// The random numbers of one cell, one after the other.
class CellRandom {
public:
    CellRandom(std::uint64_t seed, Size cell) : random_(seed, static_cast<std::uint64_t>(cell)) {}
    double uniform() { return random_.uniform(next_++); }
    /// In (0, 1]: its logarithm is finite.
    double positive_uniform() { return 1.0 - uniform(); }

private:
    Random random_;
    std::uint64_t next_ = 0;
};

/// A count by inversion. The law is infinitely divisible: where the probability of 0 would underflow, it is drawn in
/// parts.
Size draw_count(CellRandom& random, double mean, double dispersion) {
    if (mean <= 300) return count_at(random.uniform(), mean, dispersion);
    const Size parts = static_cast<Size>(std::ceil(mean / 300));
    Size count = 0;
    for (Size part = 0; part < parts; ++part) {
        count += count_at(random.uniform(), mean / static_cast<double>(parts), dispersion * static_cast<double>(parts));
    }
    return count;
}

void draw_every_gene(const GeneClass& genes, double library_size, double dispersion, CellRandom& random, Row& row) {
    for (std::size_t k = 0; k < genes.genes.size(); ++k) {
        const Size count = draw_count(random, library_size * genes.shares[k], dispersion);
        if (count > 0) row.set(genes.genes[k], count);
    }
}

/// Leaps from candidate to candidate. Each gene is one with probability `bound`, which no gene's probability of a
/// count exceeds (it is below the mean), and gets the count at a uniform number below `bound`.
void draw_rare_genes(const GeneClass& genes, double library_size, double dispersion, double bound, CellRandom& random,
                     Row& row) {
    const double per_log = 1.0 / std::log1p(-bound);
    const double n_genes = static_cast<double>(genes.genes.size());
    for (double position = 0;; position += 1) {
        position += std::floor(std::log(random.positive_uniform()) * per_log);
        if (!(position < n_genes)) return;
        const auto k = static_cast<std::size_t>(position);
        const Size count = count_at(bound * random.uniform(), library_size * genes.shares[k], dispersion);
        if (count > 0) row.set(genes.genes[k], count);
    }
}

void draw_cell(const Profile& profile, double library_size, double dispersion, CellRandom random, Row& row) {
    for (const GeneClass& genes : profile) {
        const double bound = library_size * genes.largest_share;
        if (bound > frequent) {
            draw_every_gene(genes, library_size, dispersion, random, row);
        } else if (bound > 0) {
            draw_rare_genes(genes, library_size, dispersion, bound, random, row);
        }
    }
}

void check(DenseView<const double> profiles, std::span<const std::int32_t> profile_of_cell,
           std::span<const double> library_sizes, double dispersion) {
    require(profile_of_cell.size() == library_sizes.size(), "library_sizes has " +
                                                                std::to_string(library_sizes.size()) + " entries for " +
                                                                std::to_string(profile_of_cell.size()) + " cells");
    require(std::isfinite(dispersion) && dispersion >= 0,
            "dispersion must be at least 0, found " + std::to_string(dispersion));
    double largest_share = 0;
    for (Size profile = 0; profile < profiles.n_rows(); ++profile) {
        for (const double share : profiles.row(profile)) {
            require(std::isfinite(share) && share >= 0,
                    [&] { return "profiles: shares must be finite and at least 0, found " + std::to_string(share); });
            largest_share = std::max(largest_share, share);
        }
    }
    for (std::size_t cell = 0; cell < profile_of_cell.size(); ++cell) {
        require(profile_of_cell[cell] >= 0 && profile_of_cell[cell] < profiles.n_rows(),
                [&] { return "profile_of_cell: " + std::to_string(profile_of_cell[cell]) + " is out of range"; });
        require(library_sizes[cell] >= 0 && library_sizes[cell] * largest_share <= largest_mean, [&] {
            return "library_sizes: " + std::to_string(library_sizes[cell]) +
                   " is negative, missing, or gives means above one million";
        });
    }
}

/// What the cells of one chunk hold.
struct Piece {
    std::vector<std::int32_t> indices;
    std::vector<float> values;
    Size begin = 0;
};

}  // namespace

Size count_at(double uniform, double mean, double dispersion) {
    // P(count > 0) <= mean, and P(1) = mean (1 + dispersion mean)^-(1/dispersion + 1) >= mean (1 - (1 + dispersion)
    // mean) by Bernoulli's inequality: most draws of rare genes end here, without a logarithm.
    if (uniform >= mean) return 0;
    if (uniform < mean * (1 - (1 + dispersion) * mean)) return 1;
    const double inflation = 1 + dispersion * mean;
    const double zero = dispersion > 0 ? std::exp(-std::log1p(dispersion * mean) / dispersion) : std::exp(-mean);
    if (uniform >= 1 - zero) return 0;
    const double step = mean / inflation;
    double probability = zero * step;
    double reached = probability;
    Size count = 1;
    // P(k + 1) / P(k) = step (1 + dispersion k) / (k + 1). Rounding may leave the sum short of the uniform: far out,
    // stop.
    while (uniform >= reached && (probability > 1e-18 || static_cast<double>(count) < mean)) {
        const double k = static_cast<double>(count);
        probability *= step * (1 + dispersion * k) / (k + 1);
        reached += probability;
        ++count;
    }
    return count;
}

SampledCounts sample_counts(DenseView<const double> profiles, std::span<const std::int32_t> profile_of_cell,
                            std::span<const double> library_sizes, const SampleCountsOptions& options,
                            Threads threads) {
    check(profiles, profile_of_cell, library_sizes, options.dispersion);
    const Size n_cells = static_cast<Size>(profile_of_cell.size());
    std::vector<Profile> classes(at(profiles.n_rows()));
    parallel_for(profiles.n_rows(), Grain{1}, threads, [&](Range range) {
        for (const Size profile : range) classes[at(profile)] = classes_of(profiles.row(profile));
    });

    SampledCounts counts{GrowingBuffer<std::int64_t>(n_cells + 1), {}, {}};
    counts.indptr[0] = 0;
    Progress progress("Drawing counts", n_cells);
    const Size n_chunks = detail::count_chunks(n_cells, Grain{cells_per_chunk});
    for (Size first = 0; first < n_chunks; first += chunks_per_wave) {
        std::vector<Piece> pieces(at(std::min(chunks_per_wave, n_chunks - first)));
        const Size n_pieces = static_cast<Size>(pieces.size());
        parallel_for(n_pieces, Grain{1}, threads, [&](Range range) {
            Row row(profiles.n_cols());
            for (const Size k : range) {
                const Range cells = detail::chunk_range(first + k, n_cells, Grain{cells_per_chunk});
                for (const Size cell : cells) {
                    draw_cell(classes[at(profile_of_cell[at(cell)])], library_sizes[at(cell)], options.dispersion,
                              CellRandom(options.seed, cell), row);
                    counts.indptr[cell + 1] = row.move_to(pieces[at(k)].indices, pieces[at(k)].values);
                }
                progress.advance(cells.size());
            }
        });
        Size end = counts.indices.size();
        for (Piece& piece : pieces) {
            piece.begin = end;
            end += static_cast<Size>(piece.indices.size());
        }
        counts.indices.resize(end);
        counts.values.resize(end);
        parallel_for(n_pieces, Grain{1}, threads, [&](Range range) {
            for (const Size k : range) {
                const Piece& piece = pieces[at(k)];
                std::copy(piece.indices.begin(), piece.indices.end(), counts.indices.data() + piece.begin);
                std::copy(piece.values.begin(), piece.values.end(), counts.values.data() + piece.begin);
            }
        });
    }
    for (Size cell = 0; cell < n_cells; ++cell) counts.indptr[cell + 1] += counts.indptr[cell];
    counts.indices.shrink_to_fit();
    counts.values.shrink_to_fit();
    return counts;
}

}  // namespace cellweave
