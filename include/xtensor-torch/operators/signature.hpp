// C++ does not say what a generic lambda takes, and a schema does not say of which type and rank. This file brings the
// two together: for each parameter it lists what the schema leaves open, and takes the first choice that the function
// can be called with.
#pragma once

#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/parameter_choices.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/values.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// ---- functions whose parameters are written out --------------------------------------------------------------------

// The argument for a parameter that is, but for const and references, of type P.
template <class P>
struct argument_for {
    using type = value_argument<P>;
};
template <class T, std::size_t N, xt::layout_type L>
struct argument_for<tensor_view<T, N, L>> {
    using type = view_argument<tensor_view<T, N, L>, false>;
};
template <class T, std::size_t N, xt::layout_type L>
struct argument_for<std::optional<tensor_view<T, N, L>>> {
    using type = optional_argument<tensor_view<T, N, L>, false>;
};
template <class T, std::size_t N, xt::layout_type L>
struct argument_for<std::vector<tensor_view<T, N, L>>> {
    using type = list_argument<tensor_view<T, N, L>, false>;
};

template <class Pointer>
struct written_out;

template <class R, class... P>
struct written_out<R (*)(P...)> {
    using parameters = types<P...>;
    using arguments = types<typename argument_for<std::remove_cvref_t<P>>::type...>;
};
template <class R, class... P>
struct written_out<R (*)(P...) noexcept> : written_out<R (*)(P...)> {};
template <class R, class F, class... P>
struct written_out<R (F::*)(P...) const> : written_out<R (*)(P...)> {};
template <class R, class F, class... P>
struct written_out<R (F::*)(P...) const noexcept> : written_out<R (*)(P...)> {};

template <class F>
concept function_pointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

template <class F>
concept has_written_out_parameters = function_pointer<F> || requires { &F::operator(); };

template <class F>
struct parameters_of;
template <function_pointer F>
struct parameters_of<F> : written_out<F> {};
template <has_written_out_parameters F>
    requires(!function_pointer<F>)
struct parameters_of<F> : written_out<decltype(&F::operator())> {};

// ---- generic functions ----------------------------------------------------------------------------------------------

struct no_choice {};

// The first combination of choices, the earlier parameters' first choices first, that F can be called with.
template <class F, class... Chosen>
consteval auto choose(types<Chosen...> chosen) {
    if constexpr (std::is_invocable_v<const F&, typename Chosen::passed...>) {
        return chosen;
    } else {
        return no_choice();
    }
}

template <class F, class... Chosen, class... Choices, class... Rest>
consteval auto choose(types<Chosen...>, types<Choices...>, Rest... rest);

template <class F, class... Chosen, class... Rest>
consteval auto choose_from(types<Chosen...>, types<>, Rest...) {
    return no_choice();
}

template <class F, class... Chosen, class Choice, class... Choices, class... Rest>
consteval auto choose_from(types<Chosen...> chosen, types<Choice, Choices...>, Rest... rest) {
    using found = decltype(choose<F>(types<Chosen..., Choice>(), rest...));
    if constexpr (std::is_same_v<found, no_choice>) {
        return choose_from<F>(chosen, types<Choices...>(), rest...);
    } else {
        return found();
    }
}

template <class F, class... Chosen, class... Choices, class... Rest>
consteval auto choose(types<Chosen...> chosen, types<Choices...> choices, Rest... rest) {
    return choose_from<F>(chosen, choices, rest...);
}

// Whether a parameter's type is written out and S converts to it without narrowing: generic parameters take no braces.
template <class F, class S, class... Before, class... After>
consteval bool takes_braced(types<Before...>, types<After...>) {
    return requires(const F& f) {
        f(std::declval<typename Before::passed>()..., {std::declval<const S&>()},
          std::declval<typename After::passed>()...);
    };
}

template <class F, class Settled, class Before, class After>
consteval auto settle_value(types<>, Before, After) {
    return Settled();
}

template <class F, class Settled, class S, class... Others, class Before, class After>
consteval auto settle_value(types<S, Others...>, Before before, After after) {
    if constexpr (takes_braced<F, S>(Before(), After())) {
        return value_argument<S>();
    } else {
        return settle_value<F, Settled>(types<Others...>(), before, after);
    }
}

template <class F, class... Done>
consteval auto settle(types<Done...> done, types<>) {
    return done;
}

template <class F, class... Done, class First, class... Rest>
consteval auto settle(types<Done...> done, types<First, Rest...>) {
    if constexpr (requires { typename First::others; }) {
        using settled =
            decltype(settle_value<F, typename First::settled>(typename First::others(), done, types<Rest...>()));
        return settle<F>(types<Done..., settled>(), types<Rest...>());
    } else {
        return settle<F>(types<Done..., First>(), types<Rest...>());
    }
}

// The arguments that a generic function takes, one list of choices a parameter; no_choice where it takes none of them.
template <class F, class... Choices>
consteval auto arguments_of_generic(Choices... choices) {
    using chosen = decltype(choose<F>(types<>(), choices...));
    if constexpr (std::is_same_v<chosen, no_choice>) {
        return no_choice();
    } else {
        return settle<F>(types<>(), chosen());
    }
}

template <class F, op_text Schema, class T, std::size_t... I>
consteval auto arguments_of_forward(std::index_sequence<I...>) {
    constexpr schema_outline outline = outline_of(Schema);
    return arguments_of_generic<F>(choices_of<outline.parameters[I], T>()...);
}

// The arguments with those marked that the schema calls SymInt.
template <op_text Schema, class... A, std::size_t... I>
consteval auto with_symbols(types<A...>, std::index_sequence<I...>) {
    constexpr schema_outline outline = outline_of(Schema);
    return types<symbol_where<outline.parameters[I].base == word::symbol, A>...>();
}
template <op_text Schema>
consteval auto with_symbols(no_choice none, auto) {
    return none;
}

// ---- the two kinds of operators ------------------------------------------------------------------------------------

// An operator with a schema. `arguments<T>` are those of its function for the element type T, or void where the
// function's parameters are written out.
template <op_text Schema, class F>
struct stated_signature {
    static constexpr schema_outline outline = outline_of(Schema);
    static constexpr bool is_backward = false;

    template <class T>
    static consteval auto find_arguments() {
        if constexpr (has_written_out_parameters<F>) {
            using found = typename parameters_of<F>::arguments;
            return with_symbols<Schema>(found(), std::make_index_sequence<found::size>());
        } else {
            constexpr auto each = std::make_index_sequence<outline.count>();
            return with_symbols<Schema>(arguments_of_forward<F, Schema, T>(each), each);
        }
    }

    template <class T>
    using arguments = decltype(find_arguments<T>());
};

template <class F, class Arguments>
struct result_of;

template <class F, class... A>
struct result_of<F, types<A...>> {
    using type = std::invoke_result_t<const F&, typename A::passed...>;
};

// What the function returns when it is called with the arguments.
template <class F, class Arguments>
using result_of_t = typename result_of<F, Arguments>::type;

}  // namespace xtt::detail
