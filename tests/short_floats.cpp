// Half and BFloat16 are computed in float by loops of their own. What c10's operators give element by element, and
// LibTorch's kernels one after another, is what those loops must give.
#include "support/random_tensors.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/ops/exp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/reducers/xnorm.hpp>
#else
#include <xtensor/xnorm.hpp>
#endif

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace testing;

namespace {

template <class T>
T from_bits(unsigned bits) {
    return T(static_cast<unsigned short>(bits), T::from_bits());
}

// On ARM, c10 makes a Half of the processor's own type, which a float does not become without a warning.
template <class T>
T from_float(float value) {
    return xtt::detail::element_cast<T>(value);
}

template <class T>
std::vector<T> all_values() {
    std::vector<T> values;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        values.push_back(from_bits<T>(bits));
    }
    return values;
}

// Around every value, half way to the next one, and just beside that.
template <class T>
std::vector<float> hard_to_round() {
    std::vector<float> values;
    for (unsigned bits = 0; bits < 65535; ++bits) {
        const float low = static_cast<float>(from_bits<T>(bits)), high = static_cast<float>(from_bits<T>(bits + 1));
        const auto middle = static_cast<float>((static_cast<double>(low) + static_cast<double>(high)) / 2);
        for (const float value : {low, middle, std::nextafter(middle, low), std::nextafter(middle, high)}) {
            values.push_back(value);
        }
    }
    for (const float value : {65519.996f, 65520.0f, 65536.0f, 1e38f, std::numeric_limits<float>::max(),
                              std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()}) {
        values.push_back(value);
        values.push_back(-value);
    }
    return values;
}

template <class T>
bool same(T a, T b) {
    return a.x == b.x || (std::isnan(static_cast<float>(a)) && std::isnan(static_cast<float>(b)));
}

// Tells which type it is called with.
struct size_of_argument {
    template <class V>
    V operator()(const V&) const {
        return V(static_cast<float>(sizeof(V)));
    }
};

}  // namespace

template <>
inline constexpr bool xtt::is_pure_v<size_of_argument> = true;

TEMPLATE_TEST_CASE("rows of short floats are converted as single ones are, of every length", "", c10::Half,
                   c10::BFloat16) {
    const auto values = all_values<TestType>();
    std::vector<float> floats(values.size());
    xtt::detail::convert_row(floats.data(), values.data(), static_cast<std::ptrdiff_t>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto expected = static_cast<float>(values[i]);
        REQUIRE((floats[i] == expected || (std::isnan(floats[i]) && std::isnan(expected))));
        REQUIRE(std::signbit(floats[i]) == std::signbit(expected));
    }
    const auto hard = hard_to_round<TestType>();
    std::vector<TestType> shorter(hard.size());
    xtt::detail::convert_row(shorter.data(), hard.data(), static_cast<std::ptrdiff_t>(hard.size()));
    for (std::size_t i = 0; i < hard.size(); ++i) {
        INFO(hard[i]);
        REQUIRE(same(shorter[i], from_float<TestType>(hard[i])));
    }
    for (std::ptrdiff_t size = 0; size < 70; ++size) {
        std::vector<TestType> out(80, TestType(7.0f));
        xtt::detail::convert_row(out.data(), hard.data() + 1000, size);
        for (std::ptrdiff_t i = 0; i < 80; ++i) {
            const auto at = static_cast<std::size_t>(i);
            REQUIRE(out[at].x == (i < size ? from_float<TestType>(hard[1000 + at]) : TestType(7.0f)).x);
        }
    }
}

TEMPLATE_TEST_CASE("a float is rounded in float to what its conversion gives", "", c10::Half, c10::BFloat16) {
    const xtt::detail::rounded_to<TestType> round;
    const auto check = [&](float value) {
        INFO(value);
        const float rounded = round(value), expected = static_cast<float>(from_float<TestType>(value));
        REQUIRE((rounded == expected || (std::isnan(rounded) && std::isnan(expected))));
        REQUIRE((std::signbit(rounded) == std::signbit(expected) || std::isnan(rounded)));
    };
    for (const float value : hard_to_round<TestType>()) {
        check(value);
    }
    std::mt19937 engine(1);
    for (int i = 0; i < 300000; ++i) {
        check(std::bit_cast<float>(static_cast<std::uint32_t>(engine())));
    }
}

TEMPLATE_TEST_CASE("expressions of short floats round where LibTorch's operators do, in every layout", "", c10::Half,
                   c10::BFloat16) {
    constexpr auto dtype = xtt::scalar_type_v<TestType>;
    random_tensors random(11);
    for (int round = 0; round < 40; ++round) {
        const auto sizes = random.shape();
        at::Tensor out = random.laid_out(sizes, dtype), floats = random.laid_out(sizes, at::kFloat),
                   integers = random.laid_out(sizes, at::kInt), flags = random.laid_out(sizes, at::kBool);
        const at::Tensor a = random.operand(sizes, dtype).div(7), b = random.operand(sizes, dtype).div(3),
                         c = random.operand(sizes, dtype) + 1, d = random.operand(sizes, at::kFloat).div(9),
                         n = random.operand(sizes, at::kShort);
        const auto va = xtt::view<const TestType>(a), vb = xtt::view<const TestType>(b),
                   vc = xtt::view<const TestType>(c);
        const auto vd = xtt::view<const float>(d);
        const auto vn = xtt::view<const std::int16_t>(n);
        auto to = xtt::view<TestType>(out);
        auto to_floats = xtt::view<float>(floats);
        auto to_integers = xtt::view<std::int32_t>(integers);
        auto to_flags = xtt::view<bool>(flags);
        INFO("round " << round << ", sizes " << out.sizes() << ", strides " << out.strides() << ", a " << a.sizes()
                      << a.strides() << ", b " << b.sizes() << b.strides());
        check_assignment(out, a * b + c, [&] { to = va * vb + vc; });
        check_assignment(out, (a - b) / c, [&] { to = (va - vb) / vc; });
        check_assignment(out, out + a, [&] { to += va; });
        check_assignment(out, a * 3 + 2049, [&] { to = va * 3 + 2049; });
        check_assignment(out, a * n - 1, [&] { to = va * vn - 1; });
        check_assignment(out, (a.to(at::kFloat) * d).to(dtype), [&] { to = va * vd; });
        check_assignment(out, d.to(dtype), [&] { to = vd; });
        check_assignment(out, at::maximum(a, b).neg(), [&] { to = -xt::maximum(va, vb); });
        check_assignment(out, at::where(a > b, a, c * b), [&] { to = xt::where(va > vb, va, vc * vb); });
        check_assignment(floats, (a * b).to(at::kFloat) + d, [&] { to_floats = va * vb + vd; });
        check_assignment(integers, (a * c).to(at::kInt), [&] { to_integers = va * vc; });
        check_assignment(flags, a * 2 >= b, [&] { to_flags = va * 2 >= vb; });
        check_assignment(out, (a * a).expand_as(out), [&] { to = xt::broadcast(xt::square(va), to.shape()); });
    }
}

TEMPLATE_TEST_CASE("functions of short floats are those of floats, rounded once", "", c10::Half, c10::BFloat16) {
    constexpr auto dtype = xtt::scalar_type_v<TestType>;
    for (const std::int64_t size : {1, 5, 64, 1000, 5000}) {
        const at::Tensor a = at::randn({size}).to(dtype);
        at::Tensor out = at::zeros({size}, dtype);
        auto to = xtt::view<TestType, 1>(out);
        to = xt::exp(xtt::view<const TestType, 1>(a));
        // The functions may differ by some units in float's last place, and so by one in this.
        const at::Tensor expected = at::exp(a);
        CHECK(at::allclose(out.to(at::kFloat), expected.to(at::kFloat), dtype == at::kHalf ? 1e-3 : 8e-3));
        to = TestType(1) / (TestType(1) + xt::exp(-xtt::view<const TestType, 1>(a)));
        CHECK(at::allclose(out.to(at::kFloat), a.to(at::kFloat).sigmoid(), dtype == at::kHalf ? 2e-3 : 2e-2));
    }
}

TEMPLATE_TEST_CASE("functors that ask for the type of their arguments see the short one", "", c10::Half,
                   c10::BFloat16) {
    at::Tensor tensor = at::full({1000}, std::numeric_limits<double>::infinity(), xtt::scalar_type_v<TestType>);
    auto view = xtt::view<TestType, 1>(tensor);
    view = xt::nan_to_num(view);
    CHECK(view(999) == std::numeric_limits<TestType>::max());
    view = xt::xfunction<size_of_argument, const decltype(view)&>(size_of_argument(), view);
    CHECK(view(999) == TestType(2.0f));
}

TEMPLATE_TEST_CASE("reductions of short floats are those of floats", "", c10::Half, c10::BFloat16) {
    constexpr auto dtype = xtt::scalar_type_v<TestType>;
    const auto close = [](const at::Tensor& a, const at::Tensor& b) {
        return at::allclose(a.to(at::kDouble), b.to(at::kDouble), 1e-5, 1e-4);
    };
    for (const std::int64_t rows : {1, 3, 9}) {
        for (const std::int64_t columns : {1, 7, 63, 159, 160, 161, 511, 1023, 1024, 1025, 3000}) {
            INFO(rows << " x " << columns);
            const at::Tensor a = at::randn({rows, columns}).to(dtype), b = at::randn({columns}).to(dtype);
            const auto x = xtt::view<const TestType, 2>(a);
            const auto y = xtt::view<const TestType, 1>(b);
            const at::Tensor wide = a.to(at::kDouble);
            for (const std::size_t axis : {std::size_t{0}, std::size_t{1}}) {
                const auto dim = static_cast<std::int64_t>(axis);
                CHECK(close(xtt::copy(xt::sum(x, {axis})), wide.sum(dim)));
                CHECK(close(xtt::copy(xt::norm_l2(x, {axis})), wide.norm(2, {dim})));
                CHECK(at::equal(xtt::copy(xt::eval(xt::amax(x, {axis}))), a.amax(dim)));
                CHECK(at::equal(xtt::copy(xt::eval(xt::amin(x, {axis}))), a.amin(dim)));
                CHECK(at::equal(xtt::copy(xt::eval(xt::amax(x * y, {axis}))), (a * b).amax(dim)));
                CHECK(close(xtt::copy(xt::sum(x * y, {axis})), (a * b).to(at::kDouble).sum(dim)));
                CHECK(close(xtt::copy(xt::sum(xt::cast<float>(x) * xt::cast<float>(y), {axis})),
                            (wide * b.to(at::kDouble)).sum(dim)));
            }
            CHECK(xt::amax(x)() == a.max().template item<TestType>());
            CHECK(xt::sum(x > TestType(0))() == (a > 0).sum().template item<std::int64_t>());
            at::Tensor marked = a.clone();
            marked[rows / 2][columns / 2] = std::numeric_limits<double>::quiet_NaN();
            CHECK(std::isnan(static_cast<float>(xt::amax(xtt::view<const TestType, 2>(marked))())));
            CHECK(std::isnan(static_cast<float>(
                xt::eval(xt::amin(xtt::view<const TestType, 2>(marked), {0}))(static_cast<std::size_t>(columns / 2)))));
        }
    }
}
