// An accelerator for machines that have none: a backend of LibTorch whose memory the host cannot touch, and whose
// streams stand still while a test says so.
//
// - Device memory is mapped without access, except inside the backend's own copies: whatever else reads or writes it
//   is a fault. `host_can_read` asks the kernel without faulting.
// - Each stream is a thread that works through its queue. A `closed_gate` in the queue holds it until it is opened.
// - Copies between pinned memory and a device are asynchronous when asked to be; others wait, as with CUDA.
// - A copy holds bare pointers, as a DMA engine does. Memory that is freed while a copy still uses it is counted, and
//   left mapped, so that a test can say so. As with CUDA, device memory is freed in the order of the stream it was
//   allocated on, and may go while that stream, and no other, still uses it.
#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace simulated {

inline constexpr c10::DeviceIndex device_count = 2;
inline constexpr c10::StreamId streams_per_device = 4;

/// What the backend has done, since the program began.
struct counts {
    std::atomic<int> to_host{0};          // copies from a device to the host
    std::atomic<int> to_device{0};        // copies from the host to a device
    std::atomic<int> on_device{0};        // copies within the devices
    std::atomic<std::int64_t> bytes{0};   // that crossed
    std::atomic<int> pinned_blocks{0};    // alive now
    std::atomic<int> device_blocks{0};    // alive now
    std::atomic<int> host_blocks{0};      // ever allocated by LibTorch's CPU allocator
    std::atomic<int> freed_in_flight{0};  // blocks that were freed while a copy used them
};

inline counts& counted() {
    static auto* const all = new counts;
    return *all;
}

/// How the next copies fail: when they are started, or later, in flight.
enum class failure { none, at_start, in_flight };
inline std::atomic<failure>& next_copy_fails() {
    static std::atomic<failure> next{failure::none};
    return next;
}

// ---- streams and events ---------------------------------------------------------------------------------------------

class stream_queue {
public:
    stream_queue() : m_worker([this] { run(); }) { m_worker.detach(); }

    // Returns the number of the task: it is done when `passed` has reached it.
    std::uint64_t enqueue(std::function<void()> task) {
        const std::lock_guard lock(m_mutex);
        m_tasks.push_back(std::move(task));
        m_changed.notify_all();
        return ++m_enqueued;
    }

    // A failure is reported to all that ask about the failed task or a later one, like a device error.
    bool passed(std::uint64_t number) {
        const std::lock_guard lock(m_mutex);
        rethrow_failure(number);
        return m_done >= number;
    }

    void wait(std::uint64_t number) {
        std::unique_lock lock(m_mutex);
        m_changed.wait(lock, [&] { return m_done >= number; });
        rethrow_failure(number);
    }

    void wait() { wait(last()); }

    void forget_failure() {
        const std::lock_guard lock(m_mutex);
        m_failure = nullptr;
    }

    std::uint64_t last() {
        const std::lock_guard lock(m_mutex);
        return m_enqueued;
    }

private:
    void rethrow_failure(std::uint64_t number) const {
        if (m_failure && number >= m_failed) {
            std::rethrow_exception(m_failure);
        }
    }

    void run() {
        std::unique_lock lock(m_mutex);
        for (;;) {
            m_changed.wait(lock, [&] { return !m_tasks.empty(); });
            const std::function<void()> task = std::move(m_tasks.front());
            m_tasks.pop_front();
            lock.unlock();
            std::exception_ptr failure;
            try {
                task();
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            ++m_done;
            if (failure && !m_failure) {
                m_failure = failure;
                m_failed = m_done;
            }
            m_changed.notify_all();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::function<void()>> m_tasks;
    std::exception_ptr m_failure;
    std::uint64_t m_failed = 0;
    std::uint64_t m_enqueued = 0;
    std::uint64_t m_done = 0;
    std::thread m_worker;
};

inline stream_queue& queue_of(c10::DeviceIndex device, c10::StreamId stream) {
    static auto* const all = new std::array<std::array<stream_queue, streams_per_device>, device_count>;
    return all->at(static_cast<std::size_t>(device)).at(static_cast<std::size_t>(stream));
}

inline stream_queue& queue_of(const c10::Stream& stream) { return queue_of(stream.device_index(), stream.id()); }

struct thread_state {
    c10::DeviceIndex device = 0;
    std::array<c10::StreamId, device_count> stream{};
};

inline thread_state& this_thread() {
    thread_local thread_state state;
    return state;
}

inline c10::Device device(c10::DeviceIndex index) { return {c10::kPrivateUse1, index}; }

inline c10::Stream stream(c10::DeviceIndex device_index, c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, device(device_index), id);
}

inline c10::Stream current_stream(c10::DeviceIndex device_index) {
    return stream(device_index, this_thread().stream.at(static_cast<std::size_t>(device_index)));
}

/// Holds a stream at this place of its queue until opened, at the latest at the end of the scope.
class closed_gate {
public:
    explicit closed_gate(const c10::Stream& stream) {
        queue_of(stream).enqueue([gate = m_gate] {
            std::unique_lock lock(gate->mutex);
            gate->opened.wait(lock, [&] { return gate->is_open; });
        });
    }
    closed_gate(const closed_gate&) = delete;
    closed_gate& operator=(const closed_gate&) = delete;
    ~closed_gate() { open(); }

    void open() {
        const std::lock_guard lock(m_gate->mutex);
        m_gate->is_open = true;
        m_gate->opened.notify_all();
    }

private:
    struct state {
        std::mutex mutex;
        std::condition_variable opened;
        bool is_open = false;
    };
    std::shared_ptr<state> m_gate = std::make_shared<state>();
};

struct event {
    stream_queue* queue;
    std::uint64_t number;
};

struct guard final : c10::impl::DeviceGuardImplInterface {
    c10::DeviceType type() const override { return c10::kPrivateUse1; }
    c10::Device exchangeDevice(c10::Device other) const override {
        return device(std::exchange(this_thread().device, other.index()));
    }
    c10::Device getDevice() const override { return device(this_thread().device); }
    void setDevice(c10::Device other) const override { this_thread().device = other.index(); }
    void uncheckedSetDevice(c10::Device other) const noexcept override { this_thread().device = other.index(); }
    c10::Stream getStream(c10::Device of) const noexcept override { return current_stream(of.index()); }
    c10::Stream getDefaultStream(c10::Device of) const override { return stream(of.index(), 0); }
    c10::Stream exchangeStream(c10::Stream other) const noexcept override {
        auto& current = this_thread().stream.at(static_cast<std::size_t>(other.device_index()));
        return stream(other.device_index(), std::exchange(current, other.id()));
    }
    c10::DeviceIndex deviceCount() const noexcept override { return device_count; }
    void destroyEvent(void* recorded, const c10::DeviceIndex) const noexcept override {
        delete static_cast<event*>(recorded);
    }
    void record(void** recorded, const c10::Stream& on, const c10::DeviceIndex, const c10::EventFlag) const override {
        if (*recorded == nullptr) {
            *recorded = new event{};
        }
        stream_queue& queue = queue_of(on);
        *static_cast<event*>(*recorded) = {&queue, queue.enqueue([] {})};
    }
    void block(void* recorded, const c10::Stream& on) const override {
        queue_of(on).enqueue([after = *static_cast<event*>(recorded)] { after.queue->wait(after.number); });
    }
    bool queryEvent(void* recorded) const override {
        const event& at = *static_cast<event*>(recorded);
        return at.queue->passed(at.number);
    }
    void synchronizeEvent(void* recorded) const override {
        const event& at = *static_cast<event*>(recorded);
        at.queue->wait(at.number);
    }
    bool queryStream(const c10::Stream& of) const override { return queue_of(of).passed(queue_of(of).last()); }
    void synchronizeStream(const c10::Stream& of) const override { queue_of(of).wait(); }
};

// ---- memory ---------------------------------------------------------------------------------------------------------

/// Whether the host could read here; asks the kernel, so that a refusal is no fault.
inline bool host_can_read(const void* address) {
    int ends[2];
    if (pipe(ends) != 0) {
        throw std::runtime_error("no pipe");
    }
    const bool readable = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

// Whole pages, with a count of the copies that use each block now.
class page_memory {
public:
    void* map(std::size_t bytes, int access, stream_queue* home) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t length = (bytes / page + 1) * page;
        void* memory = mmap(nullptr, length, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::bad_alloc();
        }
        const std::lock_guard lock(m_mutex);
        m_blocks[memory] = {length, home};
        return memory;
    }

    void unmap(void* memory) {
        const std::lock_guard lock(m_mutex);
        const auto found = m_blocks.find(memory);
        if (found->second.uses > 0) {
            ++counted().freed_in_flight;
        } else if (found->second.home != nullptr) {
            found->second.home->enqueue([this, memory] { erase(memory); });
        } else {
            munmap(memory, found->second.length);
            m_blocks.erase(found);
        }
    }

    bool has(const void* address) {
        const std::lock_guard lock(m_mutex);
        return block_at(address) != m_blocks.end();
    }

    // Notes that a copy on a stream has been enqueued that uses the block, and that it is done.
    void use(const void* address, const stream_queue& by) { change_uses(address, by, 1); }
    void unuse(const void* address, const stream_queue& by) { change_uses(address, by, -1); }

    // Lets the host in, for as many copies as are running.
    void open(const void* address) {
        const std::lock_guard lock(m_mutex);
        auto& [memory, state] = *block_at(address);
        if (state.open++ == 0) {
            mprotect(const_cast<void*>(memory), state.length, PROT_READ | PROT_WRITE);
        }
    }
    void close(const void* address) {
        const std::lock_guard lock(m_mutex);
        auto& [memory, state] = *block_at(address);
        if (--state.open == 0) {
            mprotect(const_cast<void*>(memory), state.length, PROT_NONE);
        }
    }

private:
    struct block {
        std::size_t length = 0;
        stream_queue* home = nullptr;  // frees it
        int uses = 0;                  // by other streams
        int open = 0;
    };

    std::map<const void*, block>::iterator block_at(const void* address) {
        auto after = m_blocks.upper_bound(address);
        if (after == m_blocks.begin()) {
            return m_blocks.end();
        }
        const auto found = std::prev(after);
        const auto offset = static_cast<const char*>(address) - static_cast<const char*>(found->first);
        return static_cast<std::size_t>(offset) < found->second.length ? found : m_blocks.end();
    }

    void erase(void* memory) {
        const std::lock_guard lock(m_mutex);
        munmap(memory, m_blocks.at(memory).length);
        m_blocks.erase(memory);
    }

    void change_uses(const void* address, const stream_queue& by, int change) {
        const std::lock_guard lock(m_mutex);
        const auto found = block_at(address);
        if (found != m_blocks.end() && found->second.home != &by) {
            found->second.uses += change;
        }
    }

    std::mutex m_mutex;
    std::map<const void*, block> m_blocks;
};

inline page_memory& device_memory() {
    static auto* const memory = new page_memory;
    return *memory;
}

inline page_memory& pinned_memory() {
    static auto* const memory = new page_memory;
    return *memory;
}

struct device_allocator final : c10::Allocator {
    c10::DataPtr allocate(std::size_t bytes) override {
        ++counted().device_blocks;
        const c10::DeviceIndex index = this_thread().device;
        void* memory = device_memory().map(bytes, PROT_NONE, &queue_of(current_stream(index)));
        return {memory, memory, raw_deleter(), device(index)};
    }
    c10::DeleterFnPtr raw_deleter() const override {
        return [](void* memory) {
            --counted().device_blocks;
            device_memory().unmap(memory);
        };
    }
    void copy_data(void*, const void*, std::size_t) const override {
        throw std::logic_error("the host copies device memory");
    }
};

struct pinned_allocator final : c10::Allocator {
    c10::DataPtr allocate(std::size_t bytes) override {
        if (is_exhausted()) {
            throw c10::Error("the simulated accelerator has no pinned memory left");
        }
        ++counted().pinned_blocks;
        void* memory = pinned_memory().map(bytes, PROT_READ | PROT_WRITE, nullptr);
        return {memory, memory, raw_deleter(), c10::kCPU};
    }
    c10::DeleterFnPtr raw_deleter() const override {
        return [](void* memory) {
            --counted().pinned_blocks;
            pinned_memory().unmap(memory);
        };
    }
    void copy_data(void* target, const void* source, std::size_t bytes) const override {
        std::memcpy(target, source, bytes);
    }
    static std::atomic<bool>& is_exhausted() {
        static std::atomic<bool> exhausted{false};
        return exhausted;
    }
};

/// LibTorch's CPU allocator, counted.
struct counting_allocator final : c10::Allocator {
    c10::DataPtr allocate(std::size_t bytes) override {
        ++counted().host_blocks;
        return original->allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return original->raw_deleter(); }
    void copy_data(void* target, const void* source, std::size_t bytes) const override {
        std::memcpy(target, source, bytes);
    }
    c10::Allocator* original = c10::GetCPUAllocator();
};

// Not every supported LibTorch asks these two: without the word override they compile with all of them.
struct hooks_on_presence : at::PrivateUse1HooksInterface {
    virtual bool isBuilt() const { return true; }
    virtual bool isAvailable() const { return true; }
};

struct hooks final : hooks_on_presence {
    bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
    c10::DeviceIndex deviceCount() const override { return device_count; }
    bool isPinnedPtr(const void* data) const override { return pinned_memory().has(data); }
    c10::Allocator* getPinnedMemoryAllocator() const override {
        static auto* const allocator = new pinned_allocator;
        return allocator;
    }
};

// ---- the operators that moving tensors needs ------------------------------------------------------------------------

inline c10::Allocator& allocator() {
    static auto* const only = new device_allocator;
    return *only;
}

class on_device {
public:
    explicit on_device(std::optional<c10::Device> device) : m_previous(this_thread().device) {
        if (device && device->has_index()) {
            this_thread().device = device->index();
        }
    }
    on_device(const on_device&) = delete;
    on_device& operator=(const on_device&) = delete;
    ~on_device() { this_thread().device = m_previous; }

private:
    c10::DeviceIndex m_previous;
};

inline at::Tensor empty(at::IntArrayRef size, std::optional<c10::ScalarType> dtype, std::optional<c10::Layout>,
                        std::optional<c10::Device> on, std::optional<bool>, std::optional<c10::MemoryFormat> format) {
    const on_device scope(on);
    return at::detail::empty_generic(size, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                     dtype.value_or(c10::kFloat), format);
}

inline at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef strides, std::optional<c10::ScalarType> dtype,
                                std::optional<c10::Layout>, std::optional<c10::Device> on, std::optional<bool>) {
    const on_device scope(on);
    return at::detail::empty_strided_generic(
        size, strides, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), dtype.value_or(c10::kFloat));
}

// One end of a copy without ownership: what a device is told.
struct copy_end {
    void* data;
    std::vector<std::int64_t> sizes;
    std::vector<std::int64_t> strides;
    c10::ScalarType dtype;
    bool on_host;
    bool conjugate;
    bool negative;

    explicit copy_end(const at::Tensor& tensor)
        : data(static_cast<char*>(tensor.storage().unsafeGetStorageImpl()->mutable_data()) +
               tensor.storage_offset() * static_cast<std::int64_t>(tensor.itemsize())),
          sizes(tensor.sizes().vec()),
          strides(tensor.strides().vec()),
          dtype(tensor.scalar_type()),
          on_host(tensor.is_cpu()),
          conjugate(tensor.is_conj()),
          negative(tensor.is_neg()) {}

    page_memory& memory() const { return on_host ? pinned_memory() : device_memory(); }

    at::Tensor as_tensor() const {
        at::Tensor tensor = at::from_blob(data, sizes, strides, at::TensorOptions().dtype(dtype));
        tensor._set_conj(conjugate);
        tensor._set_neg(negative);
        return tensor;
    }
};

inline void run_copy(const copy_end& source, const copy_end& target) {
    if (!source.on_host) {
        device_memory().open(source.data);
    }
    if (!target.on_host) {
        device_memory().open(target.data);
    }
    target.as_tensor().copy_(source.as_tensor());
    if (!source.on_host) {
        device_memory().close(source.data);
    }
    if (!target.on_host) {
        device_memory().close(target.data);
    }
}

inline at::Tensor copy_from(const at::Tensor& source, const at::Tensor& target, bool non_blocking) {
    auto& direction = source.is_cpu() ? counted().to_device : target.is_cpu() ? counted().to_host : counted().on_device;
    ++direction;
    const bool crosses = source.is_cpu() || target.is_cpu();
    const failure fails = crosses ? next_copy_fails().exchange(failure::none) : failure::none;
    if (fails == failure::at_start) {
        throw c10::Error("the simulated accelerator could not start the copy");
    }
    if (crosses) {
        counted().bytes += target.numel() * static_cast<std::int64_t>(target.itemsize());
    }
    if (target.numel() == 0) {
        return target;
    }
    const c10::DeviceIndex index = source.is_cpu() ? target.get_device() : source.get_device();
    const copy_end from(source);
    const copy_end to(target);
    const bool stays_on_device = !from.on_host && !to.on_host;
    const bool pinned =
        (!from.on_host || pinned_memory().has(from.data)) && (!to.on_host || pinned_memory().has(to.data));
    stream_queue& queue = queue_of(current_stream(index));
    from.memory().use(from.data, queue);
    to.memory().use(to.data, queue);
    const std::uint64_t number = queue.enqueue([from, to, fails, &queue] {
        struct release {
            const copy_end& from;
            const copy_end& to;
            const stream_queue& queue;
            ~release() {
                from.memory().unuse(from.data, queue);
                to.memory().unuse(to.data, queue);
            }
        } const at_the_end{from, to, queue};
        if (fails == failure::in_flight) {
            throw c10::Error("the simulated accelerator lost the copy");
        }
        run_copy(from, to);
    });
    if (!stays_on_device && !(non_blocking && pinned)) {
        queue.wait(number);
    }
    return target;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
    library.impl("empty.memory_format", empty);
    library.impl("empty_strided", empty_strided);
    library.impl("_copy_from", copy_from);
    library.impl("as_strided", at::native::as_strided_tensorimpl);
    library.impl("view", at::native::view);
}

// The copy above reads the bits itself.
TORCH_LIBRARY_IMPL(aten, Conjugate, library) { library.impl("_copy_from", torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, Negative, library) { library.impl("_copy_from", torch::CppFunction::makeFallthrough()); }

C10_REGISTER_GUARD_IMPL(PrivateUse1, guard)

inline const bool registered = [] {
    c10::register_privateuse1_backend("simulated");
    at::RegisterPrivateUse1HooksInterface(new hooks);
    c10::SetAllocator(c10::kPrivateUse1, &allocator());
    c10::SetCPUAllocator(new counting_allocator, 1);
    return true;
}();

}  // namespace simulated
