// xtensor adds up elements in the type that a single addition gives: Half in Half, where 2048 + 1 is 2048 and where
// nothing lies beyond 65504. LibTorch adds them up in float. This file makes sums and products over views of tensors
// start in float and stay there; over containers alone they are xtensor's.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#include <xtensor/reducers/xaccumulator.hpp>
#include <xtensor/reducers/xreducer.hpp>
#else
#include <xtensor/xaccumulator.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xreducer.hpp>
#endif

#include <type_traits>

namespace xtt::detail {

// Sums and products, of which xt::mean, xt::variance and others are made, grow: the least and greatest do not.
template <class Reduce>
concept growing_reduction =
    one_of<Reduce, xt::detail::plus, xt::detail::multiplies, xt::detail::nan_plus, xt::detail::nan_multiplies>;

template <class Functors>
struct narrow_reduction : std::false_type {};

// What a reducer asks of its functors, with the initial value in float.
template <class Reduce, class T, class Merge>
    requires(growing_reduction<Reduce> && reduced_precision<T>)
struct narrow_reduction<xt::xreducer_functors<Reduce, xt::const_value<T>, Merge>> : std::true_type {
    struct initial_value : xt::const_value<float> {
        initial_value(const xt::const_value<T>& value) : xt::const_value<float>(static_cast<float>(value())) {}
    };

    using reduce_functor_type = Reduce;
    using init_functor_type = initial_value;
    using merge_functor_type = Merge;
};

// The initial functor of xt::cumsum and similar functions, with its result in float where the elements are too narrow
// to add up in.
template <class Init>
struct wide_initial {
    using type = Init;
};
template <reduced_precision T>
struct wide_initial<xt::detail::accumulator_identity<T>> {
    using type = xt::detail::accumulator_identity<float>;
};
template <reduced_precision T, int Value>
struct wide_initial<xt::detail::nan_init<T, Value>> {
    using type = xt::detail::nan_init<float, Value>;
};
template <class Init>
using wide_initial_t = typename wide_initial<Init>::type;

}  // namespace xtt::detail

namespace xt {

template <class F, xtt::detail::tagged_expression CT, class X, class O>
    requires xtt::detail::narrow_reduction<std::decay_t<F>>::value
struct xcontainer_inner_types<xreducer<F, CT, X, O>>
    : xcontainer_inner_types<xreducer<xtt::detail::narrow_reduction<std::decay_t<F>>, CT, X, O>> {};

}  // namespace xt
