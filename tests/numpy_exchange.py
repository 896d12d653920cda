"""NumPy writes files, npy_exchange adopts them as tensors and saves views of those, NumPy reads the views back.

Usage: numpy_exchange.py PROGRAM. Exits with 77, and says why, where there is no NumPy.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError as error:
    print(f"numpy_exchange: skipped, {sys.executable} has no NumPy ({error}). Run scripts/setup.")
    sys.exit(77)

DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()
)
SHAPES = {"scalar": (), "vector": (5,), "matrix": (3, 4), "cube": (2, 3, 4), "thin": (1, 3, 1), "empty": (0, 3)}


def values(dtype, shape):
    """Values that differ in every byte of an element, with signs and imaginary parts where the dtype has them."""
    bits = numpy.random.default_rng(1).integers(-(2**62), 2**62, size=shape)
    if dtype == "bool":
        return numpy.asarray(bits % 2 == 0)
    if dtype.startswith("complex"):
        return numpy.asarray(bits / 3.0 - 1j * bits / 7.0).astype(dtype)
    return numpy.asarray(bits if "int" in dtype else bits / 3.0).astype(dtype)


def expectations(array):
    yield "whole", array
    yield "transposed", array.T
    yield "expanded", numpy.stack([array, array])
    if array.ndim > 0:
        yield "stepped", array[..., 1::2]
    if array.ndim == 2:
        yield "columns", array


def main(program):
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        written, returned = pathlib.Path(folder, "written"), pathlib.Path(folder, "returned")
        written.mkdir()
        returned.mkdir()
        arrays = {}
        for dtype in DTYPES:
            for name, shape in SHAPES.items():
                for order in "CF":
                    array = numpy.array(values(dtype, shape), order=order)
                    arrays[f"{dtype}_{name}_{order}"] = array
                    numpy.save(written / f"{dtype}_{name}_{order}.npy", array)
        subprocess.run([program, written, returned], check=True)
        for stem, array in arrays.items():
            for what, expected in expectations(array):
                found = numpy.load(returned / f"{stem}.{what}.npy", allow_pickle=False)
                if found.dtype != expected.dtype or found.shape != expected.shape or not (found == expected).all():
                    sys.exit(f"numpy_exchange: {stem}.{what} differs:\nexpected {expected!r}\nfound {found!r}")
                if what == "columns" and array.size > 0 and not found.flags.f_contiguous:
                    sys.exit(f"numpy_exchange: {stem}.{what} is not in Fortran order")
                compared += 1
    print(f"numpy_exchange: NumPy {numpy.__version__} agrees on {compared} files")


main(sys.argv[1])
