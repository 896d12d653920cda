// Compilers convert most types in vectors, but Half and BFloat16 one by one unless they may use instructions that not
// every processor has. LibTorch asks the processor when it runs; this file hands it plain conversions of many elements.
#pragma once

#include <xtensor-torch/elements/dtype_traits.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace xtt::detail {

template <class T>
concept short_float = std::is_same_v<T, at::Half> || std::is_same_v<T, at::BFloat16>;

template <class T>
concept short_float_or_builtin = short_float<T> || std::is_arithmetic_v<T>;

// Whether LibTorch gives for all numbers what `element_cast` gives. For what an integer cannot hold it gives what the
// processor does: the same on x86-64, but for uint32, where its vector code differs from its other code.
template <class T, class V>
concept converted_alike =
#if defined(__x86_64__)
    !std::is_same_v<T, std::uint32_t>;
#else
    !needs_element_cast<T, V>;
#endif

// Whether LibTorch is faster at converting V to T, where there are enough elements to pay for asking it.
template <class T, class V>
concept converted_by_torch = !std::is_same_v<T, V> && (short_float<T> || short_float<V>) && element<T> && element<V> &&
                             short_float_or_builtin<T> && short_float_or_builtin<V> && converted_alike<T, V>;

/// Converts the source into the destination, to whose shape it is broadcast. Returns false, and does nothing, for
/// strides that a tensor cannot have.
template <class D, class E>
bool convert_by_torch(D& destination, const E& source) {
    using V = typename E::value_type;
    if (std::any_of(source.strides().begin(), source.strides().end(), [](auto stride) { return stride < 0; })) {
        return false;
    }
    // Nobody differentiates these tensors, and LibTorch need not ask who does.
    const at::AutoDispatchBelowADInplaceOrView guard;
    const at::Tensor to = make_tensor_over(destination.data() + destination.data_offset(),
                                           geometry_of("assignment", destination), nullptr, nullptr);
    const at::Tensor from =
        make_tensor_over(const_cast<V*>(static_cast<const V*>(source.data() + source.data_offset())),
                         geometry_of("assignment", source), nullptr, nullptr);
    to.copy_(from);
    return true;
}

}  // namespace xtt::detail
