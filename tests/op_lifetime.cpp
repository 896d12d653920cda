// What a returned expression may refer to. Built without optimisation and with it: it moves variables about.
#include "support/testing.hpp"

#include <xtensor-torch/op.hpp>

#include <ATen/core/dispatch/Dispatcher.h>

using namespace testing;

namespace {

const auto by_value = [](const auto& x, double factor) { return x * factor; };
const auto by_reference = [](const auto& x, const double& factor) { return x * factor; };
const auto of_a_constant = [](const auto& x, double factor) { return x * (factor * 2.0); };
const auto of_a_local = [](const auto& x, double factor) {
    const xt::xarray<double> local = x * factor;
    return local + 1.0;
};
const auto of_an_array = [](const auto& x, double factor) {
    const xt::xtensor_fixed<double, xt::xshape<3>> local = {factor, factor, factor};
    return local + x;
};
const auto of_local_axes = [](const auto& x, const double& factor) {
    const std::vector<std::size_t> axes = {0};
    return xt::sum(x * factor, axes, xt::keep_dims) + x;
};
const auto of_a_moved_local = [](const auto& x, double factor) {
    xt::xarray<double> local = x * factor;
    return std::move(local) + 1.0;
};

TORCH_LIBRARY(xtt_lifetime, library) {
    xtt::op<"by_value(Tensor x, float factor)", double>(library, by_value);
    xtt::op<"by_reference(Tensor x, float factor)", double>(library, by_reference);
    xtt::op<"of_a_constant(Tensor x, float factor)", double>(library, of_a_constant);
    xtt::op<"of_a_local(Tensor x, float factor)", double>(library, of_a_local);
    xtt::op<"of_an_array(Tensor x, float factor)", double>(library, of_an_array);
    xtt::op<"of_local_axes(Tensor x, float factor)", double>(library, of_local_axes);
    xtt::op<"of_a_moved_local(Tensor x, float factor)", double>(library, of_a_moved_local);
}

at::Tensor call(const char* name, const at::Tensor& x) {
    return c10::Dispatcher::singleton()
        .findSchemaOrThrow((std::string("xtt_lifetime::") + name).c_str(), "")
        .typed<at::Tensor(const at::Tensor&, double)>()
        .call(x, 3.0);
}

TEST_CASE("a result that refers to what is gone is refused, at every level of optimisation") {
    const at::Tensor x = at::ones({3}, at::kDouble);
    const at::Tensor on_meta = x.to(at::kMeta);
    for (const char* name : {"by_value", "of_a_local", "of_an_array", "of_local_axes"}) {
        CHECK(contains(message_of<c10::Error>([&] { call(name, x); }), "refers to a variable that was gone"));
        CHECK(contains(message_of<c10::Error>([&] { call(name, on_meta); }), "refers to a variable that was gone"));
    }
    CHECK(at::equal(call("by_reference", x), 3 * x));
    CHECK(at::equal(call("of_a_constant", x), 6 * x));
    CHECK(at::equal(call("of_a_moved_local", x), 4 * x));
    CHECK(call("by_reference", on_meta).is_meta());
}

}  // namespace
