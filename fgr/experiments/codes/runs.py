"""One training run of chapter 6: new last layers with some output code, on cached features or end to end."""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr import models
from fgr import output_codes as oc
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data.synthetic.birds import taxonomy
from fgr.data.transforms import crop_and_flip
from fgr.experiments.classification import Parts, balanced_subset, fit, history_rows
from fgr.experiments.codes.features import Source, features, images
from fgr.results import rows as results
from fgr.training import local_device

EXPERIMENT = "codes"
CODES = ("one_hot", "dense_random", "gaussian", "hadamard", "spectral", "taxonomy", "attributes", "learned")
HEADS = ("code", "smooth", "cosine")  # how the last layer is trained: by its code; one-hot with smoothed labels; cosine
REAL = ("gaussian", "spectral", "attributes")  # codes of real numbers, which can be thresholded
OF_BIRDS = ("taxonomy", "attributes")  # codes that are given with generated birds
ON = ("features", "images")
FLOOR = 0.01  # nats: the temperature lets the loss on the codewords themselves fall to this, for every code alike


@dataclass(frozen=True)
class Cell:
    """One training run but for its seed: everything that decides its result."""

    code: str = "one_hot"  # one of CODES
    threshold: str = "none"  # none | zero | median, for codes of real numbers
    length: int = 100  # k; for one_hot fewer than the classes leaves bits out
    head: str = "code"  # one of HEADS; the others need one_hot
    on: str = "features"  # features | images (end to end)
    hidden: int = 256  # units of fc7
    lr: float = 0.1
    momentum: float = 0.9  # with Nesterov
    weight_decay: float = 1e-4
    batch_size: int = 64
    epochs: int = 20
    num_classes: int = 100
    size: int = 64
    difficulty: float = 0.5
    train: int = 8_000
    validation: int = 2_000
    test: int = 4_000
    feature_epochs: int = 15
    train_size: int = 0  # images that the new layers are trained on, in equal shares of the classes; 0: all
    precision: str = "float32"  # or bfloat16: see `fgr.experiments.classification.fit`
    dataset: str = "synthetic_birds"  # or cifar10
    network: str = "face_cnn"  # that makes the features, or efficientnet_lite0

    @property
    def source(self) -> Source:
        """The images of this run, and the network that reads them."""
        shared = ("num_classes", "size", "difficulty", "train", "validation", "test", "dataset", "network")
        return Source(**{name: getattr(self, name) for name in shared}, epochs=self.feature_epochs)


@functools.lru_cache(maxsize=4)
def similarity(source: Source, device: str = "cpu") -> Tensor:
    """Return the similarity of classes (n, n) by the features of the training images, for data-based codes."""
    train, targets = features(source, device).parts["train"]
    return oc.similarity_from_features(train.double(), targets, source.num_classes)


def levels(num_species: int) -> Tensor:
    """Return order, family and genus of every species (n, 3)."""
    tree = taxonomy(num_species)
    return torch.stack([tree.order, tree.family, tree.genus], 1)


@functools.lru_cache(maxsize=64)
def code_matrix(code: str, threshold: str, length: int, source: Source, seed: int) -> Tensor:
    """Return the code matrix (n, length) that a cell names; random codes draw from `seed`.

    Raises:
        ValueError: on an unknown code, or a threshold where there is nothing to threshold.
    """
    check_choice(code, CODES, "code")
    if threshold != "none" and code not in REAL:
        raise ValueError(f"{code} is binary already: threshold {threshold!r} does not apply")
    if code in OF_BIRDS and source.dataset != "synthetic_birds":
        raise ValueError(f"{source.dataset} comes without a tree and attributes: code {code!r} needs birds")
    n, generator = source.num_classes, torch.Generator().manual_seed(seed)
    make: dict[str, Callable[[], Tensor]] = {
        "one_hot": lambda: oc.one_hot(n, length),
        "dense_random": lambda: oc.dense_random(n, length, generator),
        "gaussian": lambda: oc.gaussian(n, length, generator),
        "hadamard": lambda: oc.hadamard(n, length, generator),
        "spectral": lambda: oc.spectral(similarity(source), length),
        "taxonomy": lambda: oc.from_taxonomy(levels(n), length, generator),
        "attributes": lambda: oc.from_attributes(taxonomy(n).attributes.double()),
    }
    made = make[code]().float()
    return oc.binarize(made, threshold) if threshold != "none" else made


def output_layers(cell: Cell, width: int, seed: int) -> nn.Module:
    """Return the last layers, (B, width) -> (B, n) logits, with torch's current random state."""
    check_choice(cell.head, HEADS, "head")
    n, whole = cell.num_classes, cell.code == "one_hot" and cell.length == cell.num_classes
    if cell.head != "code" and not whole:
        raise ValueError(f"head {cell.head!r} is for one_hot at full length")
    if cell.head == "cosine":
        return oc.CosineHead(width, n)
    if whole:
        return nn.Linear(width, n)  # the ordinary softmax layer
    if cell.code == "learned":
        return nn.Sequential(nn.Linear(width, cell.length), oc.LearnedCodes(n, cell.length))
    codes = code_matrix(cell.code, cell.threshold, cell.length, cell.source, seed)
    # one-hot with bits left out, and thresholded cuts, leave some classes with equal words, which nothing tells apart
    equal_words = cell.code == "one_hot" or cell.threshold != "none"
    scale = None if cell.code == "one_hot" else oc.scale_for_loss(codes.unique(dim=0), FLOOR)
    head = oc.CodeHead(codes, scale, allow_duplicates=equal_words)
    return nn.Sequential(nn.Linear(width, codes.shape[1]), head)


def build(cell: Cell, seed: int, width: int) -> nn.Module:
    """Return the network of a cell: fc7 and the output layers, behind the whole small VGG if it is end to end."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fc7 = nn.Sequential(nn.Linear(width, cell.hidden), nn.ReLU(), nn.Dropout(0.5))
        nn.init.kaiming_normal_(fc7[0].weight, nonlinearity="relu")
        last = output_layers(cell, cell.hidden, seed)
        if cell.on == "features":
            return nn.Sequential(fc7, last)
        torch.manual_seed(seed)
        trunk = models.face_cnn(cell.num_classes, cell.size, hidden=width)
        before = [module for name, module in trunk.named_children() if name not in ("fc7", "relu7", "drop7", "fc8")]
        return nn.Sequential(*before, fc7, last)


def parts_of(cell: Cell, device: str = "cpu") -> Parts:
    """Return what a cell trains on and is judged by."""
    check_choice(cell.on, ON, "on")
    parts = dict(features(cell.source, device).parts if cell.on == "features" else images(cell.source))
    if cell.train_size:
        inputs, targets = parts["train"]
        chosen = balanced_subset(targets, cell.train_size)
        parts["train"] = (inputs[chosen], targets[chosen])
    return parts


def run_cell(
    cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None
) -> tuple[nn.Module, list[results.Row]]:
    """Train one cell with one seed and return the network and its rows.

    For one seed all cells start from the same fc7 and see the same batches.
    """
    where = local_device(device)
    results.provenance()
    parts = parts_of(cell, str(where))
    width = features(cell.source, str(where)).parts["train"][0].shape[1]
    began = time.perf_counter()
    model = build(cell, seed, width)
    history = fit(
        model,
        parts,
        seed=seed,
        epochs=cell.epochs,
        lr=cell.lr,
        momentum=cell.momentum,
        weight_decay=cell.weight_decay,
        milestones=(0.5, 0.8),
        batch_size=cell.batch_size,
        loss=functools.partial(F.cross_entropy, label_smoothing=0.1 if cell.head == "smooth" else 0.0),
        augment=crop_and_flip if cell.on == "images" else None,
        device=where,
        checkpoint=checkpoint,
        label=f"{cell.code} {cell.length} bits, seed {seed}",
        precision=cell.precision,
    )
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
    seconds = time.perf_counter() - began
    rows = history_rows(run, history, seconds)
    area = sum(entry.metrics["test"] for entry in history) / len(history)
    rows.append(run.row("mean_error", area, "fraction", "test", "none", history[-1].epoch, seconds))
    if isinstance(last := model[-1], nn.Sequential) and isinstance(last[-1], oc.CodeHead):
        words = len(last[-1].codes.unique(dim=0))  # fewer than the classes: some cannot be told apart
        rows.append(run.row("distinct_words", float(words), "count", "none", "none", 0))
    return model, rows


def cell_from_json(text: str) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> cell_from_json(as_json(Cell(code="gaussian"))) == Cell(code="gaussian")
        True
    """
    return Cell(**json.loads(text))


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(cell_from_json(config), seed, profile)[1]
