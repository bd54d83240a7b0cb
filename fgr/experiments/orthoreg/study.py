"""Chapter 5 in order: one method a figure or table, which runs what the profile asks for and returns its rows."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor

from fgr.experiments.ledger import Ledger
from fgr.experiments.orthoreg import geometry, grids, runs, shared_strength
from fgr.results.rows import Row, frame, read, with_config

TOY_STRENGTH = 0.02  # alpha times gamma of the toy; the thesis does not give its own
CHOICE_SEED = 100  # of the runs that choose gamma for Table 5.1; no reported run uses it


class Study:
    """Run the chapter's experiments at one size; `rows` collects everything that was measured.

    With `config.record`, finished runs are kept in that folder and found again, so that a study can be stopped.
    """

    def __init__(self, config: grids.Config, profile: str) -> None:
        self.config, self.profile = config, profile
        self.ledger = Ledger(config.record)
        self.rows = self.ledger.rows

    def toy_paths(self) -> dict[str, Tensor]:
        """Fig. 5.2: the first random start, by either rule, descending and ascending; (steps + 1, N, 2) each."""
        start = geometry.random_filters(self.config.toy_filters, self.config.toy_seeds[0])
        return {
            f"{mode} rule, {way}": geometry.toy_path(start, mode, sign * TOY_STRENGTH, self.config.toy_steps)
            for way, sign in (("descent", 1), ("ascent", -1))
            for mode in ("global", "local")
        }

    def toy(self) -> pd.DataFrame:
        """Fig. 5.2 d over many random starts: how far apart, and how evenly, either rule leaves the filters."""
        return self.ledger.keep(
            "toy", self._toy_rows("toy", self.config.toy_filters, (("global", 10.0), ("local", 10.0)))
        )

    def crowding(self) -> pd.DataFrame:
        """Beyond Fig. 5.2: more and more filters, by the global rule and by the local one at two localities.

        The step is scaled by 10 / locality, so that two equal filters push equally hard at every locality.
        """
        rules = (("global", 10.0), ("local", 10.0), ("local", 30.0))
        rows = [row for count in self.config.toy_crowds for row in self._toy_rows("toy_crowding", count, rules)]
        return self.ledger.keep("crowding", rows)

    def _toy_rows(self, experiment: str, count: int, rules: tuple[tuple[str, float], ...]) -> list[Row]:
        rows = []
        for seed in self.config.toy_seeds:
            start = geometry.random_filters(count, seed)
            for mode, locality in rules:
                rule = {"mode": mode, "strength": TOY_STRENGTH * 10.0 / locality, "locality": locality}
                path = geometry.toy_path(start, steps=self.config.toy_steps, **rule)
                rows += geometry.toy_rows(path, rule, seed, self.profile, experiment)
        return rows

    def angles(self) -> dict[str, dict[str, Tensor]]:
        """Fig. 5.3: network -> rule -> minimum angle of every filter in degrees, for the first seed.

        Other seeds are for the rows only, so those that are recorded are not computed again.
        """
        histograms: dict[str, dict[str, Tensor]] = {}
        steps = self.config.architecture_steps
        done = self._recorded_angles()
        for name in self.config.architectures:
            seeds = self.config.architecture_seeds[: 1 if name in geometry.TRAINED else None]
            for seed in seeds:
                if name in histograms and (name, steps, seed) in done:
                    continue
                found, rows = geometry.angle_rows(name, steps, seed, self.profile)
                histograms.setdefault(name, found)
                self.ledger.keep("angles", rows)
        return histograms

    def _recorded_angles(self) -> set[tuple[str, int, int]]:
        record = self.ledger.file("angles")
        if record is None or not record.exists():
            return set()
        table = with_config(read(record))
        return set(zip(table["architecture"], table["steps"], table["seed"]))

    def strength(self) -> pd.DataFrame:
        """Fig. 5.4: the perceptron without OrthoReg and with the local rule at every strength."""
        return self._sweep("strength", grids.strength_cells(self.config), self.config.seeds)

    def long(self) -> pd.DataFrame:
        """Fig. 5.4 again, trained for as many epochs as the thesis did, on 3,500 digits."""
        return self._sweep("long", grids.long_cells(self.config), self.config.long_seeds)

    def locality(self) -> pd.DataFrame:
        """Fig. 5.5: none, global, and local at every locality, at the strength that `strength` did best with."""
        gamma = grids.best_by_validation(grids.local(self.strength()), "strength")
        cells = grids.locality_cells(self.config, gamma)
        return self._sweep("locality", cells, self.config.seeds)

    def table_5_1(self) -> pd.DataFrame:
        """Table 5.1, at the strength that does best on validation without dropout and LSUV."""
        if not self.config.cnn_seeds:
            return frame([])
        choice = self._sweep("cnn_strength", grids.cnn_strength_cells(self.config), [CHOICE_SEED])
        gamma = grids.best_by_validation(choice, "strength")
        return self._sweep("t5_1", grids.table_5_1_cells(self.config, gamma), self.config.cnn_seeds)

    def shared_strength(self) -> pd.DataFrame:
        """Section 5.3.2: three networks at every strength, and what it costs them to share one."""
        if not self.config.shared_seeds:
            return frame([])
        table = self._sweep("shared_strength", shared_strength.cells(self.config), self.config.shared_seeds)
        return self.ledger.derive("normalized", shared_strength.regret_rows(table, self.config, self.profile))

    def cifar(self) -> pd.DataFrame:
        """Fig. 5.6, Tables 5.2 and 5.3: a residual network without, with the global and with the local rule."""
        return self._sweep("cifar", grids.cifar_cells(self.config), self.config.cifar_seeds)

    def _sweep(self, name: str, cells: list[runs.Cell], seeds: Sequence[int]) -> pd.DataFrame:
        def run(cell: runs.Cell, seed: int, checkpoint: Path | None) -> list[Row]:
            return runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint).rows

        return self.ledger.sweep(name, run, runs.EXPERIMENT, cells, seeds)
