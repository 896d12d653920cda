"""The operators against the same maths in torch: values, dtypes, gradients, compilers, export, errors."""

import pytest
import torch
import xtt_operators
from xtt_operators import gaussian_kernel, rolling_zscore, softclip

torch.manual_seed(1)


def torch_softclip(x, limit=1.0):
    return limit * torch.tanh(x / limit)


def torch_gaussian_kernel(a, b, width=1.0):
    return torch.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * width**2))


def torch_rolling_zscore(series, window):
    windows = series.unfold(0, window, 1)
    return (windows[:, -1] - windows.mean(1)) / windows.std(1, correction=0)


CASES = {
    "softclip": (softclip, torch_softclip, lambda dtype: (torch.randn(5, 4, dtype=dtype), 0.7)),
    "gaussian_kernel": (
        gaussian_kernel,
        torch_gaussian_kernel,
        lambda dtype: (torch.randn(5, 3, dtype=dtype), torch.randn(4, 3, dtype=dtype), 1.5),
    ),
    "rolling_zscore": (rolling_zscore, torch_rolling_zscore, lambda dtype: (torch.randn(20, dtype=dtype), 6)),
}
DIFFERENTIABLE = ["softclip", "gaussian_kernel"]


def with_gradients(arguments):
    return tuple(a.requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_values_and_dtypes_are_those_of_torch(name, dtype):
    ours, theirs, make = CASES[name]
    arguments = make(dtype)
    torch.testing.assert_close(ours(*arguments), theirs(*arguments), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    ours, theirs, make = CASES[name]
    arguments = with_gradients(make(torch.float64))
    assert torch.autograd.gradcheck(ours, arguments)
    tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
    for mine, expected in zip(
        torch.autograd.grad(ours(*arguments).sin().sum(), tensors),
        torch.autograd.grad(theirs(*arguments).sin().sum(), tensors),
    ):
        torch.testing.assert_close(mine, expected)


def test_second_gradients():
    assert torch.autograd.gradgradcheck(softclip, with_gradients(CASES["softclip"][2](torch.float64)))


@pytest.mark.parametrize("name", CASES)
def test_opcheck(name):
    ours, _, make = CASES[name]
    arguments = make(torch.float64)
    torch.library.opcheck(ours, with_gradients(arguments) if name in DIFFERENTIABLE else arguments)


def model(x, centres):
    return gaussian_kernel(softclip(x, 2.0), centres, 1.5).sum(0) + 1


def test_compiled_without_a_graph_break():
    x, centres = torch.randn(6, 3, requires_grad=True), torch.randn(4, 3)
    expected = model(x, centres)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), x)
    result = torch.compile(model, fullgraph=True)(x, centres)
    (gradient,) = torch.autograd.grad(result.sum(), x)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(gradient, expected_gradient)


class Scorer(torch.nn.Module):
    def forward(self, x, centres):
        return model(x, centres)


def test_exported_saved_and_loaded(tmp_path):
    example = (torch.randn(6, 3), torch.randn(4, 3))
    program = torch.export.export(Scorer(), example)
    assert "xtt_operators.softclip" in str(program.graph)
    torch.export.save(program, tmp_path / "scorer.pt2")
    loaded = torch.export.load(tmp_path / "scorer.pt2").module()
    other = (torch.randn(6, 3), torch.randn(4, 3))
    torch.testing.assert_close(loaded(*other), model(*other))


ERRORS = [
    (lambda: softclip(torch.arange(3)), TypeError,
     "softclip: argument 'x': the tensor is int64; the function takes float32, float64. "
     "Convert it first, e.g. tensor.to(torch.float32) in Python, tensor.to(torch::kFloat32) in C++."),
    (lambda: gaussian_kernel(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float64)), TypeError,
     "gaussian_kernel: argument 'b': the tensor is float64; argument 'a' is float32, and the function takes both in one "
     "dtype. Convert it first: tensor.to(torch.float32) in Python, tensor.to(torch::kFloat32) in C++."),
    (lambda: gaussian_kernel(torch.ones(2, 3), torch.ones(2, 4)), ValueError,
     "gaussian_kernel: the points of a and b have different numbers of coordinates; the same number is needed. Give "
     "both the same last size."),
    (lambda: rolling_zscore(torch.ones(5), 9), ValueError,
     "rolling_zscore: the window is 9 for a series of 5; 2 up to the length of the series is needed."),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_errors_are_one_sentence_of_the_right_type(index):
    call, kind, message = ERRORS[index]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_the_library_stands_beside_the_package():
    assert xtt_operators.library.is_file()
