// What xtensor makes of its own containers: the same code in a file that includes xtensor alone and in one that
// includes this library. The including file brings xtensor's headers.
#pragma once

#include <c10/core/ScalarType.h>

#include <type_traits>
#include <vector>

using results = std::vector<double>;

results results_of_xtensor_alone();
results results_with_the_library();

namespace {

template <class E>
void append(results& all, const E& expression) {
    all.push_back(static_cast<double>(expression.dimension()));
    for (const auto& value : xt::xarray<typename E::value_type>(expression)) {
        all.push_back(static_cast<double>(value));
    }
}

// Sums that xtensor itself makes in the type of the elements.
template <class T>
void append_sums(results& all) {
    const xt::xtensor<T, 1> ones = xt::ones<float>({5000});
    // In C++20, xtensor 0.24 mistakes its own dynamic shapes; this library corrects it for the whole program.
    const xt::xtensor<T, 2> grid = xt::ones<float>({3, 4});
    append(all, xt::sum(ones));
    append(all, xt::sum(grid, {0}));
    append(all, xt::sum(grid, {1}, xt::keep_dims | xt::evaluation_strategy::immediate));
    append(all, xt::prod(grid));
    append(all, xt::mean(ones));
    append(all, xt::variance(ones));
    append(all, xt::cumsum(ones, 0));
    append(all, xt::cumprod(grid, 1));
    // Of other types than C++'s own, xtensor alone does not compile this.
    if constexpr (std::is_arithmetic_v<T>) {
        append(all, xt::amax(grid, {1}));
        append(all, xt::norm_l2(grid));
    }
    append(all, xt::argmin(grid, 1));
    append(all, grid + grid * T(2.0f));
    append(all, xt::equal(xt::view(grid, xt::all(), xt::range(1, 3)), T(1.0f)));
    append(all, xt::view(grid, xt::all(), xt::range(1, 3)) < xt::view(grid, xt::all(), xt::range(0, 2)));
    append(all, xt::transpose(grid) + T(1.0f));
    append(all, xt::concatenate(xt::xtuple(grid, grid), 1));
}

results make_results() {
    results all;
    append_sums<float>(all);
    append_sums<double>(all);
    append_sums<c10::Half>(all);
    append_sums<c10::BFloat16>(all);
    append_sums<int>(all);
    return all;
}

}  // namespace
