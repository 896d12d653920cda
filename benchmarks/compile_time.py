"""Measures what the headers cost at compile time: syntax-only, g++ or $CXX, each translation unit in turn.

Usage: compile_time.py FLAGS_FILE ROWS_FILE

FLAGS_FILE holds the compiler and its flags, one a line. The rows are written as JSON, as report.py reads them; times are
in nanoseconds, sizes of object files in bytes.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

BASE = '''#include <ATen/core/Tensor.h>
#include <{containers}xarray.hpp>
#include <{containers}xtensor.hpp>
#include <{containers}xadapt.hpp>
#include <{views}xview.hpp>
'''
UMBRELLA = '#include <xtensor-torch/xtensor-torch.hpp>\n'
UNITS = {
    'light headers': BASE,
    'umbrella': UMBRELLA,
    'umbrella with the same xtensor headers': UMBRELLA + BASE,
    'torch/torch.h': '#include <torch/torch.h>\n',
    'operators': '#include <xtensor-torch/op.hpp>\n',
    'registrations and views': '#include <torch/library.h>\n#include <xtensor-torch/view.hpp>\n',
}
# The same assignment through a view and through xtensor's adaptor, so many times with expressions of different types.
EXPRESSIONS = ['a * b + c', 'a - b * c', '(a + b) / c', 'a * a + b * c', '(a - b) * (a + c)', 'a / b - c', 'a + b + c + a',
               '(a * b) * (b + c)']
VIEWS = 'auto a = xtt::view<const float, 2>(std::as_const(x)), b = a, c = a; auto out = xtt::view<float, 2>(y);'
ADAPTORS = '''using adaptor = decltype(xt::adapt(static_cast<float*>(nullptr), std::size_t{}, xt::no_ownership(),
    std::array<std::size_t, 2>{}, std::array<std::ptrdiff_t, 2>{}));
adaptor a = make(x), b = make(x), c = make(x), out = make(y);'''
MAKE = '''static auto make(at::Tensor& t) {
    return xt::adapt(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()), xt::no_ownership(),
        std::array<std::size_t, 2>{}, std::array<std::ptrdiff_t, 2>{});
}
'''


def program(operands, assignments, prologue=''):
    lines = ''.join(f'    xt::noalias(out) = {e};\n' for e in EXPRESSIONS[:assignments])
    return (UMBRELLA + BASE + prologue +
            f'void f(at::Tensor& x, at::Tensor& y) {{\n    {operands}\n    static_cast<void>(out);\n{lines}}}\n')


def without_steps(compiler):
    """GCC collects garbage when its heap has doubled. Such a step of a fifth of a second lies between the two sides of a
    row by chance, and says nothing of either."""
    version = subprocess.run([compiler, '--version'], check=True, capture_output=True, text=True).stdout
    return ['--param=ggc-min-heapsize=8388608'] if 'Free Software Foundation' in version else []


def main():
    command = pathlib.Path(sys.argv[1]).read_text().split('\n')
    command = [flag for flag in command if flag]
    command += without_steps(command[0])
    folders = 'XTENSOR_TORCH_XTENSOR_SUBFOLDERS=1' in ' '.join(command)
    names = dict(containers='xtensor/containers/' if folders else 'xtensor/',
                 views='xtensor/views/' if folders else 'xtensor/')
    environment = {**os.environ, 'CCACHE_DISABLE': '1'}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        def compile_unit(text, *mode):
            source = pathlib.Path(folder, 'unit.cpp')
            source.write_text(text.replace('{containers}', names['containers']).replace('{views}', names['views']))
            start = time.perf_counter()
            subprocess.run([*command, *mode, str(source)], check=True, env=environment, cwd=folder)
            return time.perf_counter() - start

        times = {name: [] for name in UNITS}
        for repetition in range(3):
            for name, text in UNITS.items():
                if repetition == 0 or name != 'torch/torch.h':
                    times[name].append(compile_unit(text, '-fsyntax-only'))
        seconds = {name: min(values) for name, values in times.items()}

        def row(work, against, ours, theirs, bar, unit='s'):
            rows.append(dict(work=work, against=against, ours=ours, theirs=theirs, bar=bar, unit=unit))

        row('including the umbrella header', 'ATen/core/Tensor.h and xtensor',
            seconds['umbrella with the same xtensor headers'], seconds['light headers'], 1.25)
        row('including the umbrella header', 'torch/torch.h', seconds['umbrella'], seconds['torch/torch.h'], 0.3)
        row('including op.hpp', 'torch/library.h and view.hpp', seconds['operators'],
            seconds['registrations and views'], 1.3)

        costs = {}
        for side, operands, prologue in (('ours', VIEWS, ''), ('adapt', ADAPTORS, MAKE)):
            measured = []
            for assignments in (0, len(EXPRESSIONS)):
                best = min(compile_unit(program(operands, assignments, prologue), '-O3', '-c', '-o', 'unit.o')
                           for _ in range(2))
                size = subprocess.run(['size', '-A', 'unit.o'], cwd=folder, check=True, capture_output=True, text=True)
                text = sum(int(line.split()[1]) for line in size.stdout.splitlines() if line.startswith('.text'))
                measured.append((best, text))
            costs[side] = [(measured[1][i] - measured[0][i]) / len(EXPRESSIONS) for i in (0, 1)]
        row('compile time of an expression', 'xt::adapt', costs['ours'][0], costs['adapt'][0], 1.5)
        row('machine code of an expression', 'xt::adapt', costs['ours'][1], costs['adapt'][1], 2.0, 'B')
    pathlib.Path(sys.argv[2]).write_text(json.dumps(rows, indent=1))


if __name__ == '__main__':
    main()
