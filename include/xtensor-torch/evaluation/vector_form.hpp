// A kernel calls a functor of its own in the place of one of xtensor's where that lets the compiler make vectors of the
// calls, or of more of them. This file says which.
#pragma once

#include <type_traits>

namespace xtt::detail {

/// The functor that computes what F does, in vectors where it can.
template <class F>
struct vector_form {
    using type = F;
};

template <class F>
using vector_form_t = typename vector_form<F>::type;

/// The functor in that form: the functors that have one have no members.
template <class F>
vector_form_t<F> in_vectors(const F& function) {
    if constexpr (std::is_same_v<vector_form_t<F>, F>) {
        return function;
    } else {
        return {};
    }
}

// What the functors that compute functions in vectors have in common.
struct vector_function {};

}  // namespace xtt::detail
