// Both libraries describe memory by a shape and by strides counted in elements. They differ in two conventions:
// LibTorch stores a canonical stride for a dimension of size 1, xtensor stores 0 there and its steppers rely on it.
// This file holds the arithmetic between the two, and the questions about memory that need both.
#pragma once

#include <xtensor-torch/detail/xtensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace xtt::detail {

// The elements from the lowest to the highest address that a shape with strides reaches, both ends included.
// `low` counts from the first element and is 0 or negative. Nothing is reached when a dimension has size 0.
struct extent {
    std::ptrdiff_t low = 0;
    std::ptrdiff_t high = -1;

    std::size_t size() const noexcept { return static_cast<std::size_t>(high - low + 1); }
};

template <class Shape, class Strides>
extent extent_of(const Shape& shape, const Strides& strides) noexcept {
    extent reach{0, 0};
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == 0) {
            return {};
        }
        const auto step = (static_cast<std::ptrdiff_t>(shape[i]) - 1) * static_cast<std::ptrdiff_t>(strides[i]);
        (step < 0 ? reach.low : reach.high) += step;
    }
    return reach;
}

// Whether the elements lie without holes, the first index fastest; a dimension of size 1 may have any stride.
template <class Shape, class Strides>
bool is_column_major(const Shape& shape, const Strides& strides) noexcept {
    std::ptrdiff_t expected = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] != 1 && static_cast<std::ptrdiff_t>(strides[i]) != expected) {
            return false;
        }
        expected *= static_cast<std::ptrdiff_t>(shape[i]);
    }
    return true;
}

// Whether two indices reach the same element. Strides sorted by size that each exceed the reach of all smaller ones
// cannot; what is left are expanded dimensions and sliding windows, and rare layouts that only counting decides.
template <class Shape, class Strides>
bool elements_overlap(const Shape& shape, const Strides& strides) {
    std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> axes;  // stride, size
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == 0) {
            return false;
        }
        if (shape[i] > 1) {
            axes.emplace_back(std::abs(static_cast<std::ptrdiff_t>(strides[i])), static_cast<std::ptrdiff_t>(shape[i]));
        }
    }
    std::sort(axes.begin(), axes.end());
    std::ptrdiff_t reach = 0;
    std::ptrdiff_t count = 1;
    bool nested = true;
    for (const auto& [stride, size] : axes) {
        nested = nested && stride > reach;
        reach += stride * (size - 1);
        count *= size;
    }
    if (nested) {
        return false;
    }
    if (count > reach + 1) {
        return true;
    }
    std::vector<bool> seen(static_cast<std::size_t>(reach + 1));
    std::vector<std::ptrdiff_t> index(axes.size(), 0);
    std::ptrdiff_t position = 0;
    for (;;) {
        if (seen[static_cast<std::size_t>(position)]) {
            return true;
        }
        seen[static_cast<std::size_t>(position)] = true;
        std::size_t axis = 0;
        while (axis < axes.size() && ++index[axis] == axes[axis].second) {
            position -= axes[axis].first * (axes[axis].second - 1);
            index[axis++] = 0;
        }
        if (axis == axes.size()) {
            return false;
        }
        position += axes[axis].first;
    }
}

// The stride LibTorch expects at a dimension of size 1, and in tensors without elements: that of a row-major
// neighbour. Other strides are kept. `canonical` is filled from the last dimension to the first.
template <class Shape, class Strides, class Canonical>
void canonical_strides(const Shape& shape, const Strides& strides, Canonical& canonical) noexcept {
    const bool empty = extent_of(shape, strides).size() == 0;
    std::int64_t neighbour = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        canonical[i] = empty || shape[i] == 1 ? neighbour : static_cast<std::int64_t>(strides[i]);
        neighbour = canonical[i] * std::max<std::int64_t>(1, static_cast<std::int64_t>(shape[i]));
    }
}

}  // namespace xtt::detail
