// xtensor prints the elements of an expression, LibTorch those of a tensor, and neither says what stands behind them.
// This file does: dtype, shape, strides, device, who holds the memory and whether it may be written, as a value for
// programs and as one line for logs.
//
//     std::cout << xtt::describe(tensor);             // any tensor, view, container or expression
//     std::format("{}", xtt::view<float>(tensor));    // where the standard library has <format>
//     fmt::format("{}", xtt::view<float>(tensor));    // with <xtensor-torch/fmt.hpp>
//
//     view: float32, shape [2, 3], strides [3, 1], row-major, cpu, memory held by a tensor's storage, writable
//
// std::cout << view prints the elements, as for every xtensor expression. This header is not part of the umbrella
// header, which would pay for <format> otherwise.
#pragma once

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/memory/layout.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_format)
#include <format>
#endif

namespace xtt {

/// Who keeps the elements of an object alive.
enum class memory_holder {
    itself,   ///< the object: a container
    storage,  ///< LibTorch's storage, together with every tensor and view of it
    caller,   ///< somebody who must outlive the object: a borrowed container, memory behind an adaptor or from_blob
    nobody    ///< there are no elements in memory: an expression, or a tensor that is undefined, meta or a wrapper
};

/// What `describe` says of an object.
struct description {
    /// "view", "tensor", "container" or "expression".
    std::string_view kind;
    /// As torch prints it, e.g. "float32"; the C++ type where there is no dtype, e.g. "std::string".
    std::string dtype;
    /// None where the tensor has no shape of its own: undefined, nested, under functorch, of symbolic sizes.
    std::optional<std::vector<std::int64_t>> shape;
    /// In elements; none for expressions and for layouts without strides. xtensor has 0 in a dimension of size 1.
    std::optional<std::vector<std::int64_t>> strides;
    /// "row-major" and "column-major" without holes, else "strided"; LibTorch's name of a layout without strides, e.g.
    /// "Sparse"; "undefined"; "wrapper" for a tensor that wraps another one; "lazy" for an expression.
    std::string layout;
    /// Of expressions and containers the CPU.
    c10::Device device = c10::kCPU;
    /// Who keeps the elements alive.
    memory_holder holder = memory_holder::nobody;
    /// Whether elements may be written through the object: not through a view of const elements, a const container, a
    /// const tensor, and a tensor whose elements share memory.
    bool is_writable = false;
};

namespace detail {

template <class Sequence>
std::vector<std::int64_t> whole_numbers(const Sequence& values) {
    return std::vector<std::int64_t>(values.begin(), values.end());
}

inline std::string name_order(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
    using reversed = std::vector<std::int64_t>;
    if (extent_of(shape, strides).size() == 0 ||
        is_column_major(reversed(shape.rbegin(), shape.rend()), reversed(strides.rbegin(), strides.rend()))) {
        return "row-major";
    }
    return is_column_major(shape, strides) ? "column-major" : "strided";
}

// Memory that the storage does not free is somebody else's.
inline memory_holder holder_of(const at::Tensor& tensor) {
    const c10::Storage& storage = storage_of(tensor);
    if (!storage || tensor.is_meta()) {
        return memory_holder::nobody;
    }
    const c10::DataPtr& data = storage.data_ptr();
    const bool frees_nothing = data.get_context() == nullptr || data.get_deleter() == &c10::detail::deleteNothing ||
                               data.get_deleter() == borrowed_deleter;
    return data && frees_nothing ? memory_holder::caller : memory_holder::storage;
}

inline description describe_tensor(const at::Tensor& tensor, bool is_writable) {
    description found;
    found.kind = "tensor";
    if (!tensor.defined()) {
        found.dtype = found.layout = "undefined";
        return found;
    }
    found.layout = "wrapper";
    found.dtype = describe(tensor.scalar_type()).name;
    found.device = tensor.device();
    if (tensor.key_set().has_any(wrapper_keys) || tensor.unsafeGetTensorImpl()->has_symbolic_sizes_strides()) {
        return found;
    }
    found.shape = whole_numbers(tensor.sizes());
    if (tensor.layout() != at::kStrided) {
        std::ostringstream layout;
        layout << tensor.layout();
        found.layout = layout.str();
        found.holder = memory_holder::storage;
        found.is_writable = is_writable;
        return found;
    }
    found.strides = whole_numbers(tensor.strides());
    found.layout = name_order(*found.shape, *found.strides);
    found.holder = holder_of(tensor);
    found.is_writable =
        is_writable && found.holder != memory_holder::nobody && !elements_overlap(*found.shape, *found.strides);
    return found;
}

template <class X>
inline constexpr bool has_writable_elements = false;
template <strided_elements X>
inline constexpr bool has_writable_elements<X> = !std::is_const_v<element_of<X>>;

template <class X>
memory_holder holder_behind(const X& x) {
    if constexpr (!strided_elements<const X>) {
        return memory_holder::nobody;
    } else if constexpr (shares_storage_v<X>) {
        return holder_of(tensor_view_behind(x).tensor());
    } else {
        return owns_elements<X>::value ? memory_holder::itself : memory_holder::caller;
    }
}

template <class X>
description describe_expression(const X& x, bool is_writable) {
    using value_type = typename X::value_type;
    description found;
    found.kind = "expression";
    found.layout = "lazy";
    found.holder = holder_behind(x);
    found.is_writable = is_writable;
    if constexpr (element<value_type>) {
        found.dtype = dtype_traits<value_type>::name;
    } else {
        found.dtype = type_name<value_type>();
    }
    found.shape = whole_numbers(shape_of("describe", x));
    if constexpr (strided_elements<const X>) {
        found.kind = found.holder == memory_holder::itself ? "container" : "view";
        found.strides = whole_numbers(x.strides());
        found.layout = name_order(*found.shape, *found.strides);
    }
    return found;
}

inline std::string text_of(const description& object) {
    std::string text = std::string(object.kind) + ": " + object.dtype;
    if (object.layout == "undefined") {
        return text;
    }
    if (object.shape) {
        text += ", shape " + braced(*object.shape);
    }
    if (object.strides) {
        text += ", strides " + braced(*object.strides);
    }
    text += ", " + object.layout + ", " + object.device.str();
    switch (object.holder) {
        case memory_holder::itself:
            text += ", memory held by itself";
            break;
        case memory_holder::storage:
            text += object.kind == "tensor" ? ", memory held by its storage" : ", memory held by a tensor's storage";
            break;
        case memory_holder::caller:
            text += ", memory held by the caller";
            break;
        case memory_holder::nobody:
            return text + ", no memory";
    }
    return text + (object.is_writable ? ", writable" : ", read-only");
}

}  // namespace detail

/// What can be described: tensors, views, containers and expressions.
template <class X>
concept describable =
    std::derived_from<std::remove_cvref_t<X>, at::Tensor> || xt::is_xexpression<std::remove_cvref_t<X>>::value;

/// Says of a tensor, a view, a container or an expression what its elements are, where they lie, who keeps them alive
/// and whether they may be written. Nothing is evaluated, and no tensor is refused: undefined, sparse and wrapped ones
/// have descriptions, too. Throws c10::ValueError for an expression whose operands' shapes do not broadcast.
///
/// A tensor_view is writable where its type says so, whether or not the handle to it is const.
template <describable X>
description describe(X&& x) {
    using object = std::remove_reference_t<X>;
    if constexpr (std::derived_from<std::remove_cvref_t<X>, at::Tensor>) {
        return detail::describe_tensor(x, !std::is_const_v<object>);
    } else if constexpr (detail::is_tensor_view<std::remove_cvref_t<X>>::value) {
        return detail::describe_expression(x, std::remove_cvref_t<X>::is_writable);
    } else {
        return detail::describe_expression(x, detail::has_writable_elements<object>);
    }
}

/// Writes the description in one line, without a line break.
inline std::ostream& operator<<(std::ostream& out, const description& object) { return out << detail::text_of(object); }

}  // namespace xtt

#if defined(__cpp_lib_format)
/// "{}" gives the line that operator<< writes; width, fill and alignment are those of a string.
template <>
struct std::formatter<xtt::description, char> : std::formatter<std::string_view, char> {
    template <class Context>
    auto format(const xtt::description& object, Context& context) const {
        return std::formatter<std::string_view, char>::format(xtt::detail::text_of(object), context);
    }
};

/// The description of the view, and not its elements.
template <class T, std::size_t N, xt::layout_type L>
struct std::formatter<xtt::tensor_view<T, N, L>, char> : std::formatter<xtt::description, char> {
    template <class Context>
    auto format(const xtt::tensor_view<T, N, L>& view, Context& context) const {
        return std::formatter<xtt::description, char>::format(xtt::describe(view), context);
    }
};
#endif
