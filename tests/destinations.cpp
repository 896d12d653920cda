// Each kind of expression over a view gives the same elements whatever it is assigned to: those that xtensor gives over
// an owned copy.
#include "support/layouts.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/randint.h>

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace testing;

namespace {

using owned_array = xt::xtensor<double, 2, xt::layout_type::row_major>;

template <class X, class Y>
bool hold_the_same(const X& x, const Y& y) {
    return std::equal(x.shape().begin(), x.shape().end(), y.shape().begin(), y.shape().end()) &&
           std::equal(x.template begin<xt::layout_type::row_major>(), x.template end<xt::layout_type::row_major>(),
                      y.template begin<xt::layout_type::row_major>(),
                      [](double a, double b) { return std::abs(a - b) <= 1e-12 * (1 + std::abs(b)); });
}

// Puts `expression()` into every kind of destination; each is made anew, with a value in it that must go.
template <class Expression>
void goes_everywhere(const Expression& expression, const owned_array& expected) {
    const auto& shape = expected.shape();
    const auto check = [&](const char* destination, const auto& assigned) {
        CAPTURE(destination);
        CHECK(hold_the_same(assigned, expected));
    };
    check("lazy", expression());
    check("xarray", xt::xarray<double>(expression()));
    check("xtensor", xt::xtensor<double, 2>(expression()));
    check("column-major", xt::xtensor<double, 2, xt::layout_type::column_major>(expression()));
    check("eval", xt::eval(expression()));
    check("copy", xtt::view<double>(xtt::copy(expression())));
    check("to_device", xtt::view<double>(xtt::to_device(expression(), at::kCPU)));

    xt::xarray<double> array = xt::ones<double>({1});
    array = expression();
    check("xarray =", array);
    xt::noalias(array) = expression();
    check("noalias(xarray) =", array);
    array += expression();
    check("xarray +=", 0.5 * array);
    xt::xtensor<double, 2> tensor(shape, 7.0);
    tensor = expression();
    check("xtensor =", tensor);
    tensor -= expression();
    check("xtensor -=", tensor + expected);

    at::Tensor destination =
        at::full({static_cast<std::int64_t>(shape[1]), static_cast<std::int64_t>(shape[0])}, 7.0, at::kDouble);
    auto view = xtt::view<double, 2>(destination.t());
    view = expression();
    check("view =", view);
    view.fill(7.0);
    xt::noalias(view) = expression();
    check("noalias(view) =", view);
    view += expression();
    check("view +=", 0.5 * view);

    at::Tensor room =
        at::full({3, static_cast<std::int64_t>(shape[0]) + 1, static_cast<std::int64_t>(shape[1])}, 7.0, at::kDouble);
    auto whole = xtt::view<double, 3>(room);
    xt::view(whole, 1, xt::range(1, xt::placeholders::_), xt::all()) = expression();
    check("part of a view =", xtt::view<double>(room.select(0, 1).slice(0, 1)));
    xt::strided_view(whole, {xt::ellipsis(), xt::range(1, xt::placeholders::_), xt::all()}) = expression();
    check("broadcast into a part of a view =", xtt::view<double>(room.select(0, 2).slice(0, 1)));
    CHECK(room.select(1, 0).eq(7).all().item<bool>());
    xt::xtensor<double, 3> container({2, shape[0], shape[1]}, 7.0);
    xt::view(container, 1) = expression();
    check("part of a container =", xt::view(container, 1));
    std::vector<double> buffer(shape[0] * shape[1], 7.0);
    auto adaptor = xt::adapt(buffer, std::vector<std::size_t>{shape[0], shape[1]});
    adaptor = expression();
    check("adaptor =", adaptor);
}

// `function(view, row)` over every layout, against the same over containers.
template <class F>
void is_the_same_everywhere(const F& function) {
    const at::Tensor values = at::randint(-4, 5, {6, 5}, at::kDouble);
    const owned_array owned = xtt::view<const double, 2>(values);
    const xt::xtensor<double, 1> owned_row = xt::view(owned, 2);
    const owned_array expected = function(owned, owned_row);
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto view = xtt::view<const double, 2>(tensor);
        const auto row = xtt::view<const double, 1>(tensor.select(0, 2));
        goes_everywhere([&] { return function(view, row); }, expected);
    }
}

}  // namespace

TEST_CASE("functions of single elements go into every destination") {
    is_the_same_everywhere([](const auto& x, const auto& row) { return 2.0 * x * row - xt::abs(x); });
    is_the_same_everywhere([](const auto& x, const auto& row) { return xt::where(x > row, xt::exp(x), x + 1.0); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::transpose(x) * 1.0; });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::cast<double>(xt::cast<int>(x)); });
}

TEST_CASE("reductions go into every destination") {
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::sum(x, {1}, xt::keep_dims) * 1.0; });
    is_the_same_everywhere([](const auto& x, const auto&) { return x - xt::eval(xt::amax(x, {0}, xt::keep_dims)); });
    is_the_same_everywhere([](const auto& x, const auto& row) { return x / (1.0 + xt::sum(xt::square(row), {0})); });
}

TEST_CASE("what is joined and rearranged goes into every destination") {
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::concatenate(xt::xtuple(x, x), 1); });
    is_the_same_everywhere([](const auto& x, const auto& row) { return xt::stack(xt::xtuple(row, xt::view(x, 3))); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::view(x, xt::keep(4, 0, 4), xt::all()); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::view(x, xt::all(), xt::drop(1)); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::flip(x, 0); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::repeat(x, 2, 1); });
    is_the_same_everywhere(
        [](const auto& x, const auto&) { return xt::view(x, xt::range(0, 6, 2), xt::range(4, 0, -1)); });
    is_the_same_everywhere([](const auto& x, const auto&) { return xt::cumsum(x, 0); });
    is_the_same_everywhere([](const auto& x, const auto&) { return x + xt::arange<double>(5); });
}

TEST_CASE("what has a single element goes into a part of a view without dimensions") {
    at::Tensor numbers = at::full({2, 3}, 7.0, at::kDouble);
    const at::Tensor one = at::full({}, 2.0, at::kDouble);
    const auto x = xtt::view<const double>(one);
    auto row = xtt::view<double>(numbers.select(1, 1));
    xt::view(row, 1) = x + 1.0;
    CHECK(row(1) == 3.0);
    xt::strided_view(row, {0}) = 2.0 * x;
    CHECK(row(0) == 4.0);
    xt::view(row, 1) *= x;
    CHECK(row(1) == 6.0);
    auto matrix = xtt::view<double>(numbers);
    xt::view(matrix, 1, 2) = xt::sum(row) + x;
    CHECK(matrix(1, 2) == 12.0);
    xt::xarray<double> array = {1.0, 2.0};
    xt::view(array, 1) = x * x;
    CHECK(array(1) == 4.0);
    CHECK(numbers.eq(7).sum().item<std::int64_t>() == 3);
}

TEST_CASE("reductions go into containers of fixed shape") {
    is_the_same_everywhere([](const auto& x, const auto&) {
        xt::xtensor_fixed<double, xt::xshape<6>> sums;
        sums = xt::sum(x, {1});
        xt::xtensor_fixed<double, xt::xshape<2, 5>> greatest;
        greatest = xt::amax(x, {0});
        xt::xtensor_fixed<float, xt::xshape<6>> converted;
        converted = xt::mean(xt::cast<float>(x), {1});
        return xt::eval(xt::view(sums, xt::newaxis(), xt::all()) + xt::view(converted, xt::all(), xt::newaxis()) +
                        greatest(1, 4));
    });
}
