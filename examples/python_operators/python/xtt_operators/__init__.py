"""PyTorch operators written as xtensor expressions in C++: softclip, gaussian_kernel and rolling_zscore."""

import pathlib

import torch

# libxtt_operators.so, xtt_operators.dll, …: there is one, and the system names it.
(library,) = (file for file in pathlib.Path(__file__).parent.glob("*xtt_operators.*") if file.suffix in (".so", ".dylib", ".dll"))
torch.ops.load_library(library)

softclip = torch.ops.xtt_operators.softclip
gaussian_kernel = torch.ops.xtt_operators.gaussian_kernel
rolling_zscore = torch.ops.xtt_operators.rolling_zscore
