#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

using namespace testing;

namespace {

// What static/sharing.cpp says of types, seen in memory.
template <class C>
bool shares(C&& container, const at::Tensor& tensor) {
    return tensor.const_data_ptr() == static_cast<const void*>(container.data());
}

TEST_CASE("what the concepts call sharing shares, and what they call copying copies") {
    xt::xtensor<float, 2> container = {{1, 2}, {3, 4}};
    static_assert(xtt::borrowable<decltype((container))>);
    static_assert(xtt::copyable<decltype((container))>);
    CHECK(shares(container, xtt::borrow(container)));
    CHECK_FALSE(shares(container, xtt::copy(container)));

    at::Tensor tensor = counting({2, 2});
    auto view = xtt::view<float, 2>(tensor);
    static_assert(xtt::shares_storage_v<decltype(view)>);
    CHECK(shares(view, tensor));
    auto slice = xt::view(view, 0);
    static_assert(xtt::shares_storage_v<decltype(slice)>);
    CHECK(&slice(0) == tensor.const_data_ptr());
    const auto owned = xtt::to_host<float, 2>(tensor);
    static_assert(!xtt::shares_storage_v<decltype(owned)>);
    CHECK_FALSE(shares(owned, tensor));
}

}  // namespace
