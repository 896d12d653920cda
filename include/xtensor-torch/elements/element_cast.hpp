// C++ leaves it open what a number becomes that the integer type cannot hold, and compilers answer differently in
// vector code and outside of it. LibTorch's answer is that of x86-64's instructions; this file gives the same
// everywhere. It also converts between complex types that C++ does not convert to each other.
#pragma once

#include <xtensor-torch/elements/dtype_traits.hpp>

#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace xtt::detail {

template <class T>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<std::complex<T>> = true;
template <class T>
inline constexpr bool is_complex<c10::complex<T>> = true;

template <class V>
concept real_number = std::floating_point<V> || reduced_precision<V>;

// Whether a conversion from V to T needs more than static_cast to be defined, or to compile.
template <class T, class V>
concept needs_element_cast = (real_number<V> && (std::integral<T> || std::is_enum_v<T>) && !std::same_as<T, bool>) ||
                             (is_complex<T> && is_complex<V> && !std::same_as<T, V>);

template <class V, class T>
concept convertible_to_element = std::convertible_to<V, T> || (is_complex<T> && is_complex<V>);

// Truncates towards zero; the least integer stands for what Integer cannot hold, infinities and NaN.
template <class Integer, std::floating_point V>
constexpr Integer truncated(V value) noexcept {
    // A power of two, and so exact, like its opposite, which is one more than the greatest integer.
    constexpr V low = static_cast<V>(std::numeric_limits<Integer>::min());
    return value >= low && value < -low ? static_cast<Integer>(value) : std::numeric_limits<Integer>::min();
}

template <std::integral T, std::floating_point V>
constexpr T integer_from(V value) noexcept {
    if constexpr (sizeof(T) == 8 && std::unsigned_integral<T>) {
        constexpr V half = static_cast<V>(std::uint64_t{1} << 63);
        if (value >= half) {
            return value < 2 * half ? static_cast<T>(static_cast<std::int64_t>(value - half)) | T{1} << 63 : T{0};
        }
        return static_cast<T>(truncated<std::int64_t>(value));
    } else if constexpr (sizeof(T) == 8 || std::same_as<T, std::uint32_t> ||
                         (std::same_as<T, std::uint8_t> && sizeof(V) > sizeof(float))) {
        // Of a float beyond the 32-bit integers the low eight bits are zeros, whichever integer it becomes.
        return static_cast<T>(truncated<std::int64_t>(value));
    } else {
        return static_cast<T>(truncated<std::int32_t>(value));
    }
}

// What LibTorch makes a T of reduced precision of: for ARM, a Half of the processor's own type.
#if defined(__aarch64__) && !defined(__CUDACC__)
template <class T>
using made_from = std::conditional_t<std::same_as<T, at::Half>, float16_t, float>;
#else
template <class T>
using made_from = float;
#endif

/// The value as a T, as LibTorch's `to` converts it on x86-64.
///
/// From floating-point to integer: truncated towards zero, and its low bits taken where T is too narrow. What the
/// 64-bit integer (for uint8, uint32 and 64-bit types) or the 32-bit integer (for others) cannot hold gives that
/// integer's least value, of which the low bits are taken; uint64 gives 0 for what is too large.
template <class T, class V>
constexpr T element_cast(const V& value) {
    if constexpr (is_complex<T> && is_complex<V>) {
        using part = typename T::value_type;
        return T(static_cast<part>(value.real()), static_cast<part>(value.imag()));
    } else if constexpr (needs_element_cast<T, V> && std::is_enum_v<T>) {
        return static_cast<T>(element_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (needs_element_cast<T, V>) {
        using wide = std::conditional_t<std::same_as<V, double> || std::same_as<V, long double>, V, float>;
        return integer_from<T>(static_cast<wide>(value));
    } else if constexpr (reduced_precision_class<T> && std::is_arithmetic_v<V>) {
        return static_cast<T>(static_cast<made_from<T>>(static_cast<float>(value)));
    } else {
        return static_cast<T>(value);
    }
}

/// The same as a functor of xtensor.
template <class T>
struct element_cast_to {
    template <class V>
    constexpr T operator()(const V& value) const {
        return element_cast<T>(value);
    }
};

}  // namespace xtt::detail
