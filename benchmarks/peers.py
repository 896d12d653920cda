"""Measures assignments of this library beside torch.compile and NumPy, all in this process, the sides in turn.

Usage: peers.py OPERATORS_LIBRARY ROWS_FILE

The rows are written as JSON, as report.py reads them; times are in nanoseconds.
"""
import json
import pathlib
import statistics
import sys
import time

import numpy
import torch


def fused(a, b, c, d, e):
    return torch.sin(a) * b + c * d - e


def multiply_add(a, b, c):
    return a * b + c


def medians(sides, seconds=0.6):
    """Median time of each side in nanoseconds; in every round each side runs once."""
    for side in sides.values():
        side()
    times = {name: [] for name in sides}
    end = time.perf_counter() + seconds * len(sides)
    while time.perf_counter() < end or len(times[name]) < 5:
        for name, side in sides.items():
            start = time.perf_counter_ns()
            side()
            times[name].append(time.perf_counter_ns() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def compiled_into(function, out, *operands):
    """torch.compile's code for function, with its result in `out`."""
    compiled = torch.compile(lambda out, *operands: out.copy_(function(*operands)), fullgraph=True, dynamic=False)
    return lambda: compiled(out, *operands)


def main():
    torch.ops.load_library(sys.argv[1])
    operators = torch.ops.xtensor_torch_benchmarks
    all_threads = torch.get_num_threads()
    rows = []
    for threads in sorted({1, all_threads}):
        torch.set_num_threads(threads)
        for n in (256, 1000, 4096):
            tensors = [torch.rand(n, n) for _ in range(5)]
            arrays = [tensor.numpy() for tensor in tensors]
            out, theirs = torch.empty(n, n), torch.empty(n, n)
            label = f'{n}²' + (f', {threads} threads' if threads > 1 else '')
            with torch.no_grad():
                torch._dynamo.reset()
                sides = {
                    'ours': lambda: operators.fused(out, *tensors),
                    'torch.compile': compiled_into(fused, theirs, *tensors),
                }
                if threads == 1:
                    scratch = [numpy.empty((n, n), numpy.float32) for _ in range(2)]

                    def with_numpy():
                        numpy.sin(arrays[0], out=scratch[0])
                        numpy.multiply(scratch[0], arrays[1], out=scratch[0])
                        numpy.multiply(arrays[2], arrays[3], out=scratch[1])
                        numpy.add(scratch[0], scratch[1], out=scratch[0])
                        numpy.subtract(scratch[0], arrays[4], out=scratch[0])
                    sides['NumPy with out='] = with_numpy
                times = medians(sides)
                torch.testing.assert_close(out, theirs)
                for name in list(sides)[1:]:
                    rows.append(dict(work=f'fused sin(a)*b + c*d - e, {label}', against=name, ours=times['ours'],
                                     theirs=times[name], bar=1.0 if name == 'torch.compile' else None, unit='ns'))
                if threads == 1:
                    a, b, c = tensors[:3]
                    sides = {
                        'ours': lambda: operators.multiply_add(out, a.t(), b, c),
                        'torch.compile': compiled_into(multiply_add, theirs, a.t(), b, c),
                    }
                    times = medians(sides)
                    torch.testing.assert_close(out, theirs)
                    rows.append(dict(work=f'a*b + c, a transposed, {label}', against='torch.compile',
                                     ours=times['ours'], theirs=times['torch.compile'], bar=None, unit='ns'))
    pathlib.Path(sys.argv[2]).write_text(json.dumps(rows, indent=1))


if __name__ == '__main__':
    main()
