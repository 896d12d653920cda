// LibTorch copies tensors from devices into other tensors. Here the copy ends in a container of xtensor, or, in flight,
// in a view: one transfer, on the device's current stream, from any device that LibTorch knows.
#pragma once

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/memory/requirements.hpp>
#include <xtensor-torch/memory/transfer.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

// A host copy can be made of any tensor with stored elements; on the meta device there are none.
template <class T, std::size_t N>
void require_copyable_to_host(const char* verb, const at::Tensor& tensor) {
    require_strided_storage(verb, tensor);
    if (tensor.is_meta()) {
        refuse_device<T>(verb, tensor);
    }
    require_dtype<T>(verb, tensor);
    require_rank<N>(verb, tensor);
    // A zero tensor has no storage, and is copied as zeros.
    if (!tensor._is_zerotensor()) {
        require_within_storage(verb, tensor, extent_of(tensor.sizes(), tensor.strides()));
    }
}

}  // namespace detail

/// A copy of the tensor's elements in host memory, from any device: xt::xarray<T>, or xt::xtensor<T, N> when the rank
/// is given. The container owns its memory.
///
/// Conjugate and negative bits are resolved, and a tensor that requires grad is copied without being recorded.
/// Throws c10::ValueError for an undefined tensor, for another rank and for a storage that was shrunk or freed,
/// c10::TypeError for a tensor that wraps another one, is not strided, is on the meta device, or has another dtype.
template <class T, std::size_t N = dynamic_rank>
auto to_host(const at::Tensor& tensor) {
    static_assert(!std::is_const_v<T>, "to_host returns a container that owns its elements: leave out the const");
    detail::require_element<T>();
    detail::require_copyable_to_host<T, N>("to_host", tensor);
    using container = std::conditional_t<N == dynamic_rank, xt::xarray<T>, xt::xtensor<T, N == dynamic_rank ? 0 : N>>;
    typename container::shape_type shape =
        xtl::make_sequence<typename container::shape_type>(static_cast<std::size_t>(tensor.dim()), 0);
    std::copy(tensor.sizes().begin(), tensor.sizes().end(), shape.begin());
    container host(shape);
    const c10::NoGradGuard unrecorded;
    borrow(host).copy_(tensor);
    return host;
}

/// A copy of a tensor's elements on its way into host memory: what `to_host_async` returns.
///
/// It owns the host memory and keeps the tensor until the elements have arrived. It is moved, not copied, and used by
/// one thread at a time. Destroyed while the copy is in flight it does not wait: the memory is kept aside until the
/// copy is done.
template <class T, std::size_t N = dynamic_rank>
class [[nodiscard]] host_copy {
public:
    /// Takes over the copy; `other` has none afterwards.
    host_copy(host_copy&& other) noexcept
        : m_host(std::move(other.m_host)), m_started(std::exchange(other.m_started, std::nullopt)) {}

    /// Takes over the copy of `other`; the one that was here is dropped as if it were destroyed.
    host_copy& operator=(host_copy&& other) noexcept {
        if (this != &other) {
            leave_unattended();
            m_host = std::move(other.m_host);
            m_started = std::exchange(other.m_started, std::nullopt);
        }
        return *this;
    }

    ~host_copy() { leave_unattended(); }

    /// Whether the elements have arrived; never waits. Throws what the device reports when the copy failed.
    bool ready() const { return !m_started || m_started->done.query(); }

    /// Waits for the elements and returns a view of them: row-major, in memory that the view keeps alive, too. Called
    /// again it returns another view of the same elements. Throws what the device reports when the copy failed, and
    /// c10::ValueError when this object was moved from.
    tensor_view<T, N> get() {
        if (m_started) {
            m_started->done.synchronize();
            m_started.reset();
        }
        return view<T, N>(m_host);
    }

private:
    host_copy(at::Tensor host, std::optional<detail::transfer> started)
        : m_host(std::move(host)), m_started(std::move(started)) {}

    void leave_unattended() noexcept {
        if (m_started && !m_started->finished()) {
            detail::unattended_transfers::instance().keep(std::move(*m_started));
        }
        m_started.reset();
    }

    template <class U, std::size_t M>
    friend host_copy<U, M> to_host_async(const at::Tensor& tensor);

    at::Tensor m_host;
    std::optional<detail::transfer> m_started;
};

/// Starts copying the tensor's elements into host memory and returns without waiting for them.
///
/// The copy runs on the current stream of the tensor's device, after what that stream was given before, into pinned
/// memory. A tensor on the CPU, and one on a device without pinned memory, has been copied when the call returns. What
/// is written to the tensor later on the same stream is not seen.
///
/// Takes and refuses the same tensors as `to_host`; conjugate and negative bits are resolved on the device.
template <class T, std::size_t N = dynamic_rank>
host_copy<T, N> to_host_async(const at::Tensor& tensor) {
    static_assert(!std::is_const_v<T>, "to_host_async makes a copy that owns its elements: leave out the const");
    detail::require_element<T>();
    detail::require_copyable_to_host<T, N>("to_host_async", tensor);
    const c10::NoGradGuard unrecorded;
    if (tensor.is_cpu()) {
        at::Tensor host(at::detail::empty_cpu(tensor.sizes(), tensor.scalar_type()));
        host.copy_(tensor);
        return {std::move(host), std::nullopt};
    }
    detail::staging_memory memory = detail::make_staging_memory(tensor.sizes(), tensor.scalar_type());
    if (!memory.pinned) {
        memory.tensor.copy_(tensor);
        return {std::move(memory.tensor), std::nullopt};
    }
    // LibTorch resolves the bits on the host right after it started a copy, which is before the elements are there.
    at::Tensor source = tensor.resolve_conj().resolve_neg();
    c10::Event done =
        detail::start_transfer(tensor.device(), [&] { memory.tensor.copy_(source, /*non_blocking=*/true); });
    return {memory.tensor, detail::transfer{std::move(done), memory.tensor, std::move(source)}};
}

/// @cond
template <class Tensor>
    requires std::derived_from<std::remove_cvref_t<Tensor>, at::Tensor>
void to_host(Tensor&&) {
    static_assert(sizeof(Tensor) == 0, "to_host needs the element type: xtt::to_host<float>(tensor)");
}
template <class Tensor>
    requires std::derived_from<std::remove_cvref_t<Tensor>, at::Tensor>
void to_host_async(Tensor&&) {
    static_assert(sizeof(Tensor) == 0, "to_host_async needs the element type: xtt::to_host_async<float>(tensor)");
}
/// @endcond

}  // namespace xtt
