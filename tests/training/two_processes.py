"""A small training run in float64, started by test_distributed.py: in one process, or in two through torchrun.

Usage: python -m torch.distributed.run --standalone --nproc-per-node=2 two_processes.py FOLDER NAME[:KILL_AT] ...
"""

import os
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.data.loader import TensorLoader
from fgr.orthoreg import OrthoReg
from fgr.training import Step, local_device, process_group, rank, train, world_size

BATCHES = 4


def noise(images: Tensor, generator: torch.Generator) -> Tensor:
    return images + 0.1 * torch.randn(images.shape, generator=generator, dtype=images.dtype)


def run(folder: Path, name: str, kill_at: int = -1) -> None:
    """Train and leave NAME.pt, the checkpoint of the end, and NAME.<rank>.txt, the epochs that this rank recorded."""
    torch.manual_seed(0)
    images, targets = torch.randn(32, 1, 6, 6, dtype=torch.float64), torch.randint(5, (32,))
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-3)
    orthoreg = OrthoReg(model, strength=0.5)
    loader = TensorLoader(images, targets, 32 // BATCHES, 1, augment=noise, rank=rank(), world_size=world_size())

    def kill(step: Step) -> None:
        if step.epoch * BATCHES + step.batch == kill_at:
            os._exit(9)  # no clean-up, no exception handlers: as good as a power cut

    with (folder / f"{name}.{rank()}.txt").open("a") as record:
        train(
            model,
            loader,
            F.cross_entropy,
            optimizer,
            epochs=3,
            schedule=torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2], gamma=0.5),
            penalty=lambda m: 1e-3 * m[0].weight.square().sum(),
            hooks=[lambda step: orthoreg.step(step.lr), kill],
            evaluate=lambda m: {"logit": m(images[:1]).sum().item()},
            recorder=lambda entry: print(entry.epoch, file=record),
            checkpoint=folder / f"{name}.pt",
            checkpoint_every=2,
        )


if __name__ == "__main__":
    with process_group(local_device("cpu")):
        for argument in sys.argv[2:]:
            name, _, kill_at = argument.partition(":")
            run(Path(sys.argv[1]), name, int(kill_at or -1))
