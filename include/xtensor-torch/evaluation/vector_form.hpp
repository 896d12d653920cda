// A kernel calls a functor of its own in the place of one of xtensor's where that lets the compiler make vectors of the
// calls, or of more of them. This file says which.
#pragma once

#include <cstddef>
#include <type_traits>

namespace xtt::detail {

/// The functor that computes what F does, in vectors where it can.
template <class F>
struct vector_form {
    using type = F;
};

template <class F>
using vector_form_t = typename vector_form<F>::type;

/// The functor in that form, or in another one: the functors that have one have no members.
template <class F, class Form = vector_form_t<F>>
Form in_vectors(const F& function) {
    if constexpr (std::is_same_v<Form, F>) {
        return function;
    } else {
        return {};
    }
}

// What the functors that compute functions in vectors have in common.
struct vector_function {};

// Whether a functor computes blocks of numbers with one that is the same for all of them.
template <class F, class V>
concept takes_number = requires(V* x, V number) { F::compute(x, std::ptrdiff_t{}, number); };

// Whether a functor computes blocks of numbers, where compilers make no vectors of its calls.
template <class F, class V>
concept computes_blocks =
    std::is_floating_point_v<V> &&
    (requires(V* x) { F::compute(x, std::ptrdiff_t{}); } || requires(V* x) { F::compute(x, std::ptrdiff_t{}, x); } || takes_number<F, V>);

}  // namespace xtt::detail
