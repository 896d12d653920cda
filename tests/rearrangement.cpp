#include "support/testing.hpp"

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/ops/randint.h>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/generators/xrandom.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xrepeat.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xrandom.hpp>
#include <xtensor/xrepeat.hpp>
#endif

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <tuple>
#include <vector>

using namespace testing;

namespace {

// The same values in every way in which a matrix's elements may lie.
std::vector<at::Tensor> layouts_of(const at::Tensor& values) {
    const at::Tensor wider = at::empty({values.size(0), 2 * values.size(1)}, values.options());
    const at::Tensor with_holes = wider.slice(1, 1, at::nullopt, 2);
    with_holes.copy_(values);
    return {values, values.t().contiguous().t(), with_holes};
}

template <class X, class Y>
bool hold_the_same(const X& x, const Y& y) {
    return std::equal(x.shape().begin(), x.shape().end(), y.shape().begin(), y.shape().end()) &&
           std::equal(x.begin(), x.end(), y.begin(),
                      [](const auto& a, const auto& b) { return a == b || (a != a && b != b); });
}

// Evaluates an expression over views into everything that it can be assigned to, and compares with what xtensor makes
// of the same expression over containers.
template <class Expression, class Expected>
void is_the_same_everywhere(const Expression& expression, const Expected& expected) {
    using T = typename Expression::value_type;
    const xt::xarray<T> values = expected;
    CHECK(hold_the_same(expression, values));
    const xt::xarray<T> constructed = expression;
    CHECK(hold_the_same(constructed, values));
    CHECK(hold_the_same(xt::xarray<T, xt::layout_type::column_major>(expression), values));
    CHECK(hold_the_same(xt::eval(expression + expression), xt::eval(values + values)));
    at::Tensor copied = xtt::copy(expression);
    CHECK(hold_the_same(xtt::view<T>(copied), values));
    for (at::Tensor& tensor :
         std::vector{at::zeros_like(copied), at::zeros_like(copied.transpose(0, -1).contiguous()).transpose(0, -1)}) {
        auto view = xtt::view<T>(tensor);
        view = expression;
        CHECK(hold_the_same(view, values));
        view += expression;
        CHECK(hold_the_same(view, xt::eval(values + values)));
    }
    const at::Tensor repeated = at::zeros_like(copied).unsqueeze(0).repeat_interleave(2, 0);
    auto broadcast = xtt::view<T>(at::Tensor(repeated));
    broadcast = expression;
    CHECK(hold_the_same(xt::view(broadcast, 1), values));
    auto doubles = xt::xarray<double>::from_shape(values.shape());
    xt::noalias(doubles) = expression;
    CHECK(hold_the_same(doubles, xt::eval(xt::cast<double>(values))));
}

}  // namespace

TEST_CASE("parts that are joined are what xtensor joins") {
    const at::Tensor first = at::randn({3, 4});
    const at::Tensor second = at::randn({3, 4});
    const xt::xarray<float> a = xtt::view<const float>(first);
    const xt::xarray<float> b = xtt::view<const float>(second);
    for (const at::Tensor& x : layouts_of(first)) {
        for (const at::Tensor& y : layouts_of(second)) {
            const auto v = xtt::view<const float>(x);
            const auto w = xtt::view<const float>(y);
            const auto v2 = xtt::view<const float, 2>(x);
            const auto w2 = xtt::view<const float, 2>(y);
            for (const std::size_t axis : {0U, 1U}) {
                is_the_same_everywhere(xt::concatenate(xt::xtuple(v, w, v), axis),
                                       xt::concatenate(xt::xtuple(a, b, a), axis));
                is_the_same_everywhere(xt::concatenate(xt::xtuple(v2 * 2.f, w2), axis),
                                       xt::concatenate(xt::xtuple(a * 2.f, b), axis));
                is_the_same_everywhere(xt::concatenate(xt::xtuple(v, b), axis),
                                       xt::concatenate(xt::xtuple(a, b), axis));
            }
            for (const std::size_t axis : {0U, 1U, 2U}) {
                is_the_same_everywhere(xt::stack(xt::xtuple(v, w), axis), xt::stack(xt::xtuple(a, b), axis));
                is_the_same_everywhere(xt::stack(xt::xtuple(v2, w2 + 1.f), axis),
                                       xt::stack(xt::xtuple(a, b + 1.f), axis));
            }
            is_the_same_everywhere(xt::hstack(xt::xtuple(v, w)), xt::hstack(xt::xtuple(a, b)));
            is_the_same_everywhere(xt::vstack(xt::xtuple(v, w)), xt::vstack(xt::xtuple(a, b)));
        }
    }
    const auto row = xtt::view<const float>(first[0]);
    const xt::xarray<float> owned = row;
    is_the_same_everywhere(xt::vstack(xt::xtuple(row, row)), xt::vstack(xt::xtuple(owned, owned)));
    is_the_same_everywhere(xt::hstack(xt::xtuple(row, row)), xt::hstack(xt::xtuple(owned, owned)));
}

TEST_CASE("parts of several types are joined in the type of all") {
    const at::Tensor integers = at::randint(0, 1 << 30, {2, 3}, at::kInt);
    const at::Tensor floats = at::randn({2, 3});
    const auto i = xtt::view<const std::int32_t>(integers);
    const auto f = xtt::view<const float>(floats);
    const xt::xarray<std::int32_t> owned_i = i;
    const xt::xarray<float> owned_f = f;
    is_the_same_everywhere(xt::concatenate(xt::xtuple(i, f), 0), xt::concatenate(xt::xtuple(owned_i, owned_f), 0));
    is_the_same_everywhere(xt::stack(xt::xtuple(f, i), 2), xt::stack(xt::xtuple(owned_f, owned_i), 2));
}

TEST_CASE("parts without elements and joins are parts like others") {
    const at::Tensor tensor = at::randn({3, 4});
    const at::Tensor nothing = at::empty({0, 4});
    const auto v = xtt::view<const float>(tensor);
    const auto none = xtt::view<const float>(nothing);
    const xt::xarray<float> a = v;
    const xt::xarray<float> empty = none;
    is_the_same_everywhere(xt::concatenate(xt::xtuple(none, v, none), 0),
                           xt::concatenate(xt::xtuple(empty, a, empty), 0));
    is_the_same_everywhere(xt::concatenate(xt::xtuple(xt::concatenate(xt::xtuple(v, v), 0), v), 0),
                           xt::concatenate(xt::xtuple(a, a, a), 0));
}

TEST_CASE("parts that lie in the destination are read before they are written") {
    at::Tensor tensor = at::arange(8, at::kFloat);
    auto view = xtt::view<float, 1>(tensor);
    view = xt::concatenate(xt::xtuple(xt::view(view, xt::range(4, 8)), xt::view(view, xt::range(0, 4))), 0);
    CHECK(at::equal(tensor, at::tensor({4.f, 5.f, 6.f, 7.f, 0.f, 1.f, 2.f, 3.f})));
}

TEST_CASE("stacking refuses parts of other shapes before it writes") {
    const at::Tensor three = at::ones({3});
    const at::Tensor one = at::ones({1});
    at::Tensor tensor = at::zeros({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    const auto v = xtt::view<const float, 1>(three);
    const auto w = xtt::view<const float, 1>(one);
    CHECK_THROWS_AS(view = xt::stack(xt::xtuple(v, w), 0), c10::ValueError);
    CHECK_THROWS_WITH(
        xt::noalias(view) = xt::stack(xt::xtuple(v, w), 0),
        "stack: part number 1 has shape [1]; all parts need the shape of the first one, [3]. Broadcast it "
        "first: xt::broadcast(x, shape).");
    CHECK(at::equal(tensor, at::zeros({2, 3})));
}

TEST_CASE("kept and dropped indices are the elements that xtensor keeps") {
    const at::Tensor values = at::randn({5, 6});
    const xt::xarray<float> owned = xtt::view<const float>(values);
    const std::vector<std::ptrdiff_t> rows{4, 0, 0, -2};
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto v = xtt::view<const float>(tensor);
        const auto compare = [&](auto... slice) {
            is_the_same_everywhere(xt::view(v, slice...), xt::view(owned, slice...));
        };
        compare(xt::keep(rows));
        compare(xt::keep(rows), xt::all());
        compare(xt::all(), xt::keep(rows));
        compare(xt::keep(rows), xt::keep(1, 5, 0));
        compare(xt::drop(1, 3), xt::range(1, 6, 2));
        compare(xt::range(3, 0, -1), xt::drop(0, 2, 4));
        compare(2, xt::keep(rows));
        compare(xt::keep(3), xt::newaxis(), xt::all());
        compare(xt::keep(1, 2, 3), xt::range(1, 4));
        is_the_same_everywhere(xt::view(v, xt::keep(rows)) * 2.f, xt::view(owned, xt::keep(rows)) * 2.f);
    }
}

TEST_CASE("repeated elements are those that xtensor repeats") {
    const at::Tensor values = at::randn({4, 3});
    const xt::xarray<float> owned = xtt::view<const float>(values);
    const std::vector<std::size_t> rows{2, 0, 3, 1};
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto fixed = xtt::view<const float, 2>(tensor);
        const auto open = xtt::view<const float>(tensor);
        for (const std::size_t axis : {0U, 1U}) {
            const at::Tensor copied = xtt::copy(xt::repeat(fixed, 3, axis));
            CHECK(hold_the_same(xtt::view<const float>(copied), xt::xarray<float>(xt::repeat(owned, 3, axis))));
        }
        at::Tensor tensor_of_rows = at::zeros({3, 6}).t();
        auto view = xtt::view<float>(tensor_of_rows);
        view = xt::repeat(open, rows, 0);
        const xt::xarray<float> expected = xt::repeat(owned, rows, 0);
        CHECK(hold_the_same(view, expected));
        const xt::xarray<float> constructed = xt::repeat(open, rows, 0);
        CHECK(hold_the_same(constructed, expected));
        const at::Tensor row = tensor[2].expand({2, 3});
        const at::Tensor of_expanded = xtt::copy(xt::repeat(xtt::view<const float, 2>(row), 2, 0));
        CHECK(at::equal(of_expanded, tensor[2].expand({4, 3})));
    }
    at::Tensor tensor = at::arange(4, at::kFloat);
    auto view = xtt::view<float, 1>(tensor);
    view = xt::repeat(xt::view(view, xt::range(1, 3)), 2, 0);
    CHECK(at::equal(tensor, at::tensor({1.f, 1.f, 2.f, 2.f})));
    const at::Tensor nothing = at::empty({0, 3});
    CHECK(xtt::copy(xt::repeat(xtt::view<const float, 2>(nothing), 2, 1)).sizes() == at::IntArrayRef({0, 6}));
}

TEST_CASE("a part behind a new axis begins where its slices say") {
    const at::Tensor values = at::randn({5, 6});
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto fixed = xtt::view<const float, 2>(tensor);
        const auto open = xtt::view<const float>(tensor);
        const auto compare = [&](const at::Tensor& part, auto... slice) {
            const xt::xarray<float> expected = xtt::view<const float>(part);
            is_the_same_everywhere(xt::view(fixed, slice...), expected);
            is_the_same_everywhere(xt::view(open, slice...), expected);
            is_the_same_everywhere(2.f * xt::view(open, slice...), 2.f * expected);
        };
        compare(tensor.slice(1, 1, 4).unsqueeze(1), xt::all(), xt::newaxis(), xt::range(1, 4));
        compare(tensor.slice(0, 2, 5, 2).unsqueeze(0).unsqueeze(0), xt::newaxis(), xt::newaxis(), xt::range(2, 5, 2));
        compare(tensor[3].unsqueeze(0), xt::newaxis(), 3);
        compare(tensor.select(1, 2).unsqueeze(0), xt::newaxis(), xt::all(), 2);
        compare(tensor.slice(0, 1, 3).slice(1, 2, 5).unsqueeze(0), xt::newaxis(), xt::range(1, 3), xt::range(2, 5));
        compare(tensor.slice(0, 1, 3).unsqueeze(2), xt::range(1, 3), xt::all(), xt::newaxis());
    }
    at::Tensor tensor = at::zeros({4, 3}).t();
    auto view = xtt::view<float, 2>(tensor);
    auto part = xt::view(view, xt::all(), xt::newaxis(), xt::range(1, 3));
    part = xt::ones<float>({3, 1, 2});
    part += xt::view(view, xt::all(), xt::newaxis(), xt::range(2, 4));
    at::Tensor expected = at::zeros({3, 4});
    expected.select(1, 1).fill_(2);
    expected.select(1, 2).fill_(1);
    CHECK(at::equal(tensor, expected));
    part = 5.f;
    expected.slice(1, 1, 3).fill_(5);
    CHECK(at::equal(tensor, expected));
}

TEST_CASE("kept indices of the destination itself are read before they are written") {
    at::Tensor tensor = at::arange(6, at::kFloat);
    auto view = xtt::view<float, 1>(tensor);
    view = xt::view(view, xt::keep(5, 4, 3, 2, 1, 0));
    CHECK(at::equal(tensor, at::tensor({5.f, 4.f, 3.f, 2.f, 1.f, 0.f})));
}

TEST_CASE("identities and ranges are what xtensor generates") {
    for (const int offset : {-7, -2, -1, 0, 1, 4, 9}) {
        is_the_same_everywhere(xt::eye<float>({4, 6}, offset), xt::xarray<float>(xt::eye<float>({4, 6}, offset)));
        is_the_same_everywhere(xt::eye<std::int64_t>({7, 3}, offset),
                               xt::xarray<std::int64_t>(xt::eye<std::int64_t>({7, 3}, offset)));
        is_the_same_everywhere(xt::eye<float>({2, 3, 5}, offset), xt::xarray<float>(xt::eye<float>({2, 3, 5}, offset)));
    }
    is_the_same_everywhere(xt::eye<double>(5), xt::xarray<double>(xt::eye<double>(5)));
    is_the_same_everywhere(xt::eye<float>({0, 3}), xt::xarray<float>(xt::eye<float>({0, 3})));
    is_the_same_everywhere(xt::arange<float>(3.f, -4.f, -0.3f), xt::xarray<float>(xt::arange<float>(3.f, -4.f, -0.3f)));
    is_the_same_everywhere(xt::arange<std::int64_t>(-5, 9, 2),
                           xt::xarray<std::int64_t>(xt::arange<std::int64_t>(-5, 9, 2)));
    is_the_same_everywhere(xt::linspace<float>(0.f, 1.f, 7), xt::xarray<float>(xt::linspace<float>(0.f, 1.f, 7)));

    at::Tensor bytes = at::zeros({3, 3}, at::kByte);
    auto narrower = xtt::view<std::uint8_t, 2>(bytes);
    narrower = xt::eye<bool>(3);
    CHECK(hold_the_same(narrower, xt::xarray<std::uint8_t>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}));
}

TEST_CASE("triangles and diagonals of views are those of containers") {
    at::Tensor values = at::randn({5, 7});
    values[1][2] = std::numeric_limits<float>::quiet_NaN();
    values[3][0] = std::numeric_limits<float>::infinity();
    const at::Tensor deep = at::randn({4, 5, 3});
    const xt::xarray<float> owned = xtt::view<const float>(values);
    const xt::xarray<float> owned_deep = xtt::view<const float>(deep);
    const xt::xarray<float> owned_row = xtt::view<const float>(values[3]);
    const auto w = xtt::view<const float>(deep);
    for (const int offset : {-6, -1, 0, 2, 8}) {
        for (const at::Tensor& tensor : layouts_of(values)) {
            const auto v = xtt::view<const float, 2>(tensor);
            const auto row = xtt::view<const float, 1>(tensor[3]);
            is_the_same_everywhere(xt::tril(v, offset), xt::tril(owned, offset));
            is_the_same_everywhere(xt::triu(v * 2.f, offset), xt::triu(owned * 2.f, offset));
            is_the_same_everywhere(xt::diag(row, offset), xt::diag(owned_row, offset));
            is_the_same_everywhere(xt::diag(row + 1.f, offset), xt::diag(owned_row + 1.f, offset));
        }
        is_the_same_everywhere(xt::tril(w, offset), xt::tril(owned_deep, offset));
        is_the_same_everywhere(xt::triu(w, offset), xt::triu(owned_deep, offset));
    }
    is_the_same_everywhere(xt::diagonal(xtt::view<const float, 2>(values), 1), xt::diagonal(owned, 1));
    is_the_same_everywhere(xt::diagonal(w, -1, 1, 2), xt::diagonal(owned_deep, -1, 1, 2));
    const at::Tensor nothing = at::empty({0, 4});
    is_the_same_everywhere(xt::tril(xtt::view<const float>(nothing)), xt::xarray<float>::from_shape({0, 4}));
}

TEST_CASE("the coordinates of a grid are what xtensor makes of their axes") {
    at::Tensor values = at::randn({4, 6});
    values[2][1] = std::numeric_limits<float>::quiet_NaN();
    values[2][2] = -0.f;
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto x = xtt::view<const float, 1>(tensor[2]);
        const auto y = xtt::view<const float>(tensor.select(1, 3));
        const xt::xarray<float> owned_x = x;
        const xt::xarray<float> owned_y = y;
        const auto grid = xt::meshgrid(x, y, x);
        const auto owned = xt::meshgrid(owned_x, owned_y, owned_x);
        is_the_same_everywhere(std::get<0>(grid), std::get<0>(owned));
        is_the_same_everywhere(std::get<1>(grid), std::get<1>(owned));
        is_the_same_everywhere(std::get<2>(grid) * std::get<1>(grid) + std::get<0>(grid),
                               std::get<2>(owned) * std::get<1>(owned) + std::get<0>(owned));
    }
    const auto ranges = xt::meshgrid(xt::arange<float>(0.f, 3.f), xt::ones<float>({2}));
    at::Tensor tensor = at::zeros({3, 2});
    auto view = xtt::view<float, 2>(tensor);
    view = std::get<0>(ranges) - std::get<1>(ranges);
    CHECK(at::equal(tensor, at::arange(-1, 2, at::kFloat).unsqueeze(1).expand({3, 2})));
    const at::Tensor nothing = at::empty({0});
    const auto none = xtt::view<const float>(nothing);
    const auto some = xtt::view<const float>(values[0]);
    is_the_same_everywhere(std::get<1>(xt::meshgrid(none, some)), xt::xarray<float>::from_shape({0, 6}));
}

TEST_CASE("what generators read is read before it is written") {
    at::Tensor tensor = at::arange(9, at::kFloat).view({3, 3});
    const at::Tensor before = tensor.clone();
    auto view = xtt::view<float, 2>(tensor);
    view = xt::tril(xt::transpose(view));
    CHECK(at::equal(tensor, before.t().tril()));
    view = xt::triu(view, -1);
    CHECK(at::equal(tensor, before.t().tril().triu(-1)));
    tensor.copy_(before);
    view = xt::diag(xt::view(view, 1));
    CHECK(at::equal(tensor, before[1].diag()));
    tensor.copy_(before);
    const auto grid = xt::meshgrid(xt::view(view, xt::all(), 2), xt::view(view, 0));
    view = std::get<0>(grid) + std::get<1>(grid);
    CHECK(at::equal(tensor, before.select(1, 2).unsqueeze(1) + before[0]));
}

TEST_CASE("random numbers are drawn in the order in which xtensor draws them") {
    std::mt19937 engine(3);
    std::mt19937 same(3);
    at::Tensor tensor = at::zeros({3, 4});
    for (const at::Tensor& layout : layouts_of(tensor)) {
        auto view = xtt::view<float, 2>(at::Tensor(layout));
        view = xt::random::rand<float>({3, 4}, 0.f, 1.f, engine);
        CHECK(hold_the_same(view, xt::xtensor<float, 2>(xt::random::rand<float>({3, 4}, 0.f, 1.f, same))));
        view = 2.f * xt::random::rand<float>({3, 4}, 0.f, 1.f, engine);
        CHECK(hold_the_same(view, xt::xtensor<float, 2>(2.f * xt::random::rand<float>({3, 4}, 0.f, 1.f, same))));
    }
    at::Tensor nothing = at::zeros({4, 1}).slice(1, 0, 0).t();
    auto none = xtt::view<float, 2>(nothing);
    none = xt::random::rand<float>({0, 4}, 0.f, 1.f, engine);
    CHECK(engine == same);
}

TEST_CASE("elements accumulate as those of a container") {
    const at::Tensor values = at::randint(-3, 4, {19, 21}, at::kFloat);
    const xt::xarray<float> owned = xtt::view<const float>(values);
    const at::Tensor integers = values.to(at::kLong);
    const xt::xarray<std::int64_t> owned_integers = xtt::view<const std::int64_t>(integers);
    at::Tensor some_missing = values.clone();
    some_missing[3][4] = std::numeric_limits<float>::quiet_NaN();
    some_missing[0][0] = std::numeric_limits<float>::quiet_NaN();
    const xt::xarray<float> owned_missing = xtt::view<const float>(some_missing);
    for (const std::ptrdiff_t axis : {0, 1, -1}) {
        for (const at::Tensor& tensor : layouts_of(values)) {
            const auto v = xtt::view<const float>(tensor);
            CHECK(hold_the_same(xt::cumsum(v, axis), xt::cumsum(owned, axis)));
            CHECK(hold_the_same(xt::cumprod(v + 1.f, axis), xt::cumprod(owned + 1.f, axis)));
            CHECK(hold_the_same(xt::cumsum<double>(v, axis), xt::cumsum<double>(owned, axis)));
        }
        for (const at::Tensor& tensor : layouts_of(integers)) {
            const auto v = xtt::view<const std::int64_t, 2>(tensor);
            CHECK(hold_the_same(xt::cumsum(v, axis), xt::cumsum(owned_integers, axis)));
        }
        for (const at::Tensor& tensor : layouts_of(some_missing)) {
            const auto v = xtt::view<const float>(tensor);
            CHECK(hold_the_same(xt::cumsum(v, axis), xt::cumsum(owned_missing, axis)));
            CHECK(hold_the_same(xt::nancumsum(v, axis), xt::nancumsum(owned_missing, axis)));
            CHECK(hold_the_same(xt::nancumprod(v, axis), xt::nancumprod(owned_missing, axis)));
        }
    }
    for (const at::Tensor& tensor : layouts_of(values)) {
        const auto v = xtt::view<const float>(tensor);
        CHECK(hold_the_same(xt::cumsum(v), xt::cumsum(owned)));
        CHECK(hold_the_same(xt::nancumsum(v * 2.f), xt::nancumsum(owned * 2.f)));
    }
    const at::Tensor nothing = at::empty({0, 3});
    const auto none = xtt::view<const float>(nothing);
    CHECK(xt::cumsum(none, 0).shape() == xt::dynamic_shape<std::size_t>{0, 3});
    CHECK(xt::cumsum(none, 1).shape() == xt::dynamic_shape<std::size_t>{0, 3});
    CHECK(xt::cumsum(none).size() == 0);
}

TEST_CASE("a wide matrix accumulates along its first axis in strips") {
    const at::Tensor values = at::randint(-3, 4, {5, 1400}, at::kFloat);
    const auto v = xtt::view<const float>(values);
    CHECK(hold_the_same(xt::cumsum(v, 0), xt::cumsum(xt::xarray<float>(v), 0)));
    const at::Tensor deep = at::randint(-3, 4, {7, 600, 3}, at::kFloat);
    const auto w = xtt::view<const float>(deep);
    for (const std::ptrdiff_t axis : {0, 1, 2}) {
        CHECK(hold_the_same(xt::cumsum(w, axis), xt::cumsum(xt::xarray<float>(w), axis)));
    }
}

TEST_CASE("an axis that an expression does not have is refused") {
    const at::Tensor values = at::ones({2, 3});
    const auto v = xtt::view<const float>(values);
    CHECK_THROWS_AS(xt::cumsum(v, 2), c10::IndexError);
    CHECK_THROWS_WITH(xt::cumsum(v, -3),
                      "accumulate: the axis is -3; the expression has 2 dimensions. Name an axis that it has.");
}
