// LibTorch prints a dtype by the name of its own C++ type (Float). Messages name it as Python does, and as a user of
// C++ writes it.
#pragma once

#include <xtensor-torch/elements/dtype_traits.hpp>

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>

namespace xtt::detail {

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
