// xtensor asks a generator for one element after another, at several nanoseconds each. This file fills memory with what
// a generator generates: diagonals and triangles at once, and plain loops over the indices of everything else.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/generators.hpp>
#include <xtensor-torch/evaluation/region.hpp>

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

namespace xtt::detail {

template <class T, class Shape, class Strides>
void fill_region(T* out, const Shape& shape, const Strides& strides, const T& value) {
    auto region = region_of(out, shape, strides);
    evaluate(region, xt::xscalar<const T&>(value));
}

// The dimensions of a destination, of which some are taken together.
struct region_dimensions {
    xt::dynamic_shape<std::size_t> shape;
    xt::dynamic_shape<std::ptrdiff_t> strides;

    template <class D>
    explicit region_dimensions(const D& destination)
        : shape(destination.shape().begin(), destination.shape().end()),
          strides(destination.strides().begin(), destination.strides().end()) {}

    std::ptrdiff_t size(std::size_t dimension) const { return static_cast<std::ptrdiff_t>(shape[dimension]); }

    // Makes the diagonal that begins `offset` columns to the right one dimension, where the columns were, and returns
    // where it begins.
    std::ptrdiff_t take_diagonal(std::size_t rows, std::size_t columns, std::ptrdiff_t offset) {
        const std::ptrdiff_t row = std::max<std::ptrdiff_t>(0, -offset);
        const std::ptrdiff_t column = std::max<std::ptrdiff_t>(0, offset);
        const std::ptrdiff_t first = row * strides[rows] + column * strides[columns];
        const std::ptrdiff_t length = std::min(size(rows) - row, size(columns) - column);
        shape[columns] = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, length));
        strides[columns] += strides[rows];
        shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(rows));
        strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(rows));
        return length > 0 ? first : 0;
    }
};

// Elements one after another, in the order of their indices.
template <class D, class Generator>
void fill_by_indices(D& destination, const Generator& generator) {
    using T = typename D::value_type;
    const region_dimensions dimensions(destination);
    const std::size_t rank = dimensions.shape.size();
    T* out = destination.data() + destination.data_offset();
    c10::SmallVector<std::size_t, 6> index(rank, 0);
    const auto value = [&] {
        return element_cast<T>(generator.functor().element(std::as_const(index).begin(), std::as_const(index).end()));
    };
    if (rank == 0) {
        *out = value();
        return;
    }
    const std::ptrdiff_t columns = dimensions.size(rank - 1);
    const std::ptrdiff_t step = dimensions.strides[rank - 1];
    for (std::size_t d = 0; d != rank;) {
        index[rank - 1] = 0;
        for (std::ptrdiff_t i = 0; i < columns; ++i, ++index[rank - 1]) {
            out[i * step] = value();
        }
        for (d = 1; d != rank; ++d) {
            const std::size_t outer = rank - 1 - d;
            out += dimensions.strides[outer];
            if (++index[outer] < dimensions.shape[outer]) {
                break;
            }
            out -= dimensions.size(outer) * dimensions.strides[outer];
            index[outer] = 0;
        }
    }
}

// The diagonal of ones is where the first row or the first column of a matrix has one; of its last two dimensions, as
// all matrices are alike.
template <class D, class Generator>
void fill_identity(D& destination, const Generator& generator) {
    using T = typename D::value_type;
    using R = typename Generator::value_type;
    region_dimensions dimensions(destination);
    const std::size_t columns = dimensions.shape.size() - 1;
    c10::SmallVector<std::size_t, 6> index(columns + 1, 0);
    const auto find_one = [&](std::size_t dimension) {
        std::ptrdiff_t i = 0;
        for (; i < dimensions.size(dimension); ++i) {
            index[dimension] = static_cast<std::size_t>(i);
            if (generator.functor().element(std::as_const(index).begin(), std::as_const(index).end()) == R(1)) {
                break;
            }
        }
        index[dimension] = 0;
        return i;
    };
    const std::ptrdiff_t column = find_one(columns);
    const std::ptrdiff_t offset = column < dimensions.size(columns) ? column : -find_one(columns - 1);
    T* const out = destination.data() + destination.data_offset();
    fill_region(out, dimensions.shape, dimensions.strides, T(0));
    const std::ptrdiff_t first = dimensions.take_diagonal(columns - 1, columns, offset);
    fill_region(out + first, dimensions.shape, dimensions.strides, T(1));
}

template <class D, class Rule>
void fill_diagonal_matrix(D& destination, const Rule& rule) {
    using T = typename D::value_type;
    region_dimensions dimensions(destination);
    T* const out = destination.data() + destination.data_offset();
    fill_region(out, dimensions.shape, dimensions.strides, T(0));
    const std::ptrdiff_t first = dimensions.take_diagonal(0, 1, rule.offset());
    auto diagonal = region_of(out + first, dimensions.shape, dimensions.strides);
    evaluate(diagonal, rule.source());
}

template <class D, class Rule>
void fill_triangle(D& destination, const Rule& rule) {
    using T = typename D::value_type;
    evaluate(destination, rule.source());
    region_dimensions row(destination);
    T* out = destination.data() + destination.data_offset();
    const std::ptrdiff_t rows = row.size(0);
    const std::ptrdiff_t columns = row.size(1);
    const std::ptrdiff_t pitch = row.strides[0];
    const std::ptrdiff_t step = row.strides[1];
    row.shape.erase(row.shape.begin());
    row.strides.erase(row.strides.begin());
    for (std::ptrdiff_t j = 0; j < rows; ++j, out += pitch) {
        // What is not kept is at one end of the row.
        const bool at_begin = !rule.keeps(j, 0);
        std::ptrdiff_t edge = std::clamp<std::ptrdiff_t>(j + rule.offset(), 0, columns);
        while (edge > 0 && rule.keeps(j, edge - 1) == at_begin) {
            --edge;
        }
        while (edge < columns && rule.keeps(j, edge) != at_begin) {
            ++edge;
        }
        row.shape[0] = static_cast<std::size_t>(at_begin ? edge : columns - edge);
        fill_region(out + (at_begin ? 0 : edge * step), row.shape, row.strides, T(0));
    }
}

template <class F, class Values>
concept assigns_to_container = requires(const F& functor, Values& values) { functor.assign_to(values); };

/// Fills a destination of the generator's shape.
template <class D, class F, class R, class S>
void fill_by_generator(D& destination, const xt::xgenerator<F, R, S>& generator) {
    using buffer = xt::xbuffer_adaptor<R*, xt::no_ownership, std::allocator<R>>;
    using memory = xt::xarray_adaptor<buffer, xt::layout_type::row_major>;
    [[maybe_unused]] const std::size_t rank = destination.shape().size();
    if (destination.size() == 0) {
        return;
    }
    if constexpr (std::is_same_v<typename D::value_type, R> && assigns_to_container<F, memory>) {
        const bool one_run =
            destination.is_contiguous() && (rank < 2 || destination.layout() == xt::layout_type::row_major);
        if (one_run) {
            const region_dimensions dimensions(destination);
            memory elements(buffer(destination.data() + destination.data_offset(), destination.size()),
                            dimensions.shape);
            generator.functor().assign_to(elements);
            return;
        }
    } else if constexpr (is_identity<F>) {
        if (rank >= 2) {
            fill_identity(destination, generator);
            return;
        }
    } else if constexpr (is_diagonal_matrix<F>) {
        if (rank == 2 && generator.functor().rule().source().dimension() == 1) {
            fill_diagonal_matrix(destination, generator.functor().rule());
            return;
        }
    } else if constexpr (is_triangle<F>) {
        if (rank >= 2) {
            fill_triangle(destination, generator.functor().rule());
            return;
        }
    }
    fill_by_indices(destination, generator);
}

/// The values of what xt::meshgrid returns, in a container that broadcasts to its shape.
template <class F, class R, class S>
auto values_of_coordinate(const xt::xgenerator<F, R, S>& coordinate) {
    const std::size_t rank = coordinate.shape().size();
    xt::dynamic_shape<std::size_t> shape(coordinate.shape().begin(), coordinate.shape().end());
    if (coordinate.size() == 0) {
        return xt::xarray<R, xt::layout_type::row_major>::from_shape(shape);
    }
    c10::SmallVector<std::size_t, 6> index(rank, 0);
    const auto value_at = [&](std::size_t dimension, std::size_t i) {
        index[dimension] = i;
        const R value = coordinate.functor().element(std::as_const(index).begin(), std::as_const(index).end());
        index[dimension] = 0;
        return value;
    };
    // Along every other dimension all are alike. Numbers that are not equal to themselves are, too.
    const auto is_alike = [&](std::size_t dimension) {
        const R first = value_at(dimension, 0);
        for (std::size_t i = 1; i < shape[dimension]; ++i) {
            const R other = value_at(dimension, i);
            if (std::memcmp(&first, &other, sizeof(R)) != 0) {
                return false;
            }
        }
        return true;
    };
    std::size_t axis = 0;
    while (axis + 1 < rank && is_alike(axis)) {
        ++axis;
    }
    const std::size_t size = shape[axis];
    std::fill(shape.begin(), shape.end(), std::size_t(1));
    shape[axis] = size;
    auto values = xt::xarray<R, xt::layout_type::row_major>::from_shape(shape);
    for (std::size_t i = 0; i < size; ++i) {
        values.data()[i] = value_at(axis, i);
    }
    return values;
}

}  // namespace xtt::detail
