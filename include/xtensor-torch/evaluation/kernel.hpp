// xtensor computes an expression element by element through steppers that carry an address for every operand and
// dimension. This file takes an expression apart instead: into its operands in memory, and a kernel that computes one
// run of elements from bare pointers, in a loop which compilers turn into vector instructions.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/purity.hpp>
#include <xtensor-torch/evaluation/vector_functions.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// A function of single elements whose functor is known to be pure. Another may count its calls, or refer to something
// that does: it is called in xtensor's own order, and not from several threads.
template <class E>
struct is_elementwise_call : std::false_type {};
template <class F, class... Arguments>
struct is_elementwise_call<xt::xfunction<F, Arguments...>>
    : std::bool_constant<is_pure_call<F, xt::xfunction<F, Arguments...>, Arguments...>> {};

// Broadcasting changes no value; the loops broadcast every operand to the destination.
template <class E>
struct is_broadcast : std::false_type {};
template <class E, class Shape>
struct is_broadcast<xt::xbroadcast<E, Shape>> : std::true_type {};

// Whether the loops may read the expression's elements where they lie.
template <class E>
concept readable_in_place = strided_leaf<E> && std::is_trivially_copyable_v<typename E::value_type>;

// A container with the values of an expression.
template <class E>
auto values_of(const E& e);

/// The operands of an expression in the order in which its kernel numbers them: references to elements in memory, and
/// containers with the values of whatever else the expression asks for, which is evaluated here, once.
template <class E>
auto operands_of(const E& e) {
    if constexpr (xt::is_xscalar<E>::value) {
        return std::tuple<>();
    } else if constexpr (is_elementwise_call<E>::value) {
        return std::apply([](const auto&... argument) { return std::tuple_cat(operands_of(argument)...); },
                          e.arguments());
    } else if constexpr (is_broadcast<E>::value) {
        return operands_of(e.expression());
    } else if constexpr (strided_leaf<E>) {
        return std::tuple<const E&>(e);
    } else {
        return std::make_tuple(values_of(e));
    }
}

template <class E>
using operands_t = decltype(operands_of(std::declval<const E&>()));

template <class Operands>
struct operand_values;
template <class... Operand>
struct operand_values<std::tuple<Operand...>> {
    static constexpr bool in_place = (readable_in_place<std::remove_cvref_t<Operand>> && ...);
};

// Whether the loops, while they write `destination`, may read an element of it after it changed. Scalars, and whatever
// is no function of single elements, have been evaluated before.
template <strided_leaf D, class E>
bool loops_read_after_write(const D& destination, const E& e) noexcept {
    if constexpr (is_elementwise_call<E>::value) {
        return std::apply(
            [&](const auto&... argument) { return (loops_read_after_write(destination, argument) || ...); },
            e.arguments());
    } else if constexpr (is_broadcast<E>::value) {
        return loops_read_after_write(destination, e.expression());
    } else if constexpr (strided_leaf<E>) {
        return bytes_of(destination).meets(bytes_of(e)) && !coincides(destination, e);
    } else {
        return false;
    }
}

// An operand that has the same value all along a run, in the place of its address.
template <class V>
struct uniform {
    V value;

    const V& operator[](std::ptrdiff_t) const { return value; }
};

template <class B, class V>
B load(const V* address, std::ptrdiff_t i) {
    return B::load_unaligned(address + i);
}

template <class B, class V>
B load(const uniform<V>& operand, std::ptrdiff_t) {
    return B(operand.value);
}

// The kernel is the expression once more, with a number in place of each operand. `element<First>(in, i)` is its value
// at position i of a run whose operands lie at the addresses `in`; `First` is the number of its own first operand.
// `batch` is the same for as many positions as an xsimd batch B has lanes.

template <class V>
struct constant {
    using value_type = V;
    static constexpr std::size_t operands = 0;
    V value;

    template <std::size_t First, class Pointers>
    const V& element(const Pointers&, std::ptrdiff_t) const {
        return value;
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

    template <class B, std::size_t First, class Pointers>
    B batch(const Pointers& in, std::ptrdiff_t i) const {
        return load<B>(std::get<First>(in), i);
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

template <class E>
auto kernel_of(const E& e) {
    if constexpr (xt::is_xscalar<E>::value) {
        return constant<typename E::value_type>{e()};
    } else if constexpr (is_elementwise_call<E>::value) {
        return std::apply(
            [&](const auto&... argument) {
                return call<vector_form_t<typename E::functor_type>, decltype(kernel_of(argument))...>{
                    in_vectors(e.functor()), std::make_tuple(kernel_of(argument)...)};
            },
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
    return std::apply([elements](const auto*... address) { return Pointers(address + elements...); }, in);
}

}  // namespace xtt::detail
