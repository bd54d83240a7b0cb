"""Who is on a generated face: people are known again from other photographs, so that splits must keep them apart."""

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr import data
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.transforms import mean_std, standardize
from fgr.experiments.generated.readers import Recipe, answer, ridge, train_network
from fgr.results import rows as results
from fgr.training import local_device

EXPERIMENT = "generated_people"
DATASET = "synthetic_faces"
READERS = ("linear", "cnn")


@dataclass(frozen=True)
class Cell(Recipe):
    """One reader that names people, but for its seed."""

    reader: str = "cnn"  # one of READERS
    size: int = 32  # pixels of a side
    people: int = 50
    train: int = 500  # photographs in all, as many of each person; all three add up to `per_person` times `people`
    validation: int = 50  # which choose the ridge's penalty
    test: int = 250

    @property
    def per_person(self) -> int:
        """Photographs of each person."""
        return (self.train + self.validation + self.test) // self.people


@functools.lru_cache(maxsize=1)
def album(people: int, per_person: int, size: int) -> ImageSet:
    """Return all photographs, those of a person one after the other."""
    return data.load(DATASET, "train", count=people * per_person, size=size, per_subject=per_person)


def parts_of(cell: Cell) -> dict[str, Tensor]:
    """Return split -> rows of the album; everybody is in each of the three with other photographs.

    Raises:
        ValueError: if a part has not as many photographs of everybody.

    Example:
        >>> parts = parts_of(Cell(people=2, train=4, validation=2, test=4))
        >>> {split: rows.tolist() for split, rows in parts.items()}
        {'train': [0, 1, 5, 6], 'validation': [2, 7], 'test': [3, 4, 8, 9]}
    """
    counts = {split: getattr(cell, split) for split in ("train", "validation", "test")}
    if any(count % cell.people for count in counts.values()):
        raise ValueError(f"{counts} must be multiples of the {cell.people} people")
    rows = torch.arange(cell.people * cell.per_person).view(cell.people, cell.per_person)
    shares = rows.split([count // cell.people for count in counts.values()], dim=1)
    return {split: share.flatten() for split, share in zip(counts, shares)}


def run_cell(
    cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None
) -> list[results.Row]:
    """Train one reader with one seed and return its rows."""
    check_choice(cell.reader, READERS, "reader")
    results.provenance()  # of the code that is loaded now
    where = local_device(device) if cell.reader == "cnn" else torch.device("cpu")
    whole, parts = album(cell.people, cell.per_person, cell.size), parts_of(cell)
    pictures = standardize(whole.images, *mean_std(whole.images[parts["train"]]))
    who = whole.annotations["subject"].unique(return_inverse=True)[1]
    images = {split: pictures[rows] for split, rows in parts.items()}
    truth = {split: who[rows] for split, rows in parts.items()}
    began = time.perf_counter()
    if cell.reader == "linear":
        flat = {split: part.flatten(1) for split, part in images.items()}
        names = {split: F.one_hot(part, cell.people).float() for split, part in truth.items()}
        line = ridge(flat["train"], names["train"], flat["validation"], names["validation"])
        given = {split: line(pixels) for split, pixels in flat.items()}
    else:
        label = f"{cell.people} people, seed {seed}"
        model = train_network(
            images["train"], truth["train"], cell.people, F.cross_entropy, cell, seed, where, checkpoint, label
        )
        given = {split: answer(model, part, where, cell.precision) for split, part in images.items()}
    seconds = time.perf_counter() - began
    run = results.Run(EXPERIMENT, as_json(cell), DATASET, seed, profile, str(where))
    epochs = cell.epochs if cell.reader == "cnn" else 0
    return [
        run.row(
            "error",
            (scores.argmax(1) != truth[split]).double().mean().item(),
            "fraction",
            split,
            "last",
            epochs,
            seconds,
        )
        for split, scores in given.items()
        if split != "validation"
    ]


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(Cell(**json.loads(config)), seed, profile)
