// Sums over types of few bits must not stop growing: they are compared with LibTorch's, which accumulates in float.
#include "support/testing.hpp"

#include <ATen/ops/stack.h>

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/misc/xsort.hpp>
#include <xtensor/reducers/xnorm.hpp>
#else
#include <xtensor/xnorm.hpp>
#include <xtensor/xsort.hpp>
#endif

#include <cmath>
#include <complex>
#include <limits>

using namespace testing;

namespace {

template <class E>
using value_of = typename std::decay_t<E>::value_type;

template <class T>
at::Tensor full(at::IntArrayRef shape, double value) {
    return at::full(shape, value, at::kFloat).to(xtt::scalar_type_v<T>);
}

// 5000 ones: a sum of them in Half stops at 2048, in BFloat16 at 256, in Float8 at 16 or 8.
constexpr double count = 5000;

template <class X>
void adds_up(const X& ones) {
    CHECK(xt::sum(ones)() == count);
    CHECK(xt::sum(ones, {0}, xt::evaluation_strategy::immediate)() == count);
    CHECK(xt::mean(ones)() == 1.0);
    CHECK(xt::cumsum(ones)(4999) == count);
    CHECK(xt::norm_l1(ones)() == count);
}

template <class X>
void adds_up_in_all_functions(const X& ones) {
    adds_up(ones);
    CHECK(xt::sum(ones, {0})() == count);
    CHECK(xt::sum(ones, xt::evaluation_strategy::immediate)() == count);
    CHECK(xt::sum(ones * ones)() == count);
    CHECK(xt::nansum(ones)() == count);
    CHECK(xt::sum(ones, xt::initial(2.0f))() == count + 2);
    CHECK(xt::variance(ones)() == 0.0);
    CHECK(xt::stddev(ones, {0})() == 0.0);
    CHECK(xt::average(ones, ones)() == 1.0);
    CHECK(xt::trapz(ones)() == count - 1);
    CHECK(xt::cumsum(ones, 0)(4999) == count);
    CHECK(xt::nancumsum(ones)(4999) == count);
    CHECK(xt::norm_l0(ones)() == 5000u);
    CHECK(xt::norm_sq(ones)() == count);
    CHECK(std::abs(xt::norm_l2(ones)() - std::sqrt(count)) < 1e-3);
    CHECK(std::abs(xt::norm_lp(ones, 3.0)() - std::cbrt(count)) < 1e-3);
    CHECK(xt::norm_linf(ones)() == 1.0f);
    static_assert(std::is_same_v<value_of<decltype(xt::sum(ones))>, float>);
    static_assert(std::is_same_v<value_of<decltype(xt::prod(ones))>, float>);
    static_assert(std::is_same_v<value_of<decltype(xt::cumsum(ones))>, float>);
    static_assert(std::is_same_v<value_of<decltype(xt::sum<double>(ones))>, double>);
}

TEMPLATE_TEST_CASE("sums over few bits are those that LibTorch makes in float", "", c10::Half, c10::BFloat16,
                   c10::Float8_e5m2, c10::Float8_e5m2fnuz, c10::Float8_e4m3fn, c10::Float8_e4m3fnuz) {
    using T = TestType;
    const at::Tensor ones = full<T>({5000}, 1);
    adds_up(xtt::view<const T>(ones));
    if constexpr (std::is_same_v<T, c10::BFloat16>) {
        adds_up_in_all_functions(xtt::view<const T>(ones));
    } else if constexpr (std::is_same_v<T, c10::Half>) {
        adds_up(xtt::view<const T, 1, xt::layout_type::row_major>(ones));
        adds_up_in_all_functions(xtt::view<const T, 1>(at::stack({ones, ones}, 1).select(1, 1)));
    }
}

TEMPLATE_TEST_CASE("sums along an axis, as a tensor, are those of LibTorch", "", c10::Half, c10::BFloat16) {
    using T = TestType;
    const at::Tensor tensor = (at::randn({3000, 3}) + 5).to(xtt::scalar_type_v<T>);
    const auto view = xtt::view<const T, 2>(tensor);
    const auto close = [](const at::Tensor& found, const at::Tensor& expected) {
        return found.scalar_type() == at::kFloat && found.sizes() == expected.sizes() &&
               (found - expected).abs().max().template item<float>() <= 1e-3f * expected.abs().max().item<float>();
    };
    const at::Tensor wide = tensor.to(at::kFloat);
    CHECK(close(xtt::copy(xt::sum(view, {0})), at::sum(tensor, at::IntArrayRef({0}), false, at::kFloat)));
    CHECK(close(xtt::copy<float>(xt::mean(view, {0})), at::mean(tensor, at::IntArrayRef({0}), false, at::kFloat)));
    CHECK(close(xtt::copy(xt::cumsum(view, 0)), wide.cumsum(0)));
    CHECK(close(xtt::copy<float>(xt::variance(view, {0})), wide.var(0, false)));
    CHECK(close(xtt::copy(xt::prod(view / T(5), {1})), (tensor / 5).prod(1, false, at::kFloat)));
}

TEST_CASE("a product beyond the range of Half is a float") {
    const at::Tensor tensor = full<c10::Half>({3}, 100);
    CHECK(xt::prod(xtt::view<const c10::Half>(tensor))() == 1e6f);
    CHECK(xt::cumprod(xtt::view<const c10::Half>(tensor))(2) == 1e6f);
    CHECK(xt::sum(xtt::view<const c10::Half>(full<c10::Half>({2}, 60000)))() == 120000.0f);
}

TEMPLATE_TEST_CASE("the least and greatest of few bits keep their type", "", c10::Half, c10::BFloat16, c10::Float8_e5m2,
                   c10::Float8_e4m3fn) {
    using T = TestType;
    const at::Tensor tensor = full<T>({2, 2}, -2);
    auto view = xtt::view<T>(tensor.clone());
    view(1, 1) = T(-6.0f);
    const auto least = xt::eval(xt::amin(view, {0}));
    const auto greatest = xt::eval(xt::amax(view));
    static_assert(std::is_same_v<value_of<decltype(least)>, T> && std::is_same_v<value_of<decltype(greatest)>, T>);
    CHECK(float(least(0)) == -2.0f);
    CHECK(float(least(1)) == -6.0f);
    CHECK(float(greatest()) == -2.0f);
    CHECK(float(xt::amin(view, xt::evaluation_strategy::immediate)()) == -6.0f);
    CHECK(xt::argmin(view)() == 3);
    CHECK(float(xt::maximum(view, T(-3.0f))(1, 1)) == -3.0f);
    CHECK(float(xt::clip(view, T(-4.0f), T(0.0f))(1, 1)) == -4.0f);
    CHECK(float(xt::sort(view, xt::xnone())(0)) == -6.0f);
}

TEMPLATE_TEST_CASE("infinities and NaN are seen", "", c10::Half, c10::BFloat16, c10::Float8_e5m2) {
    using T = TestType;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    at::Tensor tensor = at::tensor({infinity, -infinity, std::nanf(""), 1.0f}).to(xtt::scalar_type_v<T>);
    const auto view = xtt::view<T, 1>(tensor);
    CHECK(at::equal(xtt::copy(xt::isinf(view)), at::tensor({1, 1, 0, 0}).to(at::kBool)));
    CHECK(at::equal(xtt::copy(xt::isnan(view)), at::tensor({0, 0, 1, 0}).to(at::kBool)));
    CHECK(at::equal(xtt::copy(xt::isfinite(view)), at::tensor({0, 0, 0, 1}).to(at::kBool)));
    CHECK(float(xt::amax(xt::view(view, xt::range(0, 2)))()) == infinity);
    CHECK(float(xt::amin(xt::view(view, xt::range(0, 2)))()) == -infinity);
    CHECK(xt::nansum(xt::view(view, xt::range(2, 4)))() == 1.0f);
}

TEST_CASE("small integers and bool are added up as int") {
    const auto sum_of = []<class T>(T value) {
        const at::Tensor tensor = at::full({1000}, value, at::TensorOptions().dtype(xtt::scalar_type_v<T>));
        const auto view = xtt::view<const T, 1>(tensor);
        static_assert(std::is_same_v<value_of<decltype(xt::sum(view))>, int>);
        CHECK(xt::sum(view, {0})() == xt::sum(view)());
        CHECK(xt::cumsum(view)(999) == xt::sum(view)());
        return xt::sum(view)();
    };
    CHECK(sum_of(true) == 1000);
    CHECK(sum_of(std::int8_t(127)) == 127000);
    CHECK(sum_of(std::uint8_t(255)) == 255000);
    CHECK(sum_of(std::int16_t(32767)) == 32767000);
    const at::Tensor wide = at::full({4}, std::numeric_limits<std::int32_t>::max(), at::kInt);
    CHECK(xt::sum<std::int64_t>(xtt::view<const std::int32_t>(wide))() ==
          std::int64_t(4) * std::numeric_limits<std::int32_t>::max());
}

TEMPLATE_TEST_CASE("comparisons give bool tensors", "", bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                   std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, float, double, c10::Half, c10::BFloat16,
                   c10::Float8_e5m2, c10::Float8_e4m3fn, std::complex<float>, std::complex<double>,
                   c10::complex<float>) {
    using T = TestType;
    const at::Tensor numbers = counting({2}, at::kInt);
    const at::Tensor tensor = numbers.to(xtt::scalar_type_v<T>);
    const auto view = xtt::view<const T, 1>(tensor);
    const T one = view(1);
    CHECK(at::equal(xtt::copy(xt::equal(view, one)), numbers == 1));
    CHECK(at::equal(xtt::copy(xt::not_equal(view, view)), numbers < 0));
    // With xsimd, xtensor does not order bools.
    if constexpr (!xtl::is_complex<T>::value && !std::is_same_v<T, c10::complex<float>> && !std::is_same_v<T, bool>) {
        CHECK(at::equal(xtt::copy(view >= one), numbers >= 1));
        CHECK(at::equal(xtt::copy((view < one) || (view > one)), numbers != 1));
    }
}

TEST_CASE("complex numbers are promoted as dtype.hpp says") {
    at::Tensor tensor = counting({2}).to(at::kComplexFloat);
    const auto standard = xtt::view<std::complex<float>>(tensor);
    const auto c10s = xtt::view<c10::complex<float>>(tensor);
    static_assert(std::is_same_v<value_of<decltype(standard * 2.0f)>, std::complex<float>>);
    static_assert(std::is_same_v<value_of<decltype(standard * 2.0)>, std::complex<double>>);
    static_assert(std::is_same_v<value_of<decltype(c10s * 2.0f)>, c10::complex<float>>);
    static_assert(std::is_same_v<value_of<decltype(c10s + c10s)>, c10::complex<float>>);
    CHECK(xt::sum(standard)() == std::complex<float>(1));
    CHECK(xt::sum(c10s)() == c10::complex<float>(1));
    CHECK((standard * 2.0)(1) == std::complex<double>(2));
}

}  // namespace
