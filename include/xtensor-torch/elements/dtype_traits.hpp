// LibTorch names the element type of a tensor at run time (c10::ScalarType), xtensor at compile time (a C++ type).
// This file is the one table between the two, and says of each C++ type whether it is the very type LibTorch uses
// or another one with the same bytes.
//
// In expressions, C++ decides where it has a rule: int8 + int8 is an int, float + double a double, a comparison a bool.
// For c10's types their own operators decide. Half, BFloat16 and the Float8 types stay what they are with themselves
// and with integers, each result rounded; with float and double they become float and double. c10::complex combines
// with itself and its real type, std::complex with every number.
//
// Sums and products take the type that one addition gives: bool, int8, int16, uint8 and uint16 are added up as int,
// wider integers as themselves, and wrap as they do in xtensor's containers; xt::sum<std::int64_t>(view) asks for more
// room. Of views, Half, BFloat16 and Float8 are added up as float, which is also the type of the sum, cumulative sums
// included; norms are double. The least and the greatest element keep their type.
//
// An assignment converts as LibTorch's `to` does: from floating-point to integer towards zero, and what the integer
// type cannot hold as x86-64's instructions do, on every processor: -1 becomes 255 in uint8, 3e9 the least int32.
#pragma once

#include <xtensor-torch/compatibility/language.hpp>
#include <xtensor-torch/elements/accumulation.hpp>

#include <c10/core/ScalarType.h>

#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#if __has_include(<stdfloat>)
#include <stdfloat>
#endif

/// All public names: the verbs, the view, and what generic code asks about them.
namespace xtt {

/// How an element type of C++ relates to the bytes of a tensor.
enum class sharing {
    exact,      ///< the type LibTorch itself uses for this dtype
    same_bytes  ///< another C++ type of identical size and representation
};

namespace detail {

template <c10::ScalarType Scalar>
struct dtype_text;

// The name torch prints and the constant a C++ user types, for every dtype that has a C++ element type.
// clang-format off
template <> struct dtype_text<c10::ScalarType::Bool> { static constexpr std::string_view name = "bool", constant = "torch::kBool"; };
template <> struct dtype_text<c10::ScalarType::Char> { static constexpr std::string_view name = "int8", constant = "torch::kInt8"; };
template <> struct dtype_text<c10::ScalarType::Short> { static constexpr std::string_view name = "int16", constant = "torch::kInt16"; };
template <> struct dtype_text<c10::ScalarType::Int> { static constexpr std::string_view name = "int32", constant = "torch::kInt32"; };
template <> struct dtype_text<c10::ScalarType::Long> { static constexpr std::string_view name = "int64", constant = "torch::kInt64"; };
template <> struct dtype_text<c10::ScalarType::Byte> { static constexpr std::string_view name = "uint8", constant = "torch::kUInt8"; };
template <> struct dtype_text<c10::ScalarType::UInt16> { static constexpr std::string_view name = "uint16", constant = "torch::kUInt16"; };
template <> struct dtype_text<c10::ScalarType::UInt32> { static constexpr std::string_view name = "uint32", constant = "torch::kUInt32"; };
template <> struct dtype_text<c10::ScalarType::UInt64> { static constexpr std::string_view name = "uint64", constant = "torch::kUInt64"; };
template <> struct dtype_text<c10::ScalarType::Half> { static constexpr std::string_view name = "float16", constant = "torch::kFloat16"; };
template <> struct dtype_text<c10::ScalarType::BFloat16> { static constexpr std::string_view name = "bfloat16", constant = "torch::kBFloat16"; };
template <> struct dtype_text<c10::ScalarType::Float> { static constexpr std::string_view name = "float32", constant = "torch::kFloat32"; };
template <> struct dtype_text<c10::ScalarType::Double> { static constexpr std::string_view name = "float64", constant = "torch::kFloat64"; };
template <> struct dtype_text<c10::ScalarType::ComplexFloat> { static constexpr std::string_view name = "complex64", constant = "torch::kComplexFloat"; };
template <> struct dtype_text<c10::ScalarType::ComplexDouble> { static constexpr std::string_view name = "complex128", constant = "torch::kComplexDouble"; };
template <> struct dtype_text<c10::ScalarType::Float8_e5m2> { static constexpr std::string_view name = "float8_e5m2", constant = "torch::kFloat8_e5m2"; };
template <> struct dtype_text<c10::ScalarType::Float8_e5m2fnuz> { static constexpr std::string_view name = "float8_e5m2fnuz", constant = "torch::kFloat8_e5m2fnuz"; };
template <> struct dtype_text<c10::ScalarType::Float8_e4m3fn> { static constexpr std::string_view name = "float8_e4m3fn", constant = "torch::kFloat8_e4m3fn"; };
template <> struct dtype_text<c10::ScalarType::Float8_e4m3fnuz> { static constexpr std::string_view name = "float8_e4m3fnuz", constant = "torch::kFloat8_e4m3fnuz"; };
// clang-format on

template <c10::ScalarType Scalar, sharing How>
struct dtype_row {
    static constexpr c10::ScalarType scalar_type = Scalar;
    static constexpr std::string_view name = dtype_text<Scalar>::name;
    static constexpr xtt::sharing sharing = How;
};

// The 64-bit integer type that int64_t is not (long long here, long elsewhere), as an integer of known width.
template <class T>
concept other_integer = (std::same_as<T, long> || std::same_as<T, long long> || std::same_as<T, unsigned long> ||
                         std::same_as<T, unsigned long long>) &&
                        !std::same_as<T, std::int32_t> && !std::same_as<T, std::uint32_t> &&
                        !std::same_as<T, std::int64_t> && !std::same_as<T, std::uint64_t>;

template <other_integer T>
using integer_of_same_width =
    std::conditional_t<sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>>;

}  // namespace detail

/// The table C++ type -> dtype. A type without an entry has no members here and cannot be an element.
///
/// `scalar_type` is LibTorch's value, `name` is what torch prints for it, `sharing` says how the bytes are shared.
template <class T>
struct dtype_traits {};

// clang-format off
template <> struct dtype_traits<bool> : detail::dtype_row<c10::ScalarType::Bool, sharing::exact> {};
template <> struct dtype_traits<std::int8_t> : detail::dtype_row<c10::ScalarType::Char, sharing::exact> {};
template <> struct dtype_traits<std::int16_t> : detail::dtype_row<c10::ScalarType::Short, sharing::exact> {};
template <> struct dtype_traits<std::int32_t> : detail::dtype_row<c10::ScalarType::Int, sharing::exact> {};
template <> struct dtype_traits<std::int64_t> : detail::dtype_row<c10::ScalarType::Long, sharing::exact> {};
template <> struct dtype_traits<std::uint8_t> : detail::dtype_row<c10::ScalarType::Byte, sharing::exact> {};
template <> struct dtype_traits<std::uint16_t> : detail::dtype_row<c10::ScalarType::UInt16, sharing::exact> {};
template <> struct dtype_traits<std::uint32_t> : detail::dtype_row<c10::ScalarType::UInt32, sharing::exact> {};
template <> struct dtype_traits<std::uint64_t> : detail::dtype_row<c10::ScalarType::UInt64, sharing::exact> {};
template <> struct dtype_traits<float> : detail::dtype_row<c10::ScalarType::Float, sharing::exact> {};
template <> struct dtype_traits<double> : detail::dtype_row<c10::ScalarType::Double, sharing::exact> {};
template <> struct dtype_traits<c10::Half> : detail::dtype_row<c10::ScalarType::Half, sharing::exact> {};
template <> struct dtype_traits<c10::BFloat16> : detail::dtype_row<c10::ScalarType::BFloat16, sharing::exact> {};
template <> struct dtype_traits<c10::complex<float>> : detail::dtype_row<c10::ScalarType::ComplexFloat, sharing::exact> {};
template <> struct dtype_traits<c10::complex<double>> : detail::dtype_row<c10::ScalarType::ComplexDouble, sharing::exact> {};
template <> struct dtype_traits<c10::Float8_e5m2> : detail::dtype_row<c10::ScalarType::Float8_e5m2, sharing::exact> {};
template <> struct dtype_traits<c10::Float8_e5m2fnuz> : detail::dtype_row<c10::ScalarType::Float8_e5m2fnuz, sharing::exact> {};
template <> struct dtype_traits<c10::Float8_e4m3fn> : detail::dtype_row<c10::ScalarType::Float8_e4m3fn, sharing::exact> {};
template <> struct dtype_traits<c10::Float8_e4m3fnuz> : detail::dtype_row<c10::ScalarType::Float8_e4m3fnuz, sharing::exact> {};

template <> struct dtype_traits<std::complex<float>> : detail::dtype_row<c10::ScalarType::ComplexFloat, sharing::same_bytes> {};
template <> struct dtype_traits<std::complex<double>> : detail::dtype_row<c10::ScalarType::ComplexDouble, sharing::same_bytes> {};
template <> struct dtype_traits<std::byte> : detail::dtype_row<c10::ScalarType::Byte, sharing::same_bytes> {};
template <> struct dtype_traits<char>
    : detail::dtype_row<std::is_signed_v<char> ? c10::ScalarType::Char : c10::ScalarType::Byte, sharing::same_bytes> {};
template <detail::other_integer T>
struct dtype_traits<T>
    : detail::dtype_row<dtype_traits<detail::integer_of_same_width<T>>::scalar_type, sharing::same_bytes> {};
#if defined(__STDCPP_FLOAT16_T__)
template <> struct dtype_traits<std::float16_t> : detail::dtype_row<c10::ScalarType::Half, sharing::same_bytes> {};
#endif
#if defined(__STDCPP_BFLOAT16_T__)
template <> struct dtype_traits<std::bfloat16_t> : detail::dtype_row<c10::ScalarType::BFloat16, sharing::same_bytes> {};
#endif
#if defined(__STDCPP_FLOAT32_T__)
template <> struct dtype_traits<std::float32_t> : detail::dtype_row<c10::ScalarType::Float, sharing::same_bytes> {};
#endif
#if defined(__STDCPP_FLOAT64_T__)
template <> struct dtype_traits<std::float64_t> : detail::dtype_row<c10::ScalarType::Double, sharing::same_bytes> {};
#endif
// clang-format on

/// A C++ type that can be the element of a tensor, shared or copied.
template <class T>
concept element = requires {
    { dtype_traits<T>::scalar_type } -> std::convertible_to<c10::ScalarType>;
};

/// The dtype of an element type, e.g. `scalar_type_v<float> == torch::kFloat32`.
template <element T>
inline constexpr c10::ScalarType scalar_type_v = dtype_traits<T>::scalar_type;

namespace detail {

// Explains, at compile time, why T has no dtype; the compiler names T in the line above the sentence.
template <class T>
consteval void require_element() {
    if constexpr (!element<T>) {
        static_assert(!std::is_same_v<T, long double>,
                      "long double has no dtype in LibTorch: use double (torch::kFloat64)");
        static_assert(!std::is_same_v<T, std::string>,
                      "std::string has no dtype in LibTorch: encode text as integers, e.g. std::int64_t tokens");
        static_assert(!std::is_same_v<T, std::vector<bool>::reference>,
                      "std::vector<bool> packs its elements into bits and cannot be shared: use xt::xarray<bool>");
        static_assert(!std::is_pointer_v<T> && !std::is_reference_v<T>,
                      "an element is a value: name the element type itself, without pointer or reference");
        static_assert(!std::is_class_v<T>,
                      "this class has no dtype in LibTorch: use an element type of dtype.hpp, one tensor per member");
        static_assert(
            element<T>,
            "this type has no dtype in LibTorch: use an element type of dtype.hpp, e.g. float or std::int64_t");
    }
}

}  // namespace detail

}  // namespace xtt
