// xtensor reduces one element after another, in their order. This file says which of its functors may be called in
// another order, and which of them pass over NaN where NumPy and LibTorch do not.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/purity.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace xtt::detail {

// Functors of the libraries whose result does not depend on the order, but for rounding. Any other keeps xtensor's.
template <class F>
consteval bool is_associative() {
    constexpr std::string_view names[] = {"xt::detail::plus",
                                          "xt::detail::multiplies",
                                          "xt::detail::nan_plus",
                                          "xt::detail::nan_multiplies",
                                          "xt::detail::nan_min",
                                          "xt::detail::nan_max",
                                          "xt::detail::logical_or",
                                          "xt::detail::logical_and",
                                          "xt::detail::bitwise_or",
                                          "xt::detail::bitwise_and",
                                          "xt::detail::bitwise_xor",
                                          "xt::math::minimum",
                                          "xt::math::maximum",
                                          "std::plus<",
                                          "std::multiplies<",
                                          "std::logical_or<",
                                          "std::logical_and<",
                                          "std::bit_or<",
                                          "std::bit_and<",
                                          "std::bit_xor<",
                                          "xt::norm_",
                                          "xt::count_nonzero<",
                                          "xt::minmax<"};
    constexpr std::string_view name = compiler_name<F>();
    // Clang names a lambda by the place where it stands.
    constexpr bool norm =
        name.starts_with("(lambda at ") && name.find("xtensor/") != std::string_view::npos &&
        (name.find("xnorm.hpp:") != std::string_view::npos || name.find("xmath.hpp:") != std::string_view::npos);
    return norm || std::any_of(std::begin(names), std::end(names),
                               [&](std::string_view functor) { return name.starts_with(functor); });
}

// std::isnan knows no Half; a NaN alone differs from its copy.
template <class V>
bool is_nan(const V& value) {
    const V copy = value;
    return value != copy;
}

// The greatest and the least, of which one NaN makes a NaN, as in NumPy and LibTorch, wherever it stands. Processors
// have an instruction for each `of_numbers`, which passes NaN over.
struct greatest {
    template <class R, class V>
    R operator()(const R& r, const V& v) const {
        const R greater = v > r ? static_cast<R>(v) : r;
        return is_nan(v) ? static_cast<R>(v) : greater;
    }

    template <class R>
    static R of_numbers(const R& r, const R& v) {
        return v > r ? v : r;
    }
};

struct least {
    template <class R, class V>
    R operator()(const R& r, const V& v) const {
        const R less = v < r ? static_cast<R>(v) : r;
        return is_nan(v) ? static_cast<R>(v) : less;
    }

    template <class R>
    static R of_numbers(const R& r, const R& v) {
        return v < r ? v : r;
    }
};

template <class F>
inline constexpr bool is_greatest = compiler_name<F>().starts_with("xt::math::maximum");
template <class F>
inline constexpr bool is_least = compiler_name<F>().starts_with("xt::math::minimum");

template <class F>
auto propagating_nan(const F& function) {
    if constexpr (is_greatest<F>) {
        return greatest();
    } else if constexpr (is_least<F>) {
        return least();
    } else {
        return function;
    }
}

/// How elements become a result of type R: each is added to `neutral`, or to what was added before.
template <class R, class Reduce, class Merge>
struct reduction {
    using result_type = R;
    using reduce_type = Reduce;
    // Whether a long row of elements has a greater error than a short one.
    static constexpr bool rounds =
        !std::is_integral_v<R> && !std::is_same_v<Reduce, greatest> && !std::is_same_v<Reduce, least>;

    XTENSOR_TORCH_NO_UNIQUE_ADDRESS Reduce reduce;
    XTENSOR_TORCH_NO_UNIQUE_ADDRESS Merge merge;
    R neutral;

    template <class V>
    R added(const R& result, const V& element) const {
        return static_cast<R>(reduce(result, element));
    }

    R merged(const R& result, const R& other) const { return static_cast<R>(merge(result, other)); }
};

}  // namespace xtt::detail
