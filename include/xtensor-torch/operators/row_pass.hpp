// A function over xtensor expressions is called with its arguments once, and computed row after row over the memory:
// what a row needs of reducers and gradients is computed while its elements are in the cache. This file makes the
// expression of a call, finds its rows and goes over them.
#pragma once

#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/operators/row_state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// A tensor among a function's arguments becomes input number Index of the tree; a value stays what it is.
template <std::size_t Index, class A>
decltype(auto) as_input(const A& argument) {
    if constexpr (is_tensor_view<A>::value) {
        return make_input<Index>(argument);
    } else {
        return (argument);
    }
}

template <class Indices, class... A>
struct inputs_for;
template <std::size_t... I, class... A>
struct inputs_for<std::index_sequence<I...>, A...> {
    using type = std::tuple<decltype(as_input<I>(std::declval<const A&>()))...>;

    template <class F>
    static constexpr bool are_taken_by =
        std::invocable<const F&, const std::remove_reference_t<decltype(as_input<I>(std::declval<const A&>()))>&...>;

    static type make(const A&... arguments) { return type(as_input<I>(arguments)...); }
};

// A function's expression over its arguments, with all that the expression refers to.
template <class F, class... A>
class expression_tree {
    using inputs = inputs_for<std::index_sequence_for<A...>, A...>;

public:
    using type =
        std::decay_t<decltype(std::apply(std::declval<const F&>(), std::declval<const typename inputs::type&>()))>;

    expression_tree(const F& function, const A&... arguments)
        : m_inputs(inputs::make(arguments...)), m_root(std::apply(function, m_inputs)) {}
    expression_tree(const expression_tree&) = delete;
    expression_tree& operator=(const expression_tree&) = delete;

    const type& root() const { return m_root; }

private:
    typename inputs::type m_inputs;
    type m_root;
};

// Follows the dimensions through an expression.
template <class E>
void label_dimensions(const E& e, const dimension_labels& labels, labelled_dimensions& dimensions) {
    if constexpr (input_node<E>) {
        dimensions.meet_argument(input_of<E>::index, e.shape(), labels);
    } else if constexpr (reducer_node<E>) {
        const auto& operand = e.expression();
        const dimension_labels below =
            dimensions.meet_reducer(operand.shape(), axes_of(e), e.dimension() == operand.dimension(), labels);
        label_dimensions(operand, below, dimensions);
    } else if constexpr (function_node<E>) {
        std::apply(
            [&](const auto&... argument) {
                (label_dimensions(argument, dimension_labels(labels.end() - argument.dimension(), labels.end()),
                                  dimensions),
                 ...);
            },
            e.arguments());
    }
}

// Whether all functors of an expression may be called from several threads.
template <class E>
constexpr bool is_pure_expression() {
    if constexpr (reducer_node<E>) {
        return is_pure_expression<typename reducer_parts<E>::operand>();
    } else if constexpr (function_node<E>) {
        return is_elementwise_call<E>::value && []<std::size_t... J>(std::index_sequence<J...>) {
            return (is_pure_expression<argument_of_node<E, J>>() && ...);
        }(argument_indices<E>());
    } else {
        return true;
    }
}

/// What the passes over an expression have in common. T is the element type of its tensors; it is computed in that, or
/// in float for short types.
template <class T, class F, class... A>
class row_pass {
public:
    using element = T;
    using root = typename expression_tree<F, A...>::type;

    const root& expression() const { return m_tree.root(); }

protected:
    using value = gradient_value<T>;
    using stages = row_stages<value, root>;

    explicit row_pass(const F& function, const A&... arguments)
        : m_tree(function, arguments...), m_dimensions(sizeof...(A)), m_arguments(row_argument<A>(arguments)...) {}

    // Whether the expression has rows, and enough of them for all threads.
    bool find_rows() {
        const dimension_labels labels = labels_of_root(expression().dimension());
        m_dimensions.meet(expression().shape(), labels);
        label_dimensions(expression(), labels, m_dimensions);
        m_dimensions.compare_reducers();
        if (!m_dimensions.is_found()) {
            return false;
        }
        m_space.emplace(m_dimensions);
        m_columns = m_space->columns_of(expression().shape(), labels);
        const std::ptrdiff_t elements = m_space->rows() * m_space->columns();
        return elements > 0 && (m_columns == 1 || m_columns == m_space->columns()) &&
               !(m_space->reduces() && m_space->rows() < at::get_num_threads() && elements > grain);
    }

    // The strides of what has the shape of the expression.
    template <class Strides>
    row_strides strides_of_root(const Strides& strides) const {
        return m_space->strides_of(expression().shape(), strides, labels_of_root(expression().dimension()));
    }

    // Prepares the rows of the arguments, and of other operands.
    void merge_dimensions(c10::SmallVector<row_strides*, 8> operands) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            const auto add = [&]<std::size_t J>(std::integral_constant<std::size_t, J>) {
                auto& argument = std::get<J>(m_arguments);
                if constexpr (requires { argument.strides; }) {
                    if (const auto& labels = m_dimensions.argument(J)) {
                        argument.strides = m_space->strides_of(argument.view.shape(), argument.view.strides(), *labels);
                        operands.push_back(&argument.strides);
                    }
                }
            };
            (add(std::integral_constant<std::size_t, I>()), ...);
        }(std::index_sequence_for<A...>());
        m_space->merge(operands);
    }

    // Calls body(state, row, first, last) for each row, or part of one with the elements [first, last). Each thread
    // makes a state, and at the end calls end(state, item) with the first of its rows or parts.
    template <class MakeState, class Body, class End>
    void for_each_row(const MakeState& make_state, const Body& body, const End& end) const {
        const std::ptrdiff_t length = m_space->reduces() ? m_space->columns() : row_space::block;
        const std::ptrdiff_t parts = (m_space->columns() + length - 1) / length;
        const auto range = [&](std::ptrdiff_t begin, std::ptrdiff_t last) {
            auto state = make_state();
            for (std::ptrdiff_t item = begin; item < last; ++item) {
                const std::ptrdiff_t first = item % parts * length;
                body(state, item / parts, first, std::min(first + length, m_space->columns()));
            }
            end(state, begin);
        };
        const std::ptrdiff_t items = m_space->rows() * parts;
        if constexpr (is_pure_expression<root>()) {
            parallel_for(items, std::max<std::ptrdiff_t>(1, grain / length), range);
        } else {
            range(0, items);
        }
    }

    template <class Operand>
    using reader_of = decltype(std::declval<const row_argument<Operand>&>().reader());
    template <class... Other>
    using state_with = row_state<value, decltype(constants_of<value>(std::declval<const root&>())), reader_of<A>...,
                                 reader_of<Other>...>;

    // `others` are further operands.
    template <class... Other>
    state_with<Other...> state_of(const row_argument<Other>&... others) const {
        return std::apply(
            [&](const auto&... argument) {
                return state_with<Other...>(*m_space, constants_of<value>(expression()), argument.reader()...,
                                            others.reader()...);
            },
            m_arguments);
    }

    // The arguments in the type in which they are computed, with nothing for what is no tensor.
    std::vector<at::Tensor> tensors() const {
        return std::apply(
            [](const auto&... argument) {
                return std::vector<at::Tensor>{[&] {
                    if constexpr (requires { argument.strides; }) {
                        using kept = typename std::remove_cvref_t<decltype(argument)>::element;
                        return argument.view.tensor().to(scalar_type_v<gradient_value<kept>>);
                    } else {
                        return at::Tensor();
                    }
                }()...};
            },
            m_arguments);
    }

    expression_tree<F, A...> m_tree;
    labelled_dimensions m_dimensions;
    std::tuple<row_argument<A>...> m_arguments;
    std::optional<row_space> m_space;
    std::ptrdiff_t m_columns = 1;  // of the expression
};

}  // namespace xtt::detail
