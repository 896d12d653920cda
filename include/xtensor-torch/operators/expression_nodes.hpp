// A function over views returns its result as a tree of xtensor's functors. This file names the kinds of nodes that
// such a tree may have where it is differentiated: inputs, functions, reducers and constants.
//
// A reducer divides the tree: what is above it takes it for one more input, and what is below it is an expression of
// its own, whose gradient starts from the reducer's.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/evaluation/purity.hpp>
#include <xtensor-torch/evaluation/reducer_parts.hpp>
#include <xtensor-torch/view.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/generators/xgenerator.hpp>
#else
#include <xtensor/xgenerator.hpp>
#endif

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace xtt::detail {

// Gradients of short floats are computed in float.
template <class V>
using gradient_value = std::conditional_t<reduced_precision<V>, float, V>;

// An input of the tree: argument number `Index` of the function, or what a reducer gave.
template <std::size_t Index>
struct tree_input {
    template <class V>
    gradient_value<V> operator()(const V& value) const {
        return static_cast<gradient_value<V>>(value);
    }
};

template <std::size_t Index, class View>
using input_expression = xt::xfunction<tree_input<Index>, const View&>;

template <std::size_t Index, class View>
input_expression<Index, View> make_input(const View& view) {
    return input_expression<Index, View>(tree_input<Index>(), view);
}

// The keys of inputs that are no argument: the gradient of the result; of reducer number `number` its value and the
// gradient by it; and the constant of that number.
inline constexpr std::size_t gradient_key = 1000;
constexpr std::size_t reducer_key(std::size_t number) { return 2000 + number; }
constexpr std::size_t gradient_key_of(std::size_t number) { return 3000 + number; }
constexpr std::size_t constant_key(std::size_t number) { return 4000 + number; }

// The tree only knows the key of such an input, and what type its elements have.
template <std::size_t Key, class V>
auto make_input_of() {
    static const xt::xscalar<V> any(V(0));
    return make_input<Key>(any);
}

}  // namespace xtt::detail

namespace xtt {

template <std::size_t Index>
inline constexpr bool is_pure_v<detail::tree_input<Index>> = true;

namespace detail {

// ---- kinds of nodes ------------------------------------------------------------------------------------------------

template <class E>
struct input_of {
    static constexpr bool is_input = false;
};
template <std::size_t Index, class View>
struct input_of<xt::xfunction<tree_input<Index>, const View&>> {
    static constexpr bool is_input = true;
    static constexpr std::size_t index = Index;
};

template <class E>
concept input_node = input_of<E>::is_input;

template <class E>
concept reducer_node = requires { typename reducer_parts<E>::closure; };

template <class E>
struct function_of;
template <class F, class... CT>
struct function_of<xt::xfunction<F, CT...>> {
    using functor = F;
};

template <class E>
concept function_node = !input_node<E> && requires { typename function_of<E>::functor; };

// Numbers, and what xtensor generates from nothing, such as xt::arange and xt::ones.
template <class E>
struct is_constant_node : xt::is_xscalar<E> {};
template <class F, class R, class S>
    requires(!tagged_expression<xt::xgenerator<F, R, S>>)
struct is_constant_node<xt::xgenerator<F, R, S>> : std::true_type {};
template <class CT, class X>
struct is_constant_node<xt::xbroadcast<CT, X>> : is_constant_node<std::remove_cvref_t<CT>> {};
template <class E>
concept constant_node = is_constant_node<E>::value;

// ---- reducers ------------------------------------------------------------------------------------------------------

enum class reducer_kind { sum, extremum, norm, greatest_norm, unknown };

// xtensor's norms call lambdas, which add up or take the maximum; other lambdas have no place among its reducers.
template <class E>
consteval reducer_kind kind_of_reducer() {
    using parts = reducer_parts<E>;
    using reduce = typename parts::reduce;
    if constexpr (std::is_same_v<reduce, xt::detail::plus>) {
        return reducer_kind::sum;
    } else if constexpr (is_greatest<reduce> || is_least<reduce>) {
        return reducer_kind::extremum;
    } else if constexpr (is_associative<reduce>() && compiler_name<reduce>().find("lambda") != std::string_view::npos) {
        return is_greatest<typename parts::merge> ? reducer_kind::greatest_norm : reducer_kind::norm;
    } else {
        return reducer_kind::unknown;
    }
}

// Whether a norm adds up ones, absolute values or squares: all are the same type of lambda.
enum class norm_term { one, absolute, square };

template <class Reducer>
norm_term term_of(const Reducer& reducer) {
    using R = typename reducer_parts<Reducer>::result;
    using V = typename reducer_parts<Reducer>::operand::value_type;
    const auto term = static_cast<double>(reducer_parts<Reducer>::stepper::reduce(reducer)(R(0), V(-3)));
    return term == 1 ? norm_term::one : term == 3 ? norm_term::absolute : norm_term::square;
}

template <class Reducer>
std::vector<std::int64_t> axes_of(const Reducer& reducer) {
    const auto& axes = reducer_parts<Reducer>::stepper::axes(reducer);
    return std::vector<std::int64_t>(axes.begin(), axes.end());
}

// How many reducers and constants a tree has. They are numbered in the order in which a walk from the top meets them:
// each reducer has the next number, then what is below it.
template <class E>
struct numbers_in : std::integral_constant<std::size_t, xt::is_xscalar<E>::value ? 1 : 0> {};
template <reducer_node E>
struct numbers_in<E> : std::integral_constant<std::size_t, 1 + numbers_in<typename reducer_parts<E>::operand>::value> {
};
template <class F, class... CT>
    requires function_node<xt::xfunction<F, CT...>>
struct numbers_in<xt::xfunction<F, CT...>>
    : std::integral_constant<std::size_t, (numbers_in<std::remove_cvref_t<CT>>::value + ... + 0)> {};

template <class E>
using arguments_of_node = std::remove_cvref_t<decltype(std::declval<const E&>().arguments())>;
template <class E, std::size_t J>
using argument_of_node = std::remove_cvref_t<std::tuple_element_t<J, arguments_of_node<E>>>;
template <class E>
using argument_indices = std::make_index_sequence<std::tuple_size_v<arguments_of_node<E>>>;

// The first number in argument J of a function whose own first number is First.
template <std::size_t First, class E, std::size_t J>
inline constexpr std::size_t number_in_argument = []<std::size_t... I>(std::index_sequence<I...>) {
    return (First + ... + numbers_in<argument_of_node<E, I>>::value);
}(std::make_index_sequence<J>());

// The tuple of all that f(number, reducer) returns for the reducers that stand in an expression, and not below others.
template <std::size_t First, class E, class F>
auto for_reducers(const E& e, const F& f) {
    if constexpr (reducer_node<E>) {
        return f(std::integral_constant<std::size_t, First>(), e);
    } else if constexpr (function_node<E>) {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            return std::tuple_cat(for_reducers<number_in_argument<First, E, J>>(std::get<J>(e.arguments()), f)...);
        }(argument_indices<E>());
    } else {
        return std::tuple<>();
    }
}

// ---- values --------------------------------------------------------------------------------------------------------

// An expression without lvalues but the views it reads: a rule may put it into another expression and return that.
template <class F, class... E>
auto make_function(const F& functor, E... arguments) {
    return xt::xfunction<F, E...>(functor, std::move(arguments)...);
}

// Constants take part in the type of the gradients: one of double does not widen them.
template <class T, class V>
using constant_value = std::conditional_t<
    reduced_precision<V> || (std::floating_point<V> && std::floating_point<T> && sizeof(V) > sizeof(T)), T, V>;

// The constants of an expression by their numbers.
template <class T, class E>
auto constants_of(const E& e) {
    if constexpr (reducer_node<E>) {
        return std::tuple_cat(std::tuple<std::monostate>(), constants_of<T>(e.expression()));
    } else if constexpr (xt::is_xscalar<E>::value) {
        return std::make_tuple(static_cast<constant_value<T, typename E::value_type>>(e()));
    } else if constexpr (function_node<E>) {
        return std::apply([](const auto&... argument) { return std::tuple_cat(constants_of<T>(argument)...); },
                          e.arguments());
    } else {
        return std::tuple<>();
    }
}

// What an expression computes, in which `reduced(number)` stands for its reducers, and constants are inputs: wherever
// one expression is repeated in another, the compiler sees the same constants.
template <class T, std::size_t First, class E, class Reduced>
auto value_expression(const E& e, const Reduced& reduced) {
    if constexpr (reducer_node<E>) {
        return reduced(std::integral_constant<std::size_t, First>());
    } else if constexpr (xt::is_xscalar<E>::value) {
        return make_input_of<constant_key(First), constant_value<T, typename E::value_type>>();
    } else if constexpr (function_node<E>) {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            return make_function(e.functor(), value_expression<T, number_in_argument<First, E, J>>(
                                                  std::get<J>(e.arguments()), reduced)...);
        }(argument_indices<E>());
    } else {
        return E(e);
    }
}

}  // namespace detail
}  // namespace xtt
