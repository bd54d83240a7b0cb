"""One training run of chapter 3: a network that reads a face small, large, or small with a few large patches."""

import functools
import json
import math
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.transforms import crop_and_flip, mean_std, resize, standardize
from fgr.experiments.classification import Parts, fit, history_rows
from fgr.experiments.glimpses import faces
from fgr.glimpse import Glimpse, LinearGridHead, expected_value
from fgr.metrics import mean_absolute_error, one_off_accuracy, pearson
from fgr.models.glimpse import FromOneImage, glimpse_vgg
from fgr.models.named import preparation, read_weights
from fgr.models.vgg import SMALL, VGG, VGG16, load_vgg_weights
from fgr.results import rows as results
from fgr.training import Epoch, local_device

EXPERIMENT = "glimpses"
NETWORKS = ("low", "high", "glimpse")  # the same network on the small view; on the large image; with glimpses
STAGES = {"small": SMALL, "vgg16": VGG16}  # backbone -> widths of its convolutions; the small one is normalised
BATCH = 200  # images at a time where nothing is learned
SPREAD = 0.25  # image sides around the middle that a grid starts with, see `fgr.glimpse.LinearGridHead`
JUDGED = ("validation", "test")  # splits that a finished network is measured on, on all of their images
WATCHED = 200  # images of a split that an error is measured on after each epoch


@dataclass(frozen=True)
class Cell:
    """One training run but for its seed: everything that decides its result."""

    network: str = "glimpse"  # one of NETWORKS
    labels: str = "age"  # age (eight groups) | gender | years (a class a year, read by DEX)
    grid: int = 8  # k
    patches: int = 5  # n
    backbone: str = "small"  # small | vgg16, see STAGES
    weights: str = ""  # file of VGG-Face's weights, of which the convolutions are taken; empty: random
    depth: int = 2  # poolings of the what network
    shared: bool = True  # whether where and what share their first layers
    weighting: str = "hadamard"  # hadamard | sum | none
    merge: str = "concat"  # concat | add
    choice: str = "top"  # top | sample, in training
    low_size: int = 24  # side of the small view
    high_size: int = 96  # side of the large image
    margin: float = 0.25  # share of the side of generated photographs that is cut off around faces
    hidden: int = 128  # units of fc6 and fc7
    dropout: float = 0.2
    dataset: str = faces.GENERATED  # or one of `faces.OWN`
    folder: str = ""  # of one's own faces
    population: str = "a"  # of generated faces
    per_subject: int = 2  # photographs of each generated person
    train: int = 4_000  # generated faces of each split
    validation: int = 500
    test: int = 1_000
    folds: int = 0  # 0: the generated splits; else the training part is cut in folds, and fold seed % folds tests
    lr: float = 0.02
    momentum: float = 0.9  # with Nesterov
    weight_decay: float = 5e-4
    batch_size: int = 50
    epochs: int = 12
    precision: str = "float32"  # or bfloat16: see `fgr.experiments.classification.fit`


class Trained(NamedTuple):
    """A finished run: the network, which takes uint8 images (B, 3, H, W) of the large size, and its rows."""

    model: nn.Module
    rows: list[results.Row]


class Scaled(nn.Module):
    """A network behind the scale of its images: uint8 (B, 3, H, W), red first -> what the network returns."""

    def __init__(self, net: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], bgr: bool = False) -> None:
        super().__init__()
        self.net = net
        self.mean, self.std, self.bgr = mean, std, bgr

    def forward(self, images: Tensor) -> Tensor | Glimpse:
        scaled = standardize(images, self.mean, self.std)
        return self.net(scaled.flip(1) if self.bgr else scaled)


class Shrunk(nn.Module):
    """A network that reads one view of the whole image: (B, 3, H, W) -> what the network returns for that size."""

    def __init__(self, net: nn.Module, size: int) -> None:
        super().__init__()
        self.net, self.size = net, size

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images if images.shape[-1] == self.size else resize(images, self.size))


def image_sets(cell: Cell, seed: int = 0) -> dict[str, ImageSet]:
    """Return split -> faces of a run, in memory at the large size, with the classes that it learns.

    Raises:
        ValueError: if one's own faces are to be used without folds.
    """
    if cell.folds:
        whole = _read(cell, "train", cell.train)
        return faces.in_folds(faces.labelled(whole, cell.labels), cell.folds, seed)
    if cell.dataset != faces.GENERATED:
        raise ValueError(f"{cell.dataset} has no split of its own here: set folds to 3 or more, e.g. folds=5")
    counts = {split: getattr(cell, split) for split in faces.SPLITS}
    return {split: faces.labelled(_read(cell, split, count), cell.labels) for split, count in counts.items()}


def others(cell: Cell, population: str) -> ImageSet:
    """Return the test faces of another generated population, with the classes that the run learns."""
    check_choice(cell.dataset, (faces.GENERATED,), "dataset of a cross-set run")
    return faces.labelled(_read(replace(cell, population=population), "test", cell.test), cell.labels)


def _read(cell: Cell, split: str, count: int) -> ImageSet:
    where = (cell.dataset, cell.folder, split, count, cell.high_size)
    return faces.read(*where, cell.population, cell.per_subject, cell.margin)


def network(cell: Cell, num_classes: int) -> nn.Module:
    """Return the network of a cell without the scale of its images: float (B, 3, H, W) -> scores, or a `Glimpse`.

    After four poolings little is left of a small view (2 x 2 places of 32 pixels), so that the grid is predicted by a
    linear layer over all of them and not place by place. It starts in the middle, where faces are: a small network that
    starts anywhere, and from random weights, never finds them.
    """
    check_choice(cell.network, NETWORKS, "network")
    check_choice(cell.backbone, tuple(STAGES), "backbone")
    stages = STAGES[cell.backbone]
    shared = {"hidden": cell.hidden, "dropout": cell.dropout, "batch_norm": cell.backbone == "small"}
    if cell.network != "glimpse":
        size = cell.low_size if cell.network == "low" else cell.high_size
        return Shrunk(VGG(stages, num_classes=num_classes, size=size, **shared), size)
    shape = (stages[-1][-1], *[cell.low_size >> len(stages)] * 2)
    locate = LinearGridHead(shape, cell.grid, None if cell.weights else SPREAD)
    options = ("low_size", "high_size", "grid", "patches", "depth", "shared", "weighting", "merge", "choice")
    chosen = {name: getattr(cell, name) for name in options}
    return FromOneImage(glimpse_vgg(num_classes, stages, locate=locate, **chosen, **shared), cell.low_size)


def build(cell: Cell, seed: int, num_classes: int, train: Tensor) -> Scaled:
    """Return the network of a cell behind the scale of its images; one seed starts the convolutions of all alike.

    Images are scaled by those of the training part, or, where weights are loaded, as these want them.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = network(cell, num_classes)
        torch.manual_seed(seed)
        start = VGG(STAGES[cell.backbone], cell.hidden, 1, cell.low_size, batch_norm=cell.backbone == "small")
    if cell.weights:
        load_vgg_weights(start, read_weights(Path(cell.weights)), head=False)
    state = start.state_dict()
    for part in (built.net.where, built.net.what) if cell.network == "glimpse" else (built.net,):
        mine = {name for name in part.state_dict() if not name.startswith("fc")}  # these start anew (section 3.5)
        part.load_state_dict({name: state[name] for name in mine}, strict=False)
    return Scaled(built, *(preparation("vgg_face") if cell.weights else mean_std(train)))


def scores_of(output: Tensor | Glimpse) -> Tensor:
    """Return the class scores (B, L) of any network of this chapter."""
    return output if isinstance(output, Tensor) else output.scores


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Return class scores (B, L) of images on the CPU, without training."""
    model.eval()
    where = next(model.parameters()).device
    return torch.cat([scores_of(model(batch.to(where))).cpu() for batch in images.split(BATCH)])


def measures(scores: Tensor, part: ImageSet, labels: str) -> dict[str, tuple[float, str]]:
    """Return name -> (value, unit) of what the tables print: accuracy, 1-off accuracy of groups, MAE of years.

    Beside them the correlation of the expected with the true class, which small runs show more surely than a rate.
    """
    predicted = scores.argmax(1)
    expected = expected_value(scores, torch.arange(scores.shape[1], dtype=scores.dtype))
    if labels == "years":
        age = part.annotations["age"].clamp(max=faces.OLDEST)
        return {"mae": (mean_absolute_error(expected + 0.5, age), "years")}  # the class 30 means 30.0 to 31.0
    found = {"accuracy": ((predicted == part.targets).double().mean().item(), "fraction")}
    if labels == "age":
        found["one_off_accuracy"] = (one_off_accuracy(predicted, part.targets), "fraction")
    if math.isfinite(related := pearson(expected, part.targets)):  # undefined if all faces are answered alike
        found["correlation"] = (related, "none")
    return found


def loss_of(output: Tensor | Glimpse, targets: Tensor) -> Tensor:
    """Return the cross-entropy of any network of this chapter."""
    return nn.functional.cross_entropy(scores_of(output), targets)


def run_cell(cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None) -> Trained:
    """Train one cell with one seed; with folds, the seed also says which fold tests.

    For one seed all variants see the same batches, shifted and mirrored alike. A run that diverges is judged as a
    network that names the first class whatever it sees.
    """
    where = local_device(device)
    results.provenance()  # of the code that is loaded now, should files change while the run is under way
    sets = image_sets(cell, seed)
    parts = {split: (part.images, part.targets) for split, part in sets.items()}
    began = time.perf_counter()
    model = build(cell, seed, len(sets["train"].classes), sets["train"].images)
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(where))
    try:
        history = _fit(cell, seed, model, parts, where, checkpoint)
        rows = [row for row in history_rows(run, history, 0.0) if row.split == "train" and row.selection != "epoch"]
        scores = {split: predict(model, sets[split].images) for split in JUDGED}
    except FloatingPointError:
        rows = [run.row("diverged", 1.0, "none", "train", "last", cell.epochs)]
        scores = {split: torch.zeros(len(sets[split]), len(sets[split].classes)) for split in JUDGED}
    seconds = time.perf_counter() - began
    for split in JUDGED:
        for name, (value, unit) in measures(scores[split], sets[split], cell.labels).items():
            rows.append(run.row(name, value, unit, split, "last", cell.epochs, seconds))
    return Trained(model.cpu(), rows)


def _fit(
    cell: Cell, seed: int, model: Scaled, parts: Parts, where: torch.device, checkpoint: Path | None
) -> list[Epoch]:
    return fit(
        model,
        parts,
        seed=seed,
        epochs=cell.epochs,
        lr=cell.lr,
        momentum=cell.momentum,
        weight_decay=cell.weight_decay,
        milestones=(0.6, 0.85),
        batch_size=cell.batch_size,
        loss=loss_of,
        scores=scores_of,
        augment=functools.partial(crop_and_flip, padding=max(1, cell.high_size // 16)),
        device=where,
        checkpoint=checkpoint,
        label=f"{cell.network} {cell.labels} k {cell.grid} n {cell.patches}, seed {seed}",
        judged=WATCHED,
        precision=cell.precision,
    )


def cell_of(other: Cell) -> Cell:
    """Return the training run that a cell with further fields builds on."""
    return Cell(**{field.name: getattr(other, field.name) for field in fields(Cell)})


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows.

    Example:
        >>> Cell(**json.loads(as_json(Cell(grid=4)))) == Cell(grid=4)
        True
    """
    return run_cell(Cell(**json.loads(config)), seed, profile).rows
