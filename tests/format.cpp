#include "support/testing.hpp"

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/fmt.hpp>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/visit.hpp>

#include <ATen/FunctionalTensorWrapper.h>
#include <ATen/ops/from_blob.h>

#include <complex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

template <class X>
std::string printed(X&& x) {
    std::ostringstream text;
    text << xtt::describe(std::forward<X>(x));
    return text.str();
}

}  // namespace

TEST_CASE("a description of a view says what its type and its tensor say") {
    at::Tensor tensor = testing::counting({2, 3});
    const auto found = xtt::describe(xtt::view<float, 2>(tensor));
    CHECK(found.kind == "view");
    CHECK(found.dtype == "float32");
    CHECK(found.shape == std::vector<std::int64_t>{2, 3});
    CHECK(found.strides == std::vector<std::int64_t>{3, 1});
    CHECK(found.layout == "row-major");
    CHECK(found.device == at::Device(at::kCPU));
    CHECK(found.holder == xtt::memory_holder::storage);
    CHECK(found.is_writable);

    CHECK(printed(xtt::view<float>(tensor)) ==
          "view: float32, shape [2, 3], strides [3, 1], row-major, cpu, memory held by a tensor's storage, writable");
    CHECK(
        printed(xtt::view<const float>(tensor.t())) ==
        "view: float32, shape [3, 2], strides [1, 3], column-major, cpu, memory held by a tensor's storage, read-only");
    const auto handle = xtt::view<float>(tensor);
    CHECK(xtt::describe(handle).is_writable);
}

TEST_CASE("a description of a tensor says who frees its memory") {
    const auto held = [](at::Tensor tensor) { return xtt::describe(tensor).holder; };
    xt::xtensor<float, 1> container = {1, 2, 3};
    CHECK(held(at::ones({3})) == xtt::memory_holder::storage);
    CHECK(held(xtt::copy(container)) == xtt::memory_holder::storage);
    CHECK(held(xtt::adopt(xt::xtensor<float, 1>(container))) == xtt::memory_holder::storage);
    CHECK(held(at::from_blob(container.data(), {3}, [](void*) {})) == xtt::memory_holder::storage);
    CHECK(held(at::from_blob(container.data(), {3})) == xtt::memory_holder::caller);
    CHECK(held(xtt::borrow(container)) == xtt::memory_holder::caller);
    CHECK(held(at::ones({3}, at::kMeta)) == xtt::memory_holder::nobody);
    CHECK(xtt::describe(xtt::view<float>(xtt::borrow(container))).holder == xtt::memory_holder::caller);
    CHECK(printed(at::ones({4, 6}).slice(1, 0, 6, 2)) ==
          "tensor: float32, shape [4, 3], strides [6, 2], strided, cpu, memory held by its storage, writable");
}

TEST_CASE("a const tensor, and one whose elements share memory, are read-only") {
    const at::Tensor tensor = at::ones({3});
    CHECK_FALSE(xtt::describe(tensor).is_writable);
    CHECK_FALSE(xtt::describe(tensor.expand({2, 3})).is_writable);
    CHECK(xtt::describe(at::Tensor(tensor)).is_writable);
}

TEST_CASE("tensors that no view takes have descriptions, too") {
    CHECK(printed(at::Tensor()) == "tensor: undefined");
    CHECK(printed(at::ones({2, 3}).to_sparse()) ==
          "tensor: float32, shape [2, 3], Sparse, cpu, memory held by its storage, writable");
    CHECK(printed(at::ones({2}, at::kMeta)) == "tensor: float32, shape [2], strides [1], row-major, meta, no memory");
    CHECK(printed(at::functionalization::impl::to_functional_tensor(at::ones({2}))) ==
          "tensor: float32, wrapper, cpu, no memory");
    CHECK(printed(at::ones({0, 3})) ==
          "tensor: float32, shape [0, 3], strides [3, 1], row-major, cpu, memory held by its storage, writable");
    CHECK(printed(at::full({}, 1.0)) ==
          "tensor: float32, shape [], strides [], row-major, cpu, memory held by its storage, writable");
}

TEST_CASE("containers, views of them and expressions are told apart") {
    xt::xtensor<double, 2, xt::layout_type::row_major> container = xt::ones<double>({3, 4});
    CHECK(printed(container) ==
          "container: float64, shape [3, 4], strides [4, 1], row-major, cpu, memory held by itself, writable");
    CHECK_FALSE(xtt::describe(std::as_const(container)).is_writable);
    CHECK(printed(xt::view(container, xt::all(), 1)) ==
          "view: float64, shape [3], strides [4], strided, cpu, memory held by the caller, writable");
    CHECK_FALSE(xtt::describe(xt::view(std::as_const(container), 1)).is_writable);
    CHECK(printed(xt::transpose(container)) ==
          "view: float64, shape [4, 3], strides [1, 4], column-major, cpu, memory held by the caller, writable");
    CHECK(printed(container + 1) == "expression: float64, shape [3, 4], lazy, cpu, no memory");
    CHECK(printed(xt::xarray<std::complex<float>>::from_shape({2, 1})) ==
          "container: complex64, shape [2, 1], strides [1, 0], row-major, cpu, memory held by itself, writable");

    at::Tensor tensor = testing::counting({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    CHECK(printed(xt::view(view, 1)) ==
          "view: float32, shape [3], strides [1], row-major, cpu, memory held by a tensor's storage, writable");
    CHECK(testing::contains(printed(xt::xarray<std::string>{"a", "b"}), "basic_string"));
    CHECK(testing::contains(
        testing::message_of<c10::ValueError>([&] { xtt::describe(container + xt::ones<double>({5})); }),
        "describe: the expression's operands have shapes that do not broadcast to one"));
}

TEST_CASE("a view is still printed by its elements") {
    at::Tensor tensor = testing::counting({2, 2});
    std::ostringstream text;
    text << xtt::view<float>(tensor);
    CHECK(text.str() == "{{ 0.,  1.},\n { 2.,  3.}}");
}

TEST_CASE("std::format gives the description of a view") {
#if defined(__cpp_lib_format)
    at::Tensor tensor = testing::counting({2, 3});
    const auto view = xtt::view<float, 2>(tensor);
    CHECK(std::format("{}", view) == printed(view));
    CHECK(std::format("{:.>30.4}", xtt::describe(tensor)) == "..........................tens");
#else
    WARN("skipped: this standard library has no <format>");
#endif
}

TEST_CASE("fmt::format gives the description of a view") {
#if defined(FMT_VERSION)
    at::Tensor tensor = testing::counting({2, 3});
    const auto view = xtt::view<float, 2>(tensor);
    CHECK(fmt::format("{}", view) == printed(view));
    CHECK(fmt::format("{:.>30.4}", xtt::describe(tensor)) == "..........................tens");
#else
    WARN("skipped: {fmt} was not found");
#endif
}
