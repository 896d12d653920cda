// Reducers have the gradients that autograd finds, over any dimensions and any layout of the rows.
#include "derived/gradients.hpp"

using testing::check;
using testing::values;

TEST_CASE("gradients are summed over what was broadcast") {
    const at::Tensor matrix = at::randn({3, 4}, at::kDouble);
    const at::Tensor row = at::randn({4}, at::kDouble);
    const at::Tensor column = at::randn({3, 1}, at::kDouble);
    const at::Tensor scalar = at::randn({}, at::kDouble);
    const auto f = EXPRESSION_OF_TWO(xt::tanh(x * y) + x / (2 + xt::square(y)));
    check(f, matrix, row);
    check(f, matrix, column);
    check(f, row, column);
    check(f, scalar, matrix);
    check(f, matrix.t(), at::randn({4, 3}, at::kDouble));
    check(f, at::randn({0, 4}, at::kDouble), row);
    check(f, at::randn({1, 4}, at::kDouble).expand({3, 4}), matrix);
}

TEST_CASE("reducers have their gradients, nested and broadcast") {
    const at::Tensor a = at::randn({3, 4, 5}, at::kDouble);
    const at::Tensor ties = at::tensor({1.0, 3.0, 3.0, -1.0, -1.0, 0.0, 2.0, 2.0, 2.0}, at::kDouble).reshape({3, 3});
    check(EXPRESSION(xt::sum(x, {1})), a);
    check(EXPRESSION(xt::sum(x)), a);
    check(EXPRESSION(xt::sum(xt::square(x), {0, 2}, xt::keep_dims) * x), a);
    check(EXPRESSION(xt::mean(x, {2})), a);
    check(EXPRESSION(xt::mean(xt::exp(x))), a);
    check(EXPRESSION(xt::amax(x, {1}) - xt::amin(x, {1})), ties);
    check(EXPRESSION(xt::amax(x) + xt::amin(2 * x)), ties);
    check(EXPRESSION(xt::norm_l2(x, {1})), a);
    check(EXPRESSION(xt::norm_l1(x, {0}) + xt::norm_linf(x, {0})), ties);
    check(EXPRESSION(xt::norm_sq(x, {2})), a);
    check(EXPRESSION(x - xt::mean(x, {1}, xt::keep_dims)), ties);
    check(EXPRESSION((x - xt::mean(x, {1}, xt::keep_dims)) /
                     xt::sqrt(xt::mean(xt::square(x - xt::mean(x, {1}, xt::keep_dims)), {1}, xt::keep_dims) + 1e-5)),
          ties);
    check(EXPRESSION(xt::exp(x - xt::amax(x, {1}, xt::keep_dims)) /
                     xt::sum(xt::exp(x - xt::amax(x, {1}, xt::keep_dims)), {1}, xt::keep_dims)),
          ties);
    check(EXPRESSION_OF_TWO(xt::sum(x * y, {1})), ties, values({1, 2, 3}));
    check(EXPRESSION(xt::sum(x * xt::arange<double>(3), {0})), ties);
}

TEST_CASE("rows may be long, short, strided and many") {
    const auto normalized = [](const auto& x, const auto& weight) {
        return (x - xt::mean(x, {1}, xt::keep_dims)) * weight / xt::sum(xt::exp(weight - x), {1}, xt::keep_dims);
    };
    // Longer than a block; of a few elements; with steps along the row, and along the columns.
    check(normalized, at::randn({3, 2500}, at::kDouble), at::randn({2500}, at::kDouble));
    check(normalized, at::randn({70, 2}, at::kDouble), at::randn({2}, at::kDouble));
    check(normalized, at::randn({4, 60}, at::kDouble).slice(1, 1, 60, 3), at::randn({20, 1}, at::kDouble).t());
    check(normalized, at::randn({5, 4}, at::kDouble).t(), at::randn({}, at::kDouble));
    check(normalized, at::randn({4, 1}, at::kDouble).expand({4, 3}), at::randn({4, 3}, at::kDouble));
    check<float>(normalized, at::randn({40, 2000}, at::kFloat), at::randn({40, 1}, at::kFloat));
    check<c10::Half>([](const auto& x) { return x / xt::sum(xt::abs(x), {1}, xt::keep_dims); },
                     at::randn({3, 5}, at::kHalf));

    const auto product = EXPRESSION_OF_TWO(x * xt::exp(0.1 * y));
    check(product, at::randn({3, 2100}, at::kDouble), at::randn({3, 1}, at::kDouble));
    check(product, at::randn({300, 1, 3}, at::kDouble), at::randn({4, 1}, at::kDouble));
    check(product, at::randn({2, 3, 4}, at::kDouble), at::randn({1, 3, 1}, at::kDouble));
    check(product, at::randn({70000}, at::kDouble), at::randn({}, at::kDouble));
}

TEST_CASE("reducers over several dimensions, and over different ones, have their gradients") {
    const at::Tensor a = at::randn({3, 4, 5}, at::kDouble);
    const at::Tensor b = at::randn({5}, at::kDouble);
    check(EXPRESSION(x - xt::mean(x, {0}, xt::keep_dims)), a);
    check(EXPRESSION(x - xt::mean(x, {0})), a);
    check(EXPRESSION(x / xt::sum(xt::square(x), {0, 2}, xt::keep_dims)), a);
    check(EXPRESSION(xt::exp(x - xt::amax(x))), a);
    check(EXPRESSION_OF_TWO(xt::log(xt::sum(xt::exp(x * y), {2}))), a, b);
    check(EXPRESSION_OF_TWO(xt::sum(x * y, {2}) + 2 * xt::amax(x, {2})), a, b);
    // These have no rows: reducers over other axes, of an operand that is broadcast, and beside an argument.
    check(EXPRESSION(xt::mean(x, {0}, xt::keep_dims) * xt::mean(x, {1}, xt::keep_dims)), a);
    check(EXPRESSION(xt::sum(xt::sum(x, {1}), {0})), a);
    check(EXPRESSION_OF_TWO(x * xt::sum(y, {0}) + xt::sum(x, {2}, xt::keep_dims)), a, at::randn({4, 1}, at::kDouble));
    check(EXPRESSION_OF_TWO(xt::sum(x, {0}) * y), at::randn({3, 5}, at::kDouble), b);
    check(EXPRESSION(xt::norm_l2(x, {0}, xt::keep_dims) * xt::norm_l2(x, {1}, xt::keep_dims)),
          at::randn({3, 2}, at::kDouble) + 3);
}
