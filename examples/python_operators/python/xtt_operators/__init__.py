"""PyTorch operators written as xtensor expressions in C++: softclip, gaussian_kernel and rolling_zscore."""

import pathlib

import torch

library = pathlib.Path(__file__).parent / "libxtt_operators.so"
torch.ops.load_library(library)

softclip = torch.ops.xtt_operators.softclip
gaussian_kernel = torch.ops.xtt_operators.gaussian_kernel
rolling_zscore = torch.ops.xtt_operators.rolling_zscore
