"""What can be read off generated faces from few or many pixels: age, gender and the intensity of action units."""

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fgr import data
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.age_groups import group_of
from fgr.data.transforms import mean_std, resize, standardize
from fgr.experiments.generated.readers import Recipe, answer, ridge, train_network
from fgr.metrics import mean_absolute_error, pearson
from fgr.results import rows as results
from fgr.training import local_device

EXPERIMENT = "generated_faces"
DATASET = "synthetic_faces"
READERS = ("linear", "cnn")  # ridge regression on the pixels; a small network with the same targets
UNITS_COUNT = 8.0  # times that the error of the action units counts: they are many, small, and mostly at rest


@dataclass(frozen=True)
class Cell(Recipe):
    """One reader of faces but for its seed, which draws its training images, their order and its first weights."""

    reader: str = "cnn"  # one of READERS
    size: int = 32  # pixels of a side that it is shown
    drawn: int = 128  # pixels at which faces are drawn, before they are made smaller
    train: int = 3_000  # images that are learned from
    pool: int = 3_000  # images that these are drawn from
    validation: int = 500
    test: int = 1_000
    per_subject: int = 2  # photographs of each person


@functools.lru_cache(maxsize=3)
def faces(split: str, count: int, drawn: int, per_subject: int) -> ImageSet:
    """Return drawn faces of one split, in memory; nobody is in two splits."""
    return data.load(DATASET, split, count=count, size=drawn, per_subject=per_subject)


def answers(part: ImageSet) -> Tensor:
    """Return what is asked of each face (B, 21): age in years, gender (0 or 1), intensities of 19 action units."""
    known = part.annotations
    return torch.cat([known["age"][:, None].float(), known["gender"][:, None].float(), known["aus"].float()], 1)


def scale_of(true: Tensor) -> tuple[Tensor, Tensor]:
    """Return level and spread (21,) of training answers: each its own mean; action units share one deviation.

    With a deviation of their own, rare units would count for as much as a smile.

    Example:
        >>> level, spread = scale_of(torch.stack([torch.zeros(21), torch.arange(21.0)]))
        >>> level[:3], bool((spread[2:] == spread[2]).all())
        (tensor([0.0000, 0.5000, 1.0000]), True)
    """
    spread = true.std(0)
    spread[2:] = spread[2:].square().mean().sqrt()
    return true.mean(0), spread.clamp_min(1e-3)


def loss(given: Tensor, true: Tensor) -> Tensor:
    """Return the mean squared errors of age, of gender and of action units, the last counting `UNITS_COUNT` times.

    Args:
        given, true: (B, 21) as in `answers`, in the units of `scale_of`.

    Example:
        >>> loss(torch.zeros(2, 21), torch.ones(2, 21)).item() == 2 + UNITS_COUNT
        True
    """
    wrong = (given - true).square().mean(0)  # (21,)
    return wrong[0] + wrong[1] + UNITS_COUNT * wrong[2:].mean()


def measures(predicted: Tensor, true: Tensor) -> dict[str, tuple[float, str]]:
    """Return name -> (value, unit): errors of age in years and by Adience's groups, of gender, and how units correlate.

    Args:
        predicted, true: (B, 21) as in `answers`. A unit that no face shows, or that is answered alike for all, counts
            as a correlation of 0.
    """
    age, guess = true[:, 0], predicted[:, 0].clamp_min(0)
    groups, guessed = (group_of(years, between="nearest") for years in (age, guess))
    gender = (predicted[:, 1] > 0.5) != (true[:, 1] > 0.5)
    alike = torch.tensor([pearson(p, t) for p, t in zip(predicted[:, 2:].T, true[:, 2:].T)])
    return {
        "error": ((guessed != groups).double().mean().item(), "fraction"),
        "age_mae": (mean_absolute_error(guess, age), "years"),
        "gender_error": (gender.double().mean().item(), "fraction"),
        "unit_correlation": (alike.nan_to_num(0).mean().item(), "none"),
    }


def run_cell(
    cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None
) -> list[results.Row]:
    """Train one reader with one seed and return its rows."""
    check_choice(cell.reader, READERS, "reader")
    results.provenance()  # of the code that is loaded now
    where = local_device(device) if cell.reader == "cnn" else torch.device("cpu")
    sets = {split: faces(split, getattr(cell, split), cell.drawn, cell.per_subject) for split in ("validation", "test")}
    pool = faces("train", cell.pool, cell.drawn, cell.per_subject)
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    sets["train"] = pool.select(order[: cell.train])
    views = {split: seen(part.images, cell.size) for split, part in sets.items()}
    scale = mean_std(views["train"])
    images = {split: standardize(view, *scale) for split, view in views.items()}
    true = {split: answers(part) for split, part in sets.items()}
    level, spread = scale_of(true["train"])
    targets = {split: (values - level) / spread for split, values in true.items()}
    began = time.perf_counter()
    if cell.reader == "linear":
        flat = {split: pictures.flatten(1) for split, pictures in images.items()}
        line = ridge(flat["train"], targets["train"], flat["validation"], targets["validation"])
        given = {split: line(pixels) for split, pixels in flat.items()}
    else:
        label = f"{cell.train} faces of {cell.size} pixels, seed {seed}"
        outputs = targets["train"].shape[1]
        model = train_network(images["train"], targets["train"], outputs, loss, cell, seed, where, checkpoint, label)
        given = {split: answer(model, pictures, where, cell.precision) for split, pictures in images.items()}
    seconds = time.perf_counter() - began
    run = results.Run(EXPERIMENT, as_json(cell), DATASET, seed, profile, str(where))
    epochs = cell.epochs if cell.reader == "cnn" else 0
    return [
        run.row(metric, value, unit, split, "last", epochs, seconds)
        for split in ("train", "test")
        for metric, (value, unit) in measures(given[split] * spread + level, true[split]).items()
    ]


def seen(images: Tensor, size: int) -> Tensor:
    """Return images as a reader with so many pixels sees them: averaged, never sharpened."""
    return images if images.shape[-1] == size else resize(images, size)


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(Cell(**json.loads(config)), seed, profile)
