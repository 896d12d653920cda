// The verbs that cross between host and device, on an accelerator that is simulated: its memory cannot be read by the
// host, its streams stand still while a test says so, and it counts what crosses.
#include "support/testing.hpp"

#include "support/simulated_accelerator.hpp"

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/to_host.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/visit.hpp>

#include <c10/core/StreamGuard.h>

#include <complex>
#include <cstddef>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

using namespace testing;
using simulated::closed_gate;
using simulated::counted;

namespace {

const c10::Device accelerator = simulated::device(0);

// What has been counted since this was made.
struct tally {
    int to_host = counted().to_host;
    int to_device = counted().to_device;
    int on_device = counted().on_device;
    int host_blocks = counted().host_blocks;
    std::int64_t bytes = counted().bytes;

    bool is(int received, int sent, std::int64_t crossed) const {
        CAPTURE(counted().to_host - to_host, counted().to_device - to_device, counted().bytes - bytes);
        return counted().to_host - to_host == received && counted().to_device - to_device == sent &&
               counted().bytes - bytes == crossed;
    }
};

// Waits for all streams, then starts and ends one more transfer, so that what nobody waits for is released.
void settle() {
    for (c10::DeviceIndex device = 0; device < simulated::device_count; ++device) {
        for (c10::StreamId stream = 0; stream < simulated::streams_per_device; ++stream) {
            simulated::queue_of(device, stream).wait();
        }
    }
    xtt::detail::unattended_transfers::instance().release_finished();
}

void require_nothing_left() {
    settle();
    CHECK(counted().pinned_blocks == 0);
    CHECK(counted().device_blocks == 0);
    CHECK(counted().freed_in_flight == 0);
}

// ---- the accelerator itself -----------------------------------------------------------------------------------------

TEST_CASE("the simulated accelerator's memory cannot be read by the host") {
    const at::Tensor host = counting({2, 3});
    const at::Tensor tensor = host.to(accelerator);
    CHECK(tensor.device().str() == "simulated:0");
    CHECK(simulated::host_can_read(host.const_data_ptr()));
    CHECK_FALSE(simulated::host_can_read(tensor.storage().data()));
    CHECK(at::equal(tensor.cpu(), host));
    CHECK_FALSE(simulated::host_can_read(tensor.storage().data()));
}

TEST_CASE("the simulated accelerator notices memory that is freed while a copy uses it") {
    const at::Tensor tensor = counting({4}).to(accelerator);
    closed_gate gate(simulated::stream(0, 0));
    {
        at::Tensor host(at::detail::empty_cpu({4}, at::kFloat, /*pin_memory=*/true));
        host.copy_(tensor, /*non_blocking=*/true);
    }
    CHECK(counted().freed_in_flight == 1);
    gate.open();
    simulated::queue_of(0, 0).wait();
    counted().freed_in_flight = 0;
}

// ---- view and visit -------------------------------------------------------------------------------------------------

TEST_CASE("a view of a device tensor is refused, and the message names the device and to_host") {
    at::Tensor tensor = counting({2, 3}).to(simulated::device(1));
    const tally before;
    for (const std::string& message : {message_of<c10::TypeError>([&] { xtt::view<float>(tensor); }),
                                       message_of<c10::TypeError>([&] { xtt::view<const float, 2>(tensor); }),
                                       message_of<c10::TypeError>([&] { xtt::visit(tensor, [](const auto&) {}); })}) {
        CHECK(is_plain_sentence(message));
        CHECK(contains(message, "simulated:1"));
        CHECK(contains(message, "xtt::to_host<float>(tensor)"));
    }
    CHECK(before.is(0, 0, 0));
}

// ---- to_host --------------------------------------------------------------------------------------------------------

TEST_CASE("to_host is one transfer into the container, without a host tensor between") {
    const at::Tensor tensor = counting({100, 200}).to(accelerator);
    const tally before;
    const auto array = xtt::to_host<float, 2>(tensor);
    CHECK(before.is(1, 0, 80'000));
    CHECK(counted().on_device == before.on_device);
    CHECK(counted().host_blocks == before.host_blocks);
    CHECK(array(99, 199) == 19'999.0f);
}

// All layouts that a tensor can have on a device, and the values it must have on the host.
template <class Check>
void for_each_layout(Check&& check) {
    const at::Tensor host = counting({4, 6});
    const at::Tensor tensor = host.to(accelerator);
    check(tensor, host);
    check(tensor.t(), host.t());
    check(tensor.slice(0, 1), host.slice(0, 1));
    check(tensor.slice(0, 1, 4, 2).slice(1, 0, 6, 3), host.slice(0, 1, 4, 2).slice(1, 0, 6, 3));
    check(tensor.select(1, 5), host.select(1, 5));
    check(tensor.select(1, 5).expand({3, 4}), host.select(1, 5).expand({3, 4}));
    check(at::full({}, 7.0f).to(accelerator), at::full({}, 7.0f));
    check(at::empty({0}).to(accelerator), at::empty({0}));
    check(at::empty({3, 0, 2}).to(accelerator), at::empty({3, 0, 2}));
}

bool same(const at::Tensor& expected, const at::Tensor& tensor) {
    return expected.sizes() == tensor.sizes() && at::equal(expected, tensor);
}

TEST_CASE("to_host takes device tensors of every layout, each in one transfer of its elements") {
    for_each_layout([](const at::Tensor& tensor, const at::Tensor& host) {
        INFO("sizes " << tensor.sizes() << ", strides " << tensor.strides());
        const tally before;
        xt::xarray<float> array = xtt::to_host<float>(tensor);
        CHECK(before.is(1, 0, host.numel() * 4));
        CHECK(same(host, xtt::borrow(array)));
    });
}

TEST_CASE("to_host and to_host_async resolve conjugate and negative bits and take tensors that require grad") {
    using complex = std::complex<float>;
    const xt::xarray<complex> values = {complex(1, 2), complex(3, -4)};
    const at::Tensor tensor = xtt::to_device(values, accelerator);
    CHECK(xtt::to_host<complex>(tensor.conj())(1) == complex(3, 4));
    CHECK(xtt::to_host<complex>(tensor._neg_view())(0) == complex(-1, -2));
    const tally before;
    CHECK(xtt::to_host_async<complex>(tensor.conj()).get()(1) == complex(3, 4));
    CHECK(xtt::to_host_async<complex>(tensor._neg_view()).get()(0) == complex(-1, -2));
    CHECK(counted().on_device - before.on_device == 2);  // on the device: the host could be too early
    CHECK(before.is(2, 0, 32));

    const at::Tensor leaf = counting({3}).to(accelerator).requires_grad_();
    CHECK(xtt::to_host<float>(leaf)(2) == 2.0f);
    CHECK(xtt::to_host_async<float>(leaf).get()(2) == 2.0f);
}

TEST_CASE("to_host and to_host_async refuse a device tensor before anything crosses") {
    const at::Tensor tensor = counting({2, 2}).to(accelerator);
    const at::Tensor meta = at::empty({2}, at::TensorOptions().device(at::kMeta));
    const tally before;
    CHECK(contains(message_of<c10::TypeError>([&] { xtt::to_host<double>(tensor); }), "tensor.to(torch::kFloat64)"));
    CHECK(contains(message_of<c10::ValueError>([&] { xtt::to_host<float, 3>(tensor); }), "rank 3"));
    const auto refused = [](auto exception, auto&& call, const std::string& part) {
        const std::string message = message_of<decltype(exception)>(call);
        CHECK(is_plain_sentence(message));
        CHECK(message.rfind("to_host_async: ", 0) == 0);
        CHECK(contains(message, part));
    };
    const c10::TypeError type_error("");
    const c10::ValueError value_error("");
    refused(type_error, [&] { (void)xtt::to_host_async<double>(tensor); }, "tensor.to(torch::kFloat64)");
    refused(value_error, [&] { (void)xtt::to_host_async<float, 3>(tensor); }, "rank 3");
    refused(value_error, [] { (void)xtt::to_host_async<float>(at::Tensor()); }, "undefined");
    refused(type_error, [&] { (void)xtt::to_host_async<float>(meta); }, "nothing to copy");
    refused(type_error, [] { (void)xtt::to_host_async<float>(counting({2, 2}).to_sparse()); }, "tensor.to_dense()");
    CHECK(before.is(0, 0, 0));
    CHECK(counted().pinned_blocks == 0);
}

// ---- to_host_async --------------------------------------------------------------------------------------------------

TEST_CASE("to_host_async returns while the copy is in flight, and get waits for it") {
    const at::Tensor tensor = counting({2, 3}).to(accelerator);
    closed_gate gate(simulated::stream(0, 0));
    const tally before;
    xtt::host_copy<float, 2> copy = xtt::to_host_async<float, 2>(tensor);
    CHECK_FALSE(copy.ready());
    CHECK(counted().pinned_blocks == 1);
    gate.open();
    const auto view = copy.get();
    CHECK(copy.ready());
    CHECK(before.is(1, 0, 24));
    CHECK(view(1, 2) == 5.0f);
    CHECK(view.layout() == xt::layout_type::row_major);
    CHECK(simulated::pinned_memory().has(view.data()));
    static_assert(std::is_same_v<decltype(copy.get()), xtt::tensor_view<float, 2>>);
}

TEST_CASE("to_host_async becomes ready without being waited for") {
    const at::Tensor tensor = counting({3}).to(accelerator);
    const xtt::host_copy<float> copy = xtt::to_host_async<float>(tensor);
    simulated::queue_of(0, 0).wait();
    CHECK(copy.ready());
}

TEST_CASE("the view that get returns outlives the copy and the tensor") {
    std::optional<xtt::tensor_view<float>> view;
    {
        const at::Tensor tensor = counting({5}).to(accelerator);
        view.emplace(xtt::to_host_async<float>(tensor).get());
    }
    CHECK((*view)(4) == 4.0f);
    *view += 1.0f;
    CHECK((*view)(4) == 5.0f);
    view.reset();
    require_nothing_left();
}

TEST_CASE("get called again gives a second view of the same elements") {
    auto copy = xtt::to_host_async<float>(counting({2}).to(accelerator));
    copy.get()(0) = 8.0f;
    CHECK(copy.get()(0) == 8.0f);
}

TEST_CASE("to_host_async takes device tensors of every layout, each in one transfer of its elements") {
    for_each_layout([](const at::Tensor& tensor, const at::Tensor& host) {
        INFO("sizes " << tensor.sizes() << ", strides " << tensor.strides());
        const tally before;
        const auto view = xtt::to_host_async<float>(tensor).get();
        CHECK(before.is(1, 0, host.numel() * 4));
        CHECK(same(host, view.tensor()));
    });
}

TEST_CASE("a copy destroyed in flight does not wait, and its memory is freed after it is done") {
    at::Tensor tensor = counting({2, 3}).to(accelerator);
    closed_gate gate(simulated::stream(0, 0));
    {
        const auto dropped = xtt::to_host_async<float>(tensor);
    }
    tensor.reset();
    CHECK(counted().pinned_blocks == 1);
    CHECK(counted().device_blocks == 1);
    CHECK(counted().freed_in_flight == 0);
    gate.open();
    require_nothing_left();
}

TEST_CASE("a copy that is assigned to another leaves the other's memory alive until it is done") {
    closed_gate gate(simulated::stream(0, 0));
    const at::Tensor first = at::empty({2}, accelerator);
    auto copy = xtt::to_host_async<float>(first);
    copy = xtt::to_host_async<float>(at::empty({3}, accelerator));
    CHECK(counted().freed_in_flight == 0);
    CHECK(counted().pinned_blocks == 2);
    gate.open();
    CHECK(copy.get().size() == 3);
}

TEST_CASE("a copy that was moved from has no elements, and the other one has them") {
    auto copy = xtt::to_host_async<float>(counting({2}).to(accelerator));
    auto moved = std::move(copy);
    CHECK(copy.ready());
    CHECK_THROWS_AS(copy.get(), c10::ValueError);
    CHECK(moved.get()(1) == 1.0f);
}

TEST_CASE("the tensor may go while the copy is in flight") {
    closed_gate gate(simulated::stream(0, 1));
    at::Tensor tensor = counting({4}).to(accelerator);
    std::optional<xtt::host_copy<float>> copy;
    {
        const c10::StreamGuard on_second(simulated::stream(0, 1));
        copy.emplace(xtt::to_host_async<float>(tensor));
    }
    tensor.reset();
    CHECK(counted().freed_in_flight == 0);
    gate.open();
    CHECK(copy->get()(3) == 3.0f);
    copy.reset();
    require_nothing_left();
}

TEST_CASE("copies on two streams are done independently, in any order") {
    const at::Tensor tensor = counting({4}).to(accelerator);
    closed_gate first_gate(simulated::stream(0, 1));
    closed_gate second_gate(simulated::stream(0, 2));
    const auto on_stream = [&](c10::StreamId stream) {
        const c10::StreamGuard guard(simulated::stream(0, stream));
        return xtt::to_host_async<float, 1>(tensor);
    };
    auto first = on_stream(1);
    auto second = on_stream(2);
    CHECK_FALSE(first.ready());
    CHECK_FALSE(second.ready());
    second_gate.open();
    CHECK(second.get()(3) == 3.0f);
    CHECK_FALSE(first.ready());
    first_gate.open();
    CHECK(first.get()(3) == 3.0f);
}

TEST_CASE("to_host_async uses the stream of the tensor's device, not of the current device") {
    const at::Tensor tensor = counting({4}).to(simulated::device(1));
    closed_gate gate(simulated::stream(0, 0));
    CHECK(xtt::to_host_async<float>(tensor).get()(3) == 3.0f);
    closed_gate other_gate(simulated::stream(1, 0));
    auto held = xtt::to_host_async<float>(tensor);
    CHECK_FALSE(held.ready());
    other_gate.open();
    CHECK(held.get()(3) == 3.0f);
}

TEST_CASE("to_host_async of a CPU tensor is a plain copy that is ready at once") {
    at::Tensor tensor = counting({2, 3});
    const tally before;
    auto copy = xtt::to_host_async<float, 2>(tensor.t());
    CHECK(copy.ready());
    tensor.zero_();
    CHECK(copy.get()(2, 1) == 5.0f);
    CHECK(before.is(0, 0, 0));
    CHECK(counted().pinned_blocks == 0);
}

TEST_CASE("without pinned memory to_host_async and to_device have crossed when they return") {
    simulated::pinned_allocator::is_exhausted() = true;
    const at::Tensor tensor = xtt::to_device(xt::xarray<float>{1, 2, 3}, accelerator, /*non_blocking=*/true);
    auto copy = xtt::to_host_async<float>(tensor);
    simulated::pinned_allocator::is_exhausted() = false;
    CHECK(copy.ready());
    CHECK(copy.get()(2) == 3.0f);
    CHECK(counted().pinned_blocks == 0);
}

// ---- failing transfers ----------------------------------------------------------------------------------------------

TEST_CASE("a transfer that fails when it is started throws, and nothing is left") {
    {
        const at::Tensor tensor = counting({3}).to(accelerator);
        const xt::xarray<float> array = {1, 2};
        const auto fails = [](auto&& call) {
            simulated::next_copy_fails() = simulated::failure::at_start;
            CHECK(contains(message_of<c10::Error>(call), "could not start"));
        };
        fails([&] { xtt::to_host<float>(tensor); });
        fails([&] { (void)xtt::to_host_async<float>(tensor); });
        fails([&] { xtt::to_device(array, accelerator); });
        fails([&] { xtt::to_device(array, accelerator, /*non_blocking=*/true); });
        fails([&] { xtt::copy(array, accelerator); });
    }
    require_nothing_left();
}

TEST_CASE("a transfer that fails in flight throws from ready and get, and nothing is left") {
    const c10::StreamGuard on_its_own(simulated::stream(0, 3));
    {
        const at::Tensor tensor = counting({3}).to(accelerator);
        simulated::next_copy_fails() = simulated::failure::in_flight;
        auto copy = xtt::to_host_async<float>(tensor);
        CHECK(contains(message_of<c10::Error>([&] { copy.get(); }), "lost the copy"));
        CHECK(contains(message_of<c10::Error>([&] { (void)copy.ready(); }), "lost the copy"));
        CHECK(contains(message_of<c10::Error>([&] { copy.get(); }), "lost the copy"));
    }
    simulated::queue_of(0, 3).forget_failure();
    require_nothing_left();
}

TEST_CASE("a transfer that fails after its copy was destroyed is silent, and nothing is left") {
    const c10::StreamGuard on_its_own(simulated::stream(0, 3));
    {
        const at::Tensor tensor = counting({3}).to(accelerator);
        closed_gate gate(simulated::stream(0, 3));
        simulated::next_copy_fails() = simulated::failure::in_flight;
        (void)xtt::to_host_async<float>(tensor);
        CHECK(counted().pinned_blocks == 1);
    }
    CHECK_THROWS_AS(simulated::queue_of(0, 3).wait(), c10::Error);
    xtt::detail::unattended_transfers::instance().release_finished();
    CHECK(counted().pinned_blocks == 0);
    simulated::queue_of(0, 3).forget_failure();
    require_nothing_left();
}

// ---- to_device ------------------------------------------------------------------------------------------------------

TEST_CASE("to_device evaluates straight into pinned memory and is one transfer") {
    const xt::xarray<float> array = xt::arange<float>(20'000).reshape({100, 200});
    const tally before;
    const at::Tensor tensor = xtt::to_device(2.0f * array + 1.0f, accelerator);
    CHECK(before.is(0, 1, 80'000));
    CHECK(counted().host_blocks == before.host_blocks);
    CHECK(counted().pinned_blocks == 0);
    CHECK(tensor.device() == accelerator);
    CHECK(tensor.is_contiguous());
    CHECK(tensor.scalar_type() == at::kFloat);
    CHECK(same(counting({100, 200}) * 2 + 1, tensor.cpu()));
}

TEST_CASE("to_device takes expressions of every kind") {
    const auto crosses = [](const auto& expression, const at::Tensor& expected) {
        const tally before;
        const at::Tensor tensor = xtt::to_device(expression, accelerator);
        CHECK(before.is(0, 1, expected.numel() * static_cast<std::int64_t>(expected.itemsize())));
        CHECK(same(expected, tensor.cpu()));
    };
    const xt::xtensor<float, 2> matrix = {{0, 1, 2}, {3, 4, 5}};
    crosses(matrix, counting({2, 3}));
    crosses(xt::transpose(matrix), counting({2, 3}).t());
    crosses(xt::view(matrix, xt::all(), xt::range(1, 3)), counting({2, 3}).slice(1, 1, 3));
    crosses(xt::xarray<float, xt::layout_type::column_major>(matrix), counting({2, 3}));
    crosses(xt::sum(matrix), at::full({}, 15.0f));
    crosses(xt::arange<double>(3), counting({3}, at::kDouble));
    crosses(xt::xarray<float>::from_shape({3, 0, 2}), at::empty({3, 0, 2}));
    at::Tensor tensor = counting({4});
    crosses(xtt::view<const float>(tensor), counting({4}));
}

TEST_CASE("to_device does not wait when it need not, and the host memory stays until the transfer is done") {
    std::optional<at::Tensor> tensor;
    closed_gate gate(simulated::stream(0, 0));
    {
        const xt::xarray<float> array = {1, 2, 3};
        tensor = xtt::to_device(array, accelerator, /*non_blocking=*/true);
    }
    CHECK(counted().pinned_blocks == 1);
    auto back = xtt::to_host_async<float>(*tensor);  // the same stream: after the values have arrived
    CHECK_FALSE(back.ready());
    CHECK(counted().freed_in_flight == 0);
    gate.open();
    CHECK((back.get() == xt::xarray<float>{1, 2, 3}));
    back = xtt::to_host_async<float>(*tensor);
    tensor.reset();
    back.get();
    back = xtt::to_host_async<float>(at::zeros({1}));
    require_nothing_left();
}

TEST_CASE("to_device to the CPU is copy") {
    const xt::xarray<double> array = {1, 2};
    const tally before;
    const at::Tensor tensor = xtt::to_device(array + 1.0, at::kCPU, /*non_blocking=*/true);
    CHECK(same(at::tensor({2.0, 3.0}, at::kDouble), tensor));
    CHECK(before.is(0, 0, 0));
}

TEST_CASE("to_device without an index is to the current device") {
    const c10::StreamGuard on_second_device(simulated::stream(1, 2));
    CHECK(xtt::to_device(xt::xarray<float>{1}, at::kPrivateUse1).device() == simulated::device(1));
    CHECK(xtt::to_device(xt::xarray<float>{1}, at::kPrivateUse1, true).device() == simulated::device(1));
}

TEST_CASE("to_device and copy refuse a device that is not present, before anything is evaluated") {
    int evaluated = 0;
    const auto expression = xt::make_lambda_xfunction(
        [&evaluated](float value) {
            ++evaluated;
            return value;
        },
        xt::xarray<float>{1, 2});
    const auto refused = [&](const std::string& verb, auto&& call, const std::string& part) {
        const std::string message = message_of<c10::ValueError>(call);
        CHECK(is_plain_sentence(message));
        CHECK(message.rfind(verb + ": ", 0) == 0);
        CHECK(contains(message, part));
    };
    refused("to_device", [&] { xtt::to_device(expression, simulated::device(2)); }, "simulated:2");
    refused("to_device", [&] { xtt::to_device(expression, simulated::device(2)); }, "2 simulated devices");
    refused("to_device", [&] { xtt::to_device(expression, at::kMeta); }, "no elements");
    refused("to_device", [&] { xtt::to_device(expression, {at::kHPU, 0}); }, "0 hpu devices");
    refused("copy", [&] { xtt::copy(expression, simulated::device(7)); }, "simulated:7");
    refused("copy", [&] { xtt::copy(expression, at::kMeta); }, "no elements");
    CHECK(evaluated == 0);
}

// ---- copy with options ----------------------------------------------------------------------------------------------

TEST_CASE("copy with options that say nothing is copy") {
    const xt::xarray<double> array = {{1, 2}, {3, 4}};
    const tally before;
    const at::Tensor tensor = xtt::copy(array + 1.0, at::TensorOptions());
    CHECK(counted().host_blocks == before.host_blocks + 1);
    CHECK(same(at::tensor({2.0, 3.0, 4.0, 5.0}, at::kDouble).reshape({2, 2}), tensor));
    CHECK(tensor.scalar_type() == at::kDouble);
    CHECK_FALSE(tensor.requires_grad());
}

TEST_CASE("copy with options honours dtype, device, pinned memory, grad and memory format") {
    const xt::xarray<double> array = xt::arange<double>(24).reshape({1, 2, 3, 4});
    const at::Tensor expected = counting({1, 2, 3, 4});

    const at::Tensor converted = xtt::copy(array, at::kFloat);
    CHECK(converted.scalar_type() == at::kFloat);
    CHECK(same(expected, converted));

    const tally before;
    const at::Tensor sent = xtt::copy(array, at::TensorOptions().dtype(at::kHalf).device(accelerator));
    CHECK(before.is(0, 1, 48));
    CHECK(sent.device() == accelerator);
    CHECK(same(expected.to(at::kHalf), sent.cpu()));

    const tally without_pass;
    const at::Tensor pinned = xtt::copy(array, at::TensorOptions().pinned_memory(true));
    CHECK(without_pass.host_blocks == counted().host_blocks);
    CHECK(simulated::pinned_memory().has(pinned.const_data_ptr()));
    CHECK(same(expected.to(at::kDouble), pinned));

    for (const c10::Device device : {c10::Device(at::kCPU), accelerator}) {
        const at::Tensor leaf = xtt::copy(array, at::TensorOptions().device(device).requires_grad(true));
        CHECK(leaf.requires_grad());
        CHECK(leaf.is_leaf());
        const at::Tensor channels =
            xtt::copy(array, at::TensorOptions().device(device).memory_format(at::MemoryFormat::ChannelsLast));
        CHECK(channels.is_contiguous(at::MemoryFormat::ChannelsLast));
        CHECK_FALSE(channels.is_contiguous());
        CHECK(same(expected.to(at::kDouble), channels.cpu()));
    }
    CHECK(xtt::copy(array, at::TensorOptions().layout(at::kStrided).requires_grad(false)).layout() == at::kStrided);
}

TEST_CASE("copy with options refuses what it cannot honour") {
    const xt::xarray<float> array = {{1, 2}, {3, 4}};
    const auto refused = [&](auto exception, const at::TensorOptions& options, const std::string& part) {
        const std::string message = message_of<decltype(exception)>([&] { xtt::copy(array, options); });
        CHECK(is_plain_sentence(message));
        CHECK(message.rfind("copy: the options ask for ", 0) == 0);
        CHECK(contains(message, part));
    };
    const c10::TypeError type_error("");
    const c10::ValueError value_error("");
    const c10::Error error("");
    const at::TensorOptions options;
    const tally before;
    refused(type_error, options.layout(at::kSparse), "to_sparse()");
    refused(type_error, options.dtype(at::kQInt8), "QInt8");
    refused(value_error, options.device(accelerator).pinned_memory(true), "simulated:0");
    refused(value_error, options.dtype(at::kLong).requires_grad(true), "int64");
    refused(value_error, options.memory_format(at::MemoryFormat::ChannelsLast), "2 dimensions");
    refused(value_error, options.memory_format(at::MemoryFormat::ChannelsLast3d), "2 dimensions");
    refused(value_error, options.memory_format(at::MemoryFormat::Preserve), "memory format");
    simulated::pinned_allocator::is_exhausted() = true;
    refused(error, options.pinned_memory(true), "Leave out pinned_memory");
    simulated::pinned_allocator::is_exhausted() = false;
    const xt::xtensor<std::complex<float>, 1> complex = {{1, 2}, {3, 4}};
    CHECK(contains(message_of<c10::TypeError>([&] { xtt::copy(complex, at::kFloat); }), "xt::real(x)"));
    CHECK(before.is(0, 0, 0));
}

// ---- every element type, and many threads ---------------------------------------------------------------------------

template <class T>
void crosses_both_ways() {
    INFO("element type " << xtt::detail::type_name<T>());
    constexpr std::size_t size = 5;
    xt::xtensor<T, 1> array = xt::xtensor<T, 1>::from_shape({size});
    std::vector<unsigned char> bytes(size * sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<unsigned char>(std::is_same_v<T, bool> ? i % 2 : i + 1);
    }
    std::memcpy(static_cast<void*>(array.data()), bytes.data(), bytes.size());
    const auto same_bytes = [&](const T* data) { return std::memcmp(data, bytes.data(), bytes.size()) == 0; };
    const auto crossed = static_cast<std::int64_t>(bytes.size());

    const tally before;
    const at::Tensor tensor = xtt::to_device(array, accelerator);
    CHECK(tensor.scalar_type() == xtt::scalar_type_v<T>);
    CHECK(before.is(0, 1, crossed));
    CHECK(same_bytes(xtt::to_host<T, 1>(tensor).data()));
    CHECK(same_bytes(xtt::to_host_async<T, 1>(tensor).get().data()));
    CHECK(before.is(2, 1, 3 * crossed));
}

template <class... Elements>
void all_cross_both_ways() {
    (crosses_both_ways<Elements>(), ...);
}

TEST_CASE("every element type crosses both ways with its bytes unchanged") {
    all_cross_both_ways<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                        std::uint32_t, std::uint64_t, float, double, c10::Half, c10::BFloat16, c10::complex<float>,
                        c10::complex<double>, c10::Float8_e5m2, c10::Float8_e5m2fnuz, c10::Float8_e4m3fn,
                        c10::Float8_e4m3fnuz, std::complex<float>, std::complex<double>, char, std::byte, long,
                        long long, unsigned long, unsigned long long>();
}

TEST_CASE("many threads send and fetch at once, on streams of their own and on shared ones") {
    constexpr int rounds = 50;
    std::atomic<int> wrong{0};
    {
        std::vector<std::thread> threads;
        for (int id = 0; id < 8; ++id) {
            threads.emplace_back([id, &wrong] {
                const auto stream = simulated::stream(static_cast<c10::DeviceIndex>(id % 2), id % 3);
                const c10::StreamGuard guard(stream);
                for (int round = 0; round < rounds; ++round) {
                    const auto value = static_cast<float>(id * rounds + round);
                    const xt::xtensor<float, 1> array = value + xt::arange<float>(100);
                    const at::Tensor tensor = xtt::to_device(array, stream.device(), /*non_blocking=*/true);
                    auto copy = xtt::to_host_async<float, 1>(tensor);
                    {
                        const auto dropped = xtt::to_host_async<float, 1>(tensor);
                    }
                    wrong += copy.get() == array ? 0 : 1;
                    wrong += xtt::to_host<float, 1>(tensor) == array ? 0 : 1;
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    CHECK(wrong == 0);
    require_nothing_left();
}

}  // namespace
