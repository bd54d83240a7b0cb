"""One fine-tuning run (Tables 4.3, 4.4): a network that knows ImageNet learns other classes, with attention or without.

The thesis tunes WRN-50. Recorded here is EfficientNet-Lite0, whose weights everybody can have; torchvision's WRN-50-2
runs where its weights can be downloaded. With `frozen` the layers stay as they are: what they compute is kept, and only
the classifier and the attention learn. Otherwise all of it learns, what knows ImageNet at a tenth of the rate.
"""

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.attention import AttendAndRectify, attention_loss, augment, parameter_groups
from fgr.config import as_json
from fgr.data.transforms import crop_and_flip, standardize
from fgr.experiments.attend import backbones
from fgr.experiments.attend.packed import FeatureHead, Packed, packed
from fgr.experiments.attend.photographs import Source, images_of
from fgr.experiments.attend.runs import Trained, scores_of
from fgr.experiments.classification import Parts, diverged_rows, fit, history_rows
from fgr.results import rows as results
from fgr.training import local_device

EXPERIMENT = "attend_finetune"
CURVE = 10  # points of a recorded learning curve at most
AT_ONCE = 100  # images that are judged at a time


@dataclass(frozen=True)
class Cell:
    """One fine-tuning run but for its seed: everything that decides its result."""

    network: str = "efficientnet_lite0"  # what knows ImageNet, one of `backbones.BACKBONES`
    attention_depth: int = 0  # AD, modules; 0 is the network alone
    heads: int = 1  # AW, heads of each module
    taps: tuple[str, ...] = ("blocks.15", "blocks.10")  # layers that modules read, the deepest first; see `Backbone`
    frozen: bool = True  # only the classifier and the attention learn
    dataset: str = "synthetic_birds"  # this and what follows: see `Source`
    folder: str = ""
    num_classes: int = 50
    size: int = 64
    difficulty: float = 0.5
    train: int = 4_000
    validation: int = 1_000
    test: int = 2_000
    read: int = 96
    lr: float = 0.01  # of what is new; what is pre-trained learns at a tenth of it
    momentum: float = 0.9  # with Nesterov
    weight_decay: float = 5e-4
    milestones: tuple[float, ...] = (0.3, 0.6, 0.9)  # fractions of the run at which lr falls to a tenth
    batch_size: int = 64
    epochs: int = 30
    precision: str = "float32"  # or bfloat16: see `fgr.experiments.classification.fit`

    def __post_init__(self) -> None:
        backbones.backbone(self.network)

    @property
    def source(self) -> Source:
        """The images."""
        return Source(**{field.name: getattr(self, field.name) for field in fields(Source)})


class Task(NamedTuple):
    """What learns, split -> (what it is given, targets), and further options of `fit`."""

    learner: nn.Module
    parts: Parts
    options: Mapping[str, Any]


def build(cell: Cell, seed: int, num_classes: int) -> nn.Module:
    """Return the network of a cell: ImageNet's weights, a new classifier, and new attention if it has any.

    For one seed all cells start from the same classifier.

    Raises:
        ValueError: on a layer that does not exist, or more depth than there are taps.
        OSError: if the weights cannot be had.
    """
    if not 0 <= cell.attention_depth <= len(cell.taps):
        raise ValueError(f"attention_depth must be 0 to {len(cell.taps)}, the taps, got {cell.attention_depth}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        base = backbones.pretrained(cell.network, num_classes)
        if not cell.attention_depth:
            return base
        taps, shape = cell.taps[: cell.attention_depth], (3, cell.read, cell.read)
        known = backbones.backbone(cell.network)
        return augment(
            base, taps, num_classes, cell.heads, known.classifier, shape, tap_norm=known.tap_norm, look_first=True
        )


class ReadsBytes(nn.Module):
    """A network that is given bytes and standardises them itself, so that large sets take a quarter of the memory."""

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network, self.mean, self.std = network, mean, std

    def forward(self, images: Tensor) -> Any:
        return self.network(standardize(images, self.mean, self.std))


@functools.lru_cache(maxsize=1)
def _packed(source: Source, name: str, taps: tuple[str, ...], device: str) -> Packed:
    return packed({split: images for split, (images, _) in images_of(source).parts.items()}, name, taps, device)


def frozen_task(cell: Cell, network: nn.Module, device: str = "cpu") -> Task:
    """Return the task of what lies behind the frozen layers: to learn from what they computed of all images."""
    kept, shown = _packed(cell.source, cell.network, cell.taps, device), images_of(cell.source).parts
    width = kept.width(cell.attention_depth)
    parts = {split: (rows[:, :width], shown[split][1]) for split, rows in kept.rows.items()}
    head = FeatureHead(network, backbones.backbone(cell.network).classifier, kept.shapes[: cell.attention_depth])
    return Task(head, parts, {})


def whole_task(cell: Cell, network: nn.Module) -> Task:
    """Return the task of a whole network: to learn from shifted and mirrored images, the old layers slowly.

    Shifts are those of random squares of 224 pixels out of 256, in proportion.
    """
    base = network.base if isinstance(network, AttendAndRectify) else network
    learner = ReadsBytes(network, *backbones.scale(cell.network))
    options = {
        "parameters": parameter_groups(learner, backbones.old_layers(base, cell.network), cell.lr),
        "augment": functools.partial(crop_and_flip, padding=cell.read // 14),
    }
    return Task(learner, images_of(cell.source).parts, options)


def run_cell(cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None) -> Trained:
    """Tune one cell with one seed and return the whole network, its history and its rows.

    For one seed all variants see the same images in the same order. Rows also hold how many parameters the network has
    alone, and how many the attention adds. A run whose loss becomes NaN has an empty history.
    """
    where = local_device(device)
    results.provenance()  # of the code that is loaded now, should files change while the run is under way
    network = build(cell, seed, len(images_of(cell.source).classes))
    task = frozen_task(cell, network, where.type) if cell.frozen else whole_task(cell, network)
    began = time.perf_counter()
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
    counts = [run.row(name, count, "count", "none", "none", 0) for name, count in parameters(network).items()]
    try:
        history = fit(
            task.learner,
            task.parts,
            seed=seed,
            epochs=cell.epochs,
            lr=cell.lr,
            momentum=cell.momentum,
            weight_decay=cell.weight_decay,
            milestones=cell.milestones,
            decay=0.1,
            batch_size=cell.batch_size,
            loss=functools.partial(attention_loss, penalty_weight=0.0) if cell.attention_depth else F.cross_entropy,
            scores=scores_of,
            device=where,
            checkpoint=checkpoint,
            label=f"{cell.network} AD {cell.attention_depth} seed {seed}",
            judged_at_once=AT_ONCE,
            precision=cell.precision,
            **task.options,
        )
    except FloatingPointError:
        return Trained(network, [], counts + diverged_rows(run, task.parts, cell.epochs, time.perf_counter() - began))
    rows = history_rows(run, history, time.perf_counter() - began, CURVE)
    return Trained(network.to(where).eval(), history, counts + rows)


def parameters(network: nn.Module) -> dict[str, int]:
    """Return how many the network has alone, "parameters", and how many the attention adds, "added_parameters".

    Example:
        >>> from fgr.models import EfficientNetLite0
        >>> parameters(EfficientNetLite0(10))
        {'parameters': 3383818, 'added_parameters': 0}
    """
    base = network.base if isinstance(network, AttendAndRectify) else network
    alone, every = (sum(p.numel() for p in model.parameters()) for model in (base, network))
    return {"parameters": alone, "added_parameters": every - alone}


def from_json(text: str) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> from_json(as_json(Cell(heads=4))) == Cell(heads=4)
        True
    """
    values = json.loads(text)
    return Cell(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(from_json(config), seed, profile).rows
