"""One training run of chapter 5: a cell says what decides its result, a sweep runs many and keeps their rows."""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgr import data, models
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data.transforms import crop_and_flip, mean_std, resize, standardize
from fgr.experiments.classification import balanced_subset, diverged_rows, fit, history_rows
from fgr.initialization import lsuv_
from fgr.orthoreg import FILTER_LAYERS, OrthoReg, nearest_angles
from fgr.results import rows as results
from fgr.training import Epoch, local_device

NETWORKS = ("mlp", "digit_cnn", "wrn-10-1", "wrn-28-10", "wrn-28-4", "resnet-110")
EXPERIMENT = "orthoreg"


@dataclass(frozen=True)
class Cell:
    """One training run but for its seed: everything that decides its result."""

    network: str = "mlp"  # one of NETWORKS
    hidden: int = 1024  # units a hidden layer of the MLP
    dataset: str = "mnist"  # manifest name
    train_size: int = 0  # images to train on, class by class in equal shares; 0: the whole training part
    mode: str = "none"  # none | global | local
    strength: float = 0.0  # gamma
    locality: float = 10.0  # lambda; without effect in the other modes
    layers: str = "all"  # all | conv
    restore_norms: bool = True
    normalize_gradients: bool = False
    dropout: float = 0.0
    lsuv: bool = False
    lr: float = 0.1
    momentum: float = 0.0  # with Nesterov where it is not 0
    weight_decay: float = 0.0
    milestones: tuple[float, ...] = ()  # fractions of the run at which lr falls to a fifth
    augment: bool = False  # 4-pixel reflection crops and flips
    batch_size: int = 200
    epochs: int = 10


def build_network(cell: Cell, num_classes: int, shape: tuple[int, ...]) -> nn.Module:
    """Build the network that a cell names, with torch's current random state."""
    check_choice(cell.network, NETWORKS, "network")
    if cell.network == "mlp":
        return models.mlp(shape[0] * shape[1] * shape[2], cell.hidden, depth=3, num_classes=num_classes)
    if cell.network == "digit_cnn":
        return models.digit_cnn(num_classes, cell.dropout)
    if cell.network.startswith("wrn-"):
        depth, width = map(int, cell.network.split("-")[1:])
        return models.WideResNet(depth, width, num_classes, dropout=cell.dropout, in_channels=shape[0])
    return models.ResNetCIFAR(int(cell.network.split("-")[1]), num_classes)


@functools.lru_cache(maxsize=1)
def tensors(dataset: str, train_size: int) -> tuple[dict[str, tuple[Tensor, Tensor]], int]:
    """Load and scale a data set: digits at 32 x 32 under global standardisation, colours standardised by channel.

    Returns:
        split -> (images (B, C, 32, 32) float32, targets), with statistics of the training images, and the classes.
    """
    sets = {split: data.load(dataset, split) for split in ("train", "validation", "test")}
    if train_size:
        sets["train"] = sets["train"].select(balanced_subset(sets["train"].targets, train_size))
    images = {split: s.images if s.images.shape[-1] == 32 else resize(s.images, 32) for split, s in sets.items()}
    mean, std = mean_std(images["train"], per_channel=images["train"].shape[1] == 3)
    ready = {split: (standardize(images[split], mean, std), sets[split].targets) for split in sets}
    return ready, len(sets["train"].classes)


class Trained(NamedTuple):
    """A finished run."""

    model: nn.Module
    history: list[Epoch]
    rows: list[results.Row]


def run_cell(cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None) -> Trained:
    """Train one cell with one seed and return the model, its history and its rows.

    Variants of a cell start from the same weights and see the same batches in the same order for the same seed. A run
    whose loss becomes NaN has an empty history and rows that say so.
    """
    where = local_device(device)
    results.provenance()  # of the code that is loaded now, should files change while the run is under way
    parts, num_classes = tensors(cell.dataset, cell.train_size)
    began = time.perf_counter()
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_network(cell, num_classes, tuple(parts["train"][0].shape[1:]))
        if cell.lsuv:
            lsuv_(model, parts["train"][0][:500])
        try:
            history = fit(
                model,
                parts,
                seed=seed,
                epochs=cell.epochs,
                lr=cell.lr,
                momentum=cell.momentum,
                weight_decay=cell.weight_decay,
                milestones=cell.milestones,
                batch_size=cell.batch_size,
                augment=crop_and_flip if cell.augment else None,
                hooks=regularizer_hooks(model, cell),
                device=where,
                checkpoint=checkpoint,
                label=f"{cell.network} {cell.mode} seed {seed}",
            )
        except FloatingPointError:
            return Trained(model, [], diverged_rows(run, parts, cell.epochs, time.perf_counter() - began))
    return Trained(model, history, rows_of(run, model, history, time.perf_counter() - began))


def regularizer_hooks(model: nn.Module, cell: Cell) -> list[Callable]:
    """Return the hook that applies OrthoReg after every optimiser step; none in mode "none"."""
    if cell.mode == "none":
        return []
    orthoreg = OrthoReg(
        model,
        strength=cell.strength,
        locality=cell.locality,
        mode=cell.mode,
        layers=cell.layers,
        restore_norms=cell.restore_norms,
        normalize_gradients=cell.normalize_gradients,
    )
    return [lambda step: orthoreg.step(step.lr)]


def rows_of(run: results.Run, model: nn.Module, history: list[Epoch], seconds: float) -> list[results.Row]:
    """Turn a run into rows: its history, and the angles of its filters."""
    angle = run.row("nearest_angle", mean_nearest_angle(model), "degrees", "none", "last", history[-1].epoch, seconds)
    *before, epoch_seconds = history_rows(run, history, seconds)
    return [*before, angle, epoch_seconds]


def mean_nearest_angle(model: nn.Module) -> float:
    """Return the mean over all filters of the angle to the nearest filter of the same layer, in degrees."""
    angles = [
        nearest_angles(m.weight, getattr(m, "groups", 1)) for m in model.modules() if isinstance(m, FILTER_LAYERS)
    ]
    return torch.cat(angles).nanmean().rad2deg().item()


def cell_from_json(text: str) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> cell_from_json(as_json(Cell(mode="local"))) == Cell(mode="local")
        True
    """
    values = json.loads(text)
    values["milestones"] = tuple(values["milestones"])
    return Cell(**values)


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(cell_from_json(config), seed, profile).rows
