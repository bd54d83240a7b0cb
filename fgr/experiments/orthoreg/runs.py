"""One training run of chapter 5: a cell says what decides its result, a sweep runs many and keeps their rows."""

import functools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr import data, models
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data.loader import TensorLoader
from fgr.data.transforms import crop_and_flip, mean_std, resize, standardize
from fgr.initialization import lsuv_
from fgr.orthoreg import FILTER_LAYERS, OrthoReg, nearest_angles
from fgr.results import rows as results
from fgr.training import Epoch, local_device, train

NETWORKS = ("mlp", "digit_cnn", "wrn-10-1", "wrn-28-10", "wrn-28-4", "resnet-110")
EXPERIMENT = "orthoreg"
JUDGED = 10_000  # images of a split at most that an error is measured on; of the training part this is a sample


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


def balanced_subset(targets: Tensor, size: int, seed: int = 0) -> Tensor:
    """Return indices of `size` samples with class counts as equal as possible, by a fixed permutation.

    Raises:
        ValueError: if there are not that many samples.

    Example:
        >>> balanced_subset(torch.tensor([0, 0, 0, 1, 1, 1]), 4).sort().values.shape
        torch.Size([4])
    """
    if size > len(targets):
        raise ValueError(f"train_size {size} is more than the {len(targets)} images of the training part")
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    shuffled = targets[order]
    rank_in_class = torch.zeros_like(shuffled)
    for label in shuffled.unique():
        mine = shuffled == label
        rank_in_class[mine] = torch.arange(int(mine.sum()))
    return order[rank_in_class.argsort(stable=True)[:size]]


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


@torch.no_grad()
def error_rate(model: nn.Module, images: Tensor, targets: Tensor, device: torch.device, batch: int = 1000) -> float:
    """Return the share of images whose most likely class is wrong."""
    wrong = sum(
        (model(x.to(device)).argmax(1) != y.to(device)).sum().item()
        for x, y in zip(images.split(batch), targets.split(batch))
    )
    return wrong / len(targets)


class Trained(NamedTuple):
    """A finished run."""

    model: nn.Module
    history: list[Epoch]
    rows: list[results.Row]


def run_cell(cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None) -> Trained:
    """Train one cell with one seed and return the model, its history and its rows.

    Variants of a cell start from the same weights and see the same batches in the same order for the same seed.
    """
    where = local_device(device)
    results.provenance()  # of the code that is loaded now, should files change while the run is under way
    parts, num_classes = tensors(cell.dataset, cell.train_size)
    judged = {split: (images[:JUDGED], targets[:JUDGED]) for split, (images, targets) in parts.items()}
    loader = TensorLoader(
        *parts["train"],
        cell.batch_size,
        seed=seed,
        augment=crop_and_flip if cell.augment else None,
        drop_last=len(parts["train"][1]) >= cell.batch_size,
        device=where,
    )
    began = time.perf_counter()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_network(cell, num_classes, tuple(parts["train"][0].shape[1:]))
        if cell.lsuv:
            lsuv_(model, parts["train"][0][:500])
        torch.manual_seed(seed)  # dropout draws alike in all variants
        optimizer = torch.optim.SGD(
            model.parameters(), cell.lr, cell.momentum, weight_decay=cell.weight_decay, nesterov=cell.momentum > 0
        )
        steps = [max(1, round(fraction * cell.epochs)) for fraction in cell.milestones]
        history = train(
            model,
            loader,
            F.cross_entropy,
            optimizer,
            cell.epochs,
            schedule=torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, gamma=0.2) if steps else None,
            hooks=regularizer_hooks(model, cell),
            evaluate=lambda m: {split: error_rate(m, *part, where) for split, part in judged.items()},
            checkpoint=checkpoint,
            device=where,
            channels_last=cell.network != "mlp",
            label=f"{cell.network} {cell.mode} seed {seed}",
        )
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
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
    """Turn a history into rows: errors by epoch and by selection rule, overfitting, seconds, filter angles."""
    last, best_val = history[-1], min(history, key=lambda e: e.metrics["validation"])
    best_test = min(history, key=lambda e: e.metrics["test"])
    rows = [
        run.row("error", entry.metrics[split], "fraction", split, "epoch", entry.epoch)
        for entry in history
        for split in ("train", "validation", "test")
    ]
    for split in ("train", "validation", "test"):
        rows.append(run.row("error", last.metrics[split], "fraction", split, "last", last.epoch, seconds))
    rows.append(run.row("error", best_val.metrics["test"], "fraction", "test", "best-val", best_val.epoch, seconds))
    rows.append(run.row("error", best_test.metrics["test"], "fraction", "test", "best-test", best_test.epoch, seconds))
    gap = last.metrics["test"] - last.metrics["train"]
    rows.append(run.row("overfitting", gap, "fraction", "test", "last", last.epoch, seconds))
    rows.append(run.row("training_loss", last.loss, "nats", "train", "last", last.epoch, seconds))
    rows.append(run.row("nearest_angle", mean_nearest_angle(model), "degrees", "none", "last", last.epoch, seconds))
    epoch_seconds = sum(entry.seconds for entry in history) / len(history)
    rows.append(run.row("epoch_seconds", epoch_seconds, "seconds", "train", "none", last.epoch, seconds))
    return rows


def mean_nearest_angle(model: nn.Module) -> float:
    """Return the mean over all filters of the angle to the nearest filter of the same layer, in degrees."""
    angles = [
        nearest_angles(m.weight, getattr(m, "groups", 1)) for m in model.modules() if isinstance(m, FILTER_LAYERS)
    ]
    return torch.cat(angles).nanmean().rad2deg().item()


def sweep(
    cells: Iterable[Cell],
    seeds: Iterable[int],
    profile: str,
    device: str = "auto",
    record: Path | None = None,
    lent: Iterable[results.Row] = (),
) -> list[results.Row]:
    """Run every cell with every seed and return all rows; with `record`, finished runs are kept and found again.

    A recorded run is recognised by its configuration and seed. Its rows say which commit and source made them, and
    `fgr results rerun` repeats one to see that it still holds.

    Args:
        cells, seeds: what to run; seeds are the outer loop, so that an interrupted sweep holds whole pairs.
        profile, device: as in `run_cell`.
        record: CSV file to keep finished runs in; a run under way resumes from a checkpoint beside it.
        lent: rows of other sweeps, whose runs are taken over instead of run again.
    """
    cells = list(dict.fromkeys(cells))
    known, borrowed = _recorded(record), _by_run(lent)
    rows: list[results.Row] = []
    for seed in seeds:
        for cell in cells:
            name = results.run_id(EXPERIMENT, as_json(cell), seed)
            if name not in known:
                known[name] = borrowed.get(name) or _run_once(cell, seed, profile, device, record, name)
                if record is not None:
                    results.append(record, known[name])
            rows += known[name]
    return rows


def _run_once(cell: Cell, seed: int, profile: str, device: str, record: Path | None, name: str) -> list[results.Row]:
    checkpoint = record.parent / ".checkpoints" / f"{name}.pt" if record is not None else None
    made = run_cell(cell, seed, profile, device, checkpoint).rows
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return made


def _recorded(record: Path | None) -> dict[str, list[results.Row]]:
    if record is None or not record.exists():
        return {}
    return _by_run(results.Row(**values) for values in results.read(record).to_dict("records"))


def _by_run(rows: Iterable[results.Row]) -> dict[str, list[results.Row]]:
    runs: dict[str, list[results.Row]] = {}
    for row in rows:
        runs.setdefault(row.run_id, []).append(row)
    return runs


def cell_from_json(text: str) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> cell_from_json(as_json(Cell(mode="local"))) == Cell(mode="local")
        True
    """
    values = json.loads(text)
    values["milestones"] = tuple(values["milestones"])
    return Cell(**values)
