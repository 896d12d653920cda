#include "support/testing.hpp"

#include <xtensor-torch/to_host.hpp>

#include <ATen/native/Resize.h>
#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/imag.h>

using namespace testing;

namespace {

TEST_CASE("to_host copies into an owned container of dynamic or static rank") {
    at::Tensor tensor = counting({2, 3});
    const xt::xarray<float> array = xtt::to_host<float>(tensor);
    const xt::xtensor<float, 2> fixed = xtt::to_host<float, 2>(tensor);
    tensor.zero_();
    CHECK((array == xt::xarray<float>{{0, 1, 2}, {3, 4, 5}}));
    CHECK((fixed == array));
    static_assert(std::is_same_v<decltype(xtt::to_host<float>(tensor)), xt::xarray<float>>);
    static_assert(std::is_same_v<decltype(xtt::to_host<float, 2>(tensor)), xt::xtensor<float, 2>>);
}

TEST_CASE("to_host takes tensors of every layout") {
    const at::Tensor tensor = counting({4, 6});
    CHECK(xtt::to_host<float, 2>(tensor.t())(5, 3) == 23.0f);
    CHECK(xtt::to_host<float, 2>(tensor.slice(0, 1, 4, 2).slice(1, 0, 6, 3))(1, 1) == 21.0f);
    CHECK(xtt::to_host<float, 2>(counting({3}).expand({2, 3}))(1, 2) == 2.0f);
    CHECK(xtt::to_host<float>(at::full({}, 7.0f))() == 7.0f);
    CHECK(xtt::to_host<float>(at::empty({3, 0, 2})).shape(2) == 2);
}

TEST_CASE("to_host resolves what a view refuses: gradients, conjugate and negative bits") {
    CHECK(xtt::to_host<float, 1>(counting({3}).requires_grad_())(2) == 2.0f);
    const at::Tensor complex = at::full({1}, c10::complex<double>(1.0, 2.0), at::kComplexDouble);
    CHECK(xtt::to_host<std::complex<double>, 1>(complex.conj())(0) == std::complex<double>(1.0, -2.0));
    CHECK(xtt::to_host<double, 1>(at::imag(complex.conj()))(0) == -2.0);
}

TEST_CASE("to_host refuses what has no elements to copy, another dtype or another rank") {
    const auto refused = [](auto exception, auto&& call, const std::string& remedy) {
        const std::string message = message_of<decltype(exception)>(call);
        CHECK(is_plain_sentence(message));
        CHECK(message.rfind("to_host: ", 0) == 0);
        CHECK(contains(message, remedy));
    };
    const c10::TypeError type_error("");
    const c10::ValueError value_error("");
    refused(value_error, [] { xtt::to_host<float>(at::Tensor()); }, "undefined");
    refused(type_error, [] { xtt::to_host<float>(counting({2, 2}).to_sparse()); }, "tensor.to_dense()");
    refused(
        type_error, [] { xtt::to_host<float>(at::empty({2}, at::TensorOptions().device(at::kMeta))); },
        "nothing to copy");
    refused(type_error, [] { xtt::to_host<double>(counting({2})); }, "tensor.to(torch::kFloat64)");
    refused(value_error, [] { xtt::to_host<float, 1>(counting({2, 2})); }, "rank 1");
}

TEST_CASE("to_host and to_host_async refuse a storage that was freed or shrunk under the tensor") {
    const at::Tensor tensor = counting({1000});
    at::native::resize_bytes_cpu(tensor.storage().unsafeGetStorageImpl(), 400);
    CHECK(contains(message_of<c10::ValueError>([&] { xtt::to_host<float>(tensor); }), "holds 400 bytes"));
    at::native::resize_bytes_cpu(tensor.storage().unsafeGetStorageImpl(), 0);
    CHECK(contains(message_of<c10::ValueError>([&] { (void)xtt::to_host_async<float, 1>(tensor); }), "holds 0 bytes"));
    CHECK(xtt::to_host<float, 1>(at::_efficientzerotensor({3}, at::kFloat))(2) == 0.0f);
}

}  // namespace
