// Along which dimension a reduction runs fastest depends on how its operands lie in memory. This file sorts the
// dimensions by that, and finds positions along those that are kept and those that are reduced.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// How an operand is read along the innermost dimension.
enum class along_row : unsigned char { in_place, uniform, stepped };

template <along_row Access, class V>
auto read_along(const V* address, [[maybe_unused]] std::ptrdiff_t step) {
    if constexpr (Access == along_row::in_place) {
        return address;
    } else if constexpr (Access == along_row::uniform) {
        return uniform<V>{*address};
    } else {
        return stepped<V>{address, step};
    }
}

template <class Reduction, class Kernel, class Out, class Pointers>
struct reduction_space;

/// What is reduced, and where. Operand number 0 of the dimensions is the result, which does not move along the
/// dimensions that are reduced.
template <class Reduction, class Kernel, class Out, class... V>
struct reduction_space<Reduction, Kernel, Out, std::tuple<const V*...>> {
    using reduction_type = Reduction;
    using kernel_type = Kernel;
    using out_type = Out;
    using result_type = typename Reduction::result_type;
    using pointers = std::tuple<const V*...>;
    static constexpr std::size_t count = 1 + sizeof...(V);
    using dimension = loop_dimension<count>;
    using dimension_list = loop_dimensions<count>;

    /// The dimensions need not be sorted.
    reduction_space(const Reduction& how, const Kernel& what, Out* results, const pointers& operands,
                    const dimension_list& unsorted)
        : reduction(how), kernel(what), out(results), in(operands), dimensions(unsorted) {
        point_forward();
        sort_and_merge(dimensions, [](const dimension& d) {
            std::ptrdiff_t sum = 0;
            for (std::size_t k = 1; k < count; ++k) {
                sum += std::abs(d.strides[k]);
            }
            return sum;
        });
        for (const auto& d : dimensions) {
            (is_reduced(d) ? reduced : kept).push_back(d);
        }
    }

    static bool is_reduced(const dimension& d) { return d.strides[0] == 0; }

    /// Whether operands lie across each other, so that none of the loops would read whole cache lines of all of them.
    bool is_crossed() const {
        if (dimensions.empty() || sizeof...(V) < 2) {
            return false;
        }
        bool crossed = false;
        std::size_t uniforms = 0;
        for (std::size_t k = 1; k < count; ++k) {
            const auto stride = dimensions[0].strides[k];
            crossed |= stride != 0 && stride != 1;
            uniforms += stride == 0;
        }
        return crossed || (uniforms > 0 && sizeof...(V) > 2);
    }

    /// The steps of an operand, of which 0 is the first, along the innermost dimension.
    std::ptrdiff_t innermost_step(std::size_t operand) const {
        return dimensions.empty() ? 1 : dimensions[0].strides[operand + 1];
    }

    template <along_row... Access>
    auto row_at(const pointers& first) const {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple(read_along<Access>(std::get<I>(first), innermost_step(I))...);
        }(std::index_sequence_for<V...>());
    }

    static pointers moved(pointers operands, const dimension& d, std::ptrdiff_t steps) {
        for_each_operand([&](auto i) { std::get<i>(operands) += steps * d.strides[i + 1]; });
        return operands;
    }

    static std::ptrdiff_t size_of(const dimension_list& some) {
        std::ptrdiff_t size = 1;
        for (const auto& d : some) {
            size *= d.size;
        }
        return size;
    }

    /// Where number `number` of the positions along some dimensions lies.
    XTENSOR_TORCH_ALWAYS_INLINE static std::pair<std::ptrdiff_t, pointers> position(const dimension_list& some,
                                                                                    std::ptrdiff_t number,
                                                                                    pointers operands) {
        std::ptrdiff_t result = 0;
        for (std::size_t k = 0; k < some.size(); ++k) {
            const auto& d = some[k];
            // A division takes as long as a hundred additions.
            const bool last = k + 1 == some.size();
            const std::ptrdiff_t steps = last ? number : number % d.size;
            result += steps * d.strides[0];
            operands = moved(operands, d, steps);
            number = last ? 0 : number / d.size;
        }
        return {result, operands};
    }

    const Reduction& reduction;
    Kernel kernel;
    Out* out;
    pointers in;
    dimension_list dimensions;
    dimension_list reduced;
    dimension_list kept;

private:
    template <class Body>
    static void for_each_operand(const Body& body) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (body(std::integral_constant<std::size_t, I>()), ...);
        }(std::index_sequence_for<V...>());
    }

    // A dimension that all operands go through backwards is gone through from its other end.
    void point_forward() {
        for (auto& d : dimensions) {
            const auto backwards = [&](auto compare) {
                return std::any_of(d.strides.begin() + 1, d.strides.end(), compare);
            };
            if (backwards([](auto stride) { return stride < 0; }) &&
                !backwards([](auto stride) { return stride > 0; })) {
                out += (d.size - 1) * d.strides[0];
                in = moved(in, d, d.size - 1);
                std::transform(d.strides.begin(), d.strides.end(), d.strides.begin(), std::negate<>());
            }
        }
    }
};

}  // namespace xtt::detail
