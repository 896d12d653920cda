"""Installs examples/python_operators as its README says, then runs its tests, its trainings, on two processes too, and the
C++ program that calls it.

Usage: python_operators.py TORCH SOURCE WORK PROGRAM [SETTING...], with the folder of the LibTorch in use, that of the
example, a folder to work in, the C++ program, and settings for pip. Exits with 77, and says why, where there is no
Python package of that LibTorch or nothing to build with.
"""

import os
import pathlib
import subprocess
import sys
import sysconfig


def skip(why):
    print(f"python_operators: skipped, {why}. Run scripts/setup.")
    sys.exit(77)


linked, source, work, program = (pathlib.Path(argument).resolve() for argument in sys.argv[1:5])
try:
    import pytest  # noqa: F401
    import scikit_build_core  # noqa: F401
    import torch
except ImportError as error:
    skip(f"{sys.executable} cannot build or test the package ({error})")
if pathlib.Path(torch.__file__).parent.resolve() != linked:
    skip(f"the torch of {sys.executable} is not the LibTorch in {linked}")
if not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists():
    skip("torch.compile needs Python.h, and there is none")

site = work / "site"
environment = os.environ | {
    "PYTHONPATH": str(site),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": "lo",
}


def run(*command):
    print("+", *command, flush=True)
    subprocess.run(command, check=True, env=environment)


settings = [f"--config-settings={setting}" for setting in [f"build-dir={work / 'build'}", *sys.argv[5:]]]
run(sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--upgrade",
    "--disable-pip-version-check", "--target", site, *settings, source)
(tags,) = (line for file in site.glob("xtt_operators-*.dist-info/WHEEL") for line in file.read_text().splitlines()
           if line.startswith("Tag: "))
if not tags.startswith("Tag: py3-none-"):
    sys.exit(f"python_operators: the wheel must serve every Python; {tags}")
run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", source / "tests")
run(sys.executable, source / "train_derived.py")
run(sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2",
    source / "train_distributed.py")
(library,) = site.glob("xtt_operators/*xtt_operators.so")
run(program, library)
