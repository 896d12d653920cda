// Arithmetic, comparison and mathematical functions of single elements.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

// Functions over an expression return lazy expressions: they are evaluated before their operands go.
#define LAZY(expression) [](const auto& x) { return evaluated(expression); }

template <class T>
void register_arithmetic() {
    reads_alike<T>("x", LAZY(x + T(0)));
    reads_alike<T>("x + x", LAZY(x + x));
    reads_alike<T>("x - 2", LAZY(x - T(2)));
    reads_alike<T>("x * x + x", LAZY(x * x + x));
    reads_alike<T>("x == x", LAZY(xt::equal(x, x)));
    reads_alike<T>("x != 1", LAZY(xt::not_equal(x, T(1))));
    reads_alike<T>("x * transpose(transpose(x))", LAZY(x * xt::transpose(xt::transpose(x))));
}

template <class T>
void register_ordered() {
    reads_alike<T>("x / 3", LAZY(x / T(3)));
    reads_alike<T>("-x", LAZY(-x));
    reads_alike<T>("x < 1", LAZY(x < T(1)));
    reads_alike<T>("x >= x", LAZY(x >= x));
    reads_alike<T>("(x < 1) || (x > 2)", LAZY((x < T(1)) || (x > T(2))));
    reads_alike<T>("where", LAZY(xt::where(x > T(0), x, T(7))));
    reads_alike<T>("clip", LAZY(xt::clip(x, T(-1), T(2))));
    reads_alike<T>("maximum", LAZY(xt::maximum(x, T(1))));
    reads_alike<T>("minimum", LAZY(xt::minimum(x, x * T(2))));
    reads_alike<T>("abs", LAZY(xt::abs(x)));
    reads_alike<T>("sign", LAZY(xt::sign(x)));
    reads_alike<T>("square", LAZY(xt::square(x)));
    reads_alike<T>("cube", LAZY(xt::cube(x)));
    reads_alike<T>("cast", LAZY(xt::cast<double>(x)));
    reads_alike<T>("vectorize", LAZY(xt::vectorize([](T a, T b) { return a * b + T(1); })(x, x)));
}

template <class T>
void register_math() {
    reads_alike<T>("sqrt", LAZY(xt::sqrt(x)));
    reads_alike<T>("exp", LAZY(xt::exp(x)));
    reads_alike<T>("log1p", LAZY(xt::log1p(x)));
    reads_alike<T>("sin * cos", LAZY(xt::sin(x) * xt::cos(x)));
    reads_alike<T>("tanh", LAZY(xt::tanh(x)));
    reads_alike<T>("pow", LAZY(xt::pow(x, T(2))));
    reads_alike<T>("hypot", LAZY(xt::hypot(x, x)));
    reads_alike<T>("atan2", LAZY(xt::atan2(x, x + T(1))));
    reads_alike<T>("floor", LAZY(xt::floor(x / T(2))));
    reads_alike<T>("round", LAZY(xt::round(x / T(2))));
    reads_alike<T>("fmod", LAZY(xt::fmod(x, T(3))));
    reads_alike<T>("fma", LAZY(xt::fma(x, x, x)));
    reads_alike<T>("erf", LAZY(xt::erf(x)));
    reads_alike<T>("isnan", LAZY(xt::isnan(xt::sqrt(x))));
    reads_alike<T>("isclose", LAZY(xt::isclose(x, x + T(1e-9))));
    reads_alike<T>("nan_to_num", LAZY(xt::nan_to_num(x)));
    reads_alike<T>("deg2rad", LAZY(xt::deg2rad(x)));
    reads_alike<T>("lgamma", LAZY(xt::lgamma(x + T(6))));
}

template <class T>
void register_integers() {
    reads_alike<T>("x & 3", LAZY(x & T(3)));
    reads_alike<T>("x | 3", LAZY(x | T(3)));
    reads_alike<T>("x ^ x", LAZY(x ^ x));
    reads_alike<T>("x % 3", LAZY(x % T(3)));
    reads_alike<T>("~x", LAZY(~x));
    reads_alike<T>("x << 1", LAZY(xt::abs(x) << T(1)));
}

#undef LAZY

}  // namespace

void register_elementwise() {
    register_arithmetic<float>();
    register_arithmetic<double>();
    register_arithmetic<std::int8_t>();
    register_arithmetic<std::int32_t>();
    register_arithmetic<std::int64_t>();
    register_arithmetic<std::uint8_t>();
    register_arithmetic<std::complex<float>>();
    register_arithmetic<std::complex<double>>();
    register_arithmetic<c10::complex<float>>();
    register_arithmetic<c10::Half>();
    register_arithmetic<c10::BFloat16>();
    register_ordered<float>();
    register_ordered<double>();
    register_ordered<std::int32_t>();
    register_ordered<std::int64_t>();
    register_math<float>();
    register_math<double>();
    register_integers<std::int32_t>();
    register_integers<std::int64_t>();
    const auto negate = [](const auto& x) { return evaluated(!x); };
    const auto either = [](const auto& x) { return evaluated(x || !x); };
    reads_alike<bool>("!x", negate);
    reads_alike<bool>("x || !x", either);
    const auto widen = [](const auto& x) { return evaluated(xt::cast<float>(x)); };
    reads_alike<c10::Float8_e5m2>("cast", widen);
    reads_alike<c10::Float8_e4m3fn>("cast", widen);
    const auto parts = [](const auto& x) { return evaluated(xt::real(x) - xt::imag(x) + xt::norm(x)); };
    reads_alike<std::complex<float>>("real - imag + norm", parts);
    const auto conjugate = [](const auto& x) { return evaluated(xt::conj(x)); };
    reads_alike<std::complex<double>>("conj", conjugate);
}

}  // namespace differential
