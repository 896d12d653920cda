// What crosses between host and device, timed against CUDA's own calls in the same run. It measures by itself, without
// a benchmark library: a machine with an accelerator often has none. Two sides take turns, and medians are compared, so
// that a clock that changes changes both.
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/to_host.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using array = xt::xtensor<float, 1>;

const c10::Device cuda(c10::kCUDA, 0);

void require(cudaError_t status) {
    if (status != cudaSuccess) {
        throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(status));
    }
}

struct pinned_deleter {
    void operator()(float* memory) const { cudaFreeHost(memory); }
};
struct device_deleter {
    void operator()(float* memory) const { cudaFree(memory); }
};
using pinned_memory = std::unique_ptr<float, pinned_deleter>;
using device_memory = std::unique_ptr<float, device_deleter>;

pinned_memory make_pinned(std::size_t bytes) {
    void* memory = nullptr;
    require(cudaMallocHost(&memory, bytes));
    return pinned_memory(static_cast<float*>(memory));
}

device_memory make_device(std::size_t bytes) {
    void* memory = nullptr;
    require(cudaMalloc(&memory, bytes));
    return device_memory(static_cast<float*>(memory));
}

// A stream of CUDA's own, for the side that does without LibTorch.
class cuda_stream {
public:
    cuda_stream() { require(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking)); }
    cuda_stream(const cuda_stream&) = delete;
    cuda_stream& operator=(const cuda_stream&) = delete;
    ~cuda_stream() { cudaStreamDestroy(m_stream); }

    operator cudaStream_t() const { return m_stream; }
    void wait() const { require(cudaStreamSynchronize(m_stream)); }

private:
    cudaStream_t m_stream = nullptr;
};

void wait_for_device() { require(cudaDeviceSynchronize()); }

struct row {
    std::string work;
    std::string against;
    double ours_ns;
    double theirs_ns;
    std::optional<double> bar;
};

template <class Call>
double nanoseconds_per_call(Call&& call, int calls) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) {
        call();
    }
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - begin;
    return elapsed.count() / calls;
}

double median(std::vector<double> samples) {
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
}

// Each call must have finished its work when it returns.
template <class Ours, class Theirs>
row compare(std::string work, std::string against, std::optional<double> bar, Ours&& ours, Theirs&& theirs) {
    constexpr int rounds = 15;
    for (int i = 0; i < 3; ++i) {  // LibTorch keeps the memory that the first calls had to ask the driver for
        ours();
        theirs();
    }
    const double once = nanoseconds_per_call(theirs, 1);
    const int calls = std::clamp(static_cast<int>(2e6 / once), 1, 200);
    std::vector<double> our_samples;
    std::vector<double> their_samples;
    for (int i = 0; i < rounds; ++i) {
        our_samples.push_back(nanoseconds_per_call(ours, calls));
        their_samples.push_back(nanoseconds_per_call(theirs, calls));
    }
    return {std::move(work), std::move(against), median(our_samples), median(their_samples), bar};
}

std::string text_of_size(std::size_t bytes) {
    constexpr std::size_t kibi = 1024;
    if (bytes >= kibi * kibi * kibi) {
        return std::to_string(bytes / (kibi * kibi * kibi)) + " GiB";
    }
    return bytes >= kibi * kibi ? std::to_string(bytes / (kibi * kibi)) + " MiB"
                                : std::to_string(bytes / kibi) + " KiB";
}

void measure_copies(std::vector<row>& rows, std::size_t bytes, std::optional<double> bar) {
    const std::string size = text_of_size(bytes);
    const auto count = static_cast<std::int64_t>(bytes / sizeof(float));
    const at::Tensor tensor = at::full({count}, 1.0f).to(cuda);
    const auto* elements = static_cast<const float*>(tensor.const_data_ptr());
    array host = array::from_shape({static_cast<std::size_t>(count)});
    host.fill(1.0f);
    const pinned_memory pinned = make_pinned(bytes);
    std::memset(pinned.get(), 0, bytes);
    const device_memory device = make_device(bytes);
    const cuda_stream stream;
    wait_for_device();

    const auto to_pinned = [&] { require(cudaMemcpy(pinned.get(), elements, bytes, cudaMemcpyDeviceToHost)); };
    rows.push_back(compare(
        "to_host, " + size, "cudaMemcpy into pinned memory", bar, [&] { xtt::to_host<float, 1>(tensor); }, to_pinned));
    rows.push_back(compare(
        "to_host, " + size, "cudaMemcpy into a new container", std::nullopt, [&] { xtt::to_host<float, 1>(tensor); },
        [&] {
            array fresh = array::from_shape({static_cast<std::size_t>(count)});
            require(cudaMemcpy(fresh.data(), elements, bytes, cudaMemcpyDeviceToHost));
        }));
    rows.push_back(compare(
        "to_host_async and get, " + size, "cudaMemcpyAsync into pinned memory, and wait", bar,
        [&] { xtt::to_host_async<float, 1>(tensor).get(); },
        [&] {
            require(cudaMemcpyAsync(pinned.get(), elements, bytes, cudaMemcpyDeviceToHost, stream));
            stream.wait();
        }));
    rows.push_back(compare(
        "to_device, " + size, "cudaMemcpy from the container", bar,
        [&] {
            xtt::to_device(host, cuda);
            wait_for_device();
        },
        [&] {
            require(cudaMemcpy(device.get(), host.data(), bytes, cudaMemcpyHostToDevice));
            wait_for_device();
        }));
    rows.push_back(compare(
        "to_device, not waiting, " + size, "into pinned memory, cudaMemcpyAsync, and wait", bar,
        [&] {
            xtt::to_device(host, cuda, /*non_blocking=*/true);
            wait_for_device();
        },
        [&] {
            std::memcpy(pinned.get(), host.data(), bytes);
            require(cudaMemcpyAsync(device.get(), pinned.get(), bytes, cudaMemcpyHostToDevice, stream));
            stream.wait();
        }));
    rows.push_back(compare(
        "to_device, " + size, "cudaMemcpy from pinned memory, the transfer alone", std::nullopt,
        [&] {
            xtt::to_device(host, cuda);
            wait_for_device();
        },
        [&] {
            require(cudaMemcpy(device.get(), pinned.get(), bytes, cudaMemcpyHostToDevice));
            wait_for_device();
        }));
}

// A copy on one stream while another one multiplies matrices, for about as long as the copy takes.
void measure_overlap(std::vector<row>& rows, std::size_t bytes) {
    const c10::impl::VirtualGuardImpl backend(c10::kCUDA);
    const c10::Stream copying = backend.getStreamFromGlobalPool(cuda);
    const c10::Stream computing = backend.getStreamFromGlobalPool(cuda);
    const at::Tensor tensor = at::full({static_cast<std::int64_t>(bytes / sizeof(float))}, 1.0f).to(cuda);
    const auto* elements = static_cast<const float*>(tensor.const_data_ptr());
    const at::Tensor matrix = at::full({2048, 2048}, 1.0f / 2048).to(cuda);
    const pinned_memory pinned = make_pinned(bytes);
    const cuda_stream stream;
    wait_for_device();

    int products = 1;
    const auto compute = [&] {
        const c10::StreamGuard guard(computing);
        at::Tensor result = matrix;
        for (int i = 0; i < products; ++i) {
            result = at::mm(matrix, result);
        }
        return result;
    };
    const auto copy = [&] {
        const c10::StreamGuard guard(copying);
        return xtt::to_host_async<float, 1>(tensor);
    };
    const auto compute_alone = [&] {
        compute();
        wait_for_device();
    };
    const auto copy_alone = [&] {
        copy().get();
        wait_for_device();
    };
    const auto timed = [](auto&& call) {
        call();
        std::vector<double> samples;
        for (int i = 0; i < 5; ++i) {
            samples.push_back(nanoseconds_per_call(call, 1));
        }
        return median(samples);
    };
    const double copy_time = timed(copy_alone);
    products = std::max(1, static_cast<int>(copy_time / timed(compute_alone)));
    const double compute_time = timed(compute_alone);

    const std::string work = "to_host_async of " + text_of_size(bytes) + " beside a kernel";
    const auto together = [&] {
        const at::Tensor result = compute();
        auto fetched = copy();
        fetched.get();
        wait_for_device();
    };
    rows.push_back(compare(work, "cudaMemcpyAsync beside it", std::nullopt, together, [&] {
        const at::Tensor result = compute();
        require(cudaMemcpyAsync(pinned.get(), elements, bytes, cudaMemcpyDeviceToHost, stream));
        stream.wait();
        wait_for_device();
    }));
    rows.push_back(compare(work, "the copy, then the kernel", std::nullopt, together, [&] {
        copy_alone();
        compute_alone();
    }));
    const double hidden = (copy_time + compute_time - rows.back().ours_ns) / std::min(copy_time, compute_time);
    std::printf("overlap: %.0f %% of the shorter of copy (%.2f ms) and kernel (%.2f ms) is hidden\n\n", 100 * hidden,
                copy_time / 1e6, compute_time / 1e6);
}

void print(const std::vector<row>& rows) {
    std::printf("| work | against | ours, us | theirs, us | ratio | bar |\n|---|---|---|---|---|---|\n");
    for (const row& one : rows) {
        std::printf("| %s | %s | %.1f | %.1f | %.2f | ", one.work.c_str(), one.against.c_str(), one.ours_ns / 1e3,
                    one.theirs_ns / 1e3, one.ours_ns / one.theirs_ns);
        one.bar ? std::printf("%.2f |\n", *one.bar) : std::printf("|\n");
    }
}

void write(const std::vector<row>& rows, const std::string& path) {
    std::ofstream file(path);
    file << std::setprecision(9) << "[";
    const char* separator = "\n";
    for (const row& one : rows) {
        file << separator << "  {\"work\": \"" << one.work << "\", \"against\": \"" << one.against
             << "\", \"ours_ns\": " << one.ours_ns << ", \"theirs_ns\": " << one.theirs_ns << ", \"bar\": ";
        one.bar ? file << *one.bar : file << "null";
        file << "}";
        separator = ",\n";
    }
    file << "\n]\n";
    if (!file.flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        if (!arguments.empty() && (arguments.size() != 2 || arguments[0] != "--rows")) {
            std::cout << "Times to_host, to_host_async and to_device on a CUDA device against CUDA's own copies.\n\n"
                      << "Usage: " << argv[0] << " [--rows FILE]   FILE gets the table as JSON\n";
            return arguments[0] == "--help" ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (!c10::impl::hasDeviceGuardImpl(c10::kCUDA) ||
            c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount() == 0) {
            std::cout << "skipped: this program sees no CUDA device\n";
            return EXIT_SUCCESS;
        }
        constexpr std::size_t kibi = 1024;
        constexpr std::size_t gibi = kibi * kibi * kibi;
        std::vector<row> rows;
        for (const std::size_t bytes : {4 * kibi, 64 * kibi, kibi * kibi, 16 * kibi * kibi, 128 * kibi * kibi, gibi}) {
            measure_copies(rows, bytes, bytes == gibi ? std::optional(1.05) : std::nullopt);
        }
        measure_overlap(rows, gibi);
        print(rows);
        if (!arguments.empty()) {
            write(rows, arguments[1]);
        }
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << "\n";
        return EXIT_FAILURE;
    }
}
