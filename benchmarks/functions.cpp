// Functions of single elements beside LibTorch's kernels for them, and types other than float beside eager LibTorch.
#include "workloads.hpp"

#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>

#include <cstdint>
#include <string>

namespace {

using namespace workloads;

void functions(std::int64_t n) {
    const auto& [a, b, c, d, e, out] = matrices(n);
    const auto unary = [&](const std::string& name, auto expression, auto theirs) {
        add_compared(
            name, n, [=, x = read(a), to = write(out)]() mutable { xt::noalias(to) = expression(x); },
            [=, x = a, to = out]() mutable { theirs(to, x); });
    };
    unary("exp", [](auto& x) { return xt::exp(x); }, [](auto& to, auto& x) { at::exp_out(to, x); });
    unary("log", [](auto& x) { return xt::log(x); }, [](auto& to, auto& x) { at::log_out(to, x); });
    unary("sin", [](auto& x) { return xt::sin(x); }, [](auto& to, auto& x) { at::sin_out(to, x); });
    unary("tanh", [](auto& x) { return xt::tanh(x); }, [](auto& to, auto& x) { at::tanh_out(to, x); });
    unary("sqrt", [](auto& x) { return xt::sqrt(x); }, [](auto& to, auto& x) { at::sqrt_out(to, x); });
    unary("erf", [](auto& x) { return xt::erf(x); }, [](auto& to, auto& x) { at::erf_out(to, x); });
    unary("sigmoid", [](auto& x) { return 1 / (1 + xt::exp(-x)); }, [](auto& to, auto& x) { at::sigmoid_out(to, x); });
    unary("pow(a, 2)", [](auto& x) { return xt::pow(x, 2); }, [](auto& to, auto& x) { at::pow_out(to, x, 2); });
    unary("floor", [](auto& x) { return xt::floor(x); }, [](auto& to, auto& x) { at::floor_out(to, x); });
    unary("round", [](auto& x) { return xt::round(x); }, [](auto& to, auto& x) { at::round_out(to, x); });
    unary("sign", [](auto& x) { return xt::sign(x); }, [](auto& to, auto& x) { at::sign_out(to, x); });
    add_compared(
        "pow(a, b)", n, [x = read(a), y = read(b), to = write(out)]() mutable { xt::noalias(to) = xt::pow(x, y); },
        [x = a, y = b, to = out]() mutable { at::pow_out(to, x, y); });
    add_compared(
        "clip(abs(a - b), 0, 0.5)", n,
        [x = read(a), y = read(b), to = write(out)]() mutable {
            xt::noalias(to) = xt::clip(xt::abs(x - y), 0.0f, 0.5f);
        },
        [x = a, y = b, result = at::Tensor()]() mutable { result = x.sub(y).abs().clamp(0, 0.5); });
}

void types(std::int64_t n) {
    const at::Tensor floats = matrices(n).a;
    const at::Tensor integers = at::randint(1000, {n, n}), others = at::randint(1000, {n, n});
    const at::Tensor bytes = at::randint(256, {n, n}, at::kByte);
    at::Tensor sums = at::empty_like(integers), scaled = at::empty({n, n});
    add_compared(
        "int64: l*m + l", n,
        [l = xtt::view<const std::int64_t, 2>(integers), m = xtt::view<const std::int64_t, 2>(others),
         to = xtt::view<std::int64_t, 2>(sums)]() mutable { xt::noalias(to) = l * m + l; },
        [l = integers, m = others, result = at::Tensor()]() mutable { result = l.mul(m).add(l); });
    add_compared(
        "copy<double>(floats)", n,
        [x = read(floats), result = at::Tensor()]() mutable { result = xtt::copy<double>(x); },
        [x = floats, result = at::Tensor()]() mutable { result = x.to(at::kDouble); });
    add_compared(
        "bytes to floats / 255", n,
        [x = xtt::view<const std::uint8_t, 2>(bytes), to = write(scaled)]() mutable {
            xt::noalias(to) = xt::cast<float>(x) / 255.0f;
        },
        [x = bytes, result = at::Tensor()]() mutable { result = x.to(at::kFloat).div(255); });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const std::int64_t n : {256, 2048}) {
        functions(n);
        types(n);
    }
    benchmark::RunSpecifiedBenchmarks();
}
