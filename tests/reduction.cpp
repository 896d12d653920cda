#include "support/layouts.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/std.h>
#include <ATen/ops/sum.h>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/reducers/xnorm.hpp>
#else
#include <xtensor/xnorm.hpp>
#endif

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

using namespace testing;

namespace {

using axes_of_a_reduction = std::vector<std::size_t>;

template <class X, class Y>
bool are_close(const X& x, const Y& y) {
    using real = decltype(std::abs(x));
    return x == y || (x != x && y != y) || std::abs(x - y) <= real(1e-5) * (real(1) + std::abs(y));
}

template <class X, class Y>
bool hold_the_same(const X& x, const Y& y) {
    return std::equal(x.shape().begin(), x.shape().end(), y.shape().begin(), y.shape().end()) &&
           std::equal(x.begin(), x.end(), y.begin(), [](const auto& a, const auto& b) { return are_close(a, b); });
}

// Reduces views in every layout along every set of axes, reads the results in every way, and compares with what xtensor
// makes of a container.
template <class T, class Reduce>
void is_reduced_as_a_container(const at::Tensor& values, const Reduce& reduce) {
    const at::Tensor copied = values.contiguous();
    const xt::xarray<T> owned = xtt::view<const T>(copied);
    for (const at::Tensor& tensor : layouts_of(copied)) {
        const auto view = xtt::view<const T>(tensor);
        for (const axes_of_a_reduction& axes :
             {axes_of_a_reduction{0}, axes_of_a_reduction{1}, axes_of_a_reduction{2}, axes_of_a_reduction{0, 1},
              axes_of_a_reduction{0, 2}, axes_of_a_reduction{1, 2}, axes_of_a_reduction{0, 1, 2}}) {
            CAPTURE(tensor.strides(), axes);
            const auto lazy = reduce(view, axes);
            using R = std::decay_t<decltype(*lazy.begin())>;
            const xt::xarray<R> expected = reduce(owned, axes);
            CHECK(hold_the_same(xt::xarray<R>(lazy), expected));
            CHECK(hold_the_same(lazy, expected));
            CHECK(std::equal(lazy.template rbegin<xt::layout_type::row_major>(),
                             lazy.template rend<xt::layout_type::row_major>(),
                             expected.template rbegin<xt::layout_type::row_major>(),
                             [](const R& x, const R& y) { return are_close(x, y); }));
            xt::xarray<R, xt::layout_type::column_major> column_major = lazy;
            CHECK(hold_the_same(column_major, xt::xarray<R, xt::layout_type::column_major>(expected)));

            xt::xarray<R> kept = expected;
            auto kept_shape = owned.shape();
            for (const auto axis : axes) {
                kept_shape[axis] = 1;
            }
            kept.reshape(kept_shape);
            const xt::xarray<R> zeros = xt::zeros<R>(owned.shape());
            const xt::xarray<R> broadcast = reduce(view, axes, xt::keep_dims) + zeros;
            CHECK(hold_the_same(broadcast, xt::xarray<R>(kept + zeros)));
        }
        CHECK(hold_the_same(xt::xarray<double>(reduce(view)), xt::xarray<double>(reduce(owned))));
    }
}

at::Tensor random_values(at::ScalarType dtype) {
    return dtype == at::kDouble ? at::randn({7, 5, 70}, dtype) : at::randint(1, 4, {7, 5, 70}, dtype);
}

TEST_CASE("sums and products of a view are those of a container") {
    is_reduced_as_a_container<double>(random_values(at::kDouble),
                                      [](const auto& x, auto&&... how) { return xt::sum(x, how...); });
    is_reduced_as_a_container<std::int64_t>(random_values(at::kLong),
                                            [](const auto& x, auto&&... how) { return xt::sum(x, how...); });
    is_reduced_as_a_container<double>(random_values(at::kDouble) * 0.01 + 1,
                                      [](const auto& x, auto&&... how) { return xt::prod(x, how...); });
}

TEST_CASE("the least and the greatest of a view are those of a container") {
    is_reduced_as_a_container<double>(random_values(at::kDouble),
                                      [](const auto& x, auto&&... how) { return xt::amax(x, how...); });
    is_reduced_as_a_container<std::int64_t>(random_values(at::kLong),
                                            [](const auto& x, auto&&... how) { return xt::amin(x, how...); });
}

TEST_CASE("a mean over a view is that of a container") {
    is_reduced_as_a_container<double>(random_values(at::kDouble),
                                      [](const auto& x, auto&&... how) { return xt::mean(x, how...); });
}

// The overloads of norms for axes and for options cannot be told apart where axes stand alone.
template <class Norm>
auto with_options(const Norm& norm) {
    return [norm](const auto& x, const auto&... how) {
        if constexpr (sizeof...(how) == 1) {
            return norm(x, how..., xt::evaluation_strategy::lazy);
        } else {
            return norm(x, how...);
        }
    };
}

TEST_CASE("norms of a view are those of a container") {
    is_reduced_as_a_container<double>(random_values(at::kDouble), with_options([](const auto& x, const auto&... how) {
                                          return xt::norm_l2(x, how...);
                                      }));
    is_reduced_as_a_container<double>(random_values(at::kDouble), with_options([](const auto& x, const auto&... how) {
                                          return xt::norm_linf(x, how...);
                                      }));
}

TEST_CASE("a function of several operands is reduced without being stored") {
    const at::Tensor other = at::randn({70, 5}, at::kDouble);
    const xt::xarray<double> factor = xt::transpose(xtt::view<const double>(other));
    is_reduced_as_a_container<double>(random_values(at::kDouble), [&](const auto& x, auto&&... how) {
        return xt::sum(xt::abs(x) * factor - 0.5 * x, how...);
    });
    is_reduced_as_a_container<double>(random_values(at::kDouble), [&](const auto& x, auto&&... how) {
        return xt::sum(x * factor + x * xt::cos(x) + factor, how...);
    });
}

TEST_CASE("reductions are written into views, parts of views and wider types") {
    const at::Tensor tensor = at::randn({6, 4}, at::kDouble);
    const auto view = xtt::view<const double, 2>(tensor);
    const at::Tensor sums = tensor.sum(0);
    at::Tensor out = at::zeros({3, 4, 2}, at::kDouble);
    auto whole = xtt::view<double, 3>(out);
    xt::view(whole, 1, xt::all(), 1) = xt::sum(view, {0});
    CHECK(out[1].select(1, 1).allclose(sums));
    CHECK(out[0].count_nonzero().item<std::int64_t>() == 0);
    xt::view(whole, xt::all(), xt::all(), 0) = xt::sum(view, {0});
    CHECK(out.select(2, 0).allclose(sums.expand({3, 4})));
    at::Tensor narrow = at::empty({4}, at::kFloat);
    xtt::view<float, 1>(narrow) = xt::sum(view, {0});
    CHECK(narrow.allclose(sums.to(at::kFloat)));
    CHECK(xtt::copy<float>(xt::sum(view, {1})).allclose(tensor.sum(1).to(at::kFloat)));
}

TEST_CASE("softmax is written as everyone writes it") {
    const at::Tensor tensor = at::randn({33, 65});
    const auto view = xtt::view<const float, 2>(tensor);
    const xt::xtensor<float, 2> powers = xt::exp(view - xt::amax(view, {1}, xt::keep_dims));
    at::Tensor result = at::empty({33, 65});
    xtt::view<float, 2>(result) = powers / xt::sum(powers, {1}, xt::keep_dims);
    CHECK(result.allclose(at::softmax(tensor, 1)));
    const xt::xtensor<float, 2> at_once =
        xt::exp(view - xt::amax(view, {1}, xt::keep_dims)) /
        xt::sum(xt::exp(view - xt::amax(view, {1}, xt::keep_dims)), {1}, xt::keep_dims);
    CHECK(xtt::copy(at_once).allclose(at::softmax(tensor, 1)));
}

TEST_CASE("a function of reductions is computed once for each of its values") {
    at::Tensor tensor = at::rand({6, 50});
    at::Tensor result = at::empty({6, 50});
    const auto x = xtt::view<const float, 2>(std::as_const(tensor));
    const xt::xtensor<float, 2> container = x;
    auto out = xtt::view<float, 2>(result);
    const auto is_close = [](const at::Tensor& found, const at::Tensor& expected) {
        return at::allclose(found, expected, 1e-4, 1e-5);
    };
    static std::atomic<int> calls = 0;
    const auto counted = [](double value) {
        ++calls;
        return std::sqrt(value);
    };
    const auto root = [&](auto&& e) { return xt::make_lambda_xfunction(counted, std::forward<decltype(e)>(e)); };
    out = x / root(xt::sum(x * x, {1}, xt::keep_dims));
    CHECK(calls == 6);
    CHECK(is_close(result, tensor / at::sqrt(at::sum(tensor * tensor, {1}, true))));
    // Of containers alone, in a reduction, twice in one expression, and of what is written.
    const at::Tensor centred = tensor - at::mean(tensor, {0});
    out = container - xt::mean(container, {0});
    CHECK(is_close(result, centred));
    const xt::xtensor<double, 1> sums = xt::sum(xt::abs(x - xt::mean(x, {0})), {1});
    CHECK(is_close(xtt::copy<float>(sums), at::sum(at::abs(centred), {1})));
    out = (x - xt::mean(x, {0})) / xt::stddev(x, {0});
    CHECK(is_close(result, centred / at::std(tensor, {0}, false)));
    out = x;
    out -= xt::mean(out, {0}) + xt::amax(out, {0}) * 2;
    CHECK(is_close(result, centred - at::amax(tensor, {0}) * 2));
    // The function of reductions that is all there is.
    out = xt::mean(x, {0}) * 2 - xt::amax(x, {1}, xt::keep_dims);
    CHECK(is_close(result, at::mean(tensor, {0}) * 2 - at::amax(tensor, {1}, true)));
}

TEST_CASE("a reduction of what is assigned to reads it before it is written") {
    const at::Tensor tensor = at::randn({5, 6}, at::kDouble);
    at::Tensor changed = tensor.clone();
    auto x = xtt::view<double, 2>(changed);
    x -= xt::mean(x, {1}, xt::keep_dims);
    CHECK(changed.allclose(tensor - tensor.mean(1, true)));
    changed.copy_(tensor);
    x = x / xt::sum(x, {0});
    CHECK(changed.allclose(tensor / tensor.sum(0)));
    changed.copy_(tensor);
    xt::view(x, 0) = xt::sum(x, {0});
    CHECK(changed[0].allclose(tensor.sum(0)));
}

TEST_CASE("a lazy reduction sees later changes of its operand") {
    at::Tensor tensor = at::ones({3, 4});
    const auto view = xtt::view<const float, 2>(tensor);
    const auto sums = xt::sum(view, {1});
    CHECK(sums(2) == 4.0f);
    tensor.mul_(2);
    CHECK(sums(2) == 8.0f);
    CHECK(xt::xarray<float>(sums)(0) == 8.0f);
}

TEST_CASE("a long sum keeps its digits") {
    const at::Tensor tensor = at::full({1 << 12, 1 << 12}, 0.1f);
    const double expected = double(0.1f) * (1 << 24);
    const auto relative_error = [&](double sum) { return std::abs(sum - expected) / expected; };
    const auto view = xtt::view<const float, 2>(tensor);
    CHECK(relative_error(xt::sum(view)()) < 1e-6);
    CHECK(relative_error(xt::sum(xt::transpose(view))()) < 1e-6);
    CHECK(relative_error(xt::sum(view * 1.0f)()) < 1e-6);
    const auto long_columns = xtt::view<const float, 2>(tensor.view({1 << 22, 4}));
    const xt::xtensor<float, 1> column_sums = xt::sum(long_columns, {0});
    CHECK(relative_error(4 * double(column_sums(3))) < 1e-6);
    const auto long_rows = xtt::view<const float, 2>(tensor.view({4, 1 << 22}));
    const xt::xtensor<float, 1> row_sums = xt::sum(long_rows, {1});
    CHECK(relative_error(4 * double(row_sums(3))) < 1e-6);
}

TEST_CASE("one NaN makes the least, the greatest and the sum NaN, and infinities are numbers") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const std::int64_t columns : {3, 40, 1000}) {
        for (const std::int64_t place : {std::int64_t{0}, columns / 2, columns - 1}) {
            at::Tensor tensor = at::randn({3, columns});
            tensor[1][place] = nan;
            const auto view = xtt::view<const float, 2>(tensor);
            CHECK(std::isnan(xt::amax(view)()));
            CHECK(std::isnan(xt::amin(view)()));
            CHECK(std::isnan(xt::sum(view)()));
            CHECK(std::isnan(xt::xarray<float>(xt::amax(view, {1}))(1)));
            CHECK(!std::isnan(xt::xarray<float>(xt::amax(view, {1}))(0)));
            CHECK(std::isnan(xt::xarray<float>(xt::amin(view, {0}))(place)));
            CHECK(!std::isnan(xt::nansum(view)()));
        }
    }
    const auto greatest = xtt::view<const float, 2>(at::full({2, 3}, infinity));
    CHECK(xt::amin(greatest)() == infinity);
    CHECK(xt::xarray<float>(xt::amin(greatest, {0}))(0) == infinity);
    CHECK(xt::amax(xtt::view<const float, 2>(at::full({2, 3}, -infinity)))() == -infinity);
}

TEMPLATE_TEST_CASE("rows of every length are reduced with all their elements", "", float, double, std::int64_t,
                   std::int8_t) {
    using T = TestType;
    for (std::int64_t columns = 1; columns <= 140; ++columns) {
        at::Tensor tensor = at::randint(-9, 9, {3, columns}, xtt::scalar_type_v<T>);
        auto view = xtt::view<T, 2>(tensor);
        if constexpr (std::is_floating_point_v<T>) {
            view(1, static_cast<std::size_t>(columns / 2)) = std::numeric_limits<T>::quiet_NaN();
        }
        const auto sums = xt::eval(xt::sum(view, {1}));
        const auto greatest = xt::eval(xt::amax(view, {1}));
        const auto least = xt::eval(xt::amin(view, {1}));
        for (std::size_t row = 0; row < 3; ++row) {
            CAPTURE(columns, row);
            const auto elements = xt::row(view, static_cast<std::ptrdiff_t>(row));
            const auto first = elements.begin();
            const auto last = elements.end();
            const bool holds_nan = std::any_of(first, last, [](T element) { return element != element; });
            const auto is = [&](auto found, auto expected) { return holds_nan ? found != found : found == expected; };
            CHECK(is(sums(row), std::accumulate(first, last, decltype(sums(row) + 0){})));
            CHECK(is(greatest(row), *std::max_element(first, last)));
            CHECK(is(least(row), *std::min_element(first, last)));
        }
    }
}

TEST_CASE("a reduction of nothing is its initial value, and there is no least of nothing") {
    const auto nothing = xtt::view<const float, 2>(at::empty({0, 3}));
    CHECK(xt::sum(nothing)() == 0.0f);
    CHECK(hold_the_same(xt::xarray<float>(xt::sum(nothing, {0})), xt::xarray<float>(xt::zeros<float>({3}))));
    CHECK(xt::xarray<float>(xt::amax(nothing, {1})).size() == 0);
    const auto message =
        "reduction: the operand has no elements, and so no least and no greatest one. Give xt::amin or "
        "xt::amax an initial value, xt::initial(value), or an operand with elements.";
    CHECK(message_of<c10::ValueError>([&] { xt::amax(nothing)(); }) == message);
    CHECK(message_of<c10::ValueError>([&] { const xt::xarray<float> r = xt::amin(nothing, {0}); }) == message);
    CHECK(xt::amax(nothing, xt::initial(2.0f))() == 2.0f);
}

TEST_CASE("an initial value takes part once in each result") {
    const at::Tensor tensor = at::randn({40, 50}, at::kDouble);
    const auto view = xtt::view<const double, 2>(tensor);
    CHECK(are_close(xt::sum(view, xt::initial(5.0))(), tensor.sum().item<double>() + 5));
    const xt::xarray<double> sums = xt::sum(view, {1}, xt::initial(5.0));
    CHECK(xtt::copy(sums).allclose(tensor.sum(1) + 5));
    CHECK(xtt::copy(xt::sum(view, {0}, xt::initial(5.0) | xt::keep_dims)).allclose(tensor.sum(0, true) + 5));
}

// Weighs what it has so far, and so depends on the order; and counts its calls.
struct weigh {
    int* calls;

    float operator()(float sum, float element) const {
        ++*calls;
        return 0.5f * sum + element;
    }
};

TEST_CASE("a functor of the user's keeps xtensor's order") {
    const at::Tensor tensor = at::randn({60, 50});
    const auto view = xtt::view<const float, 2>(tensor);
    const xt::xarray<float> owned = view;
    int calls = 0;
    int expected_calls = 0;
    for (const axes_of_a_reduction& axes :
         {axes_of_a_reduction{0}, axes_of_a_reduction{1}, axes_of_a_reduction{0, 1}}) {
        const xt::xarray<float> weighed = xt::reduce(weigh{&calls}, view, axes);
        const xt::xarray<float> expected = xt::reduce(weigh{&expected_calls}, owned, axes);
        CHECK(weighed == expected);
    }
    CHECK(calls == expected_calls);
    const auto later = [](float, float element) { return element; };
    CHECK(xt::reduce(later, view, axes_of_a_reduction{1})(7) == owned(7, 49));
}

TEST_CASE("what is reduced at once is what a lazy reduction gives, of xtensor's type") {
    constexpr auto at_once = xt::evaluation_strategy::immediate;
    for (const at::Tensor& tensor : layouts_of(at::randn({7, 30, 11}))) {
        const auto view = xtt::view<const float, 3>(tensor);
        const xt::xtensor<float, 3> owned = view;
        CHECK(hold_the_same(xt::sum(view, at_once), xt::sum(owned)));
        CHECK(hold_the_same(xt::sum(view, {1}, at_once), xt::sum(owned, {1})));
        CHECK(hold_the_same(xt::amax(2.0f * view, {0, 2}, at_once), xt::amax(2.0f * owned, {0, 2})));
        CHECK(hold_the_same(xt::mean(xt::transpose(view), {2}, at_once), xt::mean(xt::transpose(owned), {2})));
        CHECK(hold_the_same(xt::sum(view, {0}, xt::keep_dims | at_once), xt::sum(owned, {0}, xt::keep_dims)));
        CHECK(hold_the_same(xt::sum(view, {0}, at_once | xt::initial(3.0f)), xt::sum(owned, {0}) + 3.0f));
        const auto of_a_view = xt::sum(view, {1}, at_once);
        const auto of_a_container = xt::sum(owned, {1}, at_once);
        static_assert(std::is_same_v<decltype(of_a_view), decltype(of_a_container)>);
    }
    const at::Tensor ones = at::ones({1 << 20}) * 0.1f;
    CHECK(std::abs(xt::sum(xtt::view<const float, 1>(ones), at_once)() - 104857.6f) < 0.1f);
    const at::Tensor none = at::ones({0});
    CHECK_THROWS_AS(xt::amin(xtt::view<const float, 1>(none), at_once), c10::ValueError);
}

TEST_CASE("narrow types are added up in a wide one") {
    const at::Tensor halves = at::full({70, 70}, 1.0, at::kHalf);
    const auto view = xtt::view<const c10::Half, 2>(halves);
    CHECK(xt::sum(view)() == 4900.0f);
    CHECK(xt::xarray<float>(xt::sum(xt::transpose(view), {1}))(3) == 70.0f);
    CHECK(xt::amax(view)() == c10::Half(1.0f));
    const at::Tensor flags = at::ones({300, 3}, at::kBool);
    CHECK(xt::sum(xtt::view<const bool, 2>(flags))() == 900);
    const at::Tensor bytes = at::full({300, 3}, 200, at::kByte);
    CHECK(xt::sum(xtt::view<const std::uint8_t, 2>(bytes))() == 180000);
    const at::Tensor numbers = at::randn({9, 30}, at::kComplexDouble);
    const auto complex_sum = xt::sum(xtt::view<const std::complex<double>, 2>(numbers))();
    CHECK(std::abs(complex_sum - std::complex<double>(numbers.sum().item<c10::complex<double>>())) < 1e-9);
}

TEST_CASE("expanded, reversed and single elements are reduced") {
    const at::Tensor row = at::randn({5}, at::kDouble);
    const auto expanded = xtt::view<const double, 2>(row.expand({100, 5}));
    CHECK(are_close(xt::sum(expanded)(), 100 * row.sum().item<double>()));
    CHECK(xtt::copy(xt::xarray<double>(xt::sum(expanded, {0}))).allclose(100 * row));
    const auto view = xtt::view<const double, 1>(row);
    const auto reversed = xt::view(view, xt::range(4, xt::placeholders::_, -2));
    CHECK(are_close(xt::sum(reversed)(), row[4].item<double>() + row[2].item<double>() + row[0].item<double>()));
    const auto scalar = xtt::view<const double, 0>(at::full({}, 3.0, at::kDouble));
    CHECK(xt::sum(scalar)() == 3.0);
    const auto single = xtt::view<const double, 3>(at::full({1, 1, 1}, 3.0, at::kDouble));
    CHECK(xt::sum(single)() == 3.0);
    CHECK(xt::xarray<double>(xt::amax(single, {0, 2}))(0) == 3.0);
}

TEST_CASE("the number of threads changes no result") {
    const at::Tensor tensor = at::randn({700, 900});
    const auto view = xtt::view<const float, 2>(tensor);
    const auto results = [&] {
        return std::tuple(xt::sum(view)(), xt::xarray<float>(xt::sum(view, {0})),
                          xt::xarray<float>(xt::sum(view, {1})));
    };
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const auto by_one = results();
    at::set_num_threads(std::max(threads, 2));
    CHECK(results() == by_one);
    at::set_num_threads(threads);
}

}  // namespace

TEST_CASE("a reduction of a container alone is this library's where it is assigned to a view") {
    xt::xtensor<float, 2> container = xt::ones<float>({40, 50});
    container(3, 7) = std::numeric_limits<float>::quiet_NaN();
    at::Tensor result = at::empty({40});
    auto view = xtt::view<float, 1>(result);
    view = xt::amax(container, {1});
    CHECK(std::isnan(view(3)));
    CHECK(view(4) == 1);
    view = 2.0f + xt::amin(container, {1}) * xt::sum(container, {1});
    CHECK(std::isnan(view(3)));
    CHECK(view(4) == 52);
    const at::Tensor copied = xtt::copy(xt::amax(container, {0}));
    CHECK(copied.isnan().nonzero().equal(at::full({1, 1}, 7, at::kLong)));
    // As long as xtensor's sum would be far off.
    const xt::xtensor<float, 1> tenths = 0.1f * xt::ones<float>({1 << 24});
    at::Tensor sum = at::empty({});
    xtt::view<float, 0>(sum) = xt::sum(tenths);
    CHECK(sum.item<double>() == Approx(0.1 * (1 << 24)).epsilon(1e-6));
}
