"""What a network costs, counted and not measured: parameters, and multiply-accumulates an image."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

ATEN = torch.ops.aten
COUNTED = (ATEN.convolution, ATEN.addmm, ATEN.mm)  # Conv2d and Linear; products of activations are left out


class Costs(NamedTuple):
    """Number of trainable parameters, and of multiply-accumulates for one image."""

    parameters: int
    macs: int


def costs(build: Callable[[], nn.Module], *shape: int, products: bool = False) -> Costs:
    """Return the costs of a network for one input of a shape, without allocating or computing anything.

    The tables of chapter 4 print multiply-accumulates of convolutions and linear layers under the heading "Flop";
    a floating point operation is half of one.

    Args:
        build: makes the network; it is called under torch's meta device.
        shape: of the input without the batch, e.g. 3, 32, 32.
        products: count products of activations with each other too, which the thesis leaves out.

    Example:
        >>> costs(lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 4 * 4, 10)), 3, 4, 4)
        Costs(parameters=1514, macs=4736)
    """
    with torch.device("meta"):
        model = build().eval()
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            model(torch.empty(1, *shape))
    counts = counter.get_flop_counts()["Global"]
    operations = sum(counts.values()) if products else sum(counts.get(operation, 0) for operation in COUNTED)
    return Costs(sum(p.numel() for p in model.parameters() if p.requires_grad), operations // 2)
