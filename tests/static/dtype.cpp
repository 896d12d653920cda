// The table of element types, asserted row by row.
#include <xtensor-torch/dtype.hpp>

#include <array>
#include <string>

using xtt::dtype_traits;
using xtt::element;
using xtt::scalar_type_v;
using xtt::sharing;

template <class T>
constexpr bool is_exact = dtype_traits<T>::sharing == sharing::exact;
template <class T>
constexpr bool has_same_bytes = dtype_traits<T>::sharing == sharing::same_bytes;

static_assert(scalar_type_v<bool> == c10::ScalarType::Bool && is_exact<bool>);
static_assert(scalar_type_v<std::int8_t> == c10::ScalarType::Char && is_exact<std::int8_t>);
static_assert(scalar_type_v<std::int16_t> == c10::ScalarType::Short && is_exact<std::int16_t>);
static_assert(scalar_type_v<std::int32_t> == c10::ScalarType::Int && is_exact<std::int32_t>);
static_assert(scalar_type_v<std::int64_t> == c10::ScalarType::Long && is_exact<std::int64_t>);
static_assert(scalar_type_v<std::uint8_t> == c10::ScalarType::Byte && is_exact<std::uint8_t>);
static_assert(scalar_type_v<std::uint16_t> == c10::ScalarType::UInt16 && is_exact<std::uint16_t>);
static_assert(scalar_type_v<std::uint32_t> == c10::ScalarType::UInt32 && is_exact<std::uint32_t>);
static_assert(scalar_type_v<std::uint64_t> == c10::ScalarType::UInt64 && is_exact<std::uint64_t>);
static_assert(scalar_type_v<float> == c10::ScalarType::Float && is_exact<float>);
static_assert(scalar_type_v<double> == c10::ScalarType::Double && is_exact<double>);
static_assert(scalar_type_v<c10::Half> == c10::ScalarType::Half && is_exact<c10::Half>);
static_assert(scalar_type_v<c10::BFloat16> == c10::ScalarType::BFloat16 && is_exact<c10::BFloat16>);
static_assert(scalar_type_v<c10::complex<float>> == c10::ScalarType::ComplexFloat && is_exact<c10::complex<float>>);
static_assert(scalar_type_v<c10::complex<double>> == c10::ScalarType::ComplexDouble && is_exact<c10::complex<double>>);
static_assert(scalar_type_v<c10::Float8_e5m2> == c10::ScalarType::Float8_e5m2 && is_exact<c10::Float8_e5m2>);
static_assert(scalar_type_v<c10::Float8_e4m3fn> == c10::ScalarType::Float8_e4m3fn && is_exact<c10::Float8_e4m3fn>);

static_assert(scalar_type_v<std::complex<float>> == c10::ScalarType::ComplexFloat);
static_assert(has_same_bytes<std::complex<float>> && has_same_bytes<std::complex<double>>);
static_assert(scalar_type_v<std::byte> == c10::ScalarType::Byte && has_same_bytes<std::byte>);
static_assert(scalar_type_v<char> == (std::is_signed_v<char> ? c10::ScalarType::Char : c10::ScalarType::Byte));
static_assert(has_same_bytes<char>);

// Of long and long long, one is int64_t and the other has its bytes.
static_assert(scalar_type_v<long long> == c10::ScalarType::Long);
static_assert(scalar_type_v<unsigned long long> == c10::ScalarType::UInt64);
static_assert(sizeof(long) != 8 || is_exact<long> != is_exact<long long>);
static_assert(sizeof(long) != 8 || scalar_type_v<long> == c10::ScalarType::Long);

static_assert(dtype_traits<float>::name == "float32");
static_assert(dtype_traits<c10::BFloat16>::name == "bfloat16");

struct point {
    float x, y;
};
static_assert(!element<long double> && !element<std::string> && !element<point> && !element<void>);
static_assert(!element<const float> && !element<float&> && !element<float*> && !element<wchar_t>);
static_assert(!element<std::vector<bool>::reference> && !element<std::array<float, 2>>);
