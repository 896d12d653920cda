// xtensor's generators compute elements from indices: xt::eye and xt::arange from these alone, xt::tril, xt::diag and
// xt::meshgrid from another expression, which they keep to themselves and whose tag they lose. This file says which
// generator is which, and gives those that read a view its tag, and functors that show what they read.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/join.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xt::detail {

template <class T, class R, class S>
class arange_generator;
template <class CT>
class diag_fn;
template <class CT>
class diagonal_fn;
template <class T>
class eye_fn;
template <class F>
class fn_impl;
template <class CT>
class repeat_impl;
template <class CT, class Comp>
class trilu_fn;

}  // namespace xt::detail

namespace xtt::detail {

// ---- expressions over views ----------------------------------------------------------------------------------------

// What stands in the place of xtensor's rule for an element and its indices, whose source is private.
template <class CT>
class rule_over_source {
public:
    using value_type = typename std::decay_t<CT>::value_type;

    const std::decay_t<CT>& source() const noexcept { return m_source; }
    std::ptrdiff_t offset() const noexcept { return m_offset; }

protected:
    template <class Source>
    rule_over_source(Source&& source, int offset) : m_source(std::forward<Source>(source)), m_offset(offset) {}

private:
    CT m_source;
    std::ptrdiff_t m_offset;
};

// Rows and columns are the first two dimensions. `Compare()(row + offset, column)` says what stays.
template <class CT, class Compare>
class triangle : public rule_over_source<CT> {
public:
    using typename rule_over_source<CT>::value_type;

    template <class Source>
    triangle(Source&& source, int offset, Compare) : rule_over_source<CT>(std::forward<Source>(source), offset) {}

    bool keeps(std::ptrdiff_t row, std::ptrdiff_t column) const { return Compare()(row + this->offset(), column); }

    template <class It>
    value_type operator()(It first, It last) const {
        return keeps(static_cast<std::ptrdiff_t>(*first), static_cast<std::ptrdiff_t>(*(first + 1)))
                   ? this->source().element(first, last)
                   : value_type(0);
    }
};

template <class CT>
class diagonal_matrix : public rule_over_source<CT> {
public:
    using typename rule_over_source<CT>::value_type;

    template <class Source>
    diagonal_matrix(Source&& source, int offset) : rule_over_source<CT>(std::forward<Source>(source), offset) {}

    template <class It>
    value_type operator()(It first, It) const {
        const auto row = static_cast<std::ptrdiff_t>(*first);
        const auto column = static_cast<std::ptrdiff_t>(*(first + 1));
        return row + this->offset() == column ? this->source()(static_cast<std::size_t>(std::min(row, column)))
                                              : value_type(0);
    }
};

template <class Rule>
class function_of_indices {
public:
    using value_type = typename Rule::value_type;

    explicit function_of_indices(Rule&& rule) : m_rule(std::move(rule)) {}

    const Rule& rule() const noexcept { return m_rule; }

    // What it reads.
    auto parts() const { return std::tie(m_rule.source()); }

    template <class... Args>
    value_type operator()(Args... args) const {
        const std::array<std::size_t, sizeof...(Args)> index{static_cast<std::size_t>(args)...};
        return m_rule(index.begin(), index.end());
    }

    template <class It>
    value_type element(It first, It last) const {
        return m_rule(first, last);
    }

private:
    Rule m_rule;
};

// The functors of generators that read another expression.
template <class F>
struct source_of_generator {
    using type = void;
};
template <class CT>
struct source_of_generator<xt::detail::fn_impl<xt::detail::diag_fn<CT>>> {
    using type = CT;
};
template <class CT>
struct source_of_generator<xt::detail::fn_impl<xt::detail::diagonal_fn<CT>>> {
    using type = CT;
};
template <class CT, class Compare>
struct source_of_generator<xt::detail::fn_impl<xt::detail::trilu_fn<CT, Compare>>> {
    using type = CT;
};
template <class CT>
struct source_of_generator<xt::detail::repeat_impl<CT>> {
    using type = CT;
};

template <class F>
concept reads_tagged_source =
    !std::is_void_v<typename source_of_generator<F>::type> && tagged_expression<typename source_of_generator<F>::type>;

}  // namespace xtt::detail

namespace xt {

template <class CT, class Compare>
    requires xtt::detail::tagged_expression<CT>
class detail::trilu_fn<CT, Compare> : public xtt::detail::triangle<CT, Compare> {
public:
    using xtt::detail::triangle<CT, Compare>::triangle;
};

template <class CT>
    requires xtt::detail::tagged_expression<CT>
class detail::diag_fn<CT> : public xtt::detail::diagonal_matrix<CT> {
public:
    using xtt::detail::diagonal_matrix<CT>::diagonal_matrix;
};

template <class CT, class Compare>
    requires xtt::detail::tagged_expression<CT>
class detail::fn_impl<detail::trilu_fn<CT, Compare>>
    : public xtt::detail::function_of_indices<detail::trilu_fn<CT, Compare>> {
public:
    using xtt::detail::function_of_indices<detail::trilu_fn<CT, Compare>>::function_of_indices;
};

template <class CT>
    requires xtt::detail::tagged_expression<CT>
class detail::fn_impl<detail::diag_fn<CT>> : public xtt::detail::function_of_indices<detail::diag_fn<CT>> {
public:
    using xtt::detail::function_of_indices<detail::diag_fn<CT>>::function_of_indices;
};

template <class F, class R, class S>
    requires xtt::detail::reads_tagged_source<F>
struct extension::xgenerator_base<F, R, S> : xtt::detail::tagged {};

}  // namespace xt

namespace xtt::detail {

// ---- kinds of generators -------------------------------------------------------------------------------------------

template <class E>
struct is_generator : std::false_type {};
template <class F, class R, class S>
struct is_generator<xt::xgenerator<F, R, S>> : std::bool_constant<!is_join<xt::xgenerator<F, R, S>>::value> {};

template <class F>
inline constexpr bool is_identity = false;
template <class T>
inline constexpr bool is_identity<xt::detail::fn_impl<xt::detail::eye_fn<T>>> = true;

template <class F>
inline constexpr bool is_range = false;
template <class T, class R, class S>
inline constexpr bool is_range<xt::detail::arange_generator<T, R, S>> = true;

template <class F>
inline constexpr bool is_triangle = false;
template <class CT, class Compare>
    requires tagged_expression<CT>
inline constexpr bool is_triangle<xt::detail::fn_impl<xt::detail::trilu_fn<CT, Compare>>> = true;

template <class F>
inline constexpr bool is_diagonal_matrix = false;
template <class CT>
    requires tagged_expression<CT>
inline constexpr bool is_diagonal_matrix<xt::detail::fn_impl<xt::detail::diag_fn<CT>>> = true;

template <class F, class R, class S>
    requires(is_identity<F> || is_range<F>)
inline constexpr bool reads_nothing<xt::xgenerator<F, R, S>> = true;

// Whether an expression has the same value each time that one of its elements is asked for.
template <class E>
inline constexpr bool has_fixed_values = strided_leaf<E> || xt::is_xscalar<E>::value || reads_nothing<E>;
template <class F, class... Arguments>
    requires(is_elementwise_call<xt::xfunction<F, Arguments...>>::value)
inline constexpr bool has_fixed_values<xt::xfunction<F, Arguments...>> =
    (has_fixed_values<std::decay_t<Arguments>> && ...);

// What xt::meshgrid returns: one value for each index of one of its axes.
template <class F>
inline constexpr bool is_coordinate = false;
template <class CT>
inline constexpr bool is_coordinate<xt::detail::repeat_impl<CT>> =
    has_fixed_values<std::decay_t<CT>> && std::is_trivially_copyable_v<typename std::decay_t<CT>::value_type>;
template <class F, class R, class S>
inline constexpr bool is_coordinate<xt::xgenerator<F, R, S>> = is_coordinate<F>;

}  // namespace xtt::detail
