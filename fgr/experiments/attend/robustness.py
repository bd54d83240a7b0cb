"""Fig. 4.4e: networks that were trained with eight distractors, tested with fewer and with many more."""

from dataclasses import dataclass, fields

import torch
from torch import nn

from fgr import data
from fgr.config import as_json
from fgr.data.transforms import standardize
from fgr.experiments.attend.runs import Cell, cell_of, from_json, run_cell, scores_of
from fgr.experiments.classification import error_rate
from fgr.results.rows import Row, Run

EXPERIMENT = "attend_clutter"


@dataclass(frozen=True)
class Crowd(Cell):
    """One trained network, tested on digits among some number of distractors."""

    test_distractors: int = 8


def crowd(cell: Cell, test_distractors: int) -> Crowd:
    """Return the test of a cell's network among so many distractors."""
    shared = {field.name: getattr(cell, field.name) for field in fields(Cell)}
    return Crowd(**shared, test_distractors=test_distractors)


def crowd_rows(one: Crowd, seed: int, profile: str, model: nn.Module) -> list[Row]:
    """Measure the test error among `test_distractors`; the digits and their places are the same for any number."""
    options = {"source": one.digits, "count": one.test, "distractors": one.test_distractors}
    shown = data.load("cluttered_mnist", "test", **options)
    inputs = standardize(shown.images, 0.0, 1.0)
    error = error_rate(model.eval(), inputs, shown.targets, torch.device("cpu"), scores_of)
    run = Run(EXPERIMENT, as_json(one), one.dataset, seed, profile, "cpu")
    return [run.row("error", error, "fraction", "test", "last", one.epochs)]


def rerun(config: str, seed: int, profile: str) -> list[Row]:
    """Train the network of a recorded test anew and return the row of the test."""
    one = from_json(config, Crowd)
    return crowd_rows(one, seed, profile, run_cell(cell_of(one), seed, profile).model.cpu())
