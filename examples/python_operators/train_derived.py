"""Trains two models side by side, one with swish_gate and layer_norm of this package, whose gradients are derived from
their expressions, one with the same functions of torch:

    python train_derived.py

Prints both losses, how far the weights are apart at the end, and how long a step takes. Fails where the models differ.
"""

import statistics
import time

import torch
from xtt_operators import layer_norm, swish_gate


class Model(torch.nn.Module):
    def __init__(self, gate, norm, width=256):
        super().__init__()
        torch.manual_seed(1)  # both models start alike
        self.gate, self.norm = gate, norm
        self.values, self.gates = torch.nn.Linear(16, width), torch.nn.Linear(16, width)
        self.weight, self.bias = torch.nn.Parameter(torch.ones(width)), torch.nn.Parameter(torch.zeros(width))
        self.last = torch.nn.Linear(width, 1)

    def forward(self, x):
        gated = self.gate(self.values(x), self.gates(x))
        return self.last(self.norm(gated, self.weight, self.bias))


def main(steps=60):
    torch.set_num_threads(1)
    ours = Model(lambda x, gate: swish_gate(x, gate), lambda x, weight, bias: layer_norm(x, weight, bias))
    theirs = Model(
        lambda x, gate: torch.nn.functional.silu(x) * gate,
        lambda x, weight, bias: torch.nn.functional.layer_norm(x, weight.shape, weight, bias),
    )
    x = torch.randn(512, 16)
    y = torch.sin(x.sum(1, keepdim=True))
    losses, seconds = {}, {}
    for name, model in (("ours", ours), ("torch", theirs)):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
        losses[name], seconds[name] = [], []
        for _ in range(steps):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            seconds[name].append(time.perf_counter() - start)
            losses[name].append(loss.item())
    for step in range(0, steps, 20):
        print(f"step {step:3}: loss {losses['ours'][step]:.5f}, torch {losses['torch'][step]:.5f}")
    apart = max((a - b).abs().max().item() for a, b in zip(ours.parameters(), theirs.parameters()))
    print(f"after {steps} steps the weights are {apart:.1e} apart")
    print(f"a step takes {1e3 * statistics.median(seconds['ours']):.2f} ms, torch {1e3 * statistics.median(seconds['torch']):.2f} ms")
    assert losses["ours"][-1] < losses["ours"][0] and apart < 1e-3


if __name__ == "__main__":
    main()
