// Operators over views as C++ sees them: through the dispatcher, from a device, and when they are registered.
#include "support/testing.hpp"

#include "support/simulated_accelerator.hpp"

#include <xtensor-torch/call.hpp>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/max.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh.h>

#include <tuple>

using namespace testing;

extern "C" bool xtt_test_is_loaded();

namespace {

// The operators' library, of which this file names nothing else.
[[maybe_unused]] const bool loaded = xtt_test_is_loaded();

const c10::Device accelerator = simulated::device(0);

c10::OperatorHandle find(const char* name, const char* overload = "") {
    return c10::Dispatcher::singleton().findSchemaOrThrow((std::string("xtt_test::") + name).c_str(), overload);
}

template <class Signature, class... Arguments>
auto call(const char* name, Arguments&&... arguments) {
    return find(name).typed<Signature>().call(std::forward<Arguments>(arguments)...);
}

at::Tensor softclip(const char* name, const at::Tensor& x, double limit) {
    return call<at::Tensor(const at::Tensor&, double)>(name, x, limit);
}

void add_to(const char* name, at::Tensor& x, const at::Tensor& y, double factor) {
    call<void(at::Tensor&, const at::Tensor&, double)>(name, x, y, factor);
}

}  // namespace

TEST_CASE("an operator is called by its name, with the schema's defaults and types") {
    const at::Tensor x = at::randn({2, 3});
    CHECK(xtt::call("xtt_test::softclip", x, 2.0).equal(softclip("softclip", x, 2.0)));
    CHECK(xtt::call("aten::add.Tensor", x, x).equal(x + x));
    CHECK(xtt::call("aten::add.Tensor", x, x, 3).equal(x + 3 * x));
    // A whole number where the schema has a float.
    CHECK(xtt::call("xtt_test::softclip", x, 2).equal(softclip("softclip", x, 2.0)));
    const auto [values, places] = xtt::call<std::tuple<at::Tensor, at::Tensor>>("aten::max.dim", x, 1);
    CHECK(places.equal(std::get<1>(x.max(1))));
    CHECK(xtt::call<at::Scalar>("aten::item", x.sum()).toDouble() == x.sum().item<double>());
    at::Tensor changed = x.clone();
    xtt::call<void>("aten::add_.Tensor", changed, x);
    CHECK(changed.equal(x + x));
}

TEST_CASE("an integer that may be a symbol is called with a number") {
    const at::Tensor x = at::arange(4, at::kFloat);
    const auto windows = c10::Dispatcher::singleton().findSchemaOrThrow("xtt_test::windows", "");
    const at::Tensor expected = x.unfold(0, 3, 1);
    CHECK(xtt::call("xtt_test::windows", x, 3).equal(expected));
    CHECK(windows.typed<at::Tensor(const at::Tensor&, c10::SymInt)>().call(x, 3).equal(expected));
    CHECK(xtt::call("xtt_test::windows", x).size(1) == 2);
    const auto backward = c10::Dispatcher::singleton().findSchemaOrThrow("xtt_test::windows_backward", "");
    for (const auto& schema : {windows.schema(), backward.schema()}) {
        const c10::Argument& width =
            schema.arguments()[static_cast<std::size_t>(*schema.argumentIndexWithName("width"))];
        CHECK(width.real_type()->kind() == c10::TypeKind::SymIntType);
    }
}

TEST_CASE("a call by a name that is not there, for another result or with other arguments is refused before it runs") {
    at::Tensor x = at::ones({2, 3});
    CHECK_THROWS_AS(xtt::call("xtt_test::nothing", x), c10::ValueError);
    CHECK_THROWS_AS(xtt::call("aten::add.Nothing", x, x), c10::ValueError);
    CHECK_THROWS_AS(xtt::call<double>("aten::add_.Tensor", x, x), c10::TypeError);
    CHECK_THROWS_AS(xtt::call("aten::add_.Tensor", x), c10::Error);
    CHECK_THROWS_AS(xtt::call("aten::add_.Tensor", x, "one"), c10::Error);
    CHECK_THROWS_AS(xtt::call("aten::relu_", x, 1), c10::Error);
    CHECK(x.equal(at::ones({2, 3})));
}

TEST_CASE("an operator is called through the dispatcher") {
    const at::Tensor x = at::randn({3, 4});
    CHECK(at::allclose(softclip("softclip", x, 2.0), 2.0 * at::tanh(x / 2.0)));
    const auto [sine, cosine] =
        call<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&)>("sine_cosine", x.to(at::kDouble));
    CHECK(at::allclose(sine * sine + cosine * cosine, at::ones({3, 4}, at::kDouble)));
}

TEST_CASE("an operator writes to its arguments") {
    at::Tensor x = at::ones({3});
    add_to("add_", x, at::ones({3}), 2.0);
    CHECK(at::equal(x, at::full({3}, 3.0f)));
}

TEST_CASE("gradients are recorded without Python") {
    at::Tensor x = at::randn({3}, at::kDouble).requires_grad_();
    softclip("softclip", x, 2.0).sum().backward();
    CHECK(at::allclose(x.grad(), 1 - at::tanh(x.detach() / 2.0).square()));
}

TEST_CASE("a tensor on another device is refused") {
    const at::Tensor x = at::ones({3}).to(accelerator);
    const std::string message = message_of<c10::TypeError>([&] { softclip("softclip", x, 2.0); });
    CHECK(message ==
          "softclip: argument 'x': the tensor is on simulated:0; this operator computes in host memory. Copy it first, "
          "tensor.cpu(), or register the operator with xtt::host_round_trip.");
}

TEST_CASE("a round trip through the host is made where the registration says so") {
    const at::Tensor x = at::randn({3, 4});
    const at::Tensor on_device = x.to(accelerator);
    const int received = simulated::counted().to_host;
    const int sent = simulated::counted().to_device;
    const at::Tensor result = softclip("softclip_by_host_round_trip", on_device, 2.0);
    CHECK(result.device() == accelerator);
    CHECK(simulated::counted().to_host == received + 1);
    CHECK(simulated::counted().to_device == sent + 1);
    CHECK(at::allclose(result.cpu(), 2.0 * at::tanh(x / 2.0)));
    // On the host it is the operator that it would be otherwise.
    CHECK(at::allclose(softclip("softclip_by_host_round_trip", x, 2.0), 2.0 * at::tanh(x / 2.0)));
}

TEST_CASE("what is written in a round trip reaches the tensor") {
    at::Tensor x = at::ones({3}).to(accelerator);
    add_to("add_by_host_round_trip_", x, at::ones({3}), 2.0);
    CHECK(at::equal(x.cpu(), at::full({3}, 3.0f)));
}

TEST_CASE("an element type is refused in a round trip, too") {
    const at::Tensor x = at::ones({3}, at::kDouble).to(accelerator);
    CHECK(contains(message_of<c10::TypeError>([&] { softclip("softclip_by_host_round_trip", x, 2.0); }),
                   "softclip_by_host_round_trip: argument 'x': the tensor is float64; the function takes float32."));
}

TEST_CASE("an undefined tensor is refused") {
    const std::string message = message_of<c10::ValueError>([] { softclip("softclip", at::Tensor(), 2.0); });
    CHECK(contains(message, "softclip: none of the arguments is a tensor with a dtype to compute in"));
}

TEST_CASE("conjugated tensors arrive resolved") {
    const at::Tensor x = at::complex(at::ones({2}), at::ones({2})).conj();
    const at::Tensor result = call<at::Tensor(const at::Tensor&)>("twice", x);
    CHECK(at::equal(result, (2 * x).resolve_conj()));
}

TEST_CASE("an operator whose schema LibTorch cannot read is refused when it is called") {
    const std::string message =
        message_of<c10::TypeError>([] { xtt::call("xtt_test::stretch_by_default", at::ones({2, 2}), 2.0); });
    CHECK(contains(message, "op: LibTorch cannot read the schema of stretch_by_default: "));
}
