// xtensor copies the operand of a cumulative sum and adds up one column after another, each from one end to the other.
// This file takes the place of that for xt::cumsum, xt::cumprod and their nan-variants over expressions with a view:
// columns that lie side by side are added up row by row, several rows at a time otherwise.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/wide_reductions.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/reducers/xaccumulator.hpp>
#else
#include <xtensor/xaccumulator.hpp>
#endif

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

template <class Accumulate, class Init, class E>
using accumulated_t = std::decay_t<std::invoke_result_t<const Accumulate&, typename wide_initial_t<Init>::value_type,
                                                        typename std::decay_t<E>::value_type>>;

// Accumulates `count` lines, each of `size` elements `step` apart; the lines begin `pitch` apart, and `in` may be
// `out`.
template <class Accumulate, class Init, class R, class V>
void accumulate_lines(const Accumulate& accumulate, const Init& init, R* out, const V* in, std::ptrdiff_t size,
                      std::ptrdiff_t step, std::ptrdiff_t count, std::ptrdiff_t pitch) {
    // The additions of one line wait for each other; those of other lines fill the time.
    constexpr std::ptrdiff_t side_by_side = 8;
    if (pitch == 1) {
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            out[i] = init(element_cast<R>(in[i]));
        }
        for (std::ptrdiff_t k = 1; k < size; ++k) {
            for (std::ptrdiff_t i = k * step; i < k * step + count; ++i) {
                out[i] = accumulate(out[i - step], element_cast<R>(in[i]));
            }
        }
        return;
    }
    const auto lines = [&]<std::ptrdiff_t... I>(std::ptrdiff_t first, std::integer_sequence<std::ptrdiff_t, I...>) {
        R sums[] = {init(element_cast<R>(in[first + I * pitch]))...};
        ((out[first + I * pitch] = sums[I]), ...);
        for (std::ptrdiff_t k = first + step; k < first + size * step; k += step) {
            ((sums[I] = accumulate(sums[I], element_cast<R>(in[k + I * pitch])), out[k + I * pitch] = sums[I]), ...);
        }
    };
    std::ptrdiff_t i = 0;
    for (; i + side_by_side <= count; i += side_by_side) {
        lines(i * pitch, std::make_integer_sequence<std::ptrdiff_t, side_by_side>());
    }
    for (; i < count; ++i) {
        lines(i * pitch, std::make_integer_sequence<std::ptrdiff_t, 1>());
    }
}

/// Accumulates along an axis of a container without holes, from elements that lie at `in` in the container's order, or
/// are those of the container itself.
template <class Accumulate, class Init, class C, class V>
void accumulate_along(const Accumulate& accumulate, const Init& init, C& container, const V* in, std::size_t axis) {
    const auto size = static_cast<std::ptrdiff_t>(container.shape()[axis]);
    const auto elements = static_cast<std::ptrdiff_t>(container.size());
    if (elements == 0) {
        return;
    }
    // Blocks of lines that lie side by side, or lines one behind the other.
    const bool by_columns = container.layout() == xt::layout_type::column_major;
    std::ptrdiff_t step = 1;
    for (std::size_t d = by_columns ? 0 : axis + 1; d < (by_columns ? axis : container.shape().size()); ++d) {
        step *= static_cast<std::ptrdiff_t>(container.shape()[d]);
    }
    auto* const out = container.data();
    const std::ptrdiff_t blocks = elements / (size * step);
    if (step == 1) {
        parallel_for(blocks, std::max<std::ptrdiff_t>(1, grain / size), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
            accumulate_lines(accumulate, init, out + begin * size, in + begin * size, size, 1, end - begin, size);
        });
        return;
    }
    // Strips as wide as the caches next to the processor like them.
    constexpr std::ptrdiff_t strip = 512;
    const std::ptrdiff_t strips = (step + strip - 1) / strip;
    parallel_for(blocks * strips, std::max<std::ptrdiff_t>(1, grain / (size * std::min(step, strip))),
                 [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
                     for (std::ptrdiff_t number = begin; number < end; ++number) {
                         const std::ptrdiff_t column = number % strips * strip;
                         const std::ptrdiff_t first = number / strips * size * step + column;
                         accumulate_lines(accumulate, init, out + first, in + first, size, step,
                                          std::min(strip, step - column), 1);
                     }
                 });
}

// What the functions of xtensor call without naming a namespace; this one is found through the expression's tag, and is
// the closer match.
template <class Accumulate, class Init, class E>
    requires tagged_expression<std::decay_t<E>>
auto accumulate(xt::xaccumulator_functor<Accumulate, Init>&& functors, E&& e, std::ptrdiff_t axis) {
    using R = accumulated_t<Accumulate, Init, E>;
    using result_type = xt::detail::xaccumulator_return_type_t<std::decay_t<E>, R>;
    const std::size_t along = xt::normalize_axis(e.dimension(), axis);
    if (along >= e.dimension()) [[unlikely]] {
        throw_index_error("accumulate: the axis is " + std::to_string(axis) + "; the expression has " +
                          plural(e.dimension(), "dimension") + ". Name an axis that it has.");
    }
    if constexpr (readable_in_place<std::decay_t<E>> && result_type::static_layout == xt::layout_type::row_major) {
        if (e.layout() == xt::layout_type::row_major) {
            auto result = result_type::from_shape(e.shape());
            accumulate_along(std::get<0>(functors), wide_initial_t<Init>(), result, e.data() + e.data_offset(), along);
            return result;
        }
    }
    result_type result = std::forward<E>(e);
    accumulate_along(std::get<0>(functors), wide_initial_t<Init>(), result, result.data(), along);
    return result;
}

// The same over all elements in the order of iteration.
template <class Accumulate, class Init, class E>
    requires tagged_expression<std::decay_t<E>>
auto accumulate(xt::xaccumulator_functor<Accumulate, Init>&& functors, E&& e) {
    using R = accumulated_t<Accumulate, Init, E>;
    using buffer = xt::xbuffer_adaptor<R*, xt::no_ownership, std::allocator<R>>;
    const std::size_t size = e.size();
    auto result = xt::detail::xaccumulator_linear_return_type_t<std::decay_t<E>, R>::from_shape({size});
    const auto& shape = e.shape();
    xt::xarray_adaptor<buffer, XTENSOR_DEFAULT_TRAVERSAL> elements(
        buffer(result.data(), size), xt::dynamic_shape<std::size_t>(shape.begin(), shape.end()));
    evaluate(elements, e);
    accumulate_along(std::get<0>(functors), wide_initial_t<Init>(), result, result.data(), 0);
    return result;
}

}  // namespace xtt::detail
