"""Runs the benchmarks and writes what they say: a table on the terminal, docs/performance.md, and charts.

Usage: report.py PLAIN_BUILD TUNED_BUILD [--quick] [--rows FILE ...]

The same programs were built twice: with -O3 alone, which the times are of, and for this processor with xsimd, which gives
one column of ratios more. --quick measures the plain ones for a short time and writes nothing; --rows adds rows that were
measured elsewhere, on a GPU say. A row compares two sides of one run: the medians of repetitions that took turns. Only
the ratio means anything.
"""
import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import charts

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / 'docs' / 'performance.md'
README = ROOT / 'README.md'
SIZES = (256, 1000, 4096)
TWO_SIZES = (256, 2048)
SHORT_FLOATS = ('float16', 'bfloat16')

# The groups of the table, in order, each with whether the page shows it unfolded.
GROUPS = {
    'Assignments': True,
    'Reductions and sorting': True,
    'Parts, joins and containers': True,
    'Fused expressions': True,
    'Functions and types': True,
    'Half and BFloat16': True,
    'Few elements': False,
    'Views, borrowed and adopted tensors': False,
    'Beside torch.compile and NumPy': False,
    'Compiling': False,
    'Operators, called from Python': False,
    'Measured elsewhere': False,
}


def by_size(group, work, side, theirs, against, bars, threads=1, sizes=SIZES):
    """One row for every matrix size; `bars` is one bar, or one for every size."""
    bars = bars if isinstance(bars, tuple) else (bars,) * len(sizes)
    label = f', {threads} threads' if threads > 1 else ''
    return [(group, f'{work}, {n}²{label}', f'{side}/ours/{n}/{threads}', f'{side}/{theirs}/{n}/{threads}', against, bar)
            for n, bar in zip(sizes, bars)]


def compared_rows(threads):
    """The rows of the C++ programs: group, work, names of both sides' benchmarks, what ours is compared with, bar."""
    handles = 'Views, borrowed and adopted tensors'
    rows = [
        (handles, 'view<const T, N>, made and dropped', 'view_read_only', 'accessor_with_owner',
         'accessor, copies of tensor and storage', 1.1),
        (handles, 'view<T, N>, made and dropped', 'view_writable', 'accessor_with_owner',
         'accessor, copies of tensor and storage', 1.5),
        (handles, 'view<T>, made and dropped', 'view_of_dynamic_rank', 'adapt_by_hand', 'xt::adapt, std::vector shape', 0.8),
        (handles, 'borrow a 3×4', 'borrow', 'from_blob', 'torch::from_blob', 0.6),
        (handles, 'adopt a 3×4', 'adopt', 'from_blob_with_deleter', 'torch::from_blob with deleter', 0.6),
    ]
    for theirs, against, bar in (('loop', 'hand-written loop', 1.05), ('xtensor', 'xt::xtensor, noalias', 1.02),
                                 ('adapt', 'xt::adapt', None), ('accessor', 'TensorAccessor loop', None),
                                 ('eigen', 'Eigen::Map', None), ('addcmul', 'addcmul_out', None)):
        rows += by_size('Assignments', 'a*b + c', 'contiguous', theirs, against, bar)
    rows += [
        *by_size('Assignments', 'a*b + c, a transposed', 'transposed', 'addcmul', 'addcmul_out', (0.9, 0.8, 0.4)),
        *by_size('Assignments', 'a*b + c, a transposed', 'transposed', 'adapt', 'xt::adapt', 0.15),
        *by_size('Assignments', 'transposed copy', 'transposed copy', 'copy_', 'Tensor::copy_', 1.05),
        *by_size('Assignments', 'transposed copy', 'transposed copy', 'adapt', 'xt::adapt', None),
    ]
    for work in ('row-sliced', 'column-sliced', 'column-stepped', 'row broadcast', 'column broadcast'):
        rows += by_size('Assignments', f'a*b + c, a {work}', work, 'addcmul', 'addcmul_out', 1.0)

    def with_torch(group, work, bar, against='torch', theirs='torch'):
        return by_size(group, work, work, theirs, against, bar, sizes=TWO_SIZES)

    for name in ('sum', 'mean', 'amax', 'norm_l2'):
        for work in ('', ' of a transposed', ' along axis 0', ' along axis 1'):
            rows += with_torch('Reductions and sorting', name + work, 1.1)
    for work, bar in (('sum of a*b', 1.0), ('sum of a*b along rows', 1.0), ('variance', 0.5), ('normalised rows', 0.5),
                      ('softmax', 2.0), ('argmax along axis 0', 1.0), ('argmax along axis 1', 1.0),
                      ('cumsum along axis 0', 1.2), ('cumsum along axis 1', 1.2), ('sort', 1.0), ('any', 1.0), ('all', 1.0)):
        rows += with_torch('Reductions and sorting', work, bar)
    for work, bar in (('slices', 1.05), ('stencil', 0.4), ('row by row', 0.3), ('column by column', 1.0),
                      ('concatenate along axis 0', 1.5), ('concatenate along axis 1', 1.5), ('stack', 1.5),
                      ('rows kept by index', 1.2), ('where', 0.3), ('flip', 1.0), ('roll', None), ('eye', 1.1),
                      ('tril', 1.0), ('product over a grid', 1.1), ('filter', None),
                      ('container = a*b + c', 1.05), ('container = a*b + c, b transposed', 0.6),
                      ('container of a transposed', 1.1), ('eval of a*2, a transposed', 1.0),
                      ('copy of a transposed', 1.0), ('bytes to planes of floats', 0.5)):
        rows += with_torch('Parts, joins and containers', work, bar)
    rows += with_torch('Parts, joins and containers', 'for (x : a)', 1.2, 'TensorAccessor loop', 'accessor')
    for count in sorted({1, threads}):
        rows += by_size('Fused expressions', 'sin(a)*b + c*d - e', 'fused', 'written', 'eager torch', 0.4, count)
        rows += by_size('Fused expressions', 'sin(a)*b + c*d - e', 'fused', 'eager', 'eager torch, out=', None, count)
    for work in ('exp', 'log', 'sin', 'tanh', 'sqrt', 'erf', 'sigmoid', 'pow(a, b)', 'pow(a, 2)', 'floor', 'round', 'sign'):
        rows += with_torch('Functions and types', work, 1.0, 'torch, out=')
    for work, bar, against in (('clip(abs(a - b), 0, 0.5)', 0.5, 'eager torch'), ('int64: l*m + l', 0.8, 'eager torch'),
                               ('copy<double>(floats)', 1.05, 'Tensor::to'), ('bytes to floats / 255', 0.5, 'eager torch')):
        rows += with_torch('Functions and types', work, bar, against)
    for dtype in SHORT_FLOATS:
        for work, bar in (('a + b', 1.2), ('a*b + c', 1.2), ('sigmoid', 1.0), ('float(a) * 2', 1.0),
                          ('sum along axis 1', 1.2), ('amax along axis 1', 1.0)):
            rows += with_torch('Half and BFloat16', f'{dtype}: {work}', bar)
    for work in ('small', 'small strided'):
        rows += [('Few elements', f'a*b + c, {n} elements{work.removeprefix("small").replace(" ", ", ")}',
                  f'{work}/ours/{n}/1', f'{work}/xtensor/{n}/1', "xtensor's own assignment", 1.0) for n in (4, 16, 64, 256)]
    return rows


def run_benchmarks(program, seconds, repetitions):
    """Median real time in nanoseconds of every benchmark in the program."""
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        subprocess.run([program, f'--benchmark_min_time={seconds}', f'--benchmark_repetitions={repetitions}',
                        '--benchmark_enable_random_interleaving=true', '--benchmark_report_aggregates_only=true',
                        f'--benchmark_out={out.name}', '--benchmark_out_format=json'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report = json.loads(pathlib.Path(out.name).read_text())
    scale = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}
    return {run['run_name'].removesuffix('/real_time'): run['real_time'] * scale[run['time_unit']]
            for run in report['benchmarks'] if run.get('aggregate_name') == 'median'}


def amount(value, unit):
    if unit == 'B':
        return f'{value:.0f} B'
    nanoseconds = value * 1e9 if unit == 's' else value
    for name, size in (('s', 1e9), ('ms', 1e6), ('µs', 1e3)):
        if nanoseconds >= 0.9995 * size:
            return f'{nanoseconds / size:.3g} {name}'
    return f'{nanoseconds:.3g} ns'


def ratio(row):
    return row['ours'] / row['theirs']


def cells(row):
    bar, met = ('', '') if row['bar'] is None else (f"≤ {row['bar']:g}", 'yes' if ratio(row) <= row['bar'] else '**no**')
    tuned = '' if row.get('tuned') is None else f"{row['tuned']:.2f}"
    return [row['work'], row['against'], amount(row['ours'], row['unit']), amount(row['theirs'], row['unit']),
            f'{ratio(row):.2f}', bar, met, tuned]


HEAD = ['work', 'against', 'ours', 'theirs', 'ratio', 'bar', 'met', 'tuned']


def escaped(text):
    return text.replace('<', '\\<').replace('_', '\\_').replace('*', '\\*') if text != '**no**' else text


def markdown(rows):
    """A table for each group; those that few readers look for are folded."""
    parts = []
    for group, unfolded in GROUPS.items():
        lines = ['| ' + ' | '.join(map(escaped, cells(row))) + ' |' for row in rows if row['group'] == group]
        if not lines:
            continue
        table = '\n'.join(['| ' + ' | '.join(HEAD) + ' |', '|' + '---|' * len(HEAD), *lines])
        parts.append(f'### {group}\n\n{table}' if unfolded else
                     f'<details>\n<summary>{group}: {len(lines)} rows</summary>\n\n{table}\n\n</details>')
    return '\n\n'.join(parts)


def terminal(rows):
    table = [HEAD] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table)


def findings(rows):
    """What the table says, in six sentences that are written from it."""
    def between(*works, against=None):
        found = [ratio(row) for row in rows for work in works
                 if row['work'].startswith(work) and against in (None, row['against']) and 'threads' not in row['work']]
        return f'{min(found):.2f} to {max(found):.2f}'

    def of_short_floats(*works):
        return between(*(f'{dtype}: {work}' for dtype in SHORT_FLOATS for work in works))

    return f"""1. **A fused expression reads each element once.** `sin(a)*b + c*d - e` takes {between('sin(a)*b', against='eager torch')} of the
   time of eager LibTorch, `a*b + c` {between('a*b + c, 256²', 'a*b + c, 1000²', 'a*b + c, 4096²', against='addcmul_out')} of that of its fused kernel `addcmul_out`.
2. **Strides cost little.** Operands that lie across each other are moved through tiles in the cache: `a*b + c` with one of
   them transposed takes {between('a*b + c, a transposed', against='addcmul_out')} of the time of `addcmul_out`, and {between('a*b + c, a transposed', against='xt::adapt')} of that of `xt::adapt`.
3. **Reductions run at about the speed of LibTorch's.** Sums, means, maxima and norms take {between('sum,', 'sum of a transposed', 'sum along', 'mean', 'amax', 'norm_l2')} of the time of its
   kernels, whatever the axis; a variance, which LibTorch computes in two passes, {between('variance')}.
4. **Parts and containers are written in place.** A five-point stencil over slices takes {between('stencil')} of the time of eager
   LibTorch, a loop over rows {between('row by row')}, and a container that is assigned `a*b + c` {between('container = a*b + c,')} of the time of `addcmul_out`.
5. **Few elements cost about what they cost with xtensor alone.** An assignment of 4 elements takes {between('a*b + c, 4 elements')} of the
   time of xtensor's own, one of 16 to 256 elements {between('a*b + c, 16 elements', 'a*b + c, 64 elements', 'a*b + c, 256 elements')}.
6. **Half and BFloat16 are computed in float.** Expressions and functions of them take {of_short_floats('a + b', 'a*b + c', 'sigmoid')} of the
   time of eager LibTorch, sums and maxima along rows {of_short_floats('sum along', 'amax along')}."""


# The rows of the README's chart: what it says there, and which row it is.
SHOWN = (
    ('a transposed copy', 'transposed copy, 1000²', 'xt::adapt'),
    ('a*b + c', 'a*b + c, 1000²', 'xt::adapt'),
    ('sin(a)*b + c*d - e', 'sin(a)*b + c*d - e, 1000²', 'eager torch'),
    ('five-point stencil', 'stencil, 2048²', 'torch'),
    ('rows minus mean, by deviation', 'normalised rows, 2048²', 'torch'),
    ('argmax along rows', 'argmax along axis 1, 2048²', 'torch'),
    ('sum of a*b', 'sum of a*b, 2048²', 'torch'),
    ('sum', 'sum, 2048²', 'torch'),
)


def rows_of(file, group):
    """Rows that another program measured, in nanoseconds."""
    return [dict(group=group, work=row['work'], against=row['against'], ours=row['ours_ns'], theirs=row['theirs_ns'],
                 bar=row['bar'], unit='ns') for row in json.loads(file.read_text())]


def processor():
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.processor()


def programs_times(build, seconds, repetitions, names):
    times = {}
    for name in names:
        print(f'running {build.name}: benchmark_{name}', file=sys.stderr)
        times |= run_benchmarks(build / 'benchmarks' / f'benchmark_{name}', seconds, repetitions)
    return times


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('plain', type=pathlib.Path)
    arguments.add_argument('tuned', type=pathlib.Path)
    arguments.add_argument('--quick', action='store_true')
    arguments.add_argument('--rows', type=pathlib.Path, nargs='*', default=[])
    options = arguments.parse_args()
    seconds, repetitions = (0.01, 3) if options.quick else (0.02, 9)
    threads = len(os.sched_getaffinity(0))
    compared = ('handles', 'assignments', 'reductions', 'rearrangements', 'functions', 'short_floats')

    times = programs_times(options.plain, seconds, repetitions, (*compared, 'scaling'))
    tuned = {} if options.quick else programs_times(options.tuned, seconds, repetitions, compared)
    rows = [dict(group=group, work=work, against=against, ours=times[ours], theirs=times[theirs], bar=bar, unit='ns',
                 tuned=tuned[ours] / tuned[theirs] if tuned else None)
            for group, work, ours, theirs, against, bar in compared_rows(threads)]
    programs = options.plain / 'benchmarks'
    with tempfile.TemporaryDirectory() as folder:
        scripts = [('peers.py', programs / 'benchmark_operators.so', 'Beside torch.compile and NumPy')]
        if not options.quick:
            scripts.append(('compile_time.py', programs / 'compile_flags.txt', 'Compiling'))
        for script, argument, group in scripts:
            print(f'running {script}', file=sys.stderr)
            result = pathlib.Path(folder, script + '.json')
            subprocess.run([sys.executable, ROOT / 'benchmarks' / script, argument, result], check=True)
            rows += [dict(group=group, **row) for row in json.loads(result.read_text())]
        if not options.quick:
            print('running operators.py', file=sys.stderr)
            result = pathlib.Path(folder, 'operators.json')
            subprocess.run([sys.executable, ROOT / 'benchmarks' / 'operators.py', '--rows', result, '--seconds', '0.25'],
                           check=True, stdout=subprocess.DEVNULL)
            rows += rows_of(result, 'Operators, called from Python')
    for file in options.rows:
        rows += rows_of(file, 'Measured elsewhere')

    print(terminal(rows))
    missed = sum(row['bar'] is not None and ratio(row) > row['bar'] for row in rows)
    print(f"\n{sum(row['bar'] is not None for row in rows) - missed} bars met, {missed} missed")
    if options.quick:
        return
    measured_on = f'Measured on {processor()}, {threads} threads, with `./scripts/bench`.'
    text = PAGE.read_text()
    for name, content in (('findings', findings(rows)), ('table', f'{measured_on}\n\n{markdown(rows)}')):
        head, _, rest = text.partition(f'<!-- {name} -->')
        text = f'{head}<!-- {name} -->\n{content}\n<!-- end of {name} -->' + rest.partition(f'<!-- end of {name} -->')[2]
    PAGE.write_text(text)
    charts.draw_ratios(rows)
    charts.draw_growth(times, threads)
    charts.draw_speedups([(label, against, 1 / ratio(row)) for label, work, against in SHOWN for row in rows
                          if row['work'] == work and row['against'] == against])
    print(f'written: {PAGE.relative_to(ROOT)}, and charts in {charts.IMAGES.relative_to(ROOT)}', file=sys.stderr)


if __name__ == '__main__':
    main()
