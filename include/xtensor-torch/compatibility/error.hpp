// LibTorch's exceptions carry a stack trace in what() when its macros raise them. Raised through their public
// constructors they carry the sentence alone, and still arrive in Python as TypeError, ValueError, RuntimeError.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/language.hpp>

#include <c10/util/Exception.h>
#include <c10/util/Type.h>

#include <cstddef>
#include <string>

namespace xtt::detail {

[[noreturn]] XTENSOR_TORCH_COLD inline void throw_error(const std::string& sentence) { throw c10::Error(sentence); }
[[noreturn]] XTENSOR_TORCH_COLD inline void throw_type_error(const std::string& sentence) {
    throw c10::TypeError(sentence);
}
[[noreturn]] XTENSOR_TORCH_COLD inline void throw_value_error(const std::string& sentence) {
    throw c10::ValueError(sentence);
}
[[noreturn]] XTENSOR_TORCH_COLD inline void throw_index_error(const std::string& sentence) {
    throw c10::IndexError(sentence);
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

}  // namespace xtt::detail
