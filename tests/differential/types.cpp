// One or two functions of every family over every element type; the other files have all functions over a few types.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

template <class T>
concept complex_number = requires(T number) { number.imag(); };

template <class T>
concept ordered_number = !complex_number<T> && !std::is_same_v<T, bool>;

// Sums of narrow integers are ints and those of Half floats: what comes out is compared as double.
template <class E>
auto numbers(const E& expression) {
    if constexpr (complex_number<typename E::value_type>) {
        return evaluated(expression);
    } else {
        return evaluated_as<double>(xt::cast<double>(expression));
    }
}

// A sum over a view of Half is a float from the first element on, and one over a container becomes one at the end.
template <class X>
const auto& summands(const X& x) {
    return x;
}
template <xtt::detail::reduced_precision T, xt::layout_type L>
xt::xarray<float> summands(const xt::xarray<T, L>& x) {
    return xt::cast<float>(x);
}

template <class T>
void register_any() {
    reads_alike<T>("x * x + x", [](const auto& x) { return numbers(x * x + x); });
    reads_alike<T>("x == 1", [](const auto& x) { return evaluated(xt::equal(x, T(1))); });
    reads_elements_alike<T>("sum(x)", [](const auto& x) { return numbers(xt::sum(summands(x))); });
    reads_elements_alike<T>("cumsum(x)", [](const auto& x) { return numbers(xt::cumsum(summands(x))); });
    reads_alike<T>("transpose", [](const auto& x) { return evaluated_as<T>(xt::transpose(x)); });
    reads_alike<T>("view, stepped", [](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<T>() : evaluated_as<T>(xt::view(x, xt::range(0, xt::placeholders::_, 2)));
    });
    reads_elements_alike<T>("filter",
                            [](const auto& x) { return evaluated_as<T>(xt::filter(x, xt::not_equal(x, T(0)))); });
    reads_alike<T>("column-major", [](const auto& x) {
        return std::vector<T>(x.template rbegin<xt::layout_type::column_major>(),
                              x.template rend<xt::layout_type::column_major>());
    });
}

template <ordered_number T>
void register_ordered() {
    reads_alike<T>("where", [](const auto& x) { return numbers(xt::where(x > T(1), x, T(3))); });
    reads_elements_alike<T>("mean(x)", [](const auto& x) { return numbers(xt::mean(summands(x))); });
    reads_elements_alike<T>("amax(x, {last})", [](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>()
                                 : numbers(xt::amax(x, std::vector<std::size_t>{x.dimension() - 1}));
    });
    reads_elements_alike<T>("argmax(x)", [](const auto& x) { return evaluated(xt::argmax(x)); });
    reads_alike<T>(
        "sort(x, 0)",
        [](const auto& x) { return x.dimension() < 1 ? xt::xarray<T>() : evaluated_as<T>(xt::sort(x, 0)); },
        over::strided_if_supported);
}

template <class... T>
void register_all() {
    (register_any<T>(), ...);
    (
        [] {
            if constexpr (ordered_number<T>) {
                register_ordered<T>();
            }
        }(),
        ...);
}

template <class T>
void register_printed() {
    reads_alike<T>("printed", [](const auto& x) {
        std::ostringstream text;
        text << x;
        return static_cast<double>(std::hash<std::string>()(text.str()) % 1000003);
    });
}

}  // namespace

void register_types() {
    register_all<bool, std::int8_t, std::int16_t, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, c10::Half,
                 c10::BFloat16, c10::Float8_e5m2, c10::Float8_e4m3fn, std::complex<float>, c10::complex<double>>();
    register_printed<bool>();
    register_printed<std::uint8_t>();
    register_printed<std::complex<float>>();
}

}  // namespace differential
