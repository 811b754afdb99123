#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "integrate/move_cells.hpp"

namespace cellweave {

/// Expression profiles, cells x genes, read a few genes at a time whatever their storage.
class ExpressionReader {
public:
    virtual ~ExpressionReader() = default;
    virtual Size n_cells() const = 0;
    virtual Size n_genes() const = 0;
    /// Writes genes [begin, end) of one cell.
    virtual void read(Size cell, Size begin, Size end, float* values) const = 0;
    virtual void read(Size cell, Size begin, Size end, double* values) const = 0;
    virtual double squared_length(Size cell) const = 0;
};

/// Sparse profiles; genes rise within a cell.
template <Real T, Index I>
std::unique_ptr<ExpressionReader> expression_reader(CsrView<const T, I> profiles);
std::unique_ptr<ExpressionReader> expression_reader(DenseView<const double> profiles);

/// Several data sets as one: rows are numbered through.
class ExpressionSets {
public:
    explicit ExpressionSets(std::vector<const ExpressionReader*> sets);

    Size n_genes() const { return sets_.front()->n_genes(); }
    template <Real T>
    void read(Size row, Size begin, Size end, T* values) const {
        const auto [set, cell] = locate(row);
        set->read(cell, begin, end, values);
    }
    double squared_length(Size row) const {
        const auto [set, cell] = locate(row);
        return set->squared_length(cell);
    }

private:
    std::pair<const ExpressionReader*, Size> locate(Size row) const;

    std::vector<const ExpressionReader*> sets_;
    std::vector<Size> offsets_;
};

/// Options of move_expression().
struct ExpressionMoveOptions {
    /// As in MoveOptions.
    double sigma = 15.0;
    double least_total = 0.0;
    /// Write the shifts alone, not the shifted profiles.
    bool shifts_only = false;
};

/// Moves expression as move_cells() moves coordinates; weights come from distances between expression profiles.
///
/// Works on blocks of cells, each in three passes over blocks of 256 genes: logits, exponentials, weighted sums. The
/// weights of a block of cells are kept in between (up to 64 MB), so that nothing of the size cells x genes is needed
/// besides the result.
///
/// Cost: 4 x moved cells x distinct matched cells x genes operations.
///
/// @param profiles   all data sets that matches refer to.
/// @param moved      rows to move, in order.
/// @param[out] result  moved rows x genes: profile plus shift, or the shift alone. Must not be read by `profiles`.
void move_expression(const ExpressionSets& profiles, Range moved, const MatchedRows& matches,
                     const ExpressionMoveOptions& options, DenseView<double> result, Threads threads);

}  // namespace cellweave
