#include "support/testing.hpp"

#include <xtensor-torch/visit.hpp>

using namespace testing;

namespace {

TEST_CASE("visit calls the function with a view of the tensor's own dtype") {
    for (const auto dtype :
         {at::kBool, at::kChar, at::kShort, at::kInt, at::kLong, at::kByte, at::kUInt16, at::kUInt32, at::kUInt64,
          at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble}) {
        at::Tensor tensor = at::zeros({2, 3}, dtype);
        const at::ScalarType seen = xtt::visit(tensor, [&](auto& view) {
            CHECK(static_cast<const void*>(view.data()) == tensor.const_data_ptr());
            return xtt::scalar_type_v<typename std::decay_t<decltype(view)>::value_type>;
        });
        CHECK(seen == dtype);
    }
}

TEST_CASE("visit writes through the view") {
    at::Tensor tensor = counting({3});
    xtt::visit<float, double>(tensor, [](auto& view) { view *= 2; });
    CHECK(tensor[2].item<float>() == 4.0f);
    xtt::visit<float, double>(tensor, [](auto view) { view += 1; });
    CHECK(tensor[2].item<float>() == 5.0f);
}

TEST_CASE("visit gives read-only views of a const tensor") {
    const at::Tensor tensor = counting({3});
    const auto version = tensor._version();
    const double total = xtt::visit<float, double>(tensor, [](const auto& view) {
        static_assert(!std::decay_t<decltype(view)>::is_writable);
        return static_cast<double>(xt::sum(view)());
    });
    CHECK(total == 3.0);
    CHECK(tensor._version() == version);
}

TEST_CASE("visit refuses a dtype that is not listed, and names the listed ones") {
    at::Tensor tensor = counting({2}, at::kInt);
    const std::string message =
        message_of<c10::TypeError>([&] { xtt::visit<float, double>(tensor, [](const auto&) {}); });
    CHECK(is_plain_sentence(message));
    CHECK(contains(message, "int32"));
    CHECK(contains(message, "float32, float64"));
    CHECK(contains(message, "tensor.to(torch::kFloat32)"));
}

TEST_CASE("visit refuses what view refuses") {
    CHECK_THROWS_AS(xtt::visit(at::Tensor(), [](const auto&) {}), c10::ValueError);
    CHECK_THROWS_AS(xtt::visit(counting({2}).requires_grad_(), [](const auto&) {}), c10::Error);
    CHECK_THROWS_AS(xtt::visit(counting({2, 2}).to_sparse(), [](const auto&) {}), c10::TypeError);
}

}  // namespace
