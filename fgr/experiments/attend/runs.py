"""One training run of chapter 4: a network with or without attention, on one set of images."""

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr import data, models
from fgr.attention import attention_loss, augment, parameter_groups
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data.transforms import crop_and_flip, mean_std, standardize
from fgr.experiments.classification import Parts, balanced_subset, diverged_rows, fit, history_rows
from fgr.models.cluttered_cnn import TAPS
from fgr.results import rows as results
from fgr.training import Epoch, local_device

EXPERIMENT = "attend"
SPLITS = ("train", "validation", "test")
FAMILIES = ("cluttered_cnn", "stn", "face_cnn", "wrn", "att2")  # the last two with depth and width, e.g. wrn-10-1
BIRD_TAPS = ("pool4", "pool3", "pool2", "pool1")  # of face_cnn, the deepest first
JUDGED = {"train": 1_000, "validation": 5_000}  # images at most that errors are measured on; all of the test set


@dataclass(frozen=True)
class Cell:
    """One training run but for its seed: everything that decides its result."""

    network: str = "cluttered_cnn"  # one of FAMILIES
    layout: str = "printed"  # of cluttered_cnn: printed | released
    attention_depth: int = 0  # AD, modules; 0 is the network alone
    heads: int = 1  # AW, heads of each module
    gates: str = "softmax"  # softmax | sigmoid | none | projection
    masks: str = "softmax"  # softmax | sigmoid
    penalty: float = 0.0  # weight of the inter-mask penalty; 0.001 in the released code
    block_gradients: bool = False
    dataset: str = "cluttered_mnist"  # cluttered_mnist | cifar10 | synthetic_birds
    digits: str = "mnist"  # mnist | mnist_5k: what cluttered digits are made of
    distractors: int = 8
    train: int = 10_000  # images of each split; of cifar10 the training part is cut, 0 takes all
    validation: int = 2_000
    test: int = 5_000
    num_classes: int = 10  # species of birds
    size: int = 48  # pixels of a side of birds
    difficulty: float = 0.3  # of birds
    lr: float = 0.1
    momentum: float = 0.9  # with Nesterov
    weight_decay: float = 1e-5
    milestones: tuple[float, ...] = (0.5, 0.8)  # fractions of the run at which lr falls to a fifth
    batch_size: int = 100
    epochs: int = 6
    precision: str = "float32"  # or bfloat16: see `fgr.experiments.classification.fit`


class Trained(NamedTuple):
    """A finished run."""

    model: nn.Module
    history: list[Epoch]
    rows: list[results.Row]


DATA_FIELDS = ("dataset", "digits", "distractors", "train", "validation", "test", "num_classes", "size", "difficulty")


def image_sets(cell: Cell) -> dict[str, data.ImageSet]:
    """Return split -> images of a cell, with what is known of them."""
    return _image_sets(*(getattr(cell, name) for name in DATA_FIELDS))


@functools.lru_cache(maxsize=2)
def _image_sets(
    dataset: str,
    digits: str,
    distractors: int,
    train: int,
    validation: int,
    test: int,
    num_classes: int,
    size: int,
    difficulty: float,
) -> dict[str, data.ImageSet]:
    check_choice(dataset, ("cluttered_mnist", "cifar10", "synthetic_birds"), "dataset")
    counts = dict(zip(SPLITS, (train, validation, test)))
    if dataset == "cluttered_mnist":
        options = {"source": digits, "distractors": distractors}
        return {
            split: data.load(dataset, split, count=counts[split], masks=split == "test", **options) for split in SPLITS
        }
    if dataset == "synthetic_birds":
        options = {"num_species": num_classes, "size": size, "difficulty": difficulty}
        return {split: data.load(dataset, split, count=counts[split], **options) for split in SPLITS}
    sets = {split: data.load(dataset, split) for split in SPLITS}
    if train:
        sets["train"] = sets["train"].select(balanced_subset(sets["train"].targets, train))
    return sets


def scale(cell: Cell) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation that images are standardised by; cluttered digits stay in [0, 1], as released."""
    if cell.dataset == "cluttered_mnist":
        return (0.0,), (1.0,)
    return mean_std(image_sets(cell)["train"].images, per_channel=True)


@functools.lru_cache(maxsize=1)
def _tensors(cell: Cell) -> dict[str, tuple[Tensor, Tensor]]:
    shift, spread = scale(cell)
    return {split: (standardize(s.images, shift, spread), s.targets) for split, s in image_sets(cell).items()}


def parts_of(cell: Cell) -> Parts:
    """Return what a cell trains on and is judged by."""
    return _tensors(Cell(**{name: getattr(cell, name) for name in DATA_FIELDS}))  # shared by cells of the same data


def build(cell: Cell, seed: int) -> nn.Module:
    """Return the network of a cell. For one seed, all variants of a network start from the same weights of it.

    Raises:
        ValueError: on an unknown network, or attention where it has no place.
    """
    family, *numbers = cell.network.split("-")
    check_choice(family, FAMILIES, "network")
    options: dict[str, Any] = {"gates": cell.gates, "masks": cell.masks, "block_gradients": cell.block_gradients}
    options["look_first"] = True  # the same function, sooner
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family in ("wrn", "att2"):
            depth, width = map(int, numbers)
            if family == "att2":
                return models.WRNAtt2(depth, width, cell.num_classes, block_gradients=cell.block_gradients)
            if cell.attention_depth:
                return models.WARN(depth, width, cell.num_classes, cell.attention_depth, cell.heads, **options)
            return models.WideResNet(depth, width, cell.num_classes, shortcut="raw", stem_bn=True)  # WARN's own
        if family == "face_cnn":
            base, taps = models.face_cnn(cell.num_classes, cell.size, dropout=0.2), BIRD_TAPS
            shape = (3, cell.size, cell.size)
        else:
            base, taps, shape = models.cluttered_cnn(cell.num_classes, cell.layout), TAPS, (1, 40, 40)
        if family == "stn":
            return models.SpatialTransformer(base, models.localization_cnn())
        if not cell.attention_depth:
            return base
        if not 1 <= cell.attention_depth <= len(taps):
            raise ValueError(f"attention_depth of {family} must be 0 to {len(taps)}, got {cell.attention_depth}")
        taps = taps[: cell.attention_depth]
        return augment(base, taps, cell.num_classes, cell.heads, input_shape=shape, **options)


def scores_of(output: Any) -> Tensor:
    """Return the class scores (B, L) of any network of this chapter."""
    return output if isinstance(output, Tensor) else output.log_scores


def training_of(cell: Cell, model: nn.Module) -> Mapping[str, Any]:
    """Return what `fit` needs to know of a network: its loss, its scores, its parameter groups."""
    loss: Callable[[Any, Tensor], Tensor] = F.cross_entropy
    if cell.attention_depth:
        loss = functools.partial(attention_loss, penalty_weight=cell.penalty)
    groups = None
    if cell.network == "stn":  # its localization learns a hundred times more slowly, as in the released script
        groups = parameter_groups(model, model.localization, cell.lr, scale=0.01)
    return {"loss": loss, "scores": scores_of, "parameters": groups}


def run_cell(cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None) -> Trained:
    """Train one cell with one seed and return the model, its history and its rows.

    For one seed all variants see the same batches in the same order. A run whose loss becomes NaN has an empty history
    and rows that say so.
    """
    where = local_device(device)
    results.provenance()  # of the code that is loaded now, should files change while the run is under way
    parts = parts_of(cell)
    began = time.perf_counter()
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
    model = build(cell, seed)
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
            augment=None if cell.dataset == "cluttered_mnist" else crop_and_flip,
            device=where,
            checkpoint=checkpoint,
            label=f"{cell.network} AD {cell.attention_depth} seed {seed}",
            precision=cell.precision,
            judged=JUDGED,
            **training_of(cell, model),
        )
    except FloatingPointError:
        return Trained(model, [], diverged_rows(run, parts, cell.epochs, time.perf_counter() - began))
    return Trained(model, history, history_rows(run, history, time.perf_counter() - began))


def cell_of(other: Cell) -> Cell:
    """Return the training run that a cell with further fields builds on."""
    return Cell(**{field.name: getattr(other, field.name) for field in fields(Cell)})


def from_json(text: str, kind: type[Cell] = Cell) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> from_json(as_json(Cell(heads=4))) == Cell(heads=4)
        True
    """
    values = json.loads(text)
    values["milestones"] = tuple(values["milestones"])
    return kind(**values)


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(from_json(config), seed, profile).rows
