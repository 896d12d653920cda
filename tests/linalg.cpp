// xt::linalg hands the memory of its operands to BLAS and LAPACK, with leading dimensions of its own reckoning: on
// views and on their transposes it must compute what it computes on owned copies of the same values.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <xtensor-blas/xlinalg.hpp>

#include <complex>
#include <string>
#include <tuple>
#include <vector>

using namespace testing;

namespace linalg = xt::linalg;

namespace {

// Whatever xt::linalg returns as one row of complex numbers.
at::Tensor values(double value) { return at::full({1}, value, at::kComplexDouble); }
template <class E>
at::Tensor values(const xt::xexpression<E>& expression) {
    return xtt::copy<std::complex<double>>(expression).reshape({-1});
}
template <class... Parts>
at::Tensor values(const std::tuple<Parts...>& parts) {
    return std::apply([](const auto&... part) { return at::cat({values(part)...}); }, parts);
}

// The same 4 x 4 values, not symmetric and well conditioned, in memory laid out in several ways.
template <class T>
std::vector<at::Tensor> matrices(bool with_holes) {
    constexpr auto dtype = xtt::scalar_type_v<T>;
    const at::Tensor matrix = (at::arange(16, at::TensorOptions().dtype(at::kDouble)) * 0.7).sin().reshape({4, 4}) +
                              4.0 * xtt::copy(xt::eye<double>(4));
    const at::Tensor typed = matrix.to(dtype);
    std::vector<at::Tensor> laid_out = {typed.clone(), at::cat({at::zeros({3, 4}, dtype), typed}).slice(0, 3)};
    if (with_holes) {
        laid_out.push_back(typed.t().contiguous().t());
        at::Tensor outer = at::zeros({40, 40}, dtype);
        laid_out.push_back(outer.slice(0, 1, 9, 2).slice(1, 3, 15, 3).copy_(typed));
        laid_out.push_back(outer.slice(0, 20, 24).slice(1, 3, 7).copy_(typed));
        laid_out.push_back(outer.slice(0, 30, 34).slice(1, 3, 7).t().copy_(typed));
    }
    return laid_out;
}

template <class T>
std::vector<at::Tensor> vectors(bool with_holes) {
    const at::Tensor vector = counting({4}, xtt::scalar_type_v<T>) - 1.5;
    std::vector<at::Tensor> laid_out = {vector, at::stack({vector, vector}).select(0, 1)};
    if (with_holes) {
        laid_out.push_back(at::stack({vector, vector}, 1).select(1, 1));
    }
    return laid_out;
}

// f(matrix, vector) on views and on transposes of transposed views, against f on containers.
template <class T, class F>
void agrees(const std::string& name, F f, bool with_holes = true) {
    constexpr double tolerance = std::is_same_v<T, float> ? 1e-4 : 1e-10;
    const xt::xtensor<T, 2> matrix = xtt::to_host<T, 2>(matrices<T>(false)[0]);
    const xt::xtensor<T, 1> vector = xtt::to_host<T, 1>(vectors<T>(false)[0]);
    const at::Tensor expected = values(f(matrix, vector));
    const auto check = [&](const auto& m, const auto& v) {
        const at::Tensor found = values(f(m, v));
        REQUIRE(found.sizes() == expected.sizes());
        CHECK((found - expected).abs().max().template item<double>() < tolerance);
    };
    for (auto& m : matrices<T>(with_holes)) {
        for (auto& v : vectors<T>(with_holes)) {
            INFO(name << " of strides " << m.stride(0) << ", " << m.stride(1) << " and " << v.stride(0));
            check(xtt::view<const T, 2>(m), xtt::view<const T, 1>(v));
            check(xtt::view<T>(m), xtt::view<T>(v));
            at::Tensor turned = m.t().contiguous();
            auto view = xtt::view<T, 2>(turned);
            check(xt::transpose(view), xtt::view<const T, 1>(v));
        }
    }
}

TEMPLATE_TEST_CASE("products of views are those of containers", "", float, double) {
    using T = TestType;
    agrees<T>("dot(matrix, matrix)", [](const auto& m, const auto&) { return linalg::dot(m, m); }, false);
    agrees<T>("dot(matrix, vector)", [](const auto& m, const auto& v) { return linalg::dot(m, v); }, false);
    agrees<T>("dot(vector, matrix)", [](const auto& m, const auto& v) { return linalg::dot(v, m); }, false);
    agrees<T>(
        "dot(transposed, matrix)", [](const auto& m, const auto&) { return linalg::dot(xt::transpose(m), m); }, false);
    agrees<T>("dot(vector, vector)", [](const auto&, const auto& v) { return linalg::dot(v, v); });
    agrees<T>("outer", [](const auto&, const auto& v) { return linalg::outer(v, v); });
    agrees<T>("kron", [](const auto& m, const auto&) { return linalg::kron(m, m); });
}

TEMPLATE_TEST_CASE("equations over views are solved as over containers", "", float, double) {
    using T = TestType;
    agrees<T>("solve", [](const auto& m, const auto& v) { return linalg::solve(m, v); });
    agrees<T>("solve, transposed", [](const auto& m, const auto& v) { return linalg::solve(xt::transpose(m), v); });
    agrees<T>("lstsq", [](const auto& m, const auto& v) { return std::get<0>(linalg::lstsq(m, v)); });
    agrees<T>("inv", [](const auto& m, const auto&) { return linalg::inv(m); });
    agrees<T>("pinv", [](const auto& m, const auto&) { return linalg::pinv(m); });
    agrees<T>("det", [](const auto& m, const auto&) { return linalg::det(m); });
}

TEMPLATE_TEST_CASE("views are decomposed as containers are", "", float, double) {
    using T = TestType;
    agrees<T>("svd", [](const auto& m, const auto&) { return linalg::svd(m); });
    agrees<T>("eig", [](const auto& m, const auto&) { return linalg::eig(m); });
    agrees<T>("eigh", [](const auto& m, const auto&) { return linalg::eigh(m); });
    agrees<T>("qr", [](const auto& m, const auto&) { return linalg::qr(m); });
    agrees<T>("norm", [](const auto& m, const auto&) { return linalg::norm(m); });
}

// xt::linalg::dot knows two layouts; a matrix of another is refused, as xtensor's own strided views are. That a matrix
// is column-major has to be said in the type of its view.
TEST_CASE("dot refuses a matrix whose layout it does not know, and takes it evaluated") {
    for (auto& matrix : matrices<double>(true)) {
        const auto view = xtt::view<const double, 2>(matrix);
        const at::Tensor expected = values(linalg::dot(xtt::to_host<double, 2>(matrix), xtt::to_host<double>(matrix)));
        if (view.layout() == xt::layout_type::dynamic) {
            CHECK_THROWS_AS(linalg::dot(view, view), std::runtime_error);
        }
        CHECK(at::equal(values(linalg::dot(xt::eval(view), xt::eval(view))), expected));
        if (matrix.t().is_contiguous()) {
            const auto ordered = xtt::view<const double, 2, xt::layout_type::column_major>(matrix);
            CHECK((values(linalg::dot(ordered, ordered)) - expected).abs().max().item<double>() < 1e-12);
        }
    }
}

TEST_CASE("dot of matrices with one row or column") {
    const at::Tensor row = counting({1, 4}, at::kDouble);
    const at::Tensor column = counting({4, 1}, at::kDouble);
    const auto r = xtt::view<const double, 2>(row);
    const auto c = xtt::view<const double, 2>(column);
    CHECK(linalg::dot(r, c)(0, 0) == 14.0);
    CHECK(linalg::dot(c, r)(2, 3) == 6.0);
    CHECK(linalg::dot(xt::transpose(c), xt::transpose(r))(0, 0) == 14.0);
}

TEST_CASE("a result is assigned through a view, and adopted") {
    at::Tensor tensor = matrices<double>(false)[0];
    const at::Tensor identity = xtt::copy(xt::eye<double>(4));
    auto view = xtt::view<double, 2>(tensor);
    const at::Tensor inverse = xtt::adopt(linalg::inv(view));
    view = linalg::dot(view, xtt::view<const double, 2, xt::layout_type::column_major>(inverse));
    CHECK((tensor - identity).abs().max().item<double>() < 1e-12);
}

}  // namespace
