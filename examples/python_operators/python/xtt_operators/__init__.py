"""PyTorch operators written as xtensor expressions in C++: softclip, gaussian_kernel, rolling_zscore,
swish_gate and layer_norm."""

import pathlib

import torch

# libxtt_operators.so, xtt_operators.dll, …: there is one, and the system names it.
(library,) = (file for file in pathlib.Path(__file__).parent.glob("*xtt_operators.*") if file.suffix in (".so", ".dylib", ".dll"))
torch.ops.load_library(library)

softclip = torch.ops.xtt_operators.softclip
gaussian_kernel = torch.ops.xtt_operators.gaussian_kernel
rolling_zscore = torch.ops.xtt_operators.rolling_zscore
swish_gate = torch.ops.xtt_operators.swish_gate
layer_norm = torch.ops.xtt_operators.layer_norm
