// The backward of an operator is an operator, too, so that compilers see it and it can have a backward itself. Its
// schema follows from the forward's: gradients of the results first, then the forward's arguments, then, where it asks
// for them, the results. This file works that out.
#pragma once

#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/kernel.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/signature.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace xtt::detail {

template <class T>
inline constexpr bool is_differentiable = std::floating_point<T> || short_float<T>;
template <class T>
inline constexpr bool is_differentiable<c10::complex<T>> = true;
template <class T>
inline constexpr bool is_differentiable<std::complex<T>> = true;
template <>
inline constexpr bool is_differentiable<void> = true;  // the function's parameters are written out

template <class... T>
auto differentiable_elements(element_list<T...>) -> decltype([]<class... D>(types<D...>) -> element_list<D...> {
    return {};
}(typename joined<types<>, std::conditional_t<is_differentiable<T>, types<T>, types<>>...>::type()));

template <class View>
struct same_element;
template <class T, std::size_t N, xt::layout_type L>
struct same_element<tensor_view<T, N, L>> {
    template <std::size_t M>
    using with_rank = tensor_view<const T, M>;
};

template <template <class, bool> class Argument, class View, bool Shared>
using any_rank =
    types<Argument<View, Shared>, Argument<typename same_element<View>::template with_rank<dynamic_rank>, Shared>,
          Argument<typename same_element<View>::template with_rank<1>, Shared>,
          Argument<typename same_element<View>::template with_rank<2>, Shared>,
          Argument<typename same_element<View>::template with_rank<3>, Shared>,
          Argument<typename same_element<View>::template with_rank<4>, Shared>,
          Argument<typename same_element<View>::template with_rank<0>, Shared>>;

template <class A>
struct again {
    using type = types<A>;
};
template <class View, bool Shared>
struct again<view_argument<View, Shared>> {
    using type = any_rank<view_argument, View, Shared>;
};
template <class View, bool Shared>
struct again<optional_argument<View, Shared>> {
    using type = any_rank<optional_argument, View, Shared>;
};
template <class View, bool Shared>
struct again<list_argument<View, Shared>> {
    using type = any_rank<list_argument, View, Shared>;
};
template <class Integer>
struct again<symbol_argument<Integer>> : again<Integer> {};
template <std::floating_point S>
struct again<value_argument<S>> {
    using type = types<open_value<S, S, double, float>>;
};
template <std::integral S>
    requires(!std::same_as<S, bool>)
struct again<value_argument<S>> {
    using type = types<open_value<S, S, std::int64_t, std::uint64_t, std::int32_t>>;
};

// A result of the forward, as an argument of the backward. T is the element type of the forward's tensors.
template <class R, class T>
using viewed_again = tensor_view<const result_element_t<R, T>>;

template <class R, class T>
struct result_again {
    using type = any_rank<view_argument, viewed_again<R, T>, false>;
};
template <value_result R, class T>
struct result_again<R, T> {
    using type = typename again<value_argument<R>>::type;
};
template <class R, class T>
    requires(!value_result<std::optional<R>>)
struct result_again<std::optional<R>, T> {
    using type = any_rank<optional_argument, viewed_again<R, T>, false>;
};
template <class R, class A, class T>
    requires(!value_result<std::vector<R, A>>)
struct result_again<std::vector<R, A>, T> {
    using type = any_rank<list_argument, viewed_again<R, T>, false>;
};

// The results that have a gradient.
template <class Item>
consteval bool has_gradient() {
    if constexpr (is_none<Item> || value_result<Item>) {
        return false;
    } else {
        return is_differentiable<typename item_traits<std::remove_cvref_t<Item>>::value_type>;
    }
}

template <class... Item>
auto differentiable(types<Item...>) ->
    typename joined<types<>,
                    std::conditional_t<has_gradient<Item>(), types<std::remove_cvref_t<Item>>, types<>>...>::type;

template <class... Item>
auto given(types<Item...>) ->
    typename joined<types<>, std::conditional_t<is_none<Item>, types<>, types<std::remove_cvref_t<Item>>>...>::type;

// What a backward takes that takes these results, too.
template <class G, class T, class... Gradient, class... A, class... Result>
consteval auto choose_backward(types<Gradient...>, types<A...>, types<Result...>) {
    return choose<G>(types<>(), typename result_again<Gradient, T>::type()..., typename again<A>::type()...,
                     typename result_again<Result, T>::type()...);
}

template <class G, class T, class Gradients, class Arguments, class Saved, class Results>
consteval auto arguments_of_backward(Gradients gradients, Arguments arguments, Saved saved, Results results) {
    using plain = decltype(choose_backward<G, T>(gradients, arguments, types<>()));
    using with_saved = decltype(choose_backward<G, T>(gradients, arguments, saved));
    if constexpr (!std::is_same_v<plain, no_choice>) {
        return settle<G>(types<>(), plain());
    } else if constexpr (!std::is_same_v<with_saved, no_choice>) {
        return settle<G>(types<>(), with_saved());
    } else {
        using chosen = decltype(choose_backward<G, T>(gradients, arguments, results));
        if constexpr (std::is_same_v<chosen, no_choice>) {
            return no_choice();
        } else {
            return settle<G>(types<>(), chosen());
        }
    }
}

// What a backward takes, with those marked that are symbols among the arguments of the forward, the first at `First`.
template <std::size_t First, class... Forward, class... A>
consteval auto with_symbols_of(types<Forward...>, types<A...>) {
    constexpr bool symbols[] = {is_symbol<Forward>..., false};
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return types<symbol_where<(I >= First && I < First + sizeof...(Forward) && symbols[I - First]), A>...>();
    }(std::index_sequence_for<A...>());
}

template <std::size_t First, class Forward>
consteval auto with_symbols_of(Forward, no_choice none) {
    return none;
}

template <class Forward, class G>
struct backward_signature {
    static constexpr bool is_backward = true;

    template <class T>
    static consteval auto find_arguments() {
        using forward_arguments = arguments_of<Forward, T>;
        using items = typename result_items<result_of_t<typename Forward::function_type, forward_arguments>>::type;
        using saved = saved_results_of<Forward, items>;
        using gradients = decltype(differentiable(visible_results<Forward, items>()));
        if constexpr (has_written_out_parameters<G>) {
            using found = typename parameters_of<G>::arguments;
            constexpr std::size_t rest = found::size - gradients::size - forward_arguments::size;
            if constexpr (rest == 0 || rest == saved::size || rest == items::size) {
                return with_symbols_of<gradients::size>(forward_arguments(), found());
            } else {
                return no_choice();
            }
        } else {
            return with_symbols_of<gradients::size>(
                forward_arguments(), arguments_of_backward<G, converted_to<Forward, T>>(
                                         gradients(), forward_arguments(), saved(), decltype(given(items()))()));
        }
    }

    template <class T>
    using arguments = decltype(find_arguments<T>());
};

}  // namespace xtt::detail
