// torch::from_blob makes a tensor over foreign memory through a general builder, and ends the process on a negative
// stride. LibTorch's storage and tensor objects can be put together directly; this file does that, and brings
// xtensor's shape and strides into the form LibTorch expects.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/memory/held_storage.hpp>
#include <xtensor-torch/memory/layout.hpp>
#include <xtensor-torch/memory/requirements.hpp>

#include <ATen/core/Tensor.h>
#include <c10/util/DimVector.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace xtt::detail {

// Sizes and strides as LibTorch stores them.
struct tensor_geometry {
    c10::DimVector sizes;
    c10::DimVector strides;
};

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_negative_stride(const std::string& verb,
                                                                   const c10::DimVector& strides) {
    throw_value_error(verb + ": the container's strides are " + braced(strides) +
                      "; a tensor has no negative strides. Copy it instead: xtt::copy(x).");
}

// LibTorch's own constructor from a pair of iterators makes GCC 12 warn of uninitialised memory when it is inlined.
template <class Shape>
c10::DimVector to_dim_vector(const Shape& shape) {
    c10::DimVector sizes;
    sizes.resize(shape.size());
    std::copy(shape.begin(), shape.end(), sizes.begin());
    return sizes;
}

/// The geometry of an xtensor object with strides. Throws c10::ValueError when a stride is negative.
template <class X>
tensor_geometry geometry_of(const char* verb, const X& x) {
    const auto& shape = x.shape();
    const auto& strides = x.strides();
    tensor_geometry geometry{to_dim_vector(shape), to_dim_vector(strides)};
    if (std::any_of(geometry.strides.begin(), geometry.strides.end(), [](auto stride) { return stride < 0; })) {
        refuse_negative_stride(verb, geometry.strides);
    }
    canonical_strides(shape, strides, geometry.strides);
    return geometry;
}

/// A tensor on existing storage.
inline at::Tensor make_tensor(c10::Storage storage, c10::ScalarType dtype, const tensor_geometry& geometry,
                              std::int64_t storage_offset = 0) {
    auto tensor = at::detail::make_tensor<at::TensorImpl>(
        std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), caffe2::TypeMeta::fromScalarType(dtype));
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides(geometry.sizes, geometry.strides, storage_offset);
    return tensor;
}

/// A tensor over elements of host memory, which it never leaves. `context` is given to `deleter` when the storage is
/// freed; both may be null.
template <class T>
at::Tensor make_tensor_over(T* data, const tensor_geometry& geometry, void* context, c10::DeleterFnPtr deleter) {
    const auto bytes = extent_of(geometry.sizes, geometry.strides).size() * sizeof(T);
    c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, c10::DataPtr(data, context, deleter, c10::kCPU),
                         &stationary, /*resizable=*/false);
    return make_tensor(std::move(storage), scalar_type_v<T>, geometry);
}

}  // namespace xtt::detail
