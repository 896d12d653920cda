// Functions that the loops compute in vectors: at most four units in the last place from the exact result over the
// whole range of float, and what the standard says of zeros, infinities, NaN and subnormals. Built with optimisation,
// and run at each level of instructions.
#include "support/testing.hpp"

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/ops/allclose.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(XTENSOR_USE_XSIMD)

TEST_CASE("functions are as exact as xsimd's") {
    std::cout << "skipped: with XTENSOR_USE_XSIMD functions are xsimd's, which promises nothing\n";
}

#else

using namespace testing;

namespace {

// Every so many numbers of float, of both signs; the special ones and their neighbours.
std::vector<float> floats() {
    std::vector<float> values;
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 20011) {
        values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    }
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float special :
         {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN(),
          std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::min(),
          std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()}) {
        values.insert(values.end(), {special, std::nextafter(special, infinity), std::nextafter(special, -infinity)});
    }
    return values;
}

// Some of the standard's functions pass by a quiet NaN, but not by one that signals.
std::vector<float> quiet_floats() {
    std::vector<float> values = floats();
    std::replace_if(
        values.begin(), values.end(), [](float x) { return std::isnan(x); }, std::numeric_limits<float>::quiet_NaN());
    return values;
}

// How many steps of T lie between what was found and what is exact.
template <class T, class Exact>
double steps_between(T found, Exact exact) {
    const T rounded = static_cast<T>(exact);
    if (std::isnan(found) || std::isnan(rounded)) {
        return std::isnan(found) && std::isnan(rounded) ? 0 : std::numeric_limits<double>::infinity();
    }
    if (std::isinf(found) || std::isinf(rounded) || found == rounded) {
        // Where the exact result lies at the end of the range, the last number is a neighbour of infinity.
        const T largest = std::numeric_limits<T>::max();
        return found == rounded || (std::abs(found) >= largest && std::abs(rounded) >= largest)
                   ? 0
                   : std::numeric_limits<double>::infinity();
    }
    const T above = std::nextafter(std::abs(rounded), std::numeric_limits<T>::infinity());
    const Exact step = static_cast<Exact>(above) - static_cast<Exact>(std::abs(rounded));
    return static_cast<double>(std::abs(static_cast<Exact>(found) - exact) / step);
}

template <class T, class Assign, class Exact>
double worst_of(std::vector<T> values, Assign assign, Exact exact) {
    std::vector<T> results(values.size());
    const auto size = static_cast<std::int64_t>(values.size());
    at::Tensor in = at::from_blob(values.data(), {size}, xtt::scalar_type_v<T>);
    at::Tensor out = at::from_blob(results.data(), {size}, xtt::scalar_type_v<T>);
    auto to = xtt::view<T, 1>(out);
    assign(to, xtt::view<const T, 1>(in));
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        worst = std::max(worst, steps_between(results[i], exact(values[i])));
    }
    return worst;
}

#define CHECK_FUNCTION(NAME)                                                    \
    CHECK(worst_of<float>(                                                      \
              floats(), [](auto& out, const auto& in) { out = xt::NAME(in); },  \
              [](float x) { return std::NAME(static_cast<double>(x)); }) <= 4); \
    CHECK(worst_of<double>(                                                     \
              doubles(), [](auto& out, const auto& in) { out = xt::NAME(in); }, \
              [](double x) { return std::NAME(static_cast<long double>(x)); }) <= 4)

std::vector<double> doubles() {
    std::vector<double> values = {0.0,
                                  -0.0,
                                  1.0,
                                  -1.0,
                                  std::numeric_limits<double>::infinity(),
                                  -std::numeric_limits<double>::infinity(),
                                  std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::min(),
                                  std::numeric_limits<double>::max()};
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> exponent(-40, 40);
    for (int i = 0; i < 40000; ++i) {
        const double magnitude = std::exp2(exponent(random));
        values.insert(values.end(), {magnitude, -magnitude, 1 / (1 + magnitude), 1 + 1 / (1 + magnitude)});
    }
    return values;
}

#if defined(__x86_64__) && defined(__GNUC__) && defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
template <class... F>
inline constexpr bool are_vectors = (!std::is_same_v<xtt::detail::vector_form_t<F>, F> && ...);
namespace math = xt::math;
static_assert(are_vectors<math::exp_fun, math::exp2_fun, math::expm1_fun, math::log_fun, math::log2_fun,
                          math::log10_fun, math::log1p_fun, math::sin_fun, math::cos_fun, math::tan_fun, math::asin_fun,
                          math::acos_fun, math::atan_fun, math::sinh_fun, math::cosh_fun, math::tanh_fun,
                          math::asinh_fun, math::acosh_fun, math::atanh_fun, math::sqrt_fun, math::cbrt_fun,
                          math::erf_fun, math::erfc_fun, math::pow_fun, math::hypot_fun, math::atan2_fun>);
#if defined(__clang__)
static_assert(xtt::detail::computes_blocks<xtt::detail::vector_form_t<math::exp_fun>, float>);
static_assert(xtt::detail::computes_blocks<xtt::detail::vector_form_t<math::exp_fun>, double>);
static_assert(!xtt::detail::computes_blocks<xtt::detail::vector_form_t<math::exp_fun>, int>);
#endif
#endif

TEST_CASE("exponentials and logarithms are right to four units in the last place") {
    CHECK_FUNCTION(exp);
    CHECK_FUNCTION(exp2);
    CHECK_FUNCTION(expm1);
    CHECK_FUNCTION(log);
    CHECK_FUNCTION(log2);
    CHECK_FUNCTION(log10);
    CHECK_FUNCTION(log1p);
}

TEST_CASE("trigonometric functions are right to four units in the last place") {
    CHECK_FUNCTION(sin);
    CHECK_FUNCTION(cos);
    CHECK_FUNCTION(tan);
    CHECK_FUNCTION(asin);
    CHECK_FUNCTION(acos);
    CHECK_FUNCTION(atan);
}

TEST_CASE("hyperbolic functions are right to four units in the last place") {
    CHECK_FUNCTION(sinh);
    CHECK_FUNCTION(cosh);
    CHECK_FUNCTION(tanh);
    CHECK_FUNCTION(asinh);
    CHECK_FUNCTION(acosh);
    CHECK_FUNCTION(atanh);
}

TEST_CASE("roots and the error function are right to four units in the last place") {
    CHECK_FUNCTION(sqrt);
    CHECK_FUNCTION(cbrt);
    CHECK_FUNCTION(erf);
    CHECK_FUNCTION(erfc);
}

// How many of the results are not what the standard's function of each value, or of it and the one before, gives.
template <class T, class Assign, class Standard>
std::size_t differences(std::vector<T> values, Assign assign, Standard standard) {
    std::vector<T> results(values.size());
    std::vector<T> before(values);
    std::rotate(before.rbegin(), before.rbegin() + 1, before.rend());
    const auto tensor_of = [](std::vector<T>& numbers) {
        return at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, xtt::scalar_type_v<T>);
    };
    const at::Tensor in = tensor_of(values), in_before = tensor_of(before);
    at::Tensor out = tensor_of(results);
    auto to = xtt::view<T, 1>(out);
    assign(to, xtt::view<const T, 1>(in), xtt::view<const T, 1>(in_before));
    std::size_t count = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const T expected = static_cast<T>(standard(values[i], before[i]));
        count += std::isnan(expected) ? !std::isnan(results[i])
                                      : results[i] != expected || std::signbit(results[i]) != std::signbit(expected);
    }
    return count;
}

template <class T>
std::size_t inexact_square_roots(const std::vector<T>& values) {
    return differences(
        values, [](auto& out, const auto& x, const auto&) { out = xt::sqrt(x); }, [](T x, T) { return std::sqrt(x); });
}

#if defined(__SIZEOF_INT128__)

// Square roots that lie as close as can be to the middle of two numbers. With 53 bits, the square of m + 1/2 is
// m(m + 1) + 1/4, and that is a number but for r where m(m + 1) - r is divisible by 2^bits: two such m are found for
// every even r, bit by bit.
std::vector<double> roots_between_numbers() {
    __extension__ using product = unsigned __int128;
    std::vector<double> values;
    for (const int bits : {52, 53}) {
        const product divisor = product{1} << bits;
        for (int r = -20000; r <= 20000; r += 2) {
            for (const unsigned first : {0u, 1u}) {
                product m = first;
                for (int bit = 1; bit < bits; ++bit) {
                    const product rest = m * (m + 1) - static_cast<product>(r);
                    m |= ((rest >> bit) & 1) << bit;
                }
                m |= product{1} << 52;
                const product number = (m * (m + 1) - static_cast<product>(r)) / divisor;
                if (number >> 52 == 1) {
                    values.push_back(std::ldexp(static_cast<double>(number), bits));
                }
            }
        }
    }
    return values;
}

#endif

TEST_CASE("square roots are the nearest numbers") {
    std::vector<float> significands;
    for (std::uint32_t bits = 0x3f800000; bits < 0x40800000; ++bits) {
        significands.push_back(std::bit_cast<float>(bits));
    }
    CHECK(inexact_square_roots(significands) == 0);
    CHECK(inexact_square_roots(floats()) == 0);
    CHECK(inexact_square_roots(doubles()) == 0);
#if defined(__SIZEOF_INT128__)
    const std::vector<double> hard = roots_between_numbers();
    CHECK(hard.size() > 10000);
    CHECK(inexact_square_roots(hard) == 0);
#else
    std::cout << "skipped: without integers of 128 bits no hard cases of double are found\n";
#endif
    std::vector<float> with_zeros(1000, 2.0f);
    for (std::size_t i = 0; i < with_zeros.size(); i += 3) {
        with_zeros[i] = i % 2 == 0 ? 0.0f : -0.0f;
    }
    CHECK(inexact_square_roots(with_zeros) == 0);
}

// Numbers of all magnitudes, and those that lie between two integers, or next to such a number.
template <class T>
std::vector<T> numbers_to_round(std::vector<T> values) {
    for (const T base : {T(0), T(1), T(2), T(3), T(1000), std::ldexp(T(1), std::numeric_limits<T>::digits - 2),
                         std::ldexp(T(1), std::numeric_limits<T>::digits - 1)}) {
        for (const T part : {T(0), T(0.25), T(0.5), T(0.75)}) {
            const T number = base + part;
            for (const T near : {number, std::nextafter(number, T(0)), std::nextafter(number, T(2) * number + T(1))}) {
                values.insert(values.end(), {near, -near});
            }
        }
    }
    return values;
}

#define CHECK_SAME(T, VALUES, EXPRESSION, STANDARD)                                                       \
    CHECK(differences<T>(                                                                                 \
              VALUES, [](auto& out, const auto& x, [[maybe_unused]] const auto& y) { out = EXPRESSION; }, \
              [](T x, [[maybe_unused]] T y) { return STANDARD; }) == 0)

#define CHECK_ROUNDING(NAME)                                                  \
    CHECK_SAME(float, numbers_to_round(floats()), xt::NAME(x), std::NAME(x)); \
    CHECK_SAME(double, numbers_to_round(doubles()), xt::NAME(x), std::NAME(x))

TEST_CASE("numbers are rounded as the standard rounds them") {
    CHECK_ROUNDING(floor);
    CHECK_ROUNDING(ceil);
    CHECK_ROUNDING(trunc);
    CHECK_ROUNDING(round);
    CHECK_ROUNDING(rint);
    CHECK_ROUNDING(nearbyint);
}

// The greater and the less of two zeros may be either.
#define CHECK_CHOICES(T, VALUES)                                                      \
    CHECK_SAME(T, VALUES, xt::fmin(x, y) + T(0), std::fmin(x, y) + T(0));             \
    CHECK_SAME(T, VALUES, xt::fmax(x, y) + T(0), std::fmax(x, y) + T(0));             \
    CHECK_SAME(T, VALUES, xt::fdim(x, y), std::fdim(x, y));                           \
    CHECK_SAME(T, VALUES, xt::sign(x), x > 0 ? 1 : x < 0 ? -1 : x);                   \
    CHECK_SAME(T, VALUES, xt::cast<T>((x < y) && (x > T(0))), (x < y) && (x > T(0))); \
    CHECK_SAME(T, VALUES, xt::cast<T>((x < y) || (x > T(0))), (x < y) || (x > T(0))); \
    CHECK_SAME(T, VALUES, xt::cast<T>(x && y), x != 0 && y != 0);                     \
    CHECK_SAME(T, VALUES, xt::cast<T>(x || y), x != 0 || y != 0)

TEST_CASE("numbers are compared and chosen as the standard does") {
    CHECK_CHOICES(float, quiet_floats());
    CHECK_CHOICES(double, doubles());
}

TEST_CASE("powers by one number are right to four units in the last place") {
    const auto worst_power = []<class T>(const std::vector<T>& values, auto exponent) {
        return worst_of<T>(
            values, [=](auto& out, const auto& in) { out = xt::pow(in, exponent); },
            [=](T x) {
                using exact = std::conditional_t<std::is_same_v<T, float>, double, long double>;
                return std::pow(static_cast<exact>(x), static_cast<exact>(exponent));
            });
    };
    for (const double exponent : {-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0}) {
        CHECK(worst_power(quiet_floats(), exponent) <= 4);
        CHECK(worst_power(quiet_floats(), static_cast<float>(exponent)) <= 4);
        CHECK(worst_power(doubles(), exponent) <= 4);
    }
    for (const int exponent : {-1, 0, 1, 2, 3, 5}) {
        CHECK(worst_power(quiet_floats(), exponent) <= 4);
        CHECK(worst_power(doubles(), exponent) <= 4);
    }
    // Several of them in one expression, squares or not.
    std::vector<double> moderate = doubles();
    std::erase_if(moderate, [](double x) { return !(std::abs(x) > 1e-12 && std::abs(x) < 1e12); });
    CHECK(worst_of<double>(
              moderate, [](auto& out, const auto& in) { out = xt::sqrt(xt::pow(in, 2) + xt::pow(2 * in, 2.0)); },
              [](double x) { return std::abs(x) * std::sqrt(5.0L); }) <= 4);
    CHECK(worst_of<double>(
              moderate, [](auto& out, const auto& in) { out = xt::pow(xt::pow(in, 2), 3) / xt::pow(in, 4); },
              [](double x) { return static_cast<long double>(x) * x; }) <= 8);
    // Their signs, of zeros as well.
    CHECK_SAME(float, floats(), xt::sign(xt::pow(x, 0.5f)), std::isnan(std::pow(x, 0.5f)) ? NAN : x != 0);
    CHECK_SAME(double, doubles(), xt::sign(xt::pow(x, -1)),
               std::isnan(x) ? x : std::copysign(x == 0 || !std::isinf(x), x));
    // The type is xtensor's, and so is what integers are computed in.
    at::Tensor integers = at::arange(-40, 40);
    const auto of_integers = xtt::view<const std::int64_t, 1>(std::as_const(integers));
    static_assert(std::is_same_v<decltype(xt::pow(of_integers, 2))::value_type, double>);
    CHECK(at::equal(xtt::copy<double>(xt::pow(of_integers, 2.0L)), at::square(integers.to(at::kDouble))));
    CHECK(at::equal(xtt::copy(xt::pow(of_integers, true)), integers.to(at::kDouble)));
    CHECK(at::equal(xtt::copy(xt::pow(of_integers, 2)), at::square(integers.to(at::kDouble))));
    CHECK(at::allclose(xtt::copy(xt::exp(of_integers)), at::exp(integers.to(at::kDouble)), 1e-14));
    CHECK(at::allclose(xtt::copy(xt::pow(2.5f, of_integers)), at::pow(2.5, integers.to(at::kDouble)), 1e-14));
}

TEST_CASE("functions of two arguments are right to four units in the last place") {
    const auto pairs = [](auto assign, auto exact) {
        return worst_of<float>(
            floats(), [&](auto& out, const auto& in) { assign(out, in, xt::eval(xt::flip(in, 0))); },
            [&, values = floats(), i = std::size_t{0}](float x) mutable {
                return exact(static_cast<double>(x), static_cast<double>(values[values.size() - ++i]));
            });
    };
    CHECK(pairs([](auto& out, const auto& x, const auto& y) { out = xt::pow(x, y); },
                [](double x, double y) { return std::pow(x, y); }) <= 4);
    CHECK(pairs([](auto& out, const auto& x, const auto& y) { out = xt::hypot(x, y); },
                [](double x, double y) { return std::hypot(x, y); }) <= 4);
    CHECK(pairs([](auto& out, const auto& x, const auto& y) { out = xt::atan2(x, y); },
                [](double x, double y) { return std::atan2(x, y); }) <= 4);
}

TEST_CASE("functions are reduced along every axis, in whole blocks and in what is left") {
    for (const std::int64_t columns : {5, 32, 67}) {
        at::Tensor tensor = at::randn({70, columns});
        tensor[3][columns - 2] = std::numeric_limits<float>::quiet_NaN();
        tensor[4][0] = std::numeric_limits<float>::infinity();
        const auto x = xtt::view<const float, 2>(std::as_const(tensor));
        for (const std::int64_t axis : {0, 1}) {
            at::Tensor result = at::empty({tensor.size(1 - axis)});
            auto reduced = xtt::view<float, 1>(result);
            const auto is_close = [&](const at::Tensor& expected) {
                return at::allclose(result, expected, 1e-5, 1e-6, true);
            };
            reduced = xt::sum(xt::exp(x), {axis});
            CHECK(is_close(at::sum(at::exp(tensor), axis)));
            reduced = xt::amax(xt::sin(x) * x, {axis});
            CHECK(is_close(at::amax(at::sin(tensor) * tensor, axis)));
        }
    }
}

}  // namespace

#endif
