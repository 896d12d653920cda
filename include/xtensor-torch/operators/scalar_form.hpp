// The gradient of an expression reads each of its inputs in many places. This file makes a function of single elements
// of such an expression, which takes every input once.
#pragma once

#include <xtensor-torch/evaluation/branchless.hpp>
#include <xtensor-torch/evaluation/vector_form.hpp>
#include <xtensor-torch/evaluation/vector_functions.hpp>
#include <xtensor-torch/operators/expression_nodes.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// The keys of the inputs that an expression reads, each once.
template <std::size_t... Key>
struct keys {
    static constexpr std::size_t size = sizeof...(Key);

    static constexpr std::size_t place_of(std::size_t key) {
        constexpr std::size_t all[] = {Key..., 0};
        return static_cast<std::size_t>(std::find(all, all + size, key) - all);
    }
};

template <class Found, std::size_t Key>
struct with_key;
template <std::size_t... Found, std::size_t Key>
struct with_key<keys<Found...>, Key> {
    using type = std::conditional_t<((Found == Key) || ...), keys<Found...>, keys<Found..., Key>>;
};

template <class Found, class... E>
struct keys_in {
    using type = Found;
};
template <class Found, class E, class... Rest>
struct keys_in<Found, E, Rest...> : keys_in<Found, Rest...> {};
template <class Found, std::size_t Key, class View, class... Rest>
struct keys_in<Found, xt::xfunction<tree_input<Key>, const View&>, Rest...>
    : keys_in<typename with_key<Found, Key>::type, Rest...> {};
template <class Found, class F, class... CT, class... Rest>
    requires function_node<xt::xfunction<F, CT...>>
struct keys_in<Found, xt::xfunction<F, CT...>, Rest...> : keys_in<Found, std::remove_cvref_t<CT>..., Rest...> {};

// The expression as a function of its inputs' elements, in the order of Keys.
template <std::size_t Place>
struct scalar_input {
    template <class... V>
    auto operator()(const V&... values) const {
        const auto& value = std::get<Place>(std::tie(values...));
        return tree_input<Place>()(value);
    }
};

template <class V>
struct scalar_constant {
    V value;

    template <class... Values>
    V operator()(const Values&...) const {
        return value;
    }
};

template <class F, class... Arguments>
struct scalar_call {
    XTENSOR_TORCH_NO_UNIQUE_ADDRESS F functor;
    std::tuple<Arguments...> arguments;

    template <class... V>
    auto operator()(const V&... values) const {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            return functor(std::get<J>(arguments)(values...)...);
        }(std::index_sequence_for<Arguments...>());
    }
};

template <class Keys, class E>
auto scalar_function(const E& e) {
    if constexpr (input_node<E>) {
        return scalar_input<Keys::place_of(input_of<E>::index)>();
    } else if constexpr (function_node<E>) {
        return std::apply(
            [&](const auto&... argument) {
                return scalar_call<vector_form_t<typename E::functor_type>,
                                   decltype(scalar_function<Keys>(argument))...>{
                    in_vectors(e.functor()), std::make_tuple(scalar_function<Keys>(argument)...)};
            },
            e.arguments());
    } else {
        return scalar_constant<typename E::value_type>{e()};
    }
}

}  // namespace xtt::detail
