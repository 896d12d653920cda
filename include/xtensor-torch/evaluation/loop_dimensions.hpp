// xtensor goes through the dimensions of an expression in the order of its shape. This file describes the dimensions of
// loops over strided operands, sorts them by how the operands lie in memory, and merges those that are one run.
#pragma once

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

namespace xtt::detail {

// One dimension of the loops over N operands, of which number 0 is the destination. Strides count elements.
template <std::size_t N>
struct loop_dimension {
    std::ptrdiff_t size = 1;
    std::array<std::ptrdiff_t, N> strides{};
};

template <std::size_t N>
using loop_dimensions = c10::SmallVector<loop_dimension<N>, 6>;

// Shapes of different types, of which one may have no dimension at all.
template <class Shape, class Other>
bool is_same_shape(const Shape& shape, const Other& other) noexcept {
    bool same = shape.size() == other.size();
    for (std::size_t d = 0; d < shape.size() && same; ++d) {
        same = static_cast<std::size_t>(shape[d]) == static_cast<std::size_t>(other[d]);
    }
    return same;
}

// The step of an operand along a dimension of the destination, to which it is broadcast.
template <class X>
std::ptrdiff_t broadcast_stride(const X& x, std::size_t rank, std::size_t dimension) {
    const auto& shape = x.shape();
    // Beyond all others where the operand lacks the dimension.
    const std::size_t own = dimension - (rank - shape.size());
    if (own >= shape.size() || shape[own] == 1) {
        return 0;
    }
    return static_cast<std::ptrdiff_t>(x.strides()[own]);
}

/// The dimensions along which something moves, outermost first. Beyond the last operand nothing does.
template <std::size_t N, class D, class... Operand>
loop_dimensions<N> dimensions_of(const D& destination, const Operand&... operands) {
    const auto& shape = destination.shape();
    loop_dimensions<N> dimensions;
    for (std::size_t d = 0; d < shape.size(); ++d) {
        if (shape[d] != 1) {
            dimensions.push_back(
                {static_cast<std::ptrdiff_t>(shape[d]),
                 {broadcast_stride(destination, shape.size(), d), broadcast_stride(operands, shape.size(), d)...}});
        }
    }
    return dimensions;
}

/// Adds what lies before the place with this number in the dimensions [first, last), of which the first one runs
/// fastest.
template <std::size_t N>
void add_offsets(std::array<std::ptrdiff_t, N>& offsets, std::ptrdiff_t number, const loop_dimensions<N>& dimensions,
                 std::size_t first, std::size_t last) {
    for (std::size_t d = first; d < last; ++d) {
        for (std::size_t k = 0; k < N; ++k) {
            offsets[k] += number % dimensions[d].size * dimensions[d].strides[k];
        }
        number /= dimensions[d].size;
    }
}

// Puts the dimension first in which `distance` is shortest, the last of equal ones, and merges dimensions where all
// operands allow it.
template <std::size_t N, class Distance>
void sort_and_merge(loop_dimensions<N>& dimensions, const Distance& distance) {
    std::reverse(dimensions.begin(), dimensions.end());
    // By insertion, which keeps equal ones in their order, too: std::stable_sort allocates for a handful.
    const auto first = dimensions.begin();
    for (auto next = first; next != dimensions.end(); ++next) {
        const auto place = std::upper_bound(first, next, *next,
                                            [&](const auto& x, const auto& y) { return distance(x) < distance(y); });
        std::rotate(place, next, next + 1);
    }
    std::size_t last = 0;
    for (std::size_t d = 1; d < dimensions.size(); ++d) {
        auto& inner = dimensions[last];
        bool merges = true;
        for (std::size_t k = 0; k < N; ++k) {
            merges = merges && dimensions[d].strides[k] == inner.strides[k] * inner.size;
        }
        if (merges) {
            inner.size *= dimensions[d].size;
        } else {
            dimensions[++last] = dimensions[d];
        }
    }
    dimensions.resize(std::min(dimensions.size(), last + 1));
}

// The dimension along which an operand moves in the smallest steps.
template <std::size_t N>
std::size_t fastest_of(const loop_dimensions<N>& dimensions, std::size_t operand) {
    std::size_t fastest = dimensions.size();
    for (std::size_t d = 0; d < dimensions.size(); ++d) {
        const auto stride = std::abs(dimensions[d].strides[operand]);
        if (stride != 0 && (fastest == dimensions.size() || stride < std::abs(dimensions[fastest].strides[operand]))) {
            fastest = d;
        }
    }
    return fastest;
}

// Puts first the dimension in which most operands lie element after element, long rather than short, and second the
// one in which the others do.
template <std::size_t N>
void choose_plane(loop_dimensions<N>& dimensions) {
    constexpr std::ptrdiff_t long_enough = 64;
    if (dimensions.size() < 2) {
        return;
    }
    const auto move_to_front = [&](std::size_t from, std::size_t to) {
        std::rotate(dimensions.begin() + static_cast<std::ptrdiff_t>(to),
                    dimensions.begin() + static_cast<std::ptrdiff_t>(from),
                    dimensions.begin() + static_cast<std::ptrdiff_t>(from) + 1);
    };
    std::size_t best = 0;
    std::ptrdiff_t best_score = -1;
    for (std::size_t d = 0; d < dimensions.size(); ++d) {
        std::ptrdiff_t in_place = 0;
        for (std::size_t k = 0; k < N; ++k) {
            in_place += std::abs(dimensions[d].strides[k]) == 1;
        }
        const auto score = in_place * std::min(dimensions[d].size, long_enough);
        if (score > best_score) {
            best = d;
            best_score = score;
        }
    }
    move_to_front(best, 0);
    for (std::size_t k = 0; k < N; ++k) {
        const auto step = dimensions[0].strides[k];
        const std::size_t fastest = fastest_of(dimensions, k);
        if (step != 0 && step != 1 && fastest != 0) {
            move_to_front(fastest, 1);
            return;
        }
    }
}

}  // namespace xtt::detail
