// LibTorch hands out the memory of a tensor as a bare pointer; xtensor can adapt a bare pointer. This file joins them
// into tensor_view: an xtensor expression over the tensor's own elements that keeps the storage alive, respects
// strides, tells autograd about writes, and never resizes or rebinds.
#pragma once

#include <xtensor-torch/dtype.hpp>
#include <xtensor-torch/evaluation/accumulate.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/evaluation/immediate.hpp>
#include <xtensor-torch/evaluation/part_iterator.hpp>
#include <xtensor-torch/evaluation/part_semantic.hpp>
#include <xtensor-torch/evaluation/search.hpp>
#include <xtensor-torch/memory/held_storage.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>
#include <xtensor-torch/memory/requirements.hpp>
#include <xtensor-torch/memory/strided_memory.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace xtt::detail {

template <class T, std::size_t N, xt::layout_type L>
tensor_view<T, N, L> make_view(const at::Tensor& tensor);

// Whether the type of one view promises all that the type of the other does, and more.
template <class From, class To>
inline constexpr bool promises_more = false;
template <class U, std::size_t M, xt::layout_type K, class T, std::size_t N, xt::layout_type L>
inline constexpr bool promises_more<tensor_view<U, M, K>, tensor_view<T, N, L>> =
    (std::is_same_v<T, U> || std::is_same_v<T, const U>) && (N == M || N == dynamic_rank) &&
    (L == K || L == xt::layout_type::dynamic) && !(std::is_same_v<T, U> && N == M && L == K);

}  // namespace xtt::detail

namespace xtt {

/// A view of a tensor's elements, and a full xtensor expression.
///
/// `T` is the element type, `const` for reading only; `N` is the rank, or `dynamic_rank`; `L` is the layout, where it
/// is promised by the type. Indices and shape are the tensor's; strides are counted in elements, 0 for a dimension of
/// size 1 as everywhere in xtensor.
///
/// Assignment writes through: `v = expression`, `v += expression`, `v = 1` and `v1 = v2` put values into the tensor,
/// broadcast to the view's shape, and throw c10::ValueError where the shapes do not fit. Copy construction makes a
/// second view of the same elements. As in xtensor, constness is deep: elements are written through a non-const view.
///
/// The view keeps the storage alive. Elements written while autograd has saved the tensor are noticed by backward: the
/// tensor's version rises when a writable view is made, at every assignment of an expression to the view or to a part
/// of it, at `written()`, and when the view is destroyed. Writes of single elements in between are not noticed.
template <class T, std::size_t N = dynamic_rank, xt::layout_type L = xt::layout_type::dynamic>
class tensor_view : public detail::strided_memory<T, N, L>, public xt::xview_semantic<tensor_view<T, N, L>> {
    using memory = detail::strided_memory<T, N, L>;
    using semantic_base = xt::xview_semantic<tensor_view>;

public:
    /// What holds the view's elements where they are copied aside: a container of its rank and layout.
    using temporary_type = typename xt::xcontainer_inner_types<tensor_view>::temporary_type;
    /// The tag by which xtensor knows expressions that contain a view.
    using expression_tag = tensor_expression_tag;

    /// Whether elements can be written: false for `tensor_view<const T>`.
    static constexpr bool is_writable = !std::is_const_v<T>;

    /// A second view of the same elements, which also keeps the storage alive.
    tensor_view(const tensor_view&) = default;
    /// Takes over the view. The one that was moved from views nothing, until another view is assigned to it.
    tensor_view(tensor_view&&) = default;

    /// A second view of the same elements, for reading only, of dynamic rank, or without a layout in its type. A view
    /// to write through is not made of a const one.
    template <class Other>
        requires(detail::promises_more<std::remove_cvref_t<Other>, tensor_view> &&
                 (!is_writable || !std::is_const_v<std::remove_reference_t<Other>>))
    tensor_view(Other&& other)
        : memory(other.data(), other.shape(), other.strides(), detail::extent_of(other.shape(), other.strides()),
                 other.layout()),
          m_tensor(other.m_tensor),
          m_storage_owner(other.m_storage_owner) {
        if constexpr (is_writable) {
            bump_version();
        }
    }

    ~tensor_view() {
        if constexpr (is_writable) {
            bump_version();
        }
    }

    /// Copies the elements of another view of the same type into this one's, broadcasting them. Where this view was
    /// moved from, it becomes a second view of the other's elements, so that std::swap exchanges what two views view.
    tensor_view& operator=(const tensor_view& other)
        requires is_writable
    {
        if (views_nothing()) {
            return *this = tensor_view(other);
        }
        return semantic_base::operator=(static_cast<const xt::xexpression<tensor_view>&>(other));
    }

    /// The same. Where this view was moved from, it takes over the other one.
    tensor_view& operator=(tensor_view&& other)
        requires is_writable
    {
        if (!views_nothing()) {
            return *this = std::as_const(other);
        }
        this->look_at(other);
        m_tensor = std::move(other.m_tensor);
        m_storage_owner = std::move(other.m_storage_owner);
        return *this;
    }

    /// Evaluates the expression into the tensor; where it reads what it writes, as if it were evaluated first. Throws
    /// c10::ValueError, and writes nothing, where the shape does not broadcast to the view's.
    template <class E>
        requires is_writable
    tensor_view& operator=(const xt::xexpression<E>& expression) {
        return semantic_base::operator=(expression);
    }

    /// Sets every element to a value.
    template <class V>
        requires(is_writable && !xt::is_xexpression<V>::value && detail::convertible_to_element<V, T>)
    tensor_view& operator=(const V& value) {
        fill(value);
        return *this;
    }

    template <class V>
        requires(!is_writable)
    tensor_view& operator=(const V&) = delete;  // this view is read-only: write through xtt::view<T>(tensor) instead

    template <class E>
    const tensor_view& operator=(const xt::xexpression<E>&) const = delete;  // this view is const: take it as auto&
    template <class V>
        requires(!xt::is_xexpression<V>::value)
    const tensor_view& operator=(const V&) const = delete;  // this view is const: take it as auto&

    /// Sets every element to a value, converted to T as every assignment converts, and as `tensor.to` does.
    template <class V>
        requires is_writable
    void fill(const V& value) {
        this->assign_xexpression(xt::xscalar<T>(detail::element_cast<T>(value)));
    }

    /// The viewed tensor itself, not an alias of it.
    const at::Tensor& tensor() const& noexcept { return m_tensor; }
    /// The same of a temporary view, which does not live long enough to refer to.
    at::Tensor tensor() && { return m_tensor; }

    /// A tensor over elements of this view, on the same storage, which it keeps alive.
    /// `data` lies within the view's elements, `geometry` counts from it. Autograd sees writes to either as writes to
    /// the viewed tensor.
    at::Tensor alias(T* data, const detail::tensor_geometry& geometry) const
        requires is_writable
    {
        // LibTorch gives a tensor without elements no address, and nothing can be counted from there.
        const auto bytes = this->size() == 0
                               ? std::ptrdiff_t{0}
                               : reinterpret_cast<const std::byte*>(data) -
                                     static_cast<const std::byte*>(m_storage_owner.unsafeGetStorageImpl()->data());
        // Made under InferenceMode, it is a tensor of the viewed one's kind all the same, as LibTorch's own views are.
        const c10::InferenceMode kind(m_tensor.is_inference());
        auto alias = detail::make_tensor(m_storage_owner, scalar_type_v<T>, geometry,
                                         bytes / static_cast<std::ptrdiff_t>(sizeof(T)));
        if (!m_tensor.is_inference()) {
            alias.unsafeGetTensorImpl()->set_version_counter(m_tensor.unsafeGetTensorImpl()->version_counter());
        }
        return alias;
    }

    /// Tells autograd that elements were written one by one, through an iterator or by a number assigned to a part of
    /// the view, while the view goes on living. Assignments of expressions, to the view and to its parts, do so
    /// themselves.
    void written() noexcept
        requires is_writable
    {
        bump_version();
    }

private:
    tensor_view(const at::Tensor& tensor, c10::Storage storage, T* data, const detail::extent& reach,
                xt::layout_type layout)
        : memory(data, tensor.sizes(), tensor.strides(), reach, layout),
          m_tensor(tensor),
          m_storage_owner(std::move(storage)) {
        if constexpr (is_writable) {
            bump_version();
        }
    }

    bool views_nothing() const noexcept { return !m_tensor.defined(); }

    // Inference tensors have no version, and a view that was moved from has no tensor.
    void bump_version() noexcept {
        auto* const impl = m_tensor.unsafeGetTensorImpl();
        if (m_tensor.defined() && impl->version_counter().enabled()) {
            impl->bump_version();
        }
    }

    template <class, std::size_t, xt::layout_type>
    friend class tensor_view;
    template <class U, std::size_t M, xt::layout_type K>
    friend tensor_view<U, M, K> detail::make_view(const at::Tensor& tensor);

    at::Tensor m_tensor;
    c10::Storage m_storage_owner;
};

namespace detail {

// All that view asks of a tensor, before anything is changed. Returns which elements it reaches. The sentences begin
// with `verb`.
template <class T, std::size_t N, xt::layout_type L>
extent require_viewable(const at::Tensor& tensor, const char* verb = "view") {
    using element_type = std::remove_const_t<T>;
    require_element<element_type>();
    require_strided_storage(verb, tensor);
    require_host_memory<element_type>(verb, tensor);
    require_stored_values(verb, tensor);
    require_no_gradient(verb, tensor);
    require_dtype<element_type>(verb, tensor);
    require_rank<N>(verb, tensor);
    require_order<L>(verb, tensor);
    if constexpr (!std::is_const_v<T>) {
        require_distinct_elements(verb, tensor);
    }
    // LibTorch keeps the answer for contiguous tensors.
    const extent reach = tensor.is_contiguous() ? extent{0, static_cast<std::ptrdiff_t>(tensor.numel()) - 1}
                                                : extent_of(tensor.sizes(), tensor.strides());
    // Before the address is asked for, which LibTorch counts from the start of the storage.
    require_within_storage(verb, tensor, reach);
    require_alignment<element_type>(verb, tensor.const_data_ptr());
    return reach;
}

template <class T, std::size_t N, xt::layout_type L>
tensor_view<T, N, L> make_view(const at::Tensor& tensor) {
    const extent reach = require_viewable<T, N, L>(tensor);
    T* data = nullptr;
    if constexpr (std::is_const_v<T>) {
        data = static_cast<T*>(tensor.const_data_ptr());
    } else {
        data = static_cast<T*>(tensor.mutable_data_ptr());
    }
    keep_in_place(storage_of(tensor));
    // A layout that only the run knows is named row-major or not at all: xtensor's sorting asks for it, and then works
    // on a copy in the layout of the view's type.
    const xt::layout_type layout = tensor.is_contiguous() ? xt::layout_type::row_major : xt::layout_type::dynamic;
    return tensor_view<T, N, L>(tensor, storage_to_hold(tensor), data, reach, layout);
}

}  // namespace detail

/// A view of the tensor's elements in place: shared memory, no copy.
///
/// `T` is the element type (`const` to read only), `N` the rank, `L` the layout promised by the type. Without N the
/// rank is the tensor's; with N no memory is allocated. The view keeps the storage alive and marks it as one that stays
/// where it is, for good: LibTorch refuses a later resize_ that would need other memory, and a lazy clone.
///
/// Throws, in this order, when the tensor: is undefined (c10::ValueError); wraps another one, is not strided, is not
/// in host memory (c10::TypeError); has pending values (zero tensor, conjugate or negative bit), requires grad while
/// gradients are recorded, or carries a tangent (c10::Error); has another dtype (c10::TypeError); has another rank,
/// another layout than L, elements that overlap and would be writable, or memory unfit for T (c10::ValueError).
template <class T, std::size_t N = dynamic_rank, xt::layout_type L = xt::layout_type::dynamic>
tensor_view<T, N, L> view(at::Tensor& tensor) {
    return detail::make_view<T, N, L>(tensor);
}

/// The same for a temporary tensor, whose storage the view keeps.
template <class T, std::size_t N = dynamic_rank, xt::layout_type L = xt::layout_type::dynamic>
tensor_view<T, N, L> view(at::Tensor&& tensor) {
    return detail::make_view<T, N, L>(tensor);
}

/// The same for a const tensor, which can only be read: `T` must be const, or the call does not compile.
template <class T, std::size_t N = dynamic_rank, xt::layout_type L = xt::layout_type::dynamic>
tensor_view<T, N, L> view(const at::Tensor& tensor) {
    static_assert(std::is_const_v<T>,
                  "the tensor is const: read it with xtt::view<const T>(tensor), or pass a non-const tensor to write");
    return detail::make_view<T, N, L>(tensor);
}

/// @cond
template <class Tensor>
    requires std::derived_from<std::remove_cvref_t<Tensor>, at::Tensor>
void view(Tensor&&) {
    static_assert(
        sizeof(Tensor) == 0,
        "view needs the element type: xtt::view<float>(tensor), or xtt::visit<float, double>(tensor, f) where "
        "only the run knows it");
}
/// @endcond

}  // namespace xtt
