// Both libraries describe memory by a shape and by strides counted in elements. They differ in two conventions:
// LibTorch stores a canonical stride for a dimension of size 1, xtensor stores 0 there and its steppers rely on it.
// This file holds the arithmetic between the two, and the questions about memory that need both.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
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

struct axis {
    std::ptrdiff_t stride;
    std::ptrdiff_t size;
};

// Whether the axes reach `distance` by steps of which each axis takes fewer than its size, forwards or backwards; for
// the distance 0, by at least one step. `first` has the greatest stride, all are positive. `budget` bounds the search:
// when it is used up, the answer is yes.
inline bool reaches(const axis* first, const axis* last, std::ptrdiff_t distance, bool moved,
                    std::ptrdiff_t& budget) noexcept {
    if (distance == 0 && moved) {
        return true;
    }
    if (first == last) {
        return false;
    }
    std::ptrdiff_t rest = 0;
    std::ptrdiff_t divisor = 0;
    for (const axis* a = first; a != last; ++a) {
        rest += a == first ? 0 : a->stride * (a->size - 1);
        divisor = std::gcd(divisor, a->stride);
    }
    if (distance % divisor != 0) {
        return false;
    }
    // The steps after which the remaining axes can still make up for the distance.
    const auto [stride, size] = *first;
    const std::ptrdiff_t low = std::max(1 - size, -((rest + distance) / stride));
    const std::ptrdiff_t high = std::min(size - 1, (rest - distance) / stride);
    for (std::ptrdiff_t steps = low; steps <= high; ++steps) {
        --budget;
        if (budget < 0 || reaches(first + 1, last, distance + steps * stride, moved || steps != 0, budget)) {
            return true;
        }
    }
    return false;
}

// Whether two indices reach the same element. Strides sorted by size that each exceed the reach of all smaller ones
// cannot; what is left are expanded dimensions and sliding windows, and rare layouts that only a search decides. One
// that takes longer than some milliseconds ends with yes.
template <class Shape, class Strides>
bool elements_overlap(const Shape& shape, const Strides& strides) {
    std::vector<axis> axes;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == 0) {
            return false;
        }
        if (shape[i] > 1) {
            axes.push_back({std::abs(static_cast<std::ptrdiff_t>(strides[i])), static_cast<std::ptrdiff_t>(shape[i])});
        }
    }
    std::sort(axes.begin(), axes.end(), [](const axis& a, const axis& b) { return a.stride > b.stride; });
    std::ptrdiff_t reach = 0;
    std::ptrdiff_t count = 1;
    bool nested = true;
    for (auto a = axes.rbegin(); a != axes.rend(); ++a) {
        nested = nested && a->stride > reach;
        reach += a->stride * (a->size - 1);
        count *= a->size;
    }
    if (nested) {
        return false;
    }
    if (count > reach + 1) {
        return true;
    }
    std::ptrdiff_t budget = 1'000'000;
    return axes.back().stride == 0 || reaches(axes.data(), axes.data() + axes.size(), 0, false, budget);
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
