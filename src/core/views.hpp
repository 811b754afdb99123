#pragma once
#include <cassert>
#include <span>
#include <type_traits>

#include "core/types.hpp"

namespace cellweave {

/// A row-major matrix that somebody else owns: numpy's buffer, or a block of scratch. `T` is const for input.
template <class T>
class DenseView {
public:
    DenseView(T* data, Size n_rows, Size n_cols) : DenseView(data, n_rows, n_cols, n_cols) {}
    DenseView(T* data, Size n_rows, Size n_cols, Size row_stride)
        : data_(data), n_rows_(n_rows), n_cols_(n_cols), row_stride_(row_stride) {
        assert(n_rows >= 0 && n_cols >= 0 && row_stride >= n_cols);
    }
    /// A view that writes is also a view that reads.
    template <class U>
    requires std::is_same_v<T, const U> DenseView(DenseView<U> other)
        : DenseView(other.data(), other.n_rows(), other.n_cols(), other.row_stride()) {}

    T* data() const { return data_; }
    Size n_rows() const { return n_rows_; }
    Size n_cols() const { return n_cols_; }
    Size row_stride() const { return row_stride_; }

    T* row_data(Size row) const { return data_ + row * row_stride_; }
    std::span<T> row(Size row) const { return {row_data(row), static_cast<std::size_t>(n_cols_)}; }
    T& operator()(Size row, Size col) const { return data_[row * row_stride_ + col]; }

    /// Rows [begin, end).
    DenseView rows(Size begin, Size end) const { return {row_data(begin), end - begin, n_cols_, row_stride_}; }

private:
    T* data_;
    Size n_rows_;
    Size n_cols_;
    Size row_stride_;
};

/// One line (row of a CSR, column of a CSC) of a compressed matrix.
template <class T, class I>
struct SparseLine {
    std::span<const I> indices;
    std::span<T> values;

    Size size() const { return static_cast<Size>(indices.size()); }
};

/// The three arrays of a compressed sparse matrix: line `k` holds entries indptr[k] to indptr[k + 1].
/// `T` is const for input. The structure has been checked (see sparse/check.hpp) by whoever made the view.
template <class T, class I>
class CompressedView {
public:
    CompressedView(T* data, const I* indices, const I* indptr, Size n_lines, Size line_length)
        : data_(data), indices_(indices), indptr_(indptr), n_lines_(n_lines), line_length_(line_length) {}

    T* data() const { return data_; }
    const I* indices() const { return indices_; }
    const I* indptr() const { return indptr_; }
    Size nnz() const { return static_cast<Size>(indptr_[n_lines_]) - static_cast<Size>(indptr_[0]); }
    Size n_lines() const { return n_lines_; }
    Size line_length() const { return line_length_; }

    Size begin(Size line) const { return static_cast<Size>(indptr_[line]); }
    Size end(Size line) const { return static_cast<Size>(indptr_[line + 1]); }
    SparseLine<T, I> line(Size line) const {
        const auto count = static_cast<std::size_t>(end(line) - begin(line));
        return {{indices_ + begin(line), count}, {data_ + begin(line), count}};
    }

private:
    T* data_;
    const I* indices_;
    const I* indptr_;
    Size n_lines_;
    Size line_length_;
};

/// Compressed sparse rows: what scipy calls CSR.
template <class T, class I>
class CsrView : public CompressedView<T, I> {
public:
    using CompressedView<T, I>::CompressedView;
    template <class U>
    requires std::is_same_v<T, const U> CsrView(CsrView<U, I> other)
        : CompressedView<T, I>(other.data(), other.indices(), other.indptr(), other.n_rows(), other.n_cols()) {}

    Size n_rows() const { return this->n_lines(); }
    Size n_cols() const { return this->line_length(); }
    SparseLine<T, I> row(Size row) const { return this->line(row); }
};

/// Compressed sparse columns: what scipy calls CSC.
template <class T, class I>
class CscView : public CompressedView<T, I> {
public:
    using CompressedView<T, I>::CompressedView;
    template <class U>
    requires std::is_same_v<T, const U> CscView(CscView<U, I> other)
        : CompressedView<T, I>(other.data(), other.indices(), other.indptr(), other.n_cols(), other.n_rows()) {}

    Size n_rows() const { return this->line_length(); }
    Size n_cols() const { return this->n_lines(); }
    SparseLine<T, I> col(Size col) const { return this->line(col); }
    /// The same arrays read as the rows of the transposed matrix.
    CsrView<T, I> transposed() const {
        return {this->data(), this->indices(), this->indptr(), this->n_lines(), this->line_length()};
    }
};

}  // namespace cellweave
