// The loops that a row of an expression needs, one after another: each reducer from the innermost on, the gradients by
// them from the outermost on, and then all gradients at once.
#pragma once

#include <xtensor-torch/operators/derivative.hpp>
#include <xtensor-torch/operators/row_loops.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// ---- kinds of stages -----------------------------------------------------------------------------------------------

/// Computes the value of a reducer.
template <std::size_t Number, block_reduction Kind, class Functions>
struct reducer_stage {
    static constexpr std::size_t number = Number;
    static constexpr block_reduction kind = Kind;
    Functions functions;
};

/// Computes the gradients by the reducers that stand in one part of an expression: above all others, or below one.
template <bool AboveAll, class Numbers, class Functions>
struct part_stage {
    static constexpr bool above_all = AboveAll;
    using numbers = Numbers;
    Functions functions;
};

/// Divides the gradient by a maximum or a minimum among the elements that are equal to it.
template <std::size_t Number, class Functions>
struct ties_stage {
    static constexpr std::size_t number = Number;
    Functions functions;
};

// What a norm adds up.
struct norm_function {
    norm_term term;

    template <class V>
    V operator()(const V& value) const {
        return term == norm_term::square     ? value * value
               : term == norm_term::absolute ? std::abs(value)
                                             : V(value != 0);
    }
};

// ---- reducers that stand twice in an expression --------------------------------------------------------------------

template <class... E>
struct reducer_list {
    template <class... Other>
    constexpr reducer_list<E..., Other...> operator+(reducer_list<Other...>) const {
        return {};
    }

    template <class Reducer>
    static constexpr std::size_t first_place() {
        constexpr bool same[] = {std::is_same_v<E, Reducer>...};
        std::size_t place = 0;
        while (!same[place]) {
            ++place;
        }
        return place;
    }
};

// With the constants, in the order of their numbers.
template <class E>
constexpr auto reducers_of() {
    if constexpr (xt::is_xscalar<E>::value) {
        return reducer_list<E>();
    } else if constexpr (reducer_node<E>) {
        return reducer_list<E>() + reducers_of<typename reducer_parts<E>::operand>();
    } else if constexpr (function_node<E>) {
        return []<std::size_t... J>(std::index_sequence<J...>) {
            return (reducer_list<>() + ... + reducers_of<argument_of_node<E, J>>());
        }(argument_indices<E>());
    } else {
        return reducer_list<>();
    }
}

// Whether expressions of this type over the same inputs have the same values.
template <class E>
constexpr bool is_known_by_type() {
    if constexpr (reducer_node<E>) {
        constexpr reducer_kind kind = kind_of_reducer<E>();
        return (kind == reducer_kind::sum || kind == reducer_kind::extremum) &&
               is_known_by_type<typename reducer_parts<E>::operand>();
    } else if constexpr (function_node<E>) {
        return std::is_empty_v<typename function_of<E>::functor> && []<std::size_t... J>(std::index_sequence<J...>) {
            return (is_known_by_type<argument_of_node<E, J>>() && ...);
        }(argument_indices<E>());
    } else {
        return input_node<E>;
    }
}

// ---- expressions along a row ---------------------------------------------------------------------------------------

// Whether the loops over rows can compute an expression.
template <class E>
constexpr bool has_rows() {
    if constexpr (reducer_node<E>) {
        return kind_of_reducer<E>() != reducer_kind::unknown && has_rows<typename reducer_parts<E>::operand>();
    } else if constexpr (function_node<E>) {
        return []<std::size_t... J>(std::index_sequence<J...>) {
            return (has_rows<argument_of_node<E, J>>() && ...);
        }(argument_indices<E>());
    } else {
        return input_node<E> || xt::is_xscalar<E>::value;
    }
}

// Whether an expression reads arguments outside of its reducers.
template <class E>
constexpr bool reads_arguments() {
    if constexpr (function_node<E>) {
        return []<std::size_t... J>(std::index_sequence<J...>) {
            return (reads_arguments<argument_of_node<E, J>>() || ...);
        }(argument_indices<E>());
    } else {
        return input_node<E>;
    }
}

/// Makes the stages of an expression of type Root, which are computed in V.
template <class V, class Root>
class row_stages {
public:
    // The first of the reducers that are equal to one, which is computed for all of them.
    template <std::size_t Number>
    static constexpr std::size_t representative = []<class... E>(reducer_list<E...> list) {
        using reducer = std::tuple_element_t<Number, std::tuple<E...>>;
        return is_known_by_type<reducer>() ? list.template first_place<reducer>() : Number;
    }(reducers_of<Root>());

    static auto value(const Root& root) {
        return of_type([&] { return row_functions_of<V>(values<0>(root)); });
    }

    static auto reducers(const Root& root) {
        return of_type([&] { return reducers_below<0>(root); });
    }

    static auto gradients_by_reducers(const Root& root) {
        return of_type([&] { return gradients_below<0, true>(root, seed()); });
    }

    // The gradients by the arguments of these numbers.
    template <std::size_t... Index>
    static auto gradients(const Root& root, std::index_sequence<Index...>) {
        return of_type([&] { return row_functions_of<V>(as_expression<V>(gradient<Index>(root))...); });
    }

    template <std::size_t Index>
    static constexpr bool depends_on() {
        return !std::is_same_v<decltype(gradient<Index>(std::declval<const Root&>())), zero_derivative>;
    }

private:
    // Where the type says all, the compiler needs the type of the expressions alone.
    template <class Make>
    static auto of_type(const Make& make) {
        using made = std::remove_const_t<decltype(make())>;
        if constexpr (is_stateless<made>) {
            return made();
        } else {
            return make();
        }
    }

    static auto seed() { return make_input_of<gradient_key, V>(); }

    static auto reduced() {
        return [](auto number) { return make_input_of<reducer_key(representative<number>), V>(); };
    }

    template <std::size_t First, class E>
    static auto values(const E& e) {
        return value_expression<V, First>(e, reduced());
    }

    // What a reducer adds up or compares, of its operand.
    template <std::size_t Number, class Reducer>
    static auto terms(const Reducer& reducer) {
        constexpr reducer_kind kind = kind_of_reducer<Reducer>();
        auto elements = values<Number + 1>(reducer.expression());
        if constexpr (kind == reducer_kind::norm) {
            return make_function(norm_function{term_of(reducer)}, std::move(elements));
        } else if constexpr (kind == reducer_kind::greatest_norm) {
            return xt::abs(std::move(elements));
        } else {
            return elements;
        }
    }

    template <std::size_t First, class E>
    static auto reducers_below(const E& e) {
        return for_reducers<First>(e, [](auto number, const auto& reducer) {
            if constexpr (representative<number> == number) {
                using reducer_type = std::remove_cvref_t<decltype(reducer)>;
                constexpr reducer_kind kind = kind_of_reducer<reducer_type>();
                constexpr block_reduction block =
                    kind == reducer_kind::sum || kind == reducer_kind::norm  ? block_reduction::sum
                    : is_least<typename reducer_parts<reducer_type>::reduce> ? block_reduction::least
                                                                             : block_reduction::greatest;
                const auto functions = row_functions_of<V>(terms<number>(reducer));
                return std::tuple_cat(
                    reducers_below<number + 1>(reducer.expression()),
                    std::make_tuple(reducer_stage<number, block, std::remove_const_t<decltype(functions)>>{functions}));
            } else {
                return std::tuple<>();
            }
        });
    }

    template <std::size_t First, bool AboveAll, class E, class Seed>
    static auto gradients_below(const E& e, const Seed& seed) {
        const auto numbers = for_reducers<First>(e, [](auto number, const auto&) { return std::make_tuple(number); });
        return std::apply(
            [&]<class... Number>(Number...) {
                if constexpr (sizeof...(Number) == 0) {
                    return std::tuple<>();
                } else {
                    const auto functions = row_functions_of<V>(as_expression<V>(
                        times(seed, derivative_by<V, reducer_key(Number::value), First>(e, reduced())))...);
                    const auto below = for_reducers<First>(e, [](auto number, const auto& reducer) {
                        return std::tuple_cat(
                            ties<number>(reducer),
                            gradients_below<number + 1, false>(reducer.expression(), seed_below<number>(reducer)));
                    });
                    return std::tuple_cat(
                        std::make_tuple(part_stage<AboveAll, std::index_sequence<Number::value...>,
                                                   std::remove_const_t<decltype(functions)>>{functions}),
                        below);
                }
            },
            numbers);
    }

    template <std::size_t Number, class Reducer>
    static auto ties(const Reducer& reducer) {
        constexpr reducer_kind kind = kind_of_reducer<Reducer>();
        if constexpr (kind == reducer_kind::extremum || kind == reducer_kind::greatest_norm) {
            const auto functions = row_functions_of<V>(xt::abs(is_extreme<Number>(reducer)));
            return std::make_tuple(ties_stage<Number, std::remove_const_t<decltype(functions)>>{functions});
        } else {
            return std::tuple<>();
        }
    }

    template <std::size_t Number, class Reducer>
    static auto is_extreme(const Reducer& reducer) {
        const auto elements = [&] { return values<Number + 1>(reducer.expression()); };
        const auto extremum = [] { return make_input_of<reducer_key(representative<Number>), V>(); };
        if constexpr (kind_of_reducer<Reducer>() == reducer_kind::greatest_norm) {
            return xt::where(xt::equal(xt::abs(elements()), extremum()), xt::sign(elements()), V(0));
        } else {
            return xt::where(xt::equal(elements(), extremum()), V(1), V(0));
        }
    }

    // The gradient by the operand of a reducer, from the gradient by the reducer.
    template <std::size_t Number, class Reducer>
    static auto seed_below(const Reducer& reducer) {
        constexpr reducer_kind kind = kind_of_reducer<Reducer>();
        auto gradient = make_input_of<gradient_key_of(Number), V>();
        const auto elements = [&] { return values<Number + 1>(reducer.expression()); };
        if constexpr (kind == reducer_kind::sum) {
            return gradient;
        } else if constexpr (kind == reducer_kind::norm) {
            // Where a norm is zero its gradient is, too; the root above it would make it infinite.
            const norm_term term = term_of(reducer);
            return times(xt::where(xt::equal(elements(), V(0)), V(0), std::move(gradient)),
                         V(term == norm_term::square ? 2 : 0) * elements() +
                             V(term == norm_term::absolute ? 1 : 0) * xt::sign(elements()));
        } else {
            return times(gradient, is_extreme<Number>(reducer));
        }
    }

    template <std::size_t Index>
    static auto gradient(const Root& root) {
        return std::apply([](const auto&... part) { return sum_of<V>(part...); }, parts<Index, 0>(root, seed()));
    }

    // What reaches an argument through an expression, and through all below it.
    template <std::size_t Index, std::size_t First, class E, class Seed>
    static auto parts(const E& e, const Seed& seed) {
        return std::tuple_cat(std::make_tuple(times(seed, derivative_by<V, Index, First>(e, reduced()))),
                              for_reducers<First>(e, [](auto number, const auto& reducer) {
                                  return parts<Index, number + 1>(reducer.expression(), seed_below<number>(reducer));
                              }));
    }
};

}  // namespace xtt::detail
