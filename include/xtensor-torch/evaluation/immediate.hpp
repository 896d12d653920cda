// Where xtensor reduces at once, it copies the operand and has loops of its own for the copy. This file reduces what
// has a view of a tensor in it as it does a lazy reducer.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// A container that xtensor evaluates an expression into, with the tag of the expression.
template <class Container>
struct with_tag {
    using type = Container;
};
template <class EC, xt::layout_type L, class Shape, class Tag>
struct with_tag<xt::xarray_container<EC, L, Shape, Tag>> {
    using type = xt::xarray_container<EC, L, Shape, tensor_expression_tag>;
};
template <class EC, std::size_t N, xt::layout_type L, class Tag>
struct with_tag<xt::xtensor_container<EC, N, L, Tag>> {
    using type = xt::xtensor_container<EC, N, L, tensor_expression_tag>;
};

// What xtensor calls on the operand without naming a namespace; found through its tag, as is what it calls next.
template <class E>
    requires tagged_expression<std::decay_t<E>>
auto eval(E&& e) {
    return typename with_tag<std::decay_t<decltype(xt::eval(std::forward<E>(e)))>>::type(std::forward<E>(e));
}

template <class F, class E, class X, class O>
    requires tagged_expression<std::decay_t<E>>
auto reduce_immediate(F&& functors, E&& e, X&& axes, O&& options) {
    using operand = std::decay_t<E>;
    using axes_type = std::decay_t<X>;
    using result =
        typename xt::xcontainer_inner_types<xt::xreducer<std::decay_t<F>, const operand&, axes_type,
                                                         xt::reducer_options<int, std::decay_t<O>>>>::value_type;
    using reducer_options = xt::reducer_options<result, std::decay_t<O>>;
    using reducer = xt::xreducer<std::decay_t<F>, const operand&, axes_type, reducer_options>;
    using container =
        typename xt::detail::xtype_for_shape<typename reducer::shape_type>::template type<result,
                                                                                          operand::static_layout>;
    return container(
        reducer(std::forward<F>(functors), e, std::forward<X>(axes), reducer_options(std::forward<O>(options))));
}

}  // namespace xtt::detail
