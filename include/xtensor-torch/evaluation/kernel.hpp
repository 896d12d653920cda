// xtensor computes an expression element by element through steppers that carry an address for every operand and
// dimension. This file makes a kernel of an expression instead, which computes one run of elements from bare pointers
// to its operands, in a loop which compilers turn into vector instructions.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/branchless.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/power.hpp>
#include <xtensor-torch/evaluation/vector_form.hpp>
#include <xtensor-torch/evaluation/vector_functions.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// An operand that has the same value all along a run, in the place of its address.
template <class V>
struct uniform {
    V value;

    const V& operator[](std::ptrdiff_t) const { return value; }
    uniform operator+(std::ptrdiff_t) const { return *this; }
};

// An operand whose elements along a run lie a step apart, in the place of its address.
template <class V>
struct stepped {
    const V* address;
    std::ptrdiff_t step;

    const V& operator[](std::ptrdiff_t i) const { return address[i * step]; }
    stepped operator+(std::ptrdiff_t i) const { return {address + i * step, step}; }
};

// Values of a part of the kernel, in the place of that part.
template <class V, std::ptrdiff_t Size, std::size_t Operands>
struct block_of_values {
    using value_type = V;
    static constexpr std::size_t operands = Operands;
    alignas(cache_line) V values[Size];

    template <std::size_t First, class Pointers>
    const V& element(const Pointers&, std::ptrdiff_t i) const {
        return values[i];
    }
};

// The kernel is the expression once more, with a number in place of each operand. `element<First>(in, i)` is its value
// at position i of a run whose operands lie at the addresses `in`; `First` is the number of its own first operand.
// `batch` is the same for as many positions as an xsimd batch B has lanes. `in_stages<First, Size>(in, count)` is the
// kernel for the first `count` positions, `Size` at most, of which the functions that compute blocks are computed
// already.

template <class V>
struct constant {
    using value_type = V;
    static constexpr std::size_t operands = 0;
    V value;

    template <std::size_t First, class Pointers>
    const V& element(const Pointers&, std::ptrdiff_t) const {
        return value;
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers>
    constant in_stages(const Pointers&, std::ptrdiff_t) const {
        return *this;
    }

    template <class B, std::size_t First, class Pointers>
    B batch(const Pointers&, std::ptrdiff_t) const {
        return B(static_cast<typename B::value_type>(value));
    }
};

template <class V>
struct operand {
    using value_type = V;
    static constexpr std::size_t operands = 1;

    template <std::size_t First, class Pointers>
    const V& element(const Pointers& in, std::ptrdiff_t i) const {
        return std::get<First>(in)[i];
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers>
    operand in_stages(const Pointers&, std::ptrdiff_t) const {
        return *this;
    }

    template <class B, std::size_t First, class Pointers>
    B batch(const Pointers& in, std::ptrdiff_t i) const {
        return B::load_unaligned(std::get<First>(in) + i);
    }
};

template <class F, class... Arguments>
struct call {
    using value_type = std::decay_t<std::invoke_result_t<const F&, const typename Arguments::value_type&...>>;
    static constexpr std::size_t operands = (Arguments::operands + ... + 0);
    XTENSOR_TORCH_NO_UNIQUE_ADDRESS F function;
    std::tuple<Arguments...> arguments;

    // A value, also where the function returns a reference: that may refer to a value of this very call.
    template <std::size_t First, class Pointers>
    value_type element(const Pointers& in, std::ptrdiff_t i) const {
        return [&]<std::size_t... I>(std::index_sequence<I...>) -> value_type {
            return function(std::get<I>(arguments).template element<First + operands_before(I)>(in, i)...);
        }(std::index_sequence_for<Arguments...>());
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers>
    XTENSOR_TORCH_ALWAYS_INLINE auto in_stages(const Pointers& in, std::ptrdiff_t count) const {
        return [&]<std::size_t... I>(std::index_sequence<I...>) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
            return compute_stage<First, Size>(
                in, count, std::get<I>(arguments).template in_stages<First + operands_before(I), Size>(in, count)...);
        }(std::index_sequence_for<Arguments...>());
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers, class... Stage>
    XTENSOR_TORCH_ALWAYS_INLINE auto compute_stage(const Pointers& in, std::ptrdiff_t count,
                                                   const Stage&... stages) const {
        if constexpr (computes_blocks<F, value_type> && (std::is_arithmetic_v<typename Arguments::value_type> && ...)) {
            return compute_block<First, Size>(in, count, std::make_index_sequence<sizeof...(Stage) - 1>(), stages...);
        } else {
            return call<F, Stage...>{function, std::tuple<Stage...>(stages...)};
        }
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers, class Stage, class... Others, std::size_t... I>
    XTENSOR_TORCH_ALWAYS_INLINE auto compute_block(const Pointers& in, std::ptrdiff_t count, std::index_sequence<I...>,
                                                   const Stage& stage, const Others&... others) const {
        block_of_values<value_type, Size, operands> results;
        const auto fill = [&](auto& block, const auto& values, auto first) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
            XTENSOR_TORCH_NO_UNROLLING
            for (std::ptrdiff_t i = 0; i < count; ++i) {
                block.values[i] = static_cast<value_type>(values.template element<first>(in, i));
            }
            std::fill_n(block.values + count, Size - count, value_type(1));
        };
        fill(results, stage, std::integral_constant<std::size_t, First>());
        if constexpr (takes_number<F, value_type>) {
            F::compute(results.values, Size, static_cast<value_type>(others.value)...);
        } else {
            [[maybe_unused]] std::array<block_of_values<value_type, Size, 0>, sizeof...(I)> blocks;
            (fill(blocks[I], others, std::integral_constant<std::size_t, First + operands_before(I + 1)>()), ...);
            F::compute(results.values, Size, blocks[I].values...);
        }
        return results;
    }

    template <class B, std::size_t First, class Pointers>
    B batch(const Pointers& in, std::ptrdiff_t i) const {
        return [&]<std::size_t... I>(std::index_sequence<I...>) -> B {
            return function.simd_apply(std::get<I>(arguments).template batch<B, First + operands_before(I)>(in, i)...);
        }(std::index_sequence_for<Arguments...>());
    }

    static constexpr std::size_t operands_before(std::size_t argument) {
        constexpr std::size_t counts[] = {Arguments::operands..., 0};
        std::size_t before = 0;
        for (std::size_t i = 0; i < argument; ++i) {
            before += counts[i];
        }
        return before;
    }
};

/// The same call of what `change` makes of its arguments.
template <class F, class... Arguments, class Change>
auto with_arguments(const call<F, Arguments...>& kernel, const Change& change) {
    return std::apply(
        [&](const auto&... argument) {
            return call<F, std::invoke_result_t<const Change&, const Arguments&>...>{kernel.function,
                                                                                     {change(argument)...}};
        },
        kernel.arguments);
}

// Whether a part of the kernel computes blocks.
template <class Kernel>
inline constexpr bool has_stages = false;
template <class F, class... Arguments>
inline constexpr bool has_stages<call<F, Arguments...>> =
    computes_blocks<F, typename call<F, Arguments...>::value_type> ||
    std::disjunction_v<std::bool_constant<has_stages<Arguments>>...>;

/// The kernel for the first `count` positions, `Size` at most.
template <std::ptrdiff_t Size, class Kernel, class Pointers>
XTENSOR_TORCH_ALWAYS_INLINE inline decltype(auto) kernel_in_stages(const Kernel& kernel,
                                                                   [[maybe_unused]] const Pointers& in,
                                                                   [[maybe_unused]] std::ptrdiff_t count = Size) {
    if constexpr (has_stages<Kernel>) {
        return kernel.template in_stages<0, Size>(in, count);
    } else {
        return (kernel);
    }
}

// The functor for these arguments.
template <class F, class... Arguments>
struct functor_of_call {
    using type = vector_form_t<F>;
};
template <class Base, class Exponent>
struct functor_of_call<xt::math::pow_fun, Base, constant<Exponent>> {
    using type = power_by_number;
};

/// The call of a functor for kernels, in the form that vectors are made of.
template <class F, class... Arguments>
auto call_of(const F& function, const Arguments&... arguments) {
    using form = typename functor_of_call<F, Arguments...>::type;
    return call<form, Arguments...>{in_vectors<F, form>(function), std::tuple<Arguments...>(arguments...)};
}

template <class E>
auto kernel_of(const E& e);

template <class Call, class Argument>
auto kernel_of_argument(const Argument& argument) {
    if constexpr (is_evaluated_first<Call, Argument>) {
        return operand<typename Argument::value_type>{};
    } else {
        return kernel_of(argument);
    }
}

template <class E>
auto kernel_of(const E& e) {
    if constexpr (xt::is_xscalar<E>::value) {
        return constant<typename E::value_type>{e()};
    } else if constexpr (is_elementwise_call<E>::value) {
        return std::apply(
            [&](const auto&... argument) { return call_of(e.functor(), kernel_of_argument<E>(argument)...); },
            e.arguments());
    } else if constexpr (is_broadcast<E>::value) {
        return kernel_of(e.expression());
    } else {
        return operand<typename E::value_type>{};
    }
}

#if defined(XTENSOR_USE_XSIMD)

// Whether xsimd can compute the kernel in batches of T: every value in it is a T, so that the lanes match, and every
// functor has a form for batches.
template <class T, class Kernel>
inline constexpr bool has_batch_form = false;
template <class T, class V>
inline constexpr bool has_batch_form<T, constant<V>> = std::is_arithmetic_v<V>;
template <class T>
inline constexpr bool has_batch_form<T, operand<T>> = true;
template <class T, class F, class... Arguments>
    requires(std::is_same_v<typename call<F, Arguments...>::value_type, T> && (has_batch_form<T, Arguments> && ...))
inline constexpr bool has_batch_form<T, call<F, Arguments...>> = xt::has_simd_apply<F, xt_simd::simd_type<T>>::value;

#endif

// The instructions that a kernel gains from: arithmetic waits for memory, which wider registers than AVX2's make
// slower. Functions and integers of 64 bits, which AVX2 cannot multiply or convert, do not.
template <class Kernel>
inline constexpr instructions best_instructions =
    sizeof(typename Kernel::value_type) == 8 && std::is_integral_v<typename Kernel::value_type> ? instructions::avx512
                                                                                                : instructions::avx2;
template <class F, class... Arguments>
inline constexpr instructions best_instructions<call<F, Arguments...>> =
    std::max({std::is_base_of_v<vector_function, F> ? instructions::avx512 : instructions::avx2,
              best_instructions<Arguments>...});

/// Where each operand's first element lies.
template <class... Operand>
auto addresses_of(const Operand&... operands) {
    return std::tuple(static_cast<const typename Operand::value_type*>(operands.data() + operands.data_offset())...);
}

/// The same operands, a number of elements further on.
template <class Pointers>
Pointers advanced(const Pointers& in, std::ptrdiff_t elements) {
    return std::apply([elements](const auto&... operand) { return Pointers(operand + elements...); }, in);
}

}  // namespace xtt::detail
