"""Train any model: one loop, atomic checkpoints, one or many processes."""

from fgr.training.checkpoint import load_checkpoint, save_checkpoint
from fgr.training.distributed import local_device, process_group, rank, world_size
from fgr.training.loop import Epoch, Step, train

__all__ = [
    "Epoch",
    "Step",
    "load_checkpoint",
    "local_device",
    "process_group",
    "rank",
    "save_checkpoint",
    "train",
    "world_size",
]
