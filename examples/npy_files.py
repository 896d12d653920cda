"""NumPy's side of npy_files.cpp: writes arrays with numpy.save, runs the program, reads what it wrote.

Usage: npy_files.py PROGRAM
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError as error:
    print(f"skipped: {sys.executable} has no NumPy ({error}). Run scripts/setup.")
    sys.exit()


def main(program):
    samples = numpy.arange(8, dtype=numpy.float32).reshape(4, 2) - 3
    weights = numpy.asfortranarray([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0]])
    with tempfile.TemporaryDirectory() as folder:
        files = pathlib.Path(folder)
        numpy.save(files / "samples.npy", samples)
        numpy.save(files / "weights.npy", weights)
        print(f"NumPy wrote samples {samples.dtype} {samples.shape}, weights {weights.dtype} {weights.shape}", flush=True)
        subprocess.run([program, folder], check=True)
        products, column, best, positive = (
            numpy.load(files / f"{name}.npy", allow_pickle=False) for name in ("products", "column", "best", "positive")
        )
    expected = samples @ weights.astype(numpy.float32)
    print(f"NumPy read products {products.dtype} {products.shape}:\n{products}")
    print("equal to NumPy's:", numpy.array_equal(products, expected))
    print(f"column {column.dtype}:", column, "equal:", numpy.array_equal(column, expected[:, 1]))
    print(f"best {best.dtype}:", best, "equal:", numpy.array_equal(best, expected.argmax(1)))
    print(f"positive {positive.dtype}, equal:", numpy.array_equal(positive, expected > 0))


if __name__ == "__main__":
    main(sys.argv[1])
