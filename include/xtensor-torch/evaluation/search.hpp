// xtensor looks for a true, a greatest or a least element through iterators, of a copy, and passes NaN over. This file
// overloads xt::any, xt::all, xt::argmax and xt::argmin for expressions over views of tensors: they compare many
// elements at a time, where the elements are, and give NaN the place that NumPy and LibTorch give it.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// Whether one of the elements [0, size) of a run passes the test.
struct any_loop {
    template <class Test, class Kernel, class Pointers>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(bool* found, const Test& test, const Kernel& kernel, const Pointers& in,
                                                std::ptrdiff_t size) {
        int any = 0;
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            any |= test(kernel.template element<0>(in, i)) ? 1 : 0;
        }
        *found = any != 0;
    }
};

// The first element of a run that passes the test, or `size`.
template <class Test, class Kernel, class Pointers>
std::ptrdiff_t find_first(const Test& test, const Kernel& kernel, const Pointers& in, std::ptrdiff_t size) {
    constexpr std::ptrdiff_t block = 1024;  // so long that vectors pay, and so short that little is compared in vain
    for (std::ptrdiff_t first = 0; first < size; first += block) {
        const std::ptrdiff_t length = std::min(block, size - first);
        const Pointers there = advanced(in, first);
        bool found = false;
        run_in_vectors<any_loop>(&found, test, kernel, there, length);
        if (found) {
            std::ptrdiff_t i = 0;
            while (!test(kernel.template element<0>(there, i))) {
                ++i;
            }
            return first + i;
        }
    }
    return size;
}

// Whether the expression's elements are those of its operands, one after another in memory.
template <class E, class First, class... Operand>
bool is_one_run(const E& e, const First& first, const Operand&... operands) {
    return is_same_shape(e.shape(), first.shape()) && first.is_contiguous() && (in_same_order(first, operands) && ...);
}

/// Whether an element of the expression passes the test. Stops soon after the first that does.
template <class E, class Test>
bool any_of(const E& e, const Test& test) {
    if constexpr (elementwise_in_memory<E>) {
        const auto operands = operands_of(e);
        if constexpr (std::tuple_size_v<decltype(operands)> > 0) {
            if (std::apply([&](const auto&... operand) { return is_one_run(e, operand...); }, operands)) {
                const auto in = std::apply([](const auto&... operand) { return addresses_of(operand...); }, operands);
                const auto size = static_cast<std::ptrdiff_t>(e.size());
                return find_first(test, kernel_of(e), in, size) < size;
            }
        }
    }
    return std::any_of(e.cbegin(), e.cend(), test);
}

// Where the greatest or the least element stands: where it is met first, or the first NaN.
template <class V>
struct is_extreme {
    V extreme;

    bool operator()(const V& value) const { return value == extreme || is_nan(value); }
};

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

// Of some neighbouring lines, row after row from the last one on.
struct columns_loop {
    template <class V>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(std::size_t* places, const V* extremes, const V* rows,
                                                std::ptrdiff_t count, std::ptrdiff_t step, std::ptrdiff_t columns) {
        for (std::ptrdiff_t row = count - 1; row >= 0; --row) {
            const V* const values = rows + row * step;
            XTENSOR_TORCH_INDEPENDENT_ITERATIONS
            for (std::ptrdiff_t i = 0; i < columns; ++i) {
                places[i] = is_extreme<V>{extremes[i]}(values[i]) ? static_cast<std::size_t>(row) : places[i];
            }
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

// Calls `visit(number, address)` for every line along an axis: for its first element, or with `whole_rows` for that of
// some lines side by side in the last dimension.
template <class X, class Visit>
void for_each_line(const X& x, std::size_t axis, bool whole_rows, const Visit& visit) {
    const std::size_t rank = x.shape().size();
    const auto* const data = x.data() + x.data_offset();
    xt::dynamic_shape<std::size_t> index(rank, 0);
    const std::size_t last = whole_rows ? rank - 1 : rank;
    std::size_t number = 0;
    for (bool more = true; more;) {
        std::ptrdiff_t offset = 0;
        for (std::size_t d = 0; d < rank; ++d) {
            offset += static_cast<std::ptrdiff_t>(index[d]) * broadcast_stride(x, rank, d);
        }
        visit(number++, data + offset);
        more = false;
        for (std::size_t d = last; d-- > 0 && !more;) {
            if (d != axis) {
                more = ++index[d] < static_cast<std::size_t>(x.shape()[d]);
                index[d] = more ? index[d] : 0;
            }
        }
    }
}

/// Writes the place along the axis of the extreme of each line. `extremes` and `places` have a value for each line, in
/// row-major order.
template <class X, class V>
void find_places(const X& x, std::size_t axis, const V* extremes, std::size_t* places) {
    const std::size_t rank = x.shape().size();
    const auto length = static_cast<std::ptrdiff_t>(x.shape()[axis]);
    const std::ptrdiff_t step = broadcast_stride(x, rank, axis);
    if (axis + 1 < rank && broadcast_stride(x, rank, rank - 1) == 1) {
        const auto columns = static_cast<std::ptrdiff_t>(x.shape()[rank - 1]);
        for_each_line(x, axis, true, [&](std::size_t number, const V* address) {
            constexpr std::ptrdiff_t widest = 1024;
            const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(number) * columns;
            for (std::ptrdiff_t column = 0; column < columns; column += widest) {
                run_in_vectors<columns_loop>(places + first + column, extremes + first + column, address + column,
                                             length, step, std::min(widest, columns - column));
            }
        });
        return;
    }
    for_each_line(x, axis, false, [&](std::size_t number, const V* address) {
        const is_extreme<V> test{extremes[number]};
        std::ptrdiff_t place = 0;
        if (step == 1) {
            place = find_first(test, operand<V>(), std::tuple(address), length);
        } else {
            while (!test(address[place * step])) {
                ++place;
            }
        }
        places[number] = static_cast<std::size_t>(place);
    });
}

// The container of places that xtensor gives for elements in such a container.
template <class Values>
struct places_of {
    using type = xt::xarray<std::size_t>;
};
template <class T, std::size_t N, xt::layout_type L>
struct places_of<xt::xtensor<T, N, L>> {
    using type = xt::xtensor<std::size_t, N - 1>;
};

/// `extremes_along(e, axis)` gives the extremes to look for, as a lazy reducer.
template <class E, class ExtremesAlong>
auto places_along(const E& e, std::ptrdiff_t axis, const ExtremesAlong& extremes_along) {
    if constexpr (readable_in_place<E>) {
        const auto along = static_cast<std::size_t>(xt::normalize_axis(e.dimension(), axis));
        const row_major_t<std::decay_t<decltype(extremes_along(e, along))>> extremes = extremes_along(e, along);
        auto places = places_of<row_major_t<E>>::type::from_shape(extremes.shape());
        if (places.size() != 0) {
            find_places(e, along, extremes.data(), places.data());
        }
        return places;
    } else {
        return places_along(row_major_t<E>(e), axis, extremes_along);
    }
}

// Of all elements, in the order L.
template <xt::layout_type L, class E, class V>
xt::xtensor<std::size_t, 0> place_of(const E& e, const V& extreme) {
    const auto first = e.template cbegin<L>();
    const auto place = std::find_if(first, e.template cend<L>(), is_extreme<V>{extreme});
    xt::xtensor<std::size_t, 0> result;
    result() = static_cast<std::size_t>(std::distance(first, place));
    return result;
}

}  // namespace xtt::detail

namespace xt {

/// Whether an element of an expression over views is true.
template <class E>
    requires xtt::detail::tagged_expression<std::decay_t<E>>
bool any(E&& e) {
    return xtt::detail::any_of(e, [](const auto& element) { return static_cast<bool>(element); });
}

/// Whether all elements of an expression over views are true.
template <class E>
    requires xtt::detail::tagged_expression<std::decay_t<E>>
bool all(E&& e) {
    return !xtt::detail::any_of(e, [](const auto& element) { return !static_cast<bool>(element); });
}

/// The place of the greatest element of each line along the axis, the first of several, or the first NaN.
/// Throws c10::ValueError where a line has no elements.
template <layout_type L = XTENSOR_DEFAULT_TRAVERSAL, class E>
    requires xtt::detail::tagged_expression<E>
auto argmax(const xexpression<E>& e, std::ptrdiff_t axis) {
    return xtt::detail::places_along(e.derived_cast(), axis,
                                     [](const auto& x, std::size_t along) { return amax(x, {along}); });
}

/// The place of the least element of each line along the axis, the first of several, or the first NaN.
/// Throws c10::ValueError where a line has no elements.
template <layout_type L = XTENSOR_DEFAULT_TRAVERSAL, class E>
    requires xtt::detail::tagged_expression<E>
auto argmin(const xexpression<E>& e, std::ptrdiff_t axis) {
    return xtt::detail::places_along(e.derived_cast(), axis,
                                     [](const auto& x, std::size_t along) { return amin(x, {along}); });
}

/// The place of the greatest of all elements in the order L, the first of several, or the first NaN.
/// Throws c10::ValueError where there are no elements.
template <layout_type L = XTENSOR_DEFAULT_TRAVERSAL, class E>
    requires xtt::detail::tagged_expression<E>
auto argmax(const xexpression<E>& e) {
    return xtt::detail::place_of<L>(e.derived_cast(), amax(e.derived_cast())());
}

/// The place of the least of all elements in the order L, the first of several, or the first NaN.
/// Throws c10::ValueError where there are no elements.
template <layout_type L = XTENSOR_DEFAULT_TRAVERSAL, class E>
    requires xtt::detail::tagged_expression<E>
auto argmin(const xexpression<E>& e) {
    return xtt::detail::place_of<L>(e.derived_cast(), amin(e.derived_cast())());
}

}  // namespace xt
