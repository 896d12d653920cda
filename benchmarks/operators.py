"""An operator written in xtensor against eager torch, a hand-written loop in C++ and torch.compile.

    python benchmarks/operators.py [--rows FILE] [--seconds S] [--xtensor DIR]

The sides take turns in one process, each round in another order; a row is the median over the rounds. What is compared
is softclip, limit * tanh(x / limit), and a fused sum of products, a * b + c * d - e, over float32 vectors of 2**10 to
2**24 elements, on one thread, as the hand-written loops are; and swish_gate and layer_norm with derived gradients,
forward and backward, over rows of 1024. These are compiled with -O3 alone. `--rows` writes the rows as JSON: a list of
{"work", "against", "ours_ns", "theirs_ns", "bar"}; scripts/bench adds them to its table.
"""

import argparse
import json
import pathlib
import random
import statistics
import time

import torch
from torch.utils import cpp_extension

ROOT = pathlib.Path(__file__).resolve().parent.parent

SOURCE = r"""
#include <xtensor-torch/op.hpp>

#include <ATen/ops/empty_like.h>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <cmath>

namespace {

const auto softclip = [](const auto& x, const auto& limit) { return limit * xt::tanh(x / limit); };
const auto fused = [](const auto& a, const auto& b, const auto& c, const auto& d, const auto& e) {
    return a * b + c * d - e;
};

at::Tensor softclip_loop(const at::Tensor& x, double limit) {
    at::Tensor result = at::empty_like(x);
    const float* from = x.const_data_ptr<float>();
    float* to = result.mutable_data_ptr<float>();
    const auto scale = static_cast<float>(limit);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
        to[i] = scale * std::tanh(from[i] / scale);
    }
    return result;
}

at::Tensor fused_loop(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, const at::Tensor& d,
                      const at::Tensor& e) {
    at::Tensor result = at::empty_like(a);
    const float *pa = a.const_data_ptr<float>(), *pb = b.const_data_ptr<float>(), *pc = c.const_data_ptr<float>(),
                *pd = d.const_data_ptr<float>(), *pe = e.const_data_ptr<float>();
    float* to = result.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < a.numel(); ++i) {
        to[i] = pa[i] * pb[i] + pc[i] * pd[i] - pe[i];
    }
    return result;
}

}  // namespace

TORCH_LIBRARY(xtt_benchmark, library) {
    xtt::op<"softclip(Tensor x, float limit) -> Tensor", float>(library, softclip);
    xtt::op<"fused(a, b, c, d, e)", float>(library, fused);
    library.def("softclip_loop(Tensor x, float limit) -> Tensor", &softclip_loop);
    library.def("fused_loop(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e) -> Tensor", &fused_loop);
}
"""


DERIVED_SOURCE = r"""
#include <xtensor-torch/derived.hpp>

#include "layers.hpp"

TORCH_LIBRARY(xtt_derived_benchmark, library) {
    xtt::op<"swish_gate(Tensor x, Tensor gate, float beta=1.0) -> Tensor", float>(library, swish_gate, xtt::derived);
    xtt::op<"layer_norm(Tensor x, Tensor weight, Tensor bias, float eps=1e-5) -> Tensor", float>(
        library, layer_norm, xtt::derived);
}
"""


def build(name, source, xtensor, *flags):
    folders = [ROOT / "include", ROOT / "examples" / "python_operators" / "src"]
    cpp_extension.load_inline(
        name,
        source,
        extra_cflags=["-std=c++20", "-O3", *flags, "-w"],
        extra_include_paths=[*map(str, folders), *([xtensor] if xtensor else [])],
        is_python_module=False,
        no_implicit_headers=True,
    )
    return getattr(torch.ops, name)


def works(ops):
    def softclip(x):
        return 2.0 * torch.tanh(x / 2.0)

    def fused(a, b, c, d, e):
        return a * b + c * d - e

    yield "softclip", 1, lambda x: ops.softclip(x, 2.0), {
        "eager torch": softclip,
        "C++ loop": lambda x: ops.softclip_loop(x, 2.0),
        "torch.compile": torch.compile(softclip, dynamic=False),
    }
    yield "a * b + c * d - e", 5, ops.fused, {
        "eager torch": fused,
        "C++ loop": ops.fused_loop,
        "torch.compile": torch.compile(fused, dynamic=False),
    }


def trained(function):
    """The function and the gradients of all its arguments."""

    def step(gradient, *arguments):
        return torch.autograd.grad(function(*arguments), arguments, gradient)

    return step


def derived_works(ops):
    def swish_gate(x, gate):
        return x * torch.sigmoid(x) * gate

    def layer_norm(x, weight, bias):
        centred = x - x.mean(1, keepdim=True)
        return centred / torch.sqrt(centred.square().mean(1, keepdim=True) + 1e-5) * weight + bias

    def fused_layer_norm(x, weight, bias):
        return torch.nn.functional.layer_norm(x, weight.shape, weight, bias)

    for rows in (256, 4096):
        matrix = (rows, 1024)
        yield f"swish_gate and gradients, {rows}x1024", (matrix, matrix), ops.swish_gate, {
            "eager torch": (swish_gate, 0.4),
            "torch.compile": (torch.compile(swish_gate, dynamic=False), 1.0),
        }
        yield f"layer_norm and gradients, {rows}x1024", (matrix, (1024,), (1024,)), ops.layer_norm, {
            "eager torch": (layer_norm, 0.6),
            "functional.layer_norm": (fused_layer_norm, 2.0),
        }


def time_of(function, arguments, calls):
    start = time.perf_counter_ns()
    for _ in range(calls):
        function(*arguments)
    return (time.perf_counter_ns() - start) / calls


def measure(sides, arguments, seconds):
    """The median time of each side in nanoseconds; the sides take turns."""
    for function in sides.values():
        function(*arguments)
    once = max(time_of(function, arguments, 1) for function in sides.values())
    calls = max(1, int(2e6 / once))  # at least 2 ms a turn
    rounds = max(5, int(seconds * 1e9 / (once * calls * len(sides))))
    times = {name: [] for name in sides}
    for _ in range(rounds):
        for name, function in random.sample(list(sides.items()), len(sides)):
            times[name].append(time_of(function, arguments, calls))
    return {name: statistics.median(taken) for name, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=pathlib.Path, help="write the rows to this file, as JSON")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure each size")
    parser.add_argument("--xtensor", help="the include folder of xtensor, where it is not on the compiler's path")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch._dynamo.config.recompile_limit = 64
    rows = []

    def compare(work, arguments, ours, others, seconds):
        for name, (other, _) in others.items():
            torch.testing.assert_close(ours(*arguments), other(*arguments), atol=1e-3, rtol=1e-3,
                                       msg=lambda m: f"{work}, {name}: {m}")
        times = measure({"ours": ours, **{name: other for name, (other, _) in others.items()}}, arguments, seconds)
        for name, (_, bar) in others.items():
            rows.append({"work": f"operator {work}", "against": name, "ours_ns": times["ours"],
                         "theirs_ns": times[name], "bar": bar})
            print(f"{rows[-1]['work']:44} {name:22} {times['ours']:12.0f} {times[name]:12.0f} "
                  f"{times['ours'] / times[name]:6.2f}", flush=True)

    ops = build("xtt_derived_benchmark", DERIVED_SOURCE, options.xtensor)
    for work, shapes, ours, others in derived_works(ops):
        arguments = [torch.randn(shape, requires_grad=True) for shape in shapes]
        others = {name: (trained(other), bar) for name, (other, bar) in others.items()}
        compare(work, [torch.randn(shapes[0]), *arguments], trained(ours), others, options.seconds)
    ops = build("xtt_benchmark", SOURCE, options.xtensor, "-march=native", "-DXTENSOR_USE_XSIMD")
    for work, operands, ours, others in works(ops):
        for power in range(10, 25, 2):
            arguments = [torch.randn(2**power) for _ in range(operands)]
            others_without_bars = {name: (other, None) for name, other in others.items()}
            compare(f"{work}, 2^{power}", arguments, ours, others_without_bars, options.seconds)
    if options.rows:
        options.rows.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
