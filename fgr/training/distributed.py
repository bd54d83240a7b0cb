"""One model on several processes: what torchrun sets up, and the few collective operations the loop needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as dist


def rank() -> int:
    """Return this process's rank; 0 outside a process group."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes; 1 outside a process group."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device to train on: "auto" is this process's GPU where there is one, else the CPU.

    Raises:
        RuntimeError: if CUDA is asked for and absent; nothing falls back silently.

    Example:
        >>> local_device("cpu")
        device(type='cpu')
    """
    if device == "auto":
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    device = torch.device(device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"device {device} was asked for, but torch sees no GPU here; use device='cpu' or 'auto'")
    return device


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the group that torchrun announces in the environment (NCCL on GPUs, else gloo), if any."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the element-wise sum of `values` over all processes."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values
