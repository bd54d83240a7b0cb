"""Chapter 4 in order: one method a figure or table, which runs what the profile asks for and returns its rows."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor, nn

from fgr.attention import AttendAndRectify
from fgr.data import ImageSet
from fgr.experiments.attend import finetune, grids, kinds, looking, robustness, runs, tuned
from fgr.experiments.attend.looking import Look
from fgr.experiments.attend.robustness import Crowd
from fgr.experiments.ledger import Ledger
from fgr.results.rows import Row, frame

Cell = runs.Cell | finetune.Cell
Runner = Callable[[Cell, int, Path | None], list[Row]]


class Study:
    """Run the chapter's experiments at one size; `rows` collects everything that was measured.

    With `config.record`, finished runs are kept in that folder and found again, whichever part ran them: a study can
    be stopped, and its parts may run in any order or in processes of their own.
    """

    def __init__(self, config: grids.Config, profile: str) -> None:
        self.config, self.profile = config, profile
        self.ledger = Ledger(config.record)
        self.rows = self.ledger.rows
        self._models: dict[tuple[runs.Cell, int], nn.Module] = {}  # networks that something is measured on afterwards

    # ---------------------------------------------------------------- live

    def live(self) -> pd.DataFrame:
        """Train the network for cluttered digits alone and with all of the attention."""
        lrs = self.choice(self.config.layout)
        cells = [grids.kinds(self.config, lrs[kind], self.config.layout)[kind] for kind in ("baseline", "attention")]
        return self._sweep("live", cells, self.config.seeds, self._keep_model)

    def attending(self) -> AttendAndRectify:
        """Return the network with attention of the first live run."""
        return self._trained(self._attention(), self.config.seeds[0])

    def shown(self, count: int = 8) -> tuple[ImageSet, Tensor]:
        """Return the first cluttered test digits, as they are and as the live networks take them."""
        return looking.tested(self._attention(), count)

    def gates(self) -> pd.DataFrame:
        """Measure the global gates of the live networks with attention."""
        rows = [
            row
            for seed in self.config.seeds
            for row in looking.gate_rows(
                self._attention(), self.config.looked, seed, self.profile, self._trained(self._attention(), seed)
            )
        ]
        return self.ledger.keep("gates", rows)

    def live_looks(self) -> pd.DataFrame:
        """Measure where the live networks with attention look, by every method."""
        cells = grids.look_cells(self.config, self._attention())
        return self._sweep("live_looks", cells, self.config.seeds, self._look)

    def maps(self, images: Tensor, model: AttendAndRectify) -> dict[str, Tensor]:
        """Return method -> maps (B, H, W) of these images, for a picture."""
        return {method: looking.maps_of(method, model, images) for method in looking.METHODS}

    def bird_watcher(self) -> tuple[AttendAndRectify, ImageSet, Tensor]:
        """Return a network with attention trained on birds, some test birds, and these as it takes them."""
        cell = grids.birds(self.config)
        model = self._trained(cell, self.config.seeds[0])
        return model, *looking.tested(cell, 6)

    # ---------------------------------------------------------------- recorded

    def choice(self, layout: str) -> dict[str, float]:
        """Let each kind of network choose its learning rate on validation, by runs with a seed of their own."""
        return self._chosen(f"choice_{layout}", grids.choice_cells(self.config, layout))

    def depth(self) -> pd.DataFrame:
        """Fig. 4.4 b: attention at more and more depths, in the network as printed and as released."""
        if not self.config.depth_seeds:
            return frame([])
        cells = []
        for layout in self.config.depth_layouts:
            lrs = self.choice(layout)
            lrs |= self._chosen(f"choice_depth_{layout}", grids.depth_choice_cells(self.config, lrs, layout))
            cells += grids.depth_cells(self.config, lrs, layout)
        return self._sweep("depth", cells, self.config.depth_seeds)

    def same_rate(self) -> pd.DataFrame:
        """Beyond Fig. 4.4: what attention gains where it may not learn faster than the network alone."""
        if not self.config.clutter_seeds:
            return frame([])
        cells = grids.same_rate_cells(self.config, self.choice(self.config.layout))
        return self._sweep("same_rate", cells, self.config.clutter_seeds)

    def width(self) -> pd.DataFrame:
        """Fig. 4.4 c: more and more heads."""
        if not self.config.width_seeds:
            return frame([])
        lrs = self.choice(self.config.layout)
        lrs |= self._chosen("choice_width", grids.width_choice_cells(self.config, lrs))
        return self._sweep("width", grids.width_cells(self.config, lrs), self.config.width_seeds)

    def parts(self) -> pd.DataFrame:
        """Fig. 4.4 d: all parts, and each left out or exchanged."""
        if not self.config.parts_seeds:
            return frame([])
        lrs = self.choice(self.config.layout)
        lrs |= self._chosen("choice_projection", grids.projection_cells(self.config))
        return self._sweep("parts", grids.parts_cells(self.config, lrs), self.config.parts_seeds)

    def clutter(self) -> pd.DataFrame:
        """Fig. 4.4 e: three kinds of network among fewer and more distractors than they were trained with."""
        if not self.config.clutter_seeds:
            return frame([])
        cells = grids.clutter_cells(self.config, self.choice(self.config.layout))
        return self._sweep("clutter", cells, self.config.clutter_seeds, self._crowd)

    def cifar(self) -> pd.DataFrame:
        """Section 4.4.3: wide residual networks alone, with attention, and with that of Jetley et al."""
        return self._sweep("cifar", grids.cifar_cells(self.config), self.config.cifar_seeds)

    def looking(self) -> pd.DataFrame:
        """Where networks look, on cluttered digits and on birds, by every method."""
        if not self.config.looking_seeds:
            return frame([])
        cells = [*grids.look_cells(self.config, self._attention())]
        cells += grids.look_cells(self.config, grids.birds(self.config))
        return self._sweep("looking", cells, self.config.looking_seeds, self._look)

    def finetune(self) -> pd.DataFrame:
        """Tables 4.3 and 4.4: a network that knows ImageNet learns other classes, alone and with attention."""
        if not self.config.tune_seeds:
            return frame([])
        lrs = self._chosen("finetune_choice", tuned.choice_cells(self.config), self._tune)
        return self._sweep("finetune", tuned.cells(self.config, lrs), self.config.tune_seeds, self._tune)

    # ---------------------------------------------------------------- how

    def _chosen(self, name: str, cells: list[Cell], run: Runner | None = None) -> dict[str, float]:
        """Return kind -> learning rate, chosen among the cells by runs of their own if there is a choice."""
        if len({cell.lr for cell in cells}) == 1:
            return {kinds.kind_of(cell): cell.lr for cell in cells}
        return kinds.chosen_lrs(self._sweep(name, cells, [grids.CHOICE_SEED], run))

    def _attention(self) -> runs.Cell:
        return grids.attention(self.config, self.choice(self.config.layout)["attention"])

    def _trained(self, cell: runs.Cell, seed: int, checkpoint: Path | None = None) -> nn.Module:
        if (cell, seed) not in self._models:
            done = runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint)
            self._models[cell, seed] = done.model.cpu()
            self.ledger.keep("networks", done.rows)  # for parts that need no more than these
        return self._models[cell, seed]

    def _train(self, cell: runs.Cell, seed: int, checkpoint: Path | None) -> list[Row]:
        return runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint).rows

    def _keep_model(self, cell: runs.Cell, seed: int, checkpoint: Path | None) -> list[Row]:
        done = runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint)
        self._models[cell, seed] = done.model.cpu()
        return done.rows

    def _tune(self, cell: Cell, seed: int, checkpoint: Path | None) -> list[Row]:
        return finetune.run_cell(cell, seed, self.profile, self.config.device, checkpoint).rows

    def _look(self, one: Look, seed: int, checkpoint: Path | None) -> list[Row]:
        model = self._trained(runs.cell_of(one), seed, checkpoint)
        return looking.look_rows(one, seed, self.profile, model)

    def _crowd(self, one: Crowd, seed: int, checkpoint: Path | None) -> list[Row]:
        model = self._trained(runs.cell_of(one), seed, checkpoint)
        return robustness.crowd_rows(one, seed, self.profile, model)

    def _sweep(self, name: str, cells: Iterable[Cell], seeds: Sequence[int], run: Runner | None = None) -> pd.DataFrame:
        others = {self._look: looking, self._crowd: robustness, self._tune: finetune}
        experiment = others.get(run, runs).EXPERIMENT
        lent = self.ledger.of_other_parts(name)  # parts share runs
        return self.ledger.sweep(name, run or self._train, experiment, cells, seeds, lent)
