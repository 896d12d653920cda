// The mistakes in a registration that the compiler can see. What has one is not compiled further, so that no other
// errors follow its sentence: functions named require_… have the sentences, and those that return bool say whether to
// go on.
#pragma once

#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/backward.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/signature.hpp>
#include <xtensor-torch/operators/values.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// ---- the schema -----------------------------------------------------------------------------------------------------

template <op_text Schema>
consteval void require_schema() {
    constexpr schema_mistake mistake = outline_of(Schema).mistake;
    static_assert(
        mistake != schema_mistake::no_name,
        "op: the schema starts with the operator's name, without namespace; TORCH_LIBRARY gives the namespace");
    static_assert(mistake != schema_mistake::no_end,
                  "op: the schema's list of parameters has no end; a closing parenthesis is missing");
    static_assert(mistake != schema_mistake::nameless_parameter,
                  "op: a parameter of the schema has no name; write \"Tensor x\", or \"x\" to have its type inferred");
    static_assert(mistake != schema_mistake::too_many,
                  "op: the schema has more parameters or results than can be read");
    static_assert(mistake != schema_mistake::unknown_type,
                  "op: a parameter's type in the schema is one of Tensor, Tensor(a!), Tensor?, Tensor[], float, int, "
                  "SymInt, bool, str and Scalar, and of the last six with ? or [] behind them");
}

// ---- the function ---------------------------------------------------------------------------------------------------

template <class P, class Bare>
inline constexpr bool is_half_written = false;
template <class P, class T, std::size_t N, xt::layout_type L>
inline constexpr bool is_half_written<P, tensor_view<T, N, L>> =
    !std::is_const_v<T> && std::is_const_v<std::remove_reference_t<P>>;

template <class Bare>
inline constexpr bool is_written_optional = false;
template <class T, std::size_t N, xt::layout_type L>
inline constexpr bool is_written_optional<std::optional<tensor_view<T, N, L>>> = !std::is_const_v<T>;

template <class Bare>
inline constexpr bool is_written_list = false;
template <class T, std::size_t N, xt::layout_type L>
inline constexpr bool is_written_list<std::vector<tensor_view<T, N, L>>> = !std::is_const_v<T>;

template <class P, class Bare = std::remove_cvref_t<P>>
inline constexpr bool is_known_parameter =
    op_value<Bare> || !std::is_same_v<typename argument_for<Bare>::type, value_argument<Bare>>;

template <class P>
consteval void require_parameter_type() {
    using bare = std::remove_cvref_t<P>;
    static_assert(is_known_parameter<P>,
                  "op: a parameter is a tensor_view, a std::optional or std::vector of one, or a value: double, "
                  "std::int64_t, bool, std::string, at::Scalar, or a std::optional or std::vector of those");
    static_assert(!is_half_written<P, bare>,
                  "op: take the tensor as tensor_view<const T> to read it, or as tensor_view<T>& to write it");
    static_assert(!is_written_optional<bare>,
                  "op: an optional tensor can only be read: std::optional<tensor_view<const T>>");
    static_assert(!is_written_list<bare>, "op: a list of tensors can only be read: std::vector<tensor_view<const T>>");
}

template <class... P>
consteval bool has_known_types(types<P...>) {
    return ((is_known_parameter<P> && !is_half_written<P, std::remove_cvref_t<P>> &&
             !is_written_optional<std::remove_cvref_t<P>> && !is_written_list<std::remove_cvref_t<P>>) &&
            ...);
}

template <class... P>
consteval void require_parameter_types(types<P...>) {
    (require_parameter_type<P>(), ...);
}

// Nothing is known of the parameters of a generic function.
template <class F>
consteval bool has_known_parameters() {
    if constexpr (has_written_out_parameters<F>) {
        return has_known_types(typename parameters_of<F>::parameters());
    }
    return true;
}

template <class F>
consteval void require_known_parameters() {
    if constexpr (has_written_out_parameters<F>) {
        require_parameter_types(typename parameters_of<F>::parameters());
    }
}

template <op_text Schema, class F>
consteval bool has_stated_parameters() {
    constexpr schema_outline outline = outline_of(Schema);
    if constexpr (has_written_out_parameters<F>) {
        return !outline.names_parameters || outline.count == parameters_of<F>::parameters::size;
    }
    return outline.names_parameters;
}

// Whether the parameters of a function that is registered for these element types are known.
template <op_text Schema, class F, class... Elements>
inline constexpr bool is_known_function =
    has_written_out_parameters<F> == (sizeof...(Elements) == 0) && outline_of(Schema).mistake == schema_mistake::none &&
    has_stated_parameters<Schema, F>() && has_known_parameters<F>();

template <op_text Schema, class F, class... Elements>
consteval void require_known_function() {
    constexpr bool is_written_out = has_written_out_parameters<F>;
    static_assert(is_written_out || sizeof...(Elements) > 0,
                  "op: name the element types of a generic function: xtt::op<\"…\", float, double>(library, function)");
    static_assert(!is_written_out || sizeof...(Elements) == 0,
                  "op: this function's parameters are written out, element types included; leave out the list");
    require_schema<Schema>();
    if constexpr (outline_of(Schema).mistake == schema_mistake::none) {
        constexpr bool has_stated = has_stated_parameters<Schema, F>();
        static_assert(has_stated || !is_written_out,
                      "op: the schema and the function have different numbers of parameters");
        static_assert(has_stated || is_written_out,
                      "op: a generic function needs the names of its parameters in the schema: \"name(x, limit)\"");
        require_known_parameters<F>();
    }
}

template <class Arguments>
consteval bool require_choice() {
    constexpr bool is_found = !std::is_same_v<Arguments, no_choice>;
    static_assert(is_found,
                  "op: the function cannot be called with what the schema says; give it one parameter for each in the "
                  "schema, tensors as const auto& or tensor_view<const T> const&, tensors that are written as auto& or "
                  "tensor_view<T>&");
    return is_found;
}

template <class R>
inline constexpr bool is_returnable = value_result<R> || is_none<R> || copyable<R> || deferred_result<R>;
template <class R>
    requires(!value_result<std::optional<R>>)
inline constexpr bool is_returnable<std::optional<R>> = is_returnable<R>;
template <class R, class A>
    requires(!value_result<std::vector<R, A>>)
inline constexpr bool is_returnable<std::vector<R, A>> = is_returnable<R>;

template <class... R>
consteval bool require_results(types<R...>) {
    constexpr bool are_returnable = (is_returnable<R> && ...);
    static_assert(are_returnable,
                  "op: a function returns an xtensor expression or container with elements of a dtype, a std::optional "
                  "or std::vector of those, a value, std::nullopt for no gradient, a std::tuple of those, or void");
    return are_returnable;
}

// ---- the function beside the schema ---------------------------------------------------------------------------------

template <std::size_t Number, schema_type Stated, schema_type Taken>
consteval bool require_parameter() {
    constexpr bool agrees = Stated == schema_type() || Stated == Taken;
    static_assert(agrees,
                  "op: the schema gives a parameter another type than the function takes; leave the type out to have "
                  "it inferred");
    return agrees;
}

template <std::size_t Number, schema_type Stated, schema_type Returned>
consteval bool require_result() {
    // A result may be an undefined tensor, and the schema may say so.
    constexpr bool may_be_undefined = Returned == schema_type{word::tensor} && Stated == Returned.optional();
    constexpr bool agrees = Stated == Returned || may_be_undefined;
    static_assert(agrees,
                  "op: the schema gives a result another type than the function returns; leave the arrow out to have "
                  "it inferred");
    return agrees;
}

template <class Signature, class... A, std::size_t... I>
consteval bool require_parameters_as_stated(types<A...>, std::index_sequence<I...>) {
    return (require_parameter<I, Signature::outline.parameters[I], A::type>() & ... & true);
}

template <class Signature, class... R, std::size_t... I>
consteval bool require_results_as_stated(types<R...>, std::index_sequence<I...>) {
    return (require_result<I, Signature::outline.results[I], type_of_result<R>()>() & ... & true);
}

// The compiler names what is at odds in the lines around the sentence.
template <class Definition>
consteval bool require_agreement() {
    using signature = typename Definition::signature;
    using arguments = some_arguments<Definition>;
    if constexpr (!require_results(some_items<Definition>())) {
        return false;
    } else {
        bool agrees = true;
        if constexpr (signature::outline.names_parameters) {
            agrees = require_parameters_as_stated<signature>(arguments(), std::make_index_sequence<arguments::size>());
        }
        if constexpr (signature::outline.states_results) {
            using results = visible_results<Definition, some_items<Definition>>;
            constexpr bool is_same_count = signature::outline.result_count == results::size;
            static_assert(is_same_count,
                          "op: the schema names another number of results than the function returns; leave the arrow "
                          "out to have them inferred");
            if constexpr (is_same_count) {
                return agrees &&
                       require_results_as_stated<signature>(results(), std::make_index_sequence<results::size>());
            } else {
                return false;
            }
        }
        return agrees;
    }
}

// ---- a backward -----------------------------------------------------------------------------------------------------

template <class Forward, class G, class T>
consteval bool require_backward() {
    static_assert(!writes_arguments<Forward>,
                  "op: an operator that writes to its arguments has no backward; return the result instead");
    if constexpr (!writes_arguments<Forward>) {
        using items =
            typename result_items<result_of_t<typename Forward::function_type, arguments_of<Forward, T>>>::type;
        constexpr bool has_gradients = decltype(differentiable(visible_results<Forward, items>()))::size > 0;
        static_assert(has_gradients, "op: a backward needs a forward with a result of floating point numbers");
        require_known_parameters<G>();
        if constexpr (has_gradients && has_known_parameters<G>()) {
            using found = typename backward_signature<Forward, G>::template arguments<T>;
            constexpr bool is_found = !std::is_same_v<found, no_choice>;
            static_assert(is_found,
                          "op: a backward takes the gradients of the results, then the arguments of the forward, and "
                          "optionally the results; this one cannot be called so");
            return is_found;
        }
    }
    return false;
}

}  // namespace xtt::detail
