// LibTorch's exceptions carry a stack trace in what() when its macros raise them. Raised through their public
// constructors they carry the sentence alone, and still arrive in Python as TypeError, ValueError, RuntimeError.
#pragma once

#include <xtensor-torch/detail/language.hpp>

#include <c10/core/ScalarType.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/Exception.h>
#include <c10/util/Type.h>

#include <xtensor-torch/dtype.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace xtt::detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_error(const std::string& sentence) {
    throw c10::Error(sentence);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_type_error(const std::string& sentence) {
    throw c10::TypeError(sentence);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_value_error(const std::string& sentence) {
    throw c10::ValueError(sentence);
}

// A shape or strides, as torch prints them: [2, 3].
template <class Sequence>
std::string braced(const Sequence& values) {
    std::string text = "[";
    for (const auto& value : values) {
        text += (text.size() > 1 ? ", " : "") + std::to_string(value);
    }
    return text + "]";
}

inline std::string plural(std::size_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// "float" for float, "std::complex<float>" for that: the type as the user wrote it, or nearly so.
template <class T>
std::string type_name() {
    return c10::demangle_type<T>();
}

struct dtype_words {
    std::string name;      // as torch prints it: float32
    std::string constant;  // as a C++ user types it: torch::kFloat32
};

// LibTorch's own element types, one for every dtype that has one.
template <class... Elements>
struct dtype_list {
    static bool contains(c10::ScalarType scalar) { return ((scalar == scalar_type_v<Elements>) || ...); }

    static dtype_words find_words(c10::ScalarType scalar) {
        dtype_words words{c10::toString(scalar), std::string("torch::k") + c10::toString(scalar)};
        ((scalar == scalar_type_v<Elements> ? void(words = {std::string(dtype_text<scalar_type_v<Elements>>::name),
                                                            std::string(dtype_text<scalar_type_v<Elements>>::constant)})
                                            : void()),
         ...);
        return words;
    }
};

using dtypes_with_element =
    dtype_list<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
               std::uint64_t, c10::Half, c10::BFloat16, float, double, c10::complex<float>, c10::complex<double>,
               c10::Float8_e5m2, c10::Float8_e5m2fnuz, c10::Float8_e4m3fn, c10::Float8_e4m3fnuz>;

inline bool has_element_type(c10::ScalarType scalar) { return dtypes_with_element::contains(scalar); }

// Dtypes without an element type of C++ (quantized ones, complex32, …) keep LibTorch's own spelling.
inline dtype_words describe(c10::ScalarType scalar) { return dtypes_with_element::find_words(scalar); }

}  // namespace xtt::detail
