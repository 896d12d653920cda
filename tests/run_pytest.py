"""Runs pytest on its arguments. Exits with 77, and says why, where the operators cannot be tested from Python.

The first argument is the folder of the LibTorch that the operators were linked to.
"""

import pathlib
import sys


sys.dont_write_bytecode = True


def skip(why):
    print(f"run_pytest: skipped, {why}. Run scripts/setup.")
    sys.exit(77)


try:
    import pytest
    import torch
except ImportError as error:
    skip(f"{sys.executable} cannot test operators ({error})")
linked = pathlib.Path(sys.argv[1]).resolve()
if pathlib.Path(torch.__file__).parent.resolve() != linked:
    skip(f"the torch of {sys.executable} is not the LibTorch in {linked}, which the operators were linked to")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
