// The verbs that cross between host and device, on a CUDA device. What needs a device that counts and waits is tested
// in host_device.cpp; here the same calls meet a real backend. Without a device every test says that it is skipped.
#include "support/testing.hpp"

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/to_host.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/ops/mm.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <complex>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

using namespace testing;

namespace {

const c10::Device cuda(at::kCUDA, 0);

// Catch2 2 has no skipped tests; ctest takes the printed line for one.
bool skipped() {
    if (c10::impl::hasDeviceGuardImpl(at::kCUDA) && c10::impl::getDeviceGuardImpl(at::kCUDA)->deviceCount() > 0) {
        return false;
    }
    std::puts("skipped: this program sees no CUDA device");
    SUCCEED("no CUDA device");
    return true;
}

c10::Stream another_stream() { return c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(cuda); }

// A matrix of ones that the device is still computing when this returns.
at::Tensor ones_in_the_making(std::int64_t size) {
    const at::Tensor mean = at::full({size, size}, 1.0f / static_cast<float>(size)).to(cuda);
    at::Tensor tensor = at::ones({size, size}).to(cuda);
    for (int i = 0; i < 20; ++i) {
        tensor = at::mm(mean, tensor);
    }
    return tensor;
}

TEST_CASE("cuda: a view is refused, and the message names the device and to_host") {
    if (skipped()) {
        return;
    }
    at::Tensor tensor = counting({2, 3}).to(cuda);
    const std::string message = message_of<c10::TypeError>([&] { xtt::view<float>(tensor); });
    CHECK(contains(message, "cuda:0"));
    CHECK(contains(message, "xtt::to_host<float>(tensor)"));
}

TEST_CASE("cuda: to_host and to_host_async take tensors of every layout") {
    if (skipped()) {
        return;
    }
    const auto crosses = [](const at::Tensor& tensor) {
        xt::xarray<float> array = xtt::to_host<float>(tensor);
        CHECK(at::equal(xtt::borrow(array), tensor.cpu()));
        CHECK(at::equal(xtt::to_host_async<float>(tensor).get().tensor(), tensor.cpu()));
    };
    const at::Tensor tensor = counting({4, 6}).to(cuda);
    crosses(tensor);
    crosses(tensor.t());
    crosses(tensor.slice(0, 1, 4, 2).slice(1, 0, 6, 3));
    crosses(tensor.select(1, 5).expand({3, 4}));
    crosses(at::full({}, 7.0f).to(cuda));
    crosses(at::empty({3, 0, 2}).to(cuda));
}

TEST_CASE("cuda: to_host_async waits for what the stream was given before, and resolves bits there") {
    if (skipped()) {
        return;
    }
    const at::Tensor tensor = ones_in_the_making(2048);
    auto copy = xtt::to_host_async<float, 2>(tensor);
    auto negated = xtt::to_host_async<float, 2>(tensor._neg_view());
    CHECK(xt::allclose(copy.get(), 1.0f, 1e-3));
    CHECK(copy.ready());
    CHECK(xt::allclose(negated.get(), -1.0f, 1e-3));
    using complex = std::complex<float>;
    const xt::xtensor<complex, 1> values = {complex(1, 2), complex(3, -4)};
    CHECK(xtt::to_host_async<complex, 1>(xtt::to_device(values, cuda).conj()).get()(1) == complex(3, 4));
}

TEST_CASE("cuda: copies may be destroyed in flight, on streams of their own") {
    if (skipped()) {
        return;
    }
    for (int round = 0; round < 50; ++round) {
        const c10::StreamGuard guard(another_stream());
        const at::Tensor tensor = ones_in_the_making(256);
        {
            const auto dropped = xtt::to_host_async<float, 2>(tensor);
        }
        CHECK(xt::allclose(xtt::to_host_async<float, 2>(tensor).get(), 1.0f, 1e-3));
    }
}

TEST_CASE("cuda: to_device and copy with options arrive, waiting and not waiting") {
    if (skipped()) {
        return;
    }
    const xt::xarray<float> array = xt::arange<float>(100'000);
    for (const bool non_blocking : {false, true}) {
        const at::Tensor tensor = xtt::to_device(2.0f * array, cuda, non_blocking);
        CHECK(tensor.device() == cuda);
        CHECK(at::equal(tensor.cpu(), counting({100'000}) * 2));
    }
    const at::Tensor converted =
        xtt::copy(array, at::TensorOptions().device(at::kCUDA).dtype(at::kDouble).requires_grad(true));
    CHECK(converted.requires_grad());
    CHECK(at::equal(converted.detach().cpu(), counting({100'000}, at::kDouble)));
    CHECK(xtt::copy(array, at::TensorOptions().pinned_memory(true)).is_pinned());
    CHECK_THROWS_AS(xtt::to_device(array, c10::Device(at::kCUDA, 99)), c10::ValueError);
}

TEST_CASE("cuda: many threads send and fetch at once") {
    if (skipped()) {
        return;
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int id = 0; id < 8; ++id) {
        threads.emplace_back([id, &wrong] {
            const c10::StreamGuard guard(another_stream());
            for (int round = 0; round < 50; ++round) {
                const xt::xtensor<float, 1> array = static_cast<float>(id * 50 + round) + xt::arange<float>(10'000);
                const at::Tensor tensor = xtt::to_device(array, cuda, /*non_blocking=*/true);
                wrong += xtt::to_host_async<float, 1>(tensor).get() == array ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
}

}  // namespace
