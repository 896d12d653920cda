#include "support/layouts.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <limits>
#include <vector>

using namespace testing;

namespace {

template <class Places>
bool are(const Places& places, const at::Tensor& expected) {
    return xtt::copy<std::int64_t>(places).equal(expected);
}

template <class T>
void is_found_as_by_torch(const at::Tensor& values) {
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto view = xtt::view<const T, 3>(tensor);
        for (std::int64_t axis = -3; axis < 3; ++axis) {
            CAPTURE(axis);
            CHECK(are(xt::argmax(view, axis), tensor.argmax(axis)));
            CHECK(are(xt::argmin(view, axis), tensor.argmin(axis)));
            CHECK(are(xt::argmax(view + view, axis), tensor.argmax(axis)));
            CHECK(are(xt::argmin(xtt::view<const T>(tensor), axis), tensor.argmin(axis)));
        }
        CHECK(are(xt::argmax(view), tensor.argmax()));
        CHECK(are(xt::argmin(view + view), tensor.argmin()));
    }
}

}  // namespace

TEST_CASE("the places of the greatest and the least elements are LibTorch's") {
    // Few values, so that each line has several greatest ones.
    const at::Tensor few = at::randint(-3, 3, {5, 70, 7}, at::kInt);
    is_found_as_by_torch<std::int32_t>(few);
    is_found_as_by_torch<float>(few.to(at::kFloat));
    is_found_as_by_torch<double>(at::rand({3, 4, 1100}, at::kDouble));
    is_found_as_by_torch<std::int64_t>(few.to(at::kLong));
    is_found_as_by_torch<float>(at::rand({1, 1, 1}));
}

TEST_CASE("the first NaN is the greatest and the least element") {
    at::Tensor values = at::rand({4, 30, 20});
    for (const std::int64_t position : {3, 77, 1500, 2399}) {
        values.view(-1)[position] = std::numeric_limits<float>::quiet_NaN();
    }
    is_found_as_by_torch<float>(values);
}

TEST_CASE("a single dimension has the place of its greatest element") {
    const at::Tensor line = at::rand({1500});
    CHECK(are(xt::argmax(xtt::view<const float, 1>(line), 0), line.argmax(0)));
    const at::Tensor backwards = line.flip(0);
    CHECK(are(xt::argmin(xtt::view<const float, 1>(backwards), -1), backwards.argmin(0)));
}

TEST_CASE("without elements there is no greatest one") {
    const at::Tensor empty = at::zeros({3, 0});
    const auto view = xtt::view<const float, 2>(empty);
    CHECK_THROWS_AS(xt::argmax(view, 1), c10::ValueError);
    CHECK_THROWS_AS(xt::argmin(view), c10::ValueError);
    CHECK(xt::argmax(view, 0).size() == 0);
}

TEST_CASE("any and all see every element") {
    for (const std::int64_t position : {0, 1, 1023, 1024, 2000, 4199}) {
        CAPTURE(position);
        at::Tensor values = at::zeros({6, 70, 10});
        values.view(-1)[position] = 1;
        for (const at::Tensor& tensor : layouts_of(values)) {
            const auto view = xtt::view<const float, 3>(tensor);
            CHECK(xt::any(view));
            CHECK(xt::any(view > 0.5f));
            CHECK(xt::any(view > xt::view(view, 0, 0, 9)));
            CHECK_FALSE(xt::all(view < 0.5f));
            CHECK_FALSE(xt::all(view - 1.0f));
            CHECK_FALSE(xt::any(view > 2.0f));
            CHECK(xt::all(view < 2.0f));
        }
    }
    at::Tensor nothing = at::zeros({0, 3});
    CHECK_FALSE(xt::any(xtt::view<float, 2>(nothing)));
    CHECK(xt::all(xtt::view<float, 2>(nothing)));
    at::Tensor not_a_number = at::full({3}, std::numeric_limits<float>::quiet_NaN());
    CHECK(xt::all(xtt::view<float, 1>(not_a_number)));
}

TEST_CASE("any stops soon after the first true element") {
    at::Tensor values = at::ones({1 << 20}, at::kInt);
    std::int64_t calls = 0;
    const auto counted = xt::vectorize([&calls](std::int32_t element) { return ++calls, element; });
    CHECK(xt::any(counted(xtt::view<std::int32_t, 1>(values))));
    CHECK(calls == 1);
}
