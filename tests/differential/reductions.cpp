// Reductions, with and without axes, lazy and immediate, and accumulations.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

#include <cstdint>
#include <type_traits>

namespace differential {

namespace {

// The first, the last and a pair of axes, where the rank has them; else xtensor's own complaint on both sides.
template <class T, class F>
void over_axes(const std::string& name, F reduce) {
    reads_elements_alike<T>(name + "(x)", [=](const auto& x) { return evaluated(reduce(x)); });
    reads_elements_alike<T>(name + "(x), immediate",
                            [=](const auto& x) { return evaluated(reduce(x, xt::evaluation_strategy::immediate)); });
    reads_elements_alike<T>(name + "(x, {first})", [=](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>() : evaluated_as<double>(reduce(x, std::vector<std::size_t>{0}));
    });
    reads_elements_alike<T>(name + "(x, {last})", [=](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>()
                                 : evaluated_as<double>(reduce(x, std::vector<std::size_t>{x.dimension() - 1}));
    });
    reads_elements_alike<T>(name + "(x, {first, last})", [=](const auto& x) {
        return x.dimension() < 2 ? xt::xarray<double>()
                                 : evaluated_as<double>(reduce(x, std::vector<std::size_t>{0, x.dimension() - 1}));
    });
    reads_elements_alike<T>(name + "(x, {middle}), immediate", [=](const auto& x) {
        return x.dimension() < 3
                   ? xt::xarray<double>()
                   : evaluated_as<double>(reduce(x, std::vector<std::size_t>{1}, xt::evaluation_strategy::immediate));
    });
    reads_elements_alike<T>(name + "(x, {last}), immediate", [=](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>()
                                 : evaluated_as<double>(reduce(x, std::vector<std::size_t>{x.dimension() - 1},
                                                               xt::evaluation_strategy::immediate));
    });
    reads_elements_alike<T>(name + "(x, {first}, keep_dims)", [=](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>()
                                 : evaluated_as<double>(reduce(x, std::vector<std::size_t>{0}, xt::keep_dims));
    });
}

// Products of integers wrap around where that is defined.
template <class T>
using product = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;

template <class T>
void register_sums() {
    over_axes<T>("sum", [](const auto& x, auto&&... how) { return xt::sum(x, how...); });
    over_axes<T>("prod", [](const auto& x, auto&&... how) { return xt::prod<product<T>>(x, how...); });
    over_axes<T>("mean", [](const auto& x, auto&&... how) { return xt::mean(x, how...); });
    reads_elements_alike<T>("cumsum(x)", [](const auto& x) { return xt::cumsum(x); });
    reads_elements_alike<T>("cumsum(x, 0)", [](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>() : evaluated_as<double>(xt::cumsum(x, 0));
    });
    reads_elements_alike<T>("cumprod(x, last)", [](const auto& x) {
        return x.dimension() < 1
                   ? xt::xarray<double>()
                   : evaluated_as<double>(xt::cumprod<product<T>>(x, static_cast<std::ptrdiff_t>(x.dimension() - 1)));
    });
}

template <class T>
void register_extrema() {
    over_axes<T>("amin", [](const auto& x, auto&&... how) { return xt::amin(x, how...); });
    over_axes<T>("amax", [](const auto& x, auto&&... how) { return xt::amax(x, how...); });
    reads_elements_alike<T>("minmax", [](const auto& x) {
        const auto both = xt::eval(xt::minmax(x));
        return xt::xarray<double>{static_cast<double>(both()[0]), static_cast<double>(both()[1])};
    });
    reads_elements_alike<T>("all(x < 5)", [](const auto& x) { return xt::all(x < T(5)); });
    reads_elements_alike<T>("any(x > 3)", [](const auto& x) { return xt::any(x > T(3)); });
    reads_elements_alike<T>("count_nonzero", [](const auto& x) { return evaluated(xt::count_nonzero(x)); });
}

template <class T>
void register_statistics() {
    reads_elements_alike<T>("variance(x)", [](const auto& x) { return evaluated(xt::variance(x)); });
    reads_elements_alike<T>("stddev(x)", [](const auto& x) { return evaluated(xt::stddev(x)); });
    reads_elements_alike<T>("variance(x, {0})", [](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>() : evaluated_as<double>(xt::variance(x, {0}));
    });
    reads_elements_alike<T>("stddev(x, {last})", [](const auto& x) {
        return x.dimension() < 1 ? xt::xarray<double>()
                                 : evaluated_as<double>(xt::stddev(x, std::vector<std::size_t>{x.dimension() - 1}));
    });
    reads_elements_alike<T>("norm_l1", [](const auto& x) { return evaluated(xt::norm_l1(x)); });
    reads_elements_alike<T>("norm_l2", [](const auto& x) { return evaluated(xt::norm_l2(x)); });
    reads_elements_alike<T>("norm_linf", [](const auto& x) { return evaluated(xt::norm_linf(x)); });
    reads_elements_alike<T>("nansum", [](const auto& x) { return evaluated(xt::nansum(xt::sqrt(x))); });
    reads_elements_alike<T>("nanmean", [](const auto& x) { return evaluated(xt::nanmean(x)); });
    reads_elements_alike<T>("average", [](const auto& x) { return evaluated(xt::average(x, xt::abs(x) + T(1))); });
    reads_alike_at_rank<T, 1>("variance(x, {0})", [](const auto& x) { return evaluated(xt::variance(x, {0})); });
    reads_alike_at_rank<T, 2>("sum(x, {1})", [](const auto& x) { return evaluated(xt::sum(x, {1})); });
    reads_alike_at_rank<T, 2>("mean(x, {0}), immediate",
                              [](const auto& x) { return xt::mean(x, {0}, xt::evaluation_strategy::immediate); });
    reads_alike_at_rank<T, 3>("amax(x, {0, 2})", [](const auto& x) { return evaluated(xt::amax(x, {0, 2})); });
}

}  // namespace

void register_reductions() {
    register_sums<float>();
    register_sums<std::int32_t>();
    register_extrema<float>();
    register_extrema<std::int64_t>();
    register_statistics<float>();
    register_statistics<double>();
}

}  // namespace differential
