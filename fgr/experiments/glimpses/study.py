"""Chapter 3 in order: one method a figure or table, which runs what the profile asks for and returns its rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from fgr.data import ImageSet
from fgr.experiments.glimpses import details, grids, looking, runs
from fgr.experiments.glimpses.details import Detail, detail
from fgr.experiments.ledger import Ledger
from fgr.glimpse import Glimpse
from fgr.results.rows import Row, frame

LOOKS = ("looks", "start", "uniform")  # of a trained network, before it was trained, and what a uniform grid would give
Runner = Callable[[runs.Cell, int, Path | None], list[Row]]


class Judged(NamedTuple):
    """What both live networks say of the test faces: faces, predictions of each, and the glimpses of the second."""

    faces: ImageSet
    low: Tensor
    glimpse: Tensor
    seen: Glimpse


class Study:
    """Run the chapter's experiments at one size; `rows` collects everything that was measured.

    With `config.record`, finished runs are kept in that folder and found again, whichever part ran them.
    """

    def __init__(self, config: grids.Config, profile: str) -> None:
        self.config, self.profile = config, profile
        self.ledger = Ledger(config.record)
        self.rows = self.ledger.rows
        self._models: dict[tuple[runs.Cell, int], runs.Scaled] = {}  # that something is measured on afterwards

    # ---------------------------------------------------------------- live

    def faces(self) -> ImageSet:
        """Return the training faces of the first live run, with their age groups as classes."""
        return runs.image_sets(self._live("age", "low"), self.config.seeds[0])["train"]

    def live(self) -> pd.DataFrame:
        """Train the small view alone and the network with glimpses, for age and for gender."""
        return self._sweep("live", grids.live_cells(self.config, self.choice()), self.config.seeds)

    def judged(self, labels: str) -> Judged:
        """Return what the first live networks for "age" or "gender" say of their test faces."""
        seed = self.config.seeds[0]
        ours = self._live(labels, "glimpse")
        faces = runs.image_sets(ours, seed)["test"]
        low = runs.predict(self._trained(self._live(labels, "low"), seed), faces.images).argmax(1)
        seen = looking.glimpses(self._trained(ours, seed), faces.images)
        return Judged(faces, low, seen.scores.argmax(1), seen)

    def live_details(self) -> pd.DataFrame:
        """Measure confusions, groups of people and looks on the live networks with glimpses."""
        age, gender = self._live("age", "glimpse"), self._live("gender", "glimpse")
        cells = [detail(age, part) for part in ("confusion", "people", *LOOKS)]
        cells += [detail(gender, part) for part in ("people", *LOOKS)]
        return self._sweep("live_details", cells, self.config.seeds, self._detail)

    # ---------------------------------------------------------------- recorded

    def choice(self) -> dict[str, float]:
        """Let each kind of network choose its learning rate on validation, by runs with a seed of their own."""
        if len(self.config.lrs) == 1:
            return dict.fromkeys(grids.kinds(self.config), self.config.lrs[0])
        rows = self._sweep("choice", grids.choice_cells(self.config), [grids.CHOICE_SEED])
        return grids.chosen_lrs(self.config, rows)

    def design(self) -> pd.DataFrame:
        """Table 3.5: weighting, sharing and merge in every combination."""
        if not self.config.design_seeds:
            return frame([])
        return self._sweep("design", grids.design_cells(self.config, self.choice()), self.config.design_seeds)

    def over_grids(self) -> pd.DataFrame:
        """Fig. 3.3: accuracy over k and n, beside a small view of the same cost."""
        if not self.config.grid_seeds:
            return frame([])
        return self._sweep("grids", grids.grid_cells(self.config, self.choice()), self.config.grid_seeds)

    def high(self) -> pd.DataFrame:
        """The same network on the whole large image."""
        if not self.config.high_seeds:
            return frame([])
        cells = [grids.cell(self.config, self.choice()["high"], network="high")]
        return self._sweep("high", cells, self.config.high_seeds)

    def folds(self, labels: str) -> pd.DataFrame:
        """Table 3.6 for "age" or "gender": one run a fold."""
        if not self.config.fold_seeds:
            return frame([])
        cells = grids.fold_cells(self.config, self.choice(), labels)
        return self._sweep(f"folds_{labels}", cells, self.config.fold_seeds)

    def confusion(self) -> pd.DataFrame:
        """Table 3.7, from the networks of all folds."""
        if not self.config.fold_seeds:
            return frame([])
        return self._sweep("confusion", [detail(self._fold("age"), "confusion")], self.config.fold_seeds, self._detail)

    def people(self) -> pd.DataFrame:
        """Table 3.10 and the groups of people, from the networks of all folds."""
        if not self.config.fold_seeds:
            return frame([])
        cells = [detail(self._fold(labels), "people") for labels in ("age", "gender")]
        return self._sweep("people", cells, self.config.fold_seeds, self._detail)

    def cross(self) -> pd.DataFrame:
        """Table 3.8: the networks of all folds on another population, each alone and their mean."""
        if not self.config.fold_seeds or self.config.dataset != grids.GENERATED:
            return frame([])
        alone = [detail(self._fold(labels), "cross", tested="b") for labels in ("age", "gender")]
        together = [replace(one, members=tuple(self.config.fold_seeds)) for one in alone]
        parts = [
            self._sweep("cross", alone, self.config.fold_seeds, self._detail),
            self._sweep("cross", together, self.config.fold_seeds[:1], self._detail),
        ]
        return pd.concat(parts, ignore_index=True)

    def years(self) -> pd.DataFrame:
        """Table 3.9: mean absolute error of ages in years."""
        if not self.config.years_seeds:
            return frame([])
        return self._sweep("years", grids.years_cells(self.config, self.choice()), self.config.years_seeds)

    def looks(self) -> pd.DataFrame:
        """Where networks with glimpses look, and whether other seeds look there too."""
        seeds = self.config.looking_seeds
        if not seeds:
            return frame([])
        ours = [self._live(labels, "glimpse") for labels in ("age", "gender")]
        cells = [detail(one, part) for one in ours for part in LOOKS]
        rows = self._sweep("looks", cells, seeds, self._detail)
        same = [detail(one, "agreement", against=seeds[0]) for one in ours]
        return pd.concat([rows, self._sweep("agreement", same, seeds[1:], self._detail)], ignore_index=True)

    # ---------------------------------------------------------------- how

    def _live(self, labels: str, kind: str) -> runs.Cell:
        return grids.cell(self.config, self.choice()[kind], network=kind, labels=labels)

    def _fold(self, labels: str) -> runs.Cell:
        return grids.fold_cells(self.config, self.choice(), labels)[1]

    def _run(self, cell: runs.Cell, seed: int, checkpoint: Path | None = None) -> list[Row]:
        done = runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint)
        if seed != grids.CHOICE_SEED and grids.is_measured(self.config, cell):
            self._models[cell, seed] = done.model
        return done.rows

    def _trained(self, cell: runs.Cell, seed: int) -> runs.Scaled:
        if (cell, seed) not in self._models:  # its rows were found again, not its weights
            done = runs.run_cell(cell, seed, self.profile, self.config.device)
            self._models[cell, seed] = done.model
        return self._models[cell, seed]

    def _detail(self, one: Detail, seed: int, checkpoint: Path | None) -> list[Row]:
        return details.detail_rows(one, seed, self.profile, self._trained)

    def _sweep(
        self, name: str, cells: Iterable[runs.Cell], seeds: Sequence[int], run: Runner | None = None
    ) -> pd.DataFrame:
        experiment = details.EXPERIMENT if run == self._detail else runs.EXPERIMENT
        lent = self.ledger.of_other_parts(name)  # parts share runs
        return self.ledger.sweep(name, run or self._run, experiment, cells, seeds, lent)


def misclassified(judged: Judged, most: int = 4) -> list[int]:
    """Return rows of faces that the network with glimpses takes wrong, up to `most` of each true class (Fig. 3.5)."""
    return _some(judged.faces.targets, judged.glimpse != judged.faces.targets, most)


def corrected(judged: Judged, most: int = 1) -> list[int]:
    """Return rows of faces that glimpses set right, up to `most` of each true class (Fig. 3.6)."""
    right = judged.glimpse == judged.faces.targets
    return _some(judged.faces.targets, right & (judged.low != judged.faces.targets), most)


def one_of_each(faces: ImageSet) -> list[int]:
    """Return the row of the first face of each class that has one (Fig. 3.2)."""
    return _some(faces.targets, faces.targets >= 0, 1)


def _some(targets: Tensor, wanted: Tensor, most: int) -> list[int]:
    """Return the first rows that are wanted, up to `most` of each class, in the order of the classes."""
    found = [((targets == label) & wanted).nonzero().flatten()[:most] for label in targets.unique()]
    return [row for part in found for row in part.tolist()]


def titles(judged: Judged, rows: Sequence[int], said: Tensor) -> list[str]:
    """Say of faces what they are, and after an arrow what they were taken for."""
    names, true = judged.faces.classes, judged.faces.targets
    return [f"{names[true[row]]} → {names[said[row]]}" for row in rows]
