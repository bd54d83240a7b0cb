"""How hard generated birds are: error over the number of images, and which species are taken for each other."""

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr import data
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.synthetic.birds import ATTRIBUTE_GROUPS, LEVELS, PARTS, taxonomy
from fgr.data.transforms import mean_std, standardize
from fgr.experiments.classification import balanced_subset
from fgr.experiments.generated.readers import Recipe, answer, train_network
from fgr.results import rows as results
from fgr.training import local_device

EXPERIMENT = "generated_birds"
DATASET = "synthetic_birds"
READERS = ("cnn", "attributes")  # a small network; somebody who knows every attribute of the parts that show


@dataclass(frozen=True)
class Cell(Recipe):
    """One classifier but for its seed, which draws its training images, their order and its first weights."""

    reader: str = "cnn"  # one of READERS; nothing is trained for attributes
    num_species: int = 20
    difficulty: float = 0.5
    size: int = 48  # pixels of a side
    train: int = 4_000  # images that are learned from
    pool: int = 4_000  # images that these are drawn from, in equal shares of the species
    test: int = 2_000


@functools.lru_cache(maxsize=4)
def birds(split: str, count: int, size: int, num_species: int, difficulty: float) -> ImageSet:
    """Return drawn birds of one split, in memory."""
    return data.load(DATASET, split, count=count, size=size, num_species=num_species, difficulty=difficulty)


def attribute_answers(part_labels: Tensor, species: Tensor, num_species: int) -> Tensor:
    """Return the answers of somebody who reads every attribute of every part that shows, and never errs.

    Equal shares go to all species that are alike in what shows: to one alone if enough does.

    Args:
        part_labels: (B, H, W) uint8: 0 off the bird, else 1 + which of `PARTS`.
        species: (B,) int64.
        num_species: L of the tree.

    Returns:
        (B, L) float64, rows sum to 1.

    Example:
        >>> everything = torch.arange(13, dtype=torch.uint8).view(1, 1, 13)
        >>> attribute_answers(everything, torch.tensor([3]), num_species=20).argmax(1), len(PARTS)
        (tensor([3]), 12)
    """
    tree = taxonomy(num_species)
    shows = torch.stack([(part_labels == 1 + part).flatten(1).any(1) for part in range(len(PARTS))], 1)  # (B, P)
    always = torch.ones(len(species), 1, dtype=torch.bool)  # shape and size are read off the whole bird
    which = torch.tensor([len(PARTS) if g.part is None else PARTS.index(g.part) for g in ATTRIBUTE_GROUPS])
    options = torch.tensor([len(group.options) for group in ATTRIBUTE_GROUPS])
    read = torch.cat([shows, always], 1)[:, which.repeat_interleave(options)]  # (B, A)
    differs = tree.attributes[species][:, None] != tree.attributes  # (B, L, A)
    alike = ~(differs & read[:, None]).any(2)  # (B, L)
    return alike.double() / alike.sum(1, keepdim=True)


def kinship(answers: Tensor, species: Tensor, distances: Tensor) -> dict[str, float]:
    """Return the share of the wrong answers at each distance in the tree; empty if no answer is wrong.

    Args:
        answers: (B, L) share of the answer that each species gets.
        species: (B,) int64, the true ones.
        distances: (L, L) of `taxonomy`.

    Example:
        >>> tree = taxonomy(20)
        >>> answers = torch.eye(20)[[1, 1, 2]]  # of two birds of species 0 and one of species 2
        >>> kinship(answers, torch.tensor([0, 0, 2]), tree.distances)["sister species"]
        1.0
    """
    apart = distances[species]  # (B, L)
    share = [answers[apart == level].sum().item() for level in range(len(LEVELS))]
    wrong = sum(share[1:])
    return {name: amount / wrong for name, amount in zip(LEVELS[1:], share[1:])} if wrong else {}


def by_chance(num_species: int) -> Mapping[str, float]:
    """Return the shares that `kinship` gives on average for wrong answers drawn by lot.

    Example:
        >>> {name: round(share, 2) for name, share in by_chance(20).items()}
        {'sister species': 0.05, 'same family': 0.11, 'same order': 0.17, 'other order': 0.67}
    """
    everything = torch.full((num_species, num_species), 1 / num_species, dtype=torch.float64)
    return kinship(everything, torch.arange(num_species), taxonomy(num_species).distances)


def run_cell(
    cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None
) -> list[results.Row]:
    """Measure one classifier with one seed and return its rows."""
    check_choice(cell.reader, READERS, "reader")
    results.provenance()  # of the code that is loaded now
    where = local_device(device) if cell.reader == "cnn" else torch.device("cpu")
    run = results.Run(EXPERIMENT, as_json(cell), DATASET, seed, profile, str(where))
    test = birds("test", cell.test, cell.size, cell.num_species, cell.difficulty)
    began = time.perf_counter()
    if cell.reader == "attributes":
        given = {"test": attribute_answers(test.annotations["part_labels"], test.targets, cell.num_species)}
        truth = {"test": test.targets}
    else:
        given, truth = _trained_answers(cell, seed, where, checkpoint)
    seconds = time.perf_counter() - began
    epochs = cell.epochs if cell.reader == "cnn" else 0
    rows = [
        run.row("error", 1 - right(answers, truth[split]), "fraction", split, "last", epochs, seconds)
        for split, answers in given.items()
    ]
    shares = kinship(given["test"], test.targets, taxonomy(cell.num_species).distances)
    return rows + [
        run.row(f"errors: {name}", share, "fraction", "test", "last", epochs, seconds) for name, share in shares.items()
    ]


def right(answers: Tensor, species: Tensor) -> float:
    """Return the mean share of the answer (B, L) that the true species (B,) gets."""
    return answers.gather(1, species[:, None]).mean().item()


def _trained_answers(
    cell: Cell, seed: int, where: torch.device, checkpoint: Path | None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the answers (B, L) of a network trained on the cell's images, and the true species (B,), by split."""
    shared = (cell.size, cell.num_species, cell.difficulty)
    sets = {"train": birds("train", cell.pool, *shared), "test": birds("test", cell.test, *shared)}
    sets["train"] = sets["train"].select(balanced_subset(sets["train"].targets, cell.train, seed))
    scale = mean_std(sets["train"].images)
    images = {split: standardize(part.images, *scale) for split, part in sets.items()}
    truth = {split: part.targets for split, part in sets.items()}
    label = f"{cell.train} birds, difficulty {cell.difficulty:g}, seed {seed}"
    model = train_network(
        images["train"], truth["train"], cell.num_species, F.cross_entropy, cell, seed, where, checkpoint, label
    )
    whole = torch.eye(cell.num_species, dtype=torch.float64)
    return {split: whole[answer(model, part, where, cell.precision).argmax(1)] for split, part in images.items()}, truth


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(Cell(**json.loads(config)), seed, profile)
