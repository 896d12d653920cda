// LibTorch's copy_ starts a transfer and leaves it to each backend how long the host memory must live. Here one
// mechanism serves every device: c10's streams and events say when a transfer is done, and what it reads and writes
// is kept until then. No header of a particular device is needed.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace xtt::detail {

/// Host memory at one end of a transfer.
struct staging_memory {
    at::Tensor tensor;
    bool pinned;  // the device reads and writes it by itself, while the host does something else
};

/// Uninitialised, contiguous host memory: pinned where the present device offers that, plain memory elsewhere.
inline staging_memory make_staging_memory(at::IntArrayRef sizes, c10::ScalarType dtype) {
    try {
        return {at::Tensor(at::detail::empty_cpu(sizes, dtype, /*pin_memory=*/true)), true};
    } catch (const c10::Error&) {
        return {at::Tensor(at::detail::empty_cpu(sizes, dtype)), false};
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_target(const std::string& verb, c10::Device device,
                                                          c10::DeviceIndex present) {
    if (device.is_meta()) {
        throw_value_error(verb +
                          ": the device is meta, where tensors have a shape but no elements; a device with memory is "
                          "needed. Create the tensor there instead: torch::empty.");
    }
    const std::string type = c10::DeviceTypeName(device.type(), /*lower_case=*/true);
    throw_value_error(verb + ": the device is " + device.str() + "; this program sees " +
                      plural(static_cast<std::size_t>(present), type + " device") +
                      ". Name a device that is present, or torch::kCPU.");
}

/// The device with its index, where there is a choice: that of the current device. Throws c10::ValueError for a device
/// that this LibTorch or this machine does not have, and for the meta device.
inline c10::Device require_target(const char* verb, c10::Device device) {
    if (device.is_cpu()) {
        return device;
    }
    const bool known = !device.is_meta() && c10::impl::hasDeviceGuardImpl(device.type());
    const c10::DeviceIndex present =
        known ? c10::impl::getDeviceGuardImpl(device.type())->deviceCount() : c10::DeviceIndex{0};
    if (present <= (device.has_index() ? device.index() : 0)) {
        refuse_target(verb, device, present);
    }
    return device.has_index() ? device : c10::impl::getDeviceGuardImpl(device.type())->getDevice();
}

/// A transfer that has been started, and the tensors whose memory it uses.
struct transfer {
    c10::Event done;
    at::Tensor host;
    at::Tensor source;

    // A device that failed transfers nothing more.
    bool finished() const noexcept {
        try {
            return done.query();
        } catch (...) {
            return true;
        }
    }
};

/// Keeps the tensors of transfers that nobody waits for. Each new transfer releases those that have finished.
class unattended_transfers {
public:
    // Never destroyed: a device may still write when static objects go.
    static unattended_transfers& instance() {
        static auto* const all = new unattended_transfers;
        return *all;
    }

    /// Takes the transfer over; where there is no memory to note it, waits for it instead.
    void keep(transfer&& started) noexcept {
        try {
            const std::lock_guard lock(m_mutex);
            m_transfers.push_back(std::move(started));
        } catch (...) {
            try {
                started.done.synchronize();
            } catch (...) {  // it failed, and is over
            }
        }
    }

    void release_finished() {
        std::vector<transfer> finished;  // freed without the lock: a tensor's deleter may be anybody's
        const std::lock_guard lock(m_mutex);
        const auto first = std::stable_partition(m_transfers.begin(), m_transfers.end(),
                                                 [](const transfer& started) { return !started.finished(); });
        finished.assign(std::make_move_iterator(first), std::make_move_iterator(m_transfers.end()));
        m_transfers.erase(first, m_transfers.end());
    }

private:
    std::mutex m_mutex;
    std::vector<transfer> m_transfers;
};

/// Calls `enqueue`, which starts work on the device's current stream, and returns an event that passes when the work
/// is done. When this throws, nothing is in flight any more.
template <class Enqueue>
c10::Event start_transfer(c10::Device device, Enqueue&& enqueue) {
    unattended_transfers::instance().release_finished();
    const c10::impl::VirtualGuardImpl backend(device.type());
    const c10::Stream stream = backend.getStream(device);
    c10::Event done(device.type());
    try {
        enqueue();
        done.record(stream);
    } catch (...) {
        try {
            backend.synchronizeStream(stream);
        } catch (...) {  // the first failure is the one to report
        }
        throw;
    }
    return done;
}

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

}  // namespace xtt::detail
