// A container of xtensor says where its elements are by `data` and `data_offset`, and aligns them for C++. LibTorch may
// ask for more; this file asks a container both before a tensor is made over its elements.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/elements/dtype_traits.hpp>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>

namespace xtt::detail {

// LibTorch's own type for a dtype may ask for more alignment than the C++ type with the same bytes.
template <class T>
inline constexpr std::size_t tensor_alignment = alignof(T);
template <class T>
inline constexpr std::size_t tensor_alignment<std::complex<T>> = alignof(c10::complex<T>);

template <class T>
void require_tensor_alignment(const char* verb, std::uintptr_t address) {
    if (address % tensor_alignment<T> != 0) [[unlikely]] {
        throw_value_error(std::string(verb) + ": the elements do not start at a multiple of " +
                          std::to_string(tensor_alignment<T>) + " bytes, which a tensor of " +
                          describe(scalar_type_v<T>).name + " needs. Copy them instead: xtt::copy(x).");
    }
}

// Without elements there may be no address either, and nothing must be added to it.
template <class X>
auto* first_element(X& x) {
    return x.size() == 0 ? x.data() : x.data() + x.data_offset();
}

template <class T>
std::uintptr_t address_of(const T* data) noexcept {
    return reinterpret_cast<std::uintptr_t>(data);
}

}  // namespace xtt::detail
