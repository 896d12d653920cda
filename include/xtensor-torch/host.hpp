// LibTorch copies tensors between devices into other tensors. Here one end of the copy is xtensor: `to_host` ends in a
// container, `to_host_async` in a view, `to_device` and `copy` with options begin with an expression. Each is one
// transfer, on the device's current stream, for any device that LibTorch knows.
//
// `copy` with options lives here and not with the other `copy`: options name devices, and tensor.hpp knows only host
// memory.
#pragma once

#include <xtensor-torch/detail/requirements.hpp>
#include <xtensor-torch/detail/transfer.hpp>
#include <xtensor-torch/detail/xtensor.hpp>
#include <xtensor-torch/tensor.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <c10/core/TensorOptions.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
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

    /// Takes over the copy of `other`; the one that was here goes as if it were destroyed.
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

namespace detail {

// Sends a host tensor to a device that require_target returned, in one transfer.
inline at::Tensor send(const staging_memory& host, c10::Device device, bool non_blocking) {
    if (!non_blocking || !host.pinned) {
        return host.tensor.to(device, host.tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    }
    at::Tensor sent;
    c10::Event done = start_transfer(device, [&] {
        sent = host.tensor.to(device, host.tensor.scalar_type(), /*non_blocking=*/true, /*copy=*/true);
    });
    unattended_transfers::instance().keep({std::move(done), host.tensor, at::Tensor()});
    return sent;
}

}  // namespace detail

/// A fresh tensor on `device` with the expression's shape, values and dtype, contiguous in row-major order.
///
/// The expression is evaluated straight into host memory, pinned where the device offers that, and crosses in one
/// transfer on the device's current stream. With `non_blocking` the call does not wait for the transfer; work that is
/// given to the same stream afterwards sees the values. For the CPU it is `copy(expression)`. The tensor owns its
/// memory; the host memory is freed when the transfer is done.
///
/// Throws c10::ValueError, before anything is evaluated, for a device that is not present, for the meta device, and
/// where the expression's operands have shapes that do not broadcast to one.
template <class E>
at::Tensor to_device(const xt::xexpression<E>& expression, c10::Device device, bool non_blocking = false) {
    using T = typename E::value_type;
    detail::require_element<T>();
    if constexpr (element<T>) {
        device = detail::require_target("to_device", device);
        if (device.is_cpu()) {
            return copy(expression);
        }
        const E& source = expression.derived_cast();
        const detail::staging_memory host =
            detail::make_staging_memory(detail::to_dim_vector(detail::shape_of("to_device", source)), scalar_type_v<T>);
        detail::evaluate_into<T>(host.tensor, source);
        return detail::send(host, device, non_blocking);
    }
}

namespace detail {

// What the options ask of a copy, each point either possible or refused.
struct copy_request {
    c10::ScalarType dtype;
    c10::Device device;
    bool pinned;
    bool requires_grad;
    c10::MemoryFormat memory_format;
};

inline copy_request read_options(const c10::TensorOptions& options, c10::ScalarType dtype, std::size_t rank) {
    const char* verb = "copy";
    const std::string ask = "copy: the options ask for ";
    copy_request request{options.has_dtype() ? options.dtype().toScalarType() : dtype,
                         require_target(verb, options.device_opt().value_or(c10::kCPU)), options.pinned_memory(),
                         options.requires_grad(), options.memory_format_opt().value_or(c10::MemoryFormat::Contiguous)};
    if (options.layout_opt().value_or(c10::kStrided) != c10::kStrided) {
        throw_type_error(ask +
                         "a layout that is not strided; copy makes strided tensors. Convert the result, e.g. "
                         "xtt::copy(x).to_sparse().");
    }
    if (!has_element_type(request.dtype)) {
        throw_type_error(ask + "dtype " + describe(request.dtype).name +
                         "; a dtype with an element type is needed. Convert the result with LibTorch.");
    }
    if (c10::isComplexType(dtype) && !c10::isComplexType(request.dtype)) {
        throw_type_error(ask + "dtype " + describe(request.dtype).name + "; the expression is " + describe(dtype).name +
                         " and would lose its imaginary part. Take a part first: xt::real(x).");
    }
    if (request.pinned && !request.device.is_cpu()) {
        throw_value_error(ask + "pinned memory on " + request.device.str() +
                          "; only host memory is pinned. Leave out pinned_memory, or the device.");
    }
    if (request.requires_grad && !c10::isFloatingType(request.dtype) && !c10::isComplexType(request.dtype)) {
        throw_value_error(ask + "requires_grad with dtype " + describe(request.dtype).name +
                          "; gradients need a floating-point or complex dtype. Leave out requires_grad, or ask for "
                          "torch::kFloat32.");
    }
    const bool channels = (request.memory_format == c10::MemoryFormat::ChannelsLast && rank == 4) ||
                          (request.memory_format == c10::MemoryFormat::ChannelsLast3d && rank == 5);
    if (request.memory_format != c10::MemoryFormat::Contiguous && !channels) {
        throw_value_error(ask + "a memory format that an expression with " + plural(rank, "dimension") +
                          " cannot have; ChannelsLast needs 4, ChannelsLast3d needs 5. Leave out memory_format.");
    }
    return request;
}

// Uninitialised host memory as requested.
inline staging_memory make_requested_memory(at::IntArrayRef sizes, const copy_request& request) {
    if (!request.device.is_cpu() && request.memory_format == c10::MemoryFormat::Contiguous) {
        return make_staging_memory(sizes, request.dtype);
    }
    try {
        return {at::Tensor(at::detail::empty_cpu(sizes, request.dtype, request.pinned, request.memory_format)),
                request.pinned};
    } catch (const c10::Error&) {
        if (!request.pinned) {
            throw;
        }
        throw_error(
            "copy: the options ask for pinned memory, and LibTorch has none to give here; a device that pins host "
            "memory is needed. Leave out pinned_memory.");
    }
}

}  // namespace detail

/// A fresh tensor with the expression's shape and values, made as the options say.
///
/// What the options leave out is the expression's dtype, the CPU, contiguous, not pinned, without grad. The expression
/// is evaluated straight into the host memory of the tensor, or into that of the one transfer to another device. With
/// another dtype or memory format it is evaluated first and LibTorch converts it in a second pass; `copy<U>` converts
/// in the first.
///
/// Every option is honoured or refused before anything is evaluated: c10::TypeError for a layout that is not strided,
/// a dtype without element type, and a real dtype for complex values; c10::ValueError for a device that is not present
/// or is meta, for pinned memory on a device, for requires_grad with a dtype that has no gradient, and for a memory
/// format of another rank. Where LibTorch has no pinned memory to give, c10::Error.
template <class E>
at::Tensor copy(const xt::xexpression<E>& expression, const c10::TensorOptions& options) {
    using T = typename E::value_type;
    detail::require_element<T>();
    if constexpr (element<T>) {
        const E& source = expression.derived_cast();
        const c10::DimVector sizes = detail::to_dim_vector(detail::shape_of("copy", source));
        const detail::copy_request request = detail::read_options(options, scalar_type_v<T>, sizes.size());
        const detail::staging_memory host = detail::make_requested_memory(sizes, request);
        if (request.dtype == scalar_type_v<T> && request.memory_format == c10::MemoryFormat::Contiguous) {
            detail::evaluate_into<T>(host.tensor, source);
        } else {
            host.tensor.copy_(copy(expression));
        }
        at::Tensor result =
            request.device.is_cpu() ? host.tensor : detail::send(host, request.device, /*non_blocking=*/false);
        if (request.requires_grad) {
            result.requires_grad_(true);
        }
        return result;
    }
}

}  // namespace xtt
