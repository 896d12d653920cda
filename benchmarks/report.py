"""Runs the benchmarks and writes what they say: a table on the terminal, docs/performance.md, and charts.

Usage: report.py BUILD_FOLDER [--quick] [--rows FILE ...]

--quick measures for a short time and writes nothing; --rows adds rows that were measured elsewhere, on a GPU say.
A row compares two sides of one run: the medians of repetitions that took turns. Only the ratio means anything.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / 'docs' / 'performance.md'
IMAGES = ROOT / 'docs' / 'images'
SIZES = (256, 1000, 4096)


def by_size(work, side, theirs, against, bars, threads=1):
    """One row for every matrix size; `bars` is one bar, or one for every size."""
    bars = bars if isinstance(bars, tuple) else (bars,) * len(SIZES)
    label = f', {threads} threads' if threads > 1 else ''
    return [(f'{work}, {n}²{label}', f'{side}/ours/{n}/{threads}', f'{side}/{theirs}/{n}/{threads}', against, bar)
            for n, bar in zip(SIZES, bars)]


def assignment_rows(threads):
    rows = [
        ('view<const T, N>, made and dropped', 'view_read_only', 'accessor_with_owner',
         'accessor, copies of tensor and storage', 1.1),
        ('view<T, N>, made and dropped', 'view_writable', 'accessor_with_owner',
         'accessor, copies of tensor and storage', 1.5),
        ('view<T>, made and dropped', 'view_of_dynamic_rank', 'adapt_by_hand', 'xt::adapt, std::vector shape', 0.8),
        ('borrow a 3×4', 'borrow', 'from_blob', 'torch::from_blob', 0.6),
        ('adopt a 3×4', 'adopt', 'from_blob_with_deleter', 'torch::from_blob with deleter', 0.6),
        *by_size('a*b + c', 'contiguous', 'loop', 'hand-written loop', 1.05),
        *by_size('a*b + c', 'contiguous', 'xtensor', 'xt::xtensor, noalias', 1.02),
        *by_size('a*b + c', 'contiguous', 'adapt', 'xt::adapt', None),
        *by_size('a*b + c', 'contiguous', 'accessor', 'TensorAccessor loop', None),
        *by_size('a*b + c', 'contiguous', 'eigen', 'Eigen::Map', None),
        *by_size('a*b + c', 'contiguous', 'addcmul', 'addcmul_out', None),
        *by_size('a*b + c, a transposed', 'transposed', 'addcmul', 'addcmul_out', (0.9, 0.8, 0.4)),
        *by_size('a*b + c, a transposed', 'transposed', 'adapt', 'xt::adapt', 0.15),
        *by_size('transposed copy', 'transposed copy', 'copy_', 'Tensor::copy_', 1.05),
        *by_size('transposed copy', 'transposed copy', 'adapt', 'xt::adapt', None),
    ]
    for work in ('row-sliced', 'column-sliced', 'column-stepped', 'row broadcast', 'column broadcast'):
        rows += by_size(f'a*b + c, a {work}', work, 'addcmul', 'addcmul_out', 1.0)
    for count in sorted({1, threads}):
        rows += by_size('sin(a)*b + c*d - e', 'fused', 'written', 'eager torch', 0.4, count)
        rows += by_size('sin(a)*b + c*d - e', 'fused', 'eager', 'eager torch, out=', None, count)
    for work in ('small', 'small strided'):
        rows += [(f'a*b + c, {n} elements{work.removeprefix("small").replace(" ", ", ")}', f'{work}/ours/{n}/1',
                  f'{work}/xtensor/{n}/1', "xtensor's own assignment", 1.0) for n in (4, 16, 64, 256)]
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
    for name, size in (('s', 1e9), ('ms', 1e6), ('µs', 1e3)):
        nanoseconds = value * 1e9 if unit == 's' else value
        if nanoseconds >= size:
            return f'{nanoseconds / size:.3g} {name}'
    return f'{nanoseconds:.3g} ns'


def cells(row):
    ratio = row['ours'] / row['theirs']
    bar, met = ('', '') if row['bar'] is None else (f"≤ {row['bar']:g}", 'yes' if ratio <= row['bar'] else '**no**')
    return [row['work'], row['against'], amount(row['ours'], row['unit']), amount(row['theirs'], row['unit']),
            f'{ratio:.2f}', bar, met]


def markdown(rows):
    lines = ['| work | against | ours | theirs | ratio | bar | met |', '|---|---|---|---|---|---|---|']
    return '\n'.join(lines + ['| ' + ' | '.join(cells(row)) + ' |' for row in rows])


def terminal(rows):
    table = [['work', 'against', 'ours', 'theirs', 'ratio', 'bar', 'met']] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(7)]
    return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table)


def plot(name, script):
    """Draws a gnuplot script as PNG and as SVG."""
    for kind, terminal_name in (('png', 'pngcairo'), ('svg', 'svg')):
        height = script['height']
        subprocess.run(['gnuplot'], check=True, text=True, input=(
            f"set terminal {terminal_name} size 1000,{height} font 'sans,11' background 'white'\n"
            f"set output '{IMAGES / name}.{kind}'\n" + script['text']))


def rows_of(file):
    """Rows that another program measured, in nanoseconds."""
    return [dict(work=row['work'], against=row['against'], ours=row['ours_ns'], theirs=row['theirs_ns'],
                 bar=row['bar'], unit='ns') for row in json.loads(file.read_text())]


def quoted(text):
    return '"' + text.replace('"', "'").replace('_', '\\\\_') + '"'


def bar_chart(rows):
    """The ratio of every row, and its bar: what is left of 1 is faster than the other side."""
    shown = list(reversed([row for row in rows if row['bar'] is not None]))
    data = '\n'.join(f"{i} {row['ours'] / row['theirs']:.4f} {row['bar']:g} "
                     f"{quoted(row['work'] + ' — ' + row['against'])}" for i, row in enumerate(shown))
    return dict(height=80 + 17 * len(shown), text=f'''
$rows << END
{data}
END
set title 'time, ours / theirs; its bar is marked'
set logscale x 2
set xrange [0.05:4]
set yrange [-1:{len(shown)}]
set xtics (0.0625, 0.125, 0.25, 0.5, 1, 2, 4) font 'sans,9'
set grid xtics
set arrow from 1,graph 0 to 1,graph 1 nohead lw 1.5 lc rgb '#444444'
set ytics scale 0
set key off
plot $rows using (0.05):1:(0.05):2:($1-0.35):($1+0.35):ytic(4) with boxxyerror fs solid 0.8 noborder lc rgb '#3a7ca5', \\
     $rows using 3:1 with points pt 9 ps 0.9 lc rgb '#d1495b'
''')


def growth_charts(times, threads):
    """Cost per element over size, rank, threads and fused operands, with the limit that the memory sets."""
    def series(work, count):
        keys = sorted({int(key.split('/')[2]) for key in times if key.startswith(f'{work}/')})
        return [(n, times[f'{work}/ours/{n}/{count}'], times[f'{work}/eager/{n}/{count}'])
                for n in keys if f'{work}/ours/{n}/{count}' in times]

    def block(name, points, per):
        return f'${name} << END\n' + '\n'.join(
            f'{n} {ours / per(n):.6g} {theirs / per(n):.6g}' for n, ours, theirs in points) + '\nEND\n'

    triad = {count: times[f'bandwidth/triad/{1 << 26}/{count}'] / (1 << 26) for count in range(1, threads + 1)}
    by_threads = [(count, times[f'elements/ours/{1 << 22}/{count}'], times[f'elements/eager/{1 << 22}/{count}'])
                  for count in range(1, threads + 1)]
    # The triad moves three arrays, a*b + c moves four, a sum of k operands k + 1.
    text = (block('size', series('elements', 1), lambda n: n) + block('sizes', series('elements', threads), lambda n: n) +
            block('rank', series('rank', 1), lambda n: (1 << (18 // n)) ** n) +
            block('threads', by_threads, lambda n: 1 << 22) +
            block('operands', series('operands', 1), lambda n: 1 << 20))
    lines = ("with linespoints pt 7 lc rgb '#3a7ca5' title 'this library'",
             "with linespoints pt 5 lc rgb '#edae49' title 'eager torch'")
    limit = "with lines dt 2 lc rgb '#444444' title 'bandwidth of the memory'"

    def panel(title, label, data, bound):
        return (f"set title '{title}'\nset xlabel '{label}'\nplot ${data} using 1:2 {lines[0]}, "
                f"'' using 1:3 {lines[1]}, {bound} {limit}\n")

    return dict(height=1000, text=text + "set multiplot layout 3,2\nset ylabel 'ns per element'\nset grid\n"
                'set logscale x 2\nset logscale y\nset format x "2^{%L}"\n' +
                panel('a*b + c, 1 thread', 'elements', 'size', f'{triad[1] * 4 / 3}') +
                panel(f'a*b + c, {threads} threads', 'elements', 'sizes', f'{triad[threads] * 4 / 3}') +
                'unset logscale\nset key bottom left\nset format x "%g"\nset xtics 1\nset yrange [0:*]\n' +
                panel('a*b + c, a with all dimensions reversed', 'rank', 'rank', f'{triad[1] * 4 / 3}') +
                panel('a*b + c, 2^{22} elements', 'threads', 'threads', f'{triad[1] * 4 / 3} / x') +
                panel('sum of operands, 2^{20} elements', 'operands', 'operands', f'{triad[1] / 3} * (x + 1)') +
                'unset multiplot\n')


def processor():
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.processor()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('build', type=pathlib.Path)
    arguments.add_argument('--quick', action='store_true')
    arguments.add_argument('--rows', type=pathlib.Path, nargs='*', default=[])
    options = arguments.parse_args()
    programs = options.build / 'benchmarks'
    seconds, repetitions = (0.01, 3) if options.quick else (0.03, 15)
    threads = len(os.sched_getaffinity(0))

    times = {}
    for name in ('handles', 'assignments', 'scaling'):
        print(f'running benchmark_{name}', file=sys.stderr)
        times |= run_benchmarks(programs / f'benchmark_{name}', seconds, repetitions)
    rows = [dict(work=work, against=against, ours=times[ours], theirs=times[theirs], bar=bar, unit='ns')
            for work, ours, theirs, against, bar in assignment_rows(threads)]
    with tempfile.TemporaryDirectory() as folder:
        scripts = [('peers.py', programs / 'benchmark_operators.so')]
        if not options.quick:
            scripts.append(('compile_time.py', programs / 'compile_flags.txt'))
        for script, argument in scripts:
            print(f'running {script}', file=sys.stderr)
            result = pathlib.Path(folder, script + '.json')
            subprocess.run([sys.executable, ROOT / 'benchmarks' / script, argument, result], check=True)
            rows += json.loads(result.read_text())
        if not options.quick:
            print('running operators.py', file=sys.stderr)
            result = pathlib.Path(folder, 'operators.json')
            subprocess.run([sys.executable, ROOT / 'benchmarks' / 'operators.py', '--rows', result, '--seconds', '0.5'],
                           check=True, stdout=subprocess.DEVNULL)
            rows += rows_of(result)
    for file in options.rows:
        rows += rows_of(file)

    print(terminal(rows))
    missed = sum(row['bar'] is not None and row['ours'] / row['theirs'] > row['bar'] for row in rows)
    print(f"\n{sum(row['bar'] is not None for row in rows) - missed} bars met, {missed} missed")
    if options.quick:
        return
    head, _, rest = PAGE.read_text().partition('<!-- table -->')
    tail = rest.partition('<!-- end of table -->')[2]
    measured_on = f'Measured on {processor()}, {threads} threads, with `./scripts/bench`.'
    PAGE.write_text(f'{head}<!-- table -->\n{measured_on}\n\n{markdown(rows)}\n<!-- end of table -->{tail}')
    IMAGES.mkdir(parents=True, exist_ok=True)
    plot('benchmarks', bar_chart(rows))
    plot('scaling', growth_charts(times, threads))
    print(f'written: {PAGE.relative_to(ROOT)}, and charts in {IMAGES.relative_to(ROOT)}', file=sys.stderr)


if __name__ == '__main__':
    main()
