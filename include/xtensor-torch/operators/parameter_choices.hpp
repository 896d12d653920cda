// A schema says "Tensor" and "float"; the function takes views of some rank and numbers of some type. This file lists,
// for each word of a schema, what a parameter of a generic function may be, the most general first.
#pragma once

#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/values.hpp>

#include <c10/core/Scalar.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace xtt::detail {

// Values whose exact type is found when the rest is known; a generic parameter gets the first type.
template <class First, class... Others>
struct open_value : value_argument<First> {
    using settled = value_argument<First>;
    using others = types<Others...>;
};

template <class T>
struct real_of {
    using type = double;
};
template <class T>
    requires(std::floating_point<T> || short_float<T>)
struct real_of<T> {
    using type = T;
};
template <class T>
    requires requires(T t) {
        typename T::value_type;
        t.real();
    }
struct real_of<T> {
    using type = typename T::value_type;
};

template <class T>
using open_real = open_value<typename real_of<T>::type, double, float>;
template <class T>
using open_integer = open_value<std::int64_t, std::int64_t, std::uint64_t, std::int32_t, std::uint32_t>;

template <class T>
using open_number = open_value<typename real_of<T>::type, double, float, std::int64_t, std::uint64_t, std::int32_t,
                               std::uint32_t, bool>;

template <class T>
using read_choices =
    types<view_argument<tensor_view<const T>, true>, view_argument<tensor_view<const T, 1>, true>,
          view_argument<tensor_view<const T, 2>, true>, view_argument<tensor_view<const T, 3>, true>,
          view_argument<tensor_view<const T, 4>, true>, view_argument<tensor_view<const T, 0>, true>,
          view_argument<tensor_view<const std::int64_t>, false>,
          view_argument<tensor_view<const std::int64_t, 1>, false>, view_argument<tensor_view<const bool>, false>>;
template <class T>
using written_choices = types<view_argument<tensor_view<T>, true>, view_argument<tensor_view<T, 1>, true>,
                              view_argument<tensor_view<T, 2>, true>, view_argument<tensor_view<T, 3>, true>,
                              view_argument<tensor_view<T, 4>, true>>;
template <template <class, bool> class Argument, class T>
using wrapped_choices =
    types<Argument<tensor_view<const T>, true>, Argument<tensor_view<const T, 1>, true>,
          Argument<tensor_view<const T, 2>, true>, Argument<tensor_view<const std::int64_t>, false>>;

template <class... Lists>
struct joined;
template <class... A>
struct joined<types<A...>> {
    using type = types<A...>;
};
template <class... A, class... B, class... Rest>
struct joined<types<A...>, types<B...>, Rest...> : joined<types<A..., B...>, Rest...> {};

template <class S>
using optional_or_list = types<value_argument<std::optional<S>>, value_argument<std::vector<S>>>;

// Where the schema gives no type: whatever the function can be called with.
template <class T>
using inferred_choices =
    typename joined<read_choices<T>, types<view_argument<tensor_view<T>, true>>,
                    types<open_number<T>, value_argument<std::string>>,
                    types<optional_argument<tensor_view<const T>, true>, list_argument<tensor_view<const T>, true>>,
                    optional_or_list<double>, optional_or_list<std::int64_t>>::type;

template <schema_type Type>
consteval auto value_of_type() {
    if constexpr (Type.is_optional()) {
        return std::type_identity<std::optional<typename decltype(value_of_type<Type.inner()>())::type>>();
    } else if constexpr (Type.is_list()) {
        return std::type_identity<std::vector<typename decltype(value_of_type<Type.inner()>())::type>>();
    } else if constexpr (Type.base == word::real) {
        return std::type_identity<double>();
    } else if constexpr (Type.base == word::integer || Type.base == word::symbol) {
        return std::type_identity<std::int64_t>();
    } else if constexpr (Type.base == word::boolean) {
        return std::type_identity<bool>();
    } else if constexpr (Type.base == word::text) {
        return std::type_identity<std::string>();
    } else {
        return std::type_identity<c10::Scalar>();
    }
}

template <schema_type Type, class T>
consteval auto choices_of() {
    constexpr schema_type tensor{word::tensor};
    if constexpr (Type == schema_type()) {
        return inferred_choices<T>();
    } else if constexpr (Type == tensor) {
        return read_choices<T>();
    } else if constexpr (Type == schema_type{word::written}) {
        return written_choices<T>();
    } else if constexpr (Type == tensor.optional()) {
        return wrapped_choices<optional_argument, T>();
    } else if constexpr (Type == tensor.list()) {
        return wrapped_choices<list_argument, T>();
    } else if constexpr (Type == schema_type{word::real}) {
        return types<open_real<T>>();
    } else if constexpr (Type == schema_type{word::integer} || Type == schema_type{word::symbol}) {
        return types<open_integer<T>>();
    } else if constexpr (Type == schema_type{word::scalar}) {
        return types<scalar_argument<T>>();
    } else {
        return types<value_argument<typename decltype(value_of_type<Type>())::type>>();
    }
}

}  // namespace xtt::detail
