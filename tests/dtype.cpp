#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <limits>

using namespace testing;

namespace {

template <class... T>
struct types {};

using exact_types =
    types<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
          std::uint64_t, float, double, c10::Half, c10::BFloat16, c10::complex<float>, c10::complex<double>,
          c10::Float8_e5m2, c10::Float8_e5m2fnuz, c10::Float8_e4m3fn, c10::Float8_e4m3fnuz>;

using same_bytes_types = types<std::complex<float>, std::complex<double>, char, std::byte, long, long long,
                               unsigned long, unsigned long long>;

template <class F, class... T>
void for_each_type(types<T...>, F&& f) {
    (f.template operator()<T>(), ...);
}

// The bytes 1, 2, 3, … as elements of T: any bit pattern will do where only sharing is asked about.
template <class T>
T pattern(unsigned char seed) {
    if constexpr (std::is_same_v<T, bool>) {
        return seed % 2 == 1;
    } else {
        T value{};
        auto* bytes = reinterpret_cast<unsigned char*>(&value);
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            bytes[i] = static_cast<unsigned char>(seed + i);
        }
        return value;
    }
}

template <class T>
bool same_bytes(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

struct shares_both_ways {
    template <class T>
    void operator()() const {
        INFO(xtt::detail::type_name<T>() << " as " << xtt::dtype_traits<T>::name);
        at::Tensor tensor = at::zeros({2, 3}, at::TensorOptions().dtype(xtt::scalar_type_v<T>));
        REQUIRE(tensor.itemsize() == sizeof(T));
        auto view = xtt::view<T, 2>(tensor);
        CHECK(static_cast<const void*>(&view(0, 0)) == tensor.const_data_ptr());
        view(1, 2) = pattern<T>(7);
        CHECK(std::memcmp(static_cast<const char*>(tensor.const_data_ptr()) + 5 * sizeof(T), &view(1, 2), sizeof(T)) ==
              0);

        xt::xarray<T> array(typename xt::xarray<T>::shape_type{2, 2}, pattern<T>(1));
        at::Tensor borrowed = xtt::borrow(array);
        CHECK(borrowed.scalar_type() == xtt::scalar_type_v<T>);
        CHECK(borrowed.const_data_ptr() == static_cast<const void*>(array.data()));

        array(1, 0) = pattern<T>(3);
        const at::Tensor copied = xtt::copy(array);
        CHECK(copied.scalar_type() == xtt::scalar_type_v<T>);
        CHECK(same_bytes(xtt::view<const T, 2>(copied)(1, 0), array(1, 0)));
        const auto host = xtt::to_host<T, 2>(copied);
        CHECK(same_bytes(host(1, 0), array(1, 0)));
        const at::Tensor adopted = xtt::adopt(std::move(array));
        CHECK(adopted.scalar_type() == xtt::scalar_type_v<T>);
    }
};

TEST_CASE("every element type that LibTorch uses itself is shared, borrowed, adopted and copied") {
    for_each_type(exact_types(), shares_both_ways());
}

TEST_CASE("every element type with the same bytes is shared, borrowed, adopted and copied") {
    for_each_type(same_bytes_types(), shares_both_ways());
}

struct has_the_name_torch_prints {
    template <class T>
    void operator()() const {
        // c10::getDtypeNames is not in the light headers; the constants are checked against the value they name.
        const auto words = xtt::detail::describe(xtt::scalar_type_v<T>);
        CHECK(words.name == xtt::dtype_traits<T>::name);
        CHECK(words.constant.rfind("torch::k", 0) == 0);
    }
};

TEST_CASE("every dtype is described by torch's name and by the constant a user types") {
    for_each_type(exact_types(), has_the_name_torch_prints());
    CHECK(xtt::dtype_traits<float>::name == "float32");
    CHECK(xtt::dtype_traits<long long>::name == "int64");
    CHECK(xtt::dtype_traits<c10::Half>::name == "float16");
    CHECK(xtt::dtype_traits<std::complex<float>>::name == "complex64");
    CHECK(xtt::detail::describe(at::kQInt8).name == "QInt8");
}

TEST_CASE("long and long long both view an int64 tensor") {
    at::Tensor tensor = counting({4}, at::kLong);
    xtt::view<long>(tensor)(1) = std::numeric_limits<long>::min();
    xtt::view<long long>(tensor)(2) = std::numeric_limits<long long>::max();
    CHECK(xtt::view<std::int64_t>(tensor)(1) == std::numeric_limits<std::int64_t>::min());
    CHECK(tensor[2].item<std::int64_t>() == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("complex numbers are shared as std::complex and as c10::complex") {
    at::Tensor tensor = at::zeros({2}, at::kComplexFloat);
    xtt::view<std::complex<float>>(tensor)(0) = {1.0f, -2.0f};
    const auto other = xtt::view<c10::complex<float>>(tensor);
    CHECK(other(0).real() == 1.0f);
    CHECK(other(0).imag() == -2.0f);

    xt::xtensor<std::complex<double>, 1> array = {std::complex<double>(1.0, 2.0), std::complex<double>(3.0, 4.0)};
    const at::Tensor borrowed = xtt::borrow(array);
    CHECK(borrowed.is_complex());
    CHECK(borrowed[0].item<c10::complex<double>>() == c10::complex<double>(1.0, 2.0));
}

template <class Reduced>
void computes_in_reduced_precision() {
    at::Tensor tensor = at::full({2, 2}, 1.5, at::TensorOptions().dtype(xtt::scalar_type_v<Reduced>));
    auto view = xtt::view<Reduced, 2>(tensor);

    static_assert(std::is_same_v<typename decltype(view + view)::value_type, Reduced>);
    static_assert(std::is_same_v<typename decltype(view * 2.0f)::value_type, float>);
    static_assert(std::is_same_v<typename decltype(view * 2.0)::value_type, double>);
    static_assert(std::is_same_v<typename decltype(view * 2)::value_type, Reduced>);

    view = view + view;
    CHECK(tensor[0][0].item<float>() == 3.0f);
    view *= 2.0f;
    CHECK(tensor[1][1].item<float>() == 6.0f);
    const xt::xtensor<float, 2> wide = 0.5f * view;
    CHECK(wide(0, 1) == 3.0f);
    CHECK(at::equal(xtt::copy<float>(view), tensor.to(at::kFloat)));
    CHECK(at::equal(xtt::copy<Reduced>(wide), tensor.div(2)));
    CHECK(xt::all(xt::equal(view, Reduced(6.0f))));
}

TEST_CASE("Half takes part in expressions") { computes_in_reduced_precision<c10::Half>(); }

TEST_CASE("BFloat16 takes part in expressions") { computes_in_reduced_precision<c10::BFloat16>(); }

}  // namespace
