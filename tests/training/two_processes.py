"""A small training run in float64, started by test_distributed.py: in one process, or in two through torchrun.

Usage: python -m torch.distributed.run --standalone --nproc-per-node=2 --max-restarts=1 two_processes.py FOLDER
Trains "two", then "killed", whose processes die in the middle; torchrun starts them again, and they go on.
"""

import os
import shutil
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.data.loader import TensorLoader
from fgr.orthoreg import OrthoReg
from fgr.training import Step, local_device, process_group, rank, train, world_size

BATCHES = 4
KILL_AT = 7  # the last step of epoch 2; the checkpoint then holds the epoch's first two batches


def noise(images: Tensor, generator: torch.Generator) -> Tensor:
    return images + 0.1 * torch.randn(images.shape, generator=generator, dtype=images.dtype)


def run(folder: Path, name: str, kill_at: int = -1) -> None:
    """Train and leave NAME.pt, the checkpoint of the end, and NAME.<rank>.txt, the epochs that this rank recorded."""
    checkpoint = folder / f"{name}.pt"
    if checkpoint.exists() and rank() == 0:
        shutil.copy(checkpoint, folder / f"{name}.found.pt")
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
            checkpoint=checkpoint,
            checkpoint_every=2,
        )


if __name__ == "__main__":
    with process_group(local_device("cpu")):
        folder, restarted = Path(sys.argv[1]), os.environ["TORCHELASTIC_RESTART_COUNT"] != "0"
        if not restarted:
            run(folder, "two")
        run(folder, "killed", -1 if restarted else KILL_AT)
