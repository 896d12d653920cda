// The gradient of an expression reads each of its inputs in many places, and several gradients have much in common.
// This file makes functions of single elements of expressions, and computes several of them in one loop that reads
// every input once; the compiler finds what they share.
#pragma once

#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/reduction_loops.hpp>
#include <xtensor-torch/operators/scalar_form.hpp>

#include <cstddef>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

/// Functions of the elements of the inputs `Keys`.
template <class V, class Keys, class... Function>
struct row_functions {
    using value_type = V;
    using keys = Keys;
    static constexpr std::size_t count = sizeof...(Function);

    std::tuple<Function...> functions;

    template <class... Out, class... In>
    XTENSOR_TORCH_ALWAYS_INLINE void compute(std::ptrdiff_t i, const std::tuple<Out...>& out,
                                             const std::tuple<In...>& in) const {
        [&]<std::size_t... K, std::size_t... I>(std::index_sequence<K...>, std::index_sequence<I...>)
            XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                // All before the first is kept, so that the compiler may compute once what several need.
                const V results[] = {element_cast<V>(std::get<K>(functions)(std::get<I>(in)[i]...))...};
                ((std::get<K>(out)[i] = results[K]), ...);
            }(std::index_sequence_for<Out...>(), std::index_sequence_for<In...>());
    }
};

template <class V, class... E>
auto row_functions_of(const E&... e) {
    using keys = typename keys_in<keys<>, E...>::type;
    return row_functions<V, keys, decltype(scalar_function<keys>(e))...>{std::make_tuple(scalar_function<keys>(e)...)};
}

// Whether there is nothing to know of functions but their type: no constants, and no functors with members.
template <class F>
inline constexpr bool is_stateless = std::is_empty_v<F> && std::is_default_constructible_v<F>;
template <class F, class... Arguments>
inline constexpr bool is_stateless<scalar_call<F, Arguments...>> = is_stateless<F> && (is_stateless<Arguments> && ...);
template <class V, class Keys, class... Function>
inline constexpr bool is_stateless<row_functions<V, Keys, Function...>> = (is_stateless<Function> && ...);
template <class... Stage>
inline constexpr bool is_stateless<std::tuple<Stage...>> = (is_stateless<Stage> && ...);

template <class Function>
inline constexpr bool calls_vector_functions = false;
template <class F, class... Arguments>
inline constexpr bool calls_vector_functions<scalar_call<F, Arguments...>> =
    std::is_base_of_v<vector_function, F> || (calls_vector_functions<Arguments> || ...);

template <class V, class Keys, class... Function>
inline constexpr instructions best_instructions<row_functions<V, Keys, Function...>> =
    (calls_vector_functions<Function> || ...) ? instructions::avx512 : instructions::avx2;

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

struct row_functions_loop {
    template <class Functions, class Out, class In>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(const Functions& functions, const Out& out, const In& in,
                                                std::ptrdiff_t count) {
        // Of copies the compiler knows that no result changes them: what is the same for all elements is computed once.
        const Functions own_functions = functions;
        const Out own_out = out;
        const In own_in = in;
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            own_functions.compute(i, own_out, own_in);
        }
    }
};

// What a block of elements adds up to.
struct block_loop {
    template <class Reduction, class V>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(const Reduction& reduction, const V* in, std::ptrdiff_t count,
                                                V* result) {
        constexpr std::ptrdiff_t lanes = lane_count<V>;
        V sums[lanes];
        for (V& sum : sums) {
            sum = reduction.neutral;
        }
        add_lanes(reduction, operand<V>(), sums, std::tuple<const V*>(in), 0, count);
        *result = merge_lanes<lanes>(reduction, sums);
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

enum class block_reduction { sum, greatest, least };

/// A reduction of values that come in blocks.
template <class V, block_reduction Kind>
class row_result {
public:
    void add(const V* block, std::ptrdiff_t count) {
        V result;
        run_in_vectors<block_loop, instructions::avx2>(of_block(), block, count, &result);
        if constexpr (Kind == block_reduction::sum) {
            m_result += static_cast<double>(result);
        } else {
            m_result = static_cast<double>(of_block().merged(static_cast<V>(m_result), result));
        }
    }

    V get() const { return static_cast<V>(m_result); }

private:
    static auto of_block() {
        if constexpr (Kind == block_reduction::sum) {
            return reduction<V, xt::detail::plus, xt::detail::plus>{{}, {}, V(0)};
        } else if constexpr (Kind == block_reduction::greatest) {
            return reduction<V, greatest, greatest>{{}, {}, -std::numeric_limits<V>::infinity()};
        } else {
            return reduction<V, least, least>{{}, {}, std::numeric_limits<V>::infinity()};
        }
    }

    double m_result = Kind == block_reduction::sum        ? 0
                      : Kind == block_reduction::greatest ? -std::numeric_limits<double>::infinity()
                                                          : std::numeric_limits<double>::infinity();
};

}  // namespace xtt::detail
