"""Draws what the benchmarks measured: with gnuplot, and one chart as SVG by hand."""
import pathlib
import subprocess

IMAGES = pathlib.Path(__file__).resolve().parent.parent / 'docs' / 'images'


def plot(name, height, text):
    """Draws a gnuplot script as PNG and as SVG."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for kind, terminal_name in (('png', 'pngcairo'), ('svg', 'svg')):
        subprocess.run(['gnuplot'], check=True, text=True, input=(
            f"set terminal {terminal_name} size 1000,{height} font 'sans,11' background 'white'\n"
            f"set output '{IMAGES / name}.{kind}'\n" + text))


def quoted(text):
    return '"' + text.replace('"', "'").replace('_', '\\\\_') + '"'


def draw_ratios(rows):
    """The ratio of every row, and what is promised: what is left of 1 is faster than the other side."""
    shown = list(reversed([row for row in rows if row['bar'] is not None]))
    data = '\n'.join(f"{i} {row['ours'] / row['theirs']:.4f} {row['bar']:g} "
                     f"{quoted(row['work'] + ' — ' + row['against'])}" for i, row in enumerate(shown))
    plot('benchmarks', 80 + 17 * len(shown), f'''
$rows << END
{data}
END
set title 'time, ours / theirs; triangle: what is promised' font 'sans,10' offset character -8,0
set logscale x 2
set xrange [0.03:4]
set yrange [-1:{len(shown)}]
set xtics ('1/32' 0.03125, '1/16' 0.0625, '1/8' 0.125, '1/4' 0.25, '1/2' 0.5, 1, 2, 4) font 'sans,9'
set grid xtics
set arrow from 1,graph 0 to 1,graph 1 nohead lw 1.5 lc rgb '#444444'
set ytics scale 0
set key off
plot $rows using (0.03):1:(0.03):2:($1-0.35):($1+0.35):ytic(4) with boxxyerror fs solid 0.8 noborder lc rgb '#3a7ca5', \\
     $rows using 3:1 with points pt 9 ps 0.9 lc rgb '#d1495b'
''')


def draw_growth(times, threads):
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
    ours, eager, limit = ("with linespoints pt 7 lc rgb '#3a7ca5'", "with linespoints pt 5 lc rgb '#edae49'",
                          "with lines dt 2 lc rgb '#444444'")

    def panel(title, label, data, bound):
        return (f"set title '{title}'\nset xlabel '{label}'\nplot ${data} using 1:2 {ours}, "
                f"'' using 1:3 {eager}, {bound} {limit}\n")

    # What the lines mean stands in the sixth panel, where there are none.
    legend = (f"unset border; unset tics; unset grid; set title ' '; unset xlabel; unset ylabel\n"
              f"set key center center samplen 4 spacing 2\nset xrange [0:1]\nset yrange [0:1]\n"
              f"plot NaN {ours} title 'this library', NaN {eager} title 'eager LibTorch', "
              f"NaN {limit} title 'bandwidth of the memory'\n")
    plot('scaling', 1000, text + "set multiplot layout 3,2\nset key off\nset ylabel 'ns per element'\nset grid\n"
         'set logscale x 2\nset logscale y\nset format x "2^{%L}"\n' +
         panel('a*b + c, 1 thread', 'elements', 'size', f'{triad[1] * 4 / 3}') +
         panel(f'a*b + c, {threads} threads', 'elements', 'sizes', f'{triad[threads] * 4 / 3}') +
         'unset logscale\nset format x "%g"\nset xtics 1\nset yrange [0:*]\n' +
         panel('a*b + c, a with all dimensions reversed', 'rank', 'rank', f'{triad[1] * 4 / 3}') +
         panel('a*b + c, 2^{22} elements', 'threads', 'threads', f'{triad[1] * 4 / 3} / x') +
         panel('sum of operands, 2^{20} elements', 'operands', 'operands', f'{triad[1] / 3} * (x + 1)') +
         legend + 'unset multiplot\n')



SPEEDUPS = '''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" font-family="system-ui, sans-serif" role="img"
     aria-label="How many times faster than what is named beside each bar">
<style>
  text {{ fill: #1f2328 }} .faint {{ fill: #59636e }} .bar {{ fill: #2f6f9f }} .one {{ stroke: #59636e; stroke-dasharray: 3 3 }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #f0f6fc }} .faint {{ fill: #9198a1 }} .bar {{ fill: #6cb0e0 }} .one {{ stroke: #9198a1 }}
  }}
</style>
<text x="8" y="24" font-size="17" font-weight="600">Times faster, on one thread, compiled with -O3 alone</text>
{bars}
<line class="one" x1="{one:.1f}" y1="40" x2="{one:.1f}" y2="{bottom}"/>
<text class="faint" x="{one:.1f}" y="{below}" font-size="12" text-anchor="middle">as fast</text>
</svg>
'''


def draw_speedups(speedups):
    """The README's chart: a label, what it is compared with, and how many times faster it is. Wide enough for a phone."""
    left, width, pitch = 262, 318, 40
    scale = width / max(times for _, _, times in speedups)
    bars = []
    for number, (label, against, times) in enumerate(speedups):
        y = 46 + number * pitch
        bars.append(f'<text x="8" y="{y + 13}" font-size="15">{label}</text>'
                    f'<text class="faint" x="8" y="{y + 29}" font-size="12">against {against}</text>'
                    f'<rect class="bar" x="{left}" y="{y + 2}" width="{times * scale:.1f}" height="26" rx="2"/>'
                    f'<text x="{left + times * scale + 6:.1f}" y="{y + 21}" font-size="15" font-weight="600">'
                    f'{times:.1f}×</text>')
    bottom = 46 + len(speedups) * pitch
    (IMAGES / 'speed.svg').write_text(SPEEDUPS.format(
        height=bottom + 24, bars='\n'.join(bars), one=left + scale, bottom=bottom, below=bottom + 16))
