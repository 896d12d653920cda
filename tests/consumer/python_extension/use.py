"""Uses the extension module whose folder is the first argument as a Python program would."""
import sys

import torch

sys.path.insert(0, sys.argv[1])
import extension


def message_of(exception, call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        assert type(error) is exception, f"{exception.__name__} was expected, {type(error).__name__} came: {error}"
        return str(error)
    raise AssertionError("no exception came")


tensor = torch.arange(12, dtype=torch.float32).reshape(3, 4)
expected = (tensor - 2) / 4
extension.standardise(tensor)
assert torch.equal(tensor, expected)

strided = torch.arange(12, dtype=torch.float32).reshape(3, 4)
extension.standardise(strided.t()[::2])
assert torch.equal(strided[:, ::2], expected[:, ::2])
assert torch.equal(strided[:, 1::2], torch.arange(12, dtype=torch.float32).reshape(3, 4)[:, 1::2])

assert torch.equal(extension.square(torch.tensor([1.0, -3.0], dtype=torch.float64)), torch.tensor([1.0, 9.0]).double())

adopted = extension.adopted()
last = adopted[1:]
del adopted
assert last.tolist() == [2, 3]

assert "tensor.to(torch::kFloat32)" in message_of(TypeError, extension.standardise, torch.zeros(2).double())
assert "rank 1 was asked for" in message_of(ValueError, extension.square, torch.zeros(2, 2).double())
assert "tensor.detach()" in message_of(RuntimeError, extension.standardise, torch.zeros(2, requires_grad=True))

# Autograd sees what was written.
leaf = torch.ones(3, requires_grad=True)
factor = torch.full((3,), 2.0)
product = (leaf * factor).sum()
extension.standardise(factor)
assert "modified by an inplace operation" in message_of(RuntimeError, product.backward)
print("the extension module does what its users expect")
