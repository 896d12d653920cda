// Parts of views, joined expressions and containers as destinations, beside the kernels of LibTorch that do the same.
#include "workloads.hpp"

#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/copy.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/masked_fill.h>
#include <ATen/ops/meshgrid.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/where.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace workloads;

void parts(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    const auto inner = [n](const at::Tensor& x) { return x.slice(0, 1, n - 1).slice(1, 1, n - 1); };
    auto r = xt::range(1, static_cast<std::ptrdiff_t>(n) - 1);
    add("slices", "ours", n, 1, [a = read(a), b = read(b), out = write(out), r]() mutable {
        xt::noalias(xt::view(out, r, r)) = xt::view(a, r, r) * 2.0f + xt::view(b, r, r);
    });
    add("slices", "torch", n, 1, [x = inner(a), y = inner(b), z = inner(out)]() mutable { at::add_out(z, y, x, 2); });

    auto up = xt::range(0, static_cast<std::ptrdiff_t>(n) - 2), down = xt::range(2, static_cast<std::ptrdiff_t>(n));
    add("stencil", "ours", n, 1, [a = read(a), out = write(out), r, up, down]() mutable {
        xt::noalias(xt::view(out, r, r)) = 0.2f * (xt::view(a, r, r) + xt::view(a, up, r) + xt::view(a, down, r) +
                                                   xt::view(a, r, up) + xt::view(a, r, down));
    });
    const auto moved = [n](const at::Tensor& x, std::int64_t row, std::int64_t column) {
        return x.slice(0, 1 + row, n - 1 + row).slice(1, 1 + column, n - 1 + column);
    };
    add("stencil", "torch", n, 1,
        [x = moved(a, 0, 0), above = moved(a, -1, 0), below = moved(a, 1, 0), left = moved(a, 0, -1),
         right = moved(a, 0, 1),
         z = inner(out)]() mutable { z.copy_(x.add(above).add(below).add(left).add(right).mul(0.2f)); });

    add("row by row", "ours", n, 1, [a = read(a), b = read(b), out = write(out)]() mutable {
        for (std::size_t i = 0; i < out.shape()[0]; ++i) {
            xt::noalias(xt::row(out, static_cast<std::ptrdiff_t>(i))) =
                xt::row(a, static_cast<std::ptrdiff_t>(i)) * 2.0f + xt::row(b, static_cast<std::ptrdiff_t>(i));
        }
    });
    add("row by row", "torch", n, 1, [&, n] {
        for (std::int64_t i = 0; i < n; ++i) {
            at::Tensor row = out.select(0, i);
            at::add_out(row, b.select(0, i), a.select(0, i), 2);
        }
    });
    add("column by column", "ours", n, 1, [a = read(a), b = read(b), out = write(out)]() mutable {
        for (std::size_t i = 0; i < out.shape()[1]; ++i) {
            xt::noalias(xt::col(out, static_cast<std::ptrdiff_t>(i))) =
                xt::col(a, static_cast<std::ptrdiff_t>(i)) * 2.0f + xt::col(b, static_cast<std::ptrdiff_t>(i));
        }
    });
    add("column by column", "torch", n, 1, [&, n] {
        for (std::int64_t i = 0; i < n; ++i) {
            at::Tensor column = out.select(1, i);
            at::add_out(column, b.select(1, i), a.select(1, i), 2);
        }
    });
}

void joined(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    for (const std::int64_t axis : {0, 1}) {
        const std::string work = "concatenate along axis " + std::to_string(axis);
        at::Tensor both = axis == 0 ? at::empty({2 * n, n}) : at::empty({n, 2 * n});
        add(work, "ours", n, 1, [a = read(a), b = read(b), both = write(both), axis]() mutable {
            xt::noalias(both) = xt::concatenate(xt::xtuple(a, b), static_cast<std::size_t>(axis));
        });
        add(work, "torch", n, 1, [&, both, axis]() mutable { at::cat_out(both, {a, b}, axis); });
    }
    at::Tensor stacked = at::empty({2, n, n});
    add("stack", "ours", n, 1, [a = read(a), b = read(b), stacked = xtt::view<float, 3>(stacked)]() mutable {
        xt::noalias(stacked) = xt::stack(xt::xtuple(a, b));
    });
    add("stack", "torch", n, 1, [&, stacked]() mutable { at::stack_out(stacked, {a, b}); });

    const at::Tensor places = at::randint(n, {n / 2}, at::kLong);
    at::Tensor kept = at::empty({n / 2, n});
    std::vector<std::ptrdiff_t> indices(places.const_data_ptr<std::int64_t>(),
                                        places.const_data_ptr<std::int64_t>() + places.numel());
    add("rows kept by index", "ours", n, 1, [a = read(a), kept = write(kept), indices]() mutable {
        xt::noalias(kept) = xt::view(a, xt::keep(indices), xt::all());
    });
    add("rows kept by index", "torch", n, 1, [&, kept, places]() mutable { at::index_select_out(kept, a, 0, places); });

    add("where", "ours", n, 1, [a = read(a), b = read(b), c = read(c), out = write(out)]() mutable {
        xt::noalias(out) = xt::where(a > b, a, c);
    });
    add("where", "torch", n, 1, [&] { out = at::where(a.gt(b), a, c); });
    add("filter", "ours", n, 1, [a = read(a), out = write(out)]() mutable { xt::filter(out, a > 2.0f) = 0.0f; });
    add("filter", "torch", n, 1, [&] { out.masked_fill_(a.gt(2.0f), 0); });
    add("flip", "ours", n, 1, [a = read(a), out = write(out)]() mutable { xt::noalias(out) = xt::flip(a, 0); });
    add("flip", "torch", n, 1, [&] { at::flip_out(out, a, {0}); });
    add("roll", "ours", n, 1, [a = read(a), out = write(out)]() mutable { xt::noalias(out) = xt::roll(a, 3, 1); });
    add("roll", "torch", n, 1, [&] { at::roll_out(out, a, {3}, {1}); });
    add("eye", "ours", n, 1, [out = write(out), n]() mutable { out = xt::eye<float>(static_cast<std::size_t>(n)); });
    add("eye", "torch", n, 1, [&, n] { at::eye_out(out, n); });
    add("tril", "ours", n, 1, [a = read(a), out = write(out)]() mutable { xt::noalias(out) = xt::tril(a); });
    add("tril", "torch", n, 1, [&] { at::tril_out(out, a); });
    add("product over a grid", "ours", n, 1,
        [x = xtt::view<const float, 1>(a[0]), y = xtt::view<const float, 1>(b[0]), out = write(out)]() mutable {
            const auto grid = xt::meshgrid(x, y);
            xt::noalias(out) = std::get<0>(grid) * std::get<1>(grid);
        });
    add("product over a grid", "torch", n, 1, [&] {
        const auto grid = at::meshgrid({a[0], b[0]}, "ij");
        at::mul_out(out, grid[0], grid[1]);
    });
}

void containers(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    const auto container = std::make_shared<xt::xtensor<float, 2>>(read(a));
    add("container = a*b + c", "ours", n, 1,
        [container, a = read(a), b = read(b), c = read(c)] { xt::noalias(*container) = a * b + c; });
    add("container = a*b + c", "torch", n, 1, [&] { at::addcmul_out(out, c, a, b); });
    add("container = a*b + c, b transposed", "ours", n, 1,
        [container, a = read(a), b = read(b.t()), c = read(c)] { xt::noalias(*container) = a * b + c; });
    add("container = a*b + c, b transposed", "torch", n, 1, [&, b = b.t()] { at::addcmul_out(out, c, a, b); });
    add("container of a transposed", "ours", n, 1, [a = read(a.t())] {
        const xt::xtensor<float, 2> made = a;
        benchmark::DoNotOptimize(made.data());
    });
    add("container of a transposed", "torch", n, 1, [&] { benchmark::DoNotOptimize(a.t().contiguous()); });
    add("eval of a*2, a transposed", "ours", n, 1,
        [a = read(a.t())] { benchmark::DoNotOptimize(xt::eval(a * 2.0f).data()); });
    add("eval of a*2, a transposed", "torch", n, 1, [&] { benchmark::DoNotOptimize(a.t().contiguous().mul_(2)); });
    add("copy of a transposed", "ours", n, 1, [a = read(a.t())] { benchmark::DoNotOptimize(xtt::copy(a)); });
    add("copy of a transposed", "torch", n, 1, [&] { benchmark::DoNotOptimize(a.t().contiguous()); });

    const at::Tensor bytes = at::randint(256, {n, n, 3}, at::kByte);
    at::Tensor planes = at::empty({3, n, n});
    add("bytes to planes of floats", "ours", n, 1,
        [bytes = xtt::view<const std::uint8_t, 3>(bytes), planes = xtt::view<float, 3>(planes)]() mutable {
            xt::noalias(planes) = xt::transpose(bytes, {2, 0, 1}) / 255.0f;
        });
    add("bytes to planes of floats", "torch", n, 1,
        [bytes] { benchmark::DoNotOptimize(bytes.permute({2, 0, 1}).to(at::kFloat).div(255)); });

    add("for (x : a)", "ours", n, 1, [a = read(a)] {
        float sum = 0;
        for (const float x : a) {
            sum += x;
        }
        benchmark::DoNotOptimize(sum);
    });
    add("for (x : a)", "accessor", n, 1, [&] {
        const auto x = a.accessor<const float, 2>();
        float sum = 0;
        for (std::int64_t i = 0; i < x.size(0); ++i) {
            for (std::int64_t j = 0; j < x.size(1); ++j) {
                sum += x[i][j];
            }
        }
        benchmark::DoNotOptimize(sum);
    });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const std::int64_t n : {256, 2048}) {
        parts(n);
        joined(n);
        containers(n);
    }
    benchmark::RunSpecifiedBenchmarks();
}
