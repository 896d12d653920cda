// Parameters that are no tensors: LibTorch keeps numbers and text boxed, functions take them as C++ types. This file
// reads them, and boxes what a function returns of this kind.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/schema.hpp>

#include <ATen/core/ivalue.h>
#include <c10/core/Scalar.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace xtt::detail {

// How the schema names a value, and how it is read.
template <class S>
struct value_traits;

template <class S>
concept op_value = requires { value_traits<S>::type; };

template <std::floating_point S>
struct value_traits<S> {
    static constexpr schema_type type{word::real};
    static S read(const c10::IValue& value) { return static_cast<S>(value.toDouble()); }
};
template <short_float S>
struct value_traits<S> {
    static constexpr schema_type type{word::real};
    static S read(const c10::IValue& value) { return static_cast<float>(value.toDouble()); }
};
template <std::integral S>
struct value_traits<S> {
    static constexpr schema_type type{word::integer};
    static S read(const c10::IValue& value) { return static_cast<S>(value.toInt()); }
};
template <>
struct value_traits<bool> {
    static constexpr schema_type type{word::boolean};
    static bool read(const c10::IValue& value) { return value.toBool(); }
};
template <>
struct value_traits<std::string> {
    static constexpr schema_type type{word::text};
    static std::string read(const c10::IValue& value) { return value.toStringRef(); }
};
template <>
struct value_traits<c10::Scalar> {
    static constexpr schema_type type{word::scalar};
    static c10::Scalar read(const c10::IValue& value) { return value.toScalar(); }
};
template <op_value S>
struct value_traits<std::optional<S>> {
    static constexpr schema_type type = value_traits<S>::type.optional();
    static std::optional<S> read(const c10::IValue& value) {
        return value.isNone() ? std::nullopt : std::optional<S>(value_traits<S>::read(value));
    }
};
template <op_value S>
struct value_traits<std::vector<S>> {
    static constexpr schema_type type = value_traits<S>::type.list();
    static std::vector<S> read(const c10::IValue& value) {
        std::vector<S> values;
        for (const auto& element : value.toList()) {
            values.push_back(value_traits<S>::read(element));
        }
        return values;
    }
};

// A parameter that is no tensor.
template <class S>
struct value_argument {
    static constexpr bool is_tensor = false;
    static constexpr bool is_shared = false;
    static constexpr bool is_written = false;
    using passed = const S&;
    using stored = S;

    static constexpr schema_type type = value_traits<S>::type;

    static void require(const op_call&, const char*, const c10::IValue&) {}
    static stored make(op_call&, const c10::IValue& value) { return value_traits<S>::read(value); }
};

// An integer, or what holds integers, that may be symbols while a program is compiled: "SymInt". The function takes
// numbers.
template <class Integer>
struct symbol_argument : Integer {
    static constexpr schema_type type = Integer::type.with(word::symbol);
};

template <class A>
inline constexpr bool is_symbol = A::type.base == word::symbol;

template <bool IsSymbol, class A>
using symbol_where = std::conditional_t<IsSymbol && A::type.base == word::integer, symbol_argument<A>, A>;

template <class T>
T scalar_as(const c10::Scalar& number) {
    if constexpr (is_complex<T>) {
        using real = typename T::value_type;
        const auto value = number.to<c10::complex<double>>();
        return T(static_cast<real>(value.real()), static_cast<real>(value.imag()));
    } else {
        return number.to<T>();
    }
}

// Whether the element type can hold the number; LibTorch's own operators make the same difference.
template <class T>
bool can_hold(const c10::Scalar& number) {
    try {
        static_cast<void>(scalar_as<T>(number));
        return c10::canCast(number.type(), scalar_type_v<T>);
    } catch (const std::exception&) {  // it is too large
        return false;
    }
}

// A number of any kind, "Scalar", that comes in the element type T of the tensors.
template <class T>
struct scalar_argument : value_argument<T> {
    using settled = scalar_argument;
    using others = types<c10::Scalar>;

    static constexpr schema_type type{word::scalar};

    static void require(const op_call&, const char* label, const c10::IValue& value) {
        if (const c10::Scalar number = value.toScalar(); !can_hold<T>(number)) [[unlikely]] {
            throw_value_error(std::string(label) + ": the number is " + c10::str(value) + "; the tensors are " +
                              describe(scalar_type_v<T>).name + ", which it has to fit in. Convert them first: " +
                              conversion_to(describe(number.type())) + ".");
        }
    }
    static T make(op_call&, const c10::IValue& value) { return scalar_as<T>(value.toScalar()); }
};

// LibTorch has integers and floating point numbers of 64 bits.
template <op_value S>
auto widened(const S& value) {
    if constexpr (std::same_as<S, bool> || std::same_as<S, c10::Scalar>) {
        return value;
    } else if constexpr (std::integral<S>) {
        return static_cast<std::int64_t>(value);
    } else if constexpr (std::is_convertible_v<S, double>) {
        return static_cast<double>(value);
    } else if constexpr (requires { value.has_value(); }) {
        using wide = decltype(widened(*value));
        return value ? std::optional<wide>(widened(*value)) : std::nullopt;
    } else if constexpr (std::same_as<S, std::string>) {
        return value;
    } else {
        using element = typename S::value_type;
        std::vector<decltype(widened(element()))> values;
        for (const element& one : value) {
            values.push_back(widened(one));
        }
        return values;
    }
}

// What a function returned, boxed.
template <op_value S>
c10::IValue boxed(const S& value) {
    return widened(value);
}

}  // namespace xtt::detail
