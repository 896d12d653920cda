"""Trains a model with softclip in it on several processes, with DistributedDataParallel over Gloo on loopback:

    GLOO_SOCKET_IFNAME=lo torchrun --standalone --nproc-per-node 2 train_distributed.py

Each process sees its part of the batch. After every step the gradients are compared with those of one process that sees
the whole batch; they agree, or the script fails. On several machines torchrun is started on each of them, without these
two settings and with the address of the first machine: nothing here changes.
"""

import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from xtt_operators import softclip


class Clipped(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 8)
        self.second = torch.nn.Linear(8, 1)

    def forward(self, x):
        return self.second(softclip(self.first(x), 0.5))


def main(steps=5, batch=32):
    dist.init_process_group("gloo")
    rank, processes = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(1)  # the same model and the same batches everywhere
    alone = Clipped()
    together = Clipped()
    together.load_state_dict(alone.state_dict())
    together = DistributedDataParallel(together)
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (alone, together)]
    largest = 0.0
    for _ in range(steps):
        x = torch.randn(batch, 4)
        y = x.sum(1, keepdim=True).clamp(-1, 1)
        mine = slice(rank * batch // processes, (rank + 1) * batch // processes)
        for optimizer, model, part in zip(optimizers, (alone, together), (slice(None), mine)):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x[part]), y[part])
            loss.backward()
        for one, many in zip(alone.parameters(), together.parameters()):
            torch.testing.assert_close(many.grad, one.grad)
            largest = max(largest, (many.grad - one.grad).abs().max().item())
        for optimizer in optimizers:
            optimizer.step()
    if rank == 0:
        print(f"{steps} steps on {processes} processes: loss {loss.item():.4f}, gradients agree within {largest:.1e}")
    # The group ends where no process still waits for another, and after the model that uses it.
    dist.barrier()
    del together, optimizers, optimizer, model, many
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    # torch 2.13 now and then aborts a busy machine's process while Python ends, after all that it was started for.
    sys.stdout.flush()
    os._exit(0)
