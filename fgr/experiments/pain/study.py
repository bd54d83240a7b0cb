"""Chapter 2 in order: one method a figure or table, which runs what the profile asks for and returns its rows."""

import functools
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from fgr.data import ImageSet
from fgr.experiments.ledger import Ledger
from fgr.experiments.pain import grids, pictures, runs
from fgr.experiments.pain.cells import EXPERIMENT, PAIN, Cell, targets_of
from fgr.experiments.pain.looking import Looks, joined
from fgr.experiments.pain.preprocess import frames
from fgr.results.rows import Row, frame


class Study:
    """Run the chapter's experiments at one size; `rows` collects everything that was measured.

    With `config.record`, finished runs are kept in that folder and found again, so that a study can be stopped.
    """

    def __init__(self, config: grids.Config, profile: str) -> None:
        self.config, self.profile = config, profile
        self.ledger = Ledger(config.record)
        self.rows = self.ledger.rows

    def frames(self) -> ImageSet:
        """Return every frame of the pain videos."""
        return frames(self._cell.source)

    def levels(self) -> Tensor:
        """Return the merged pain level of every frame (B,)."""
        return targets_of(self._cell, self.frames())

    def pairs(self, count: int = 6) -> Tensor:
        """Return rows of frames without pain, then of the worst frames of the same subjects (Fig. 2.1): (2 count,).

        Both are of the same video if that has frames without pain.
        """
        levels, known = self.levels().tolist(), self.frames().annotations
        subjects, videos = known["subject"].tolist(), known["sequence"].tolist()
        of = {s: [row for row, subject in enumerate(subjects) if subject == s] for s in dict.fromkeys(subjects)}
        peaks = [max(rows, key=levels.__getitem__) for rows in of.values()]
        worst = sorted(peaks, key=levels.__getitem__, reverse=True)[:count]
        calm = []
        for peak in worst:
            painless = [row for row in of[subjects[peak]] if levels[row] < PAIN]
            calm.append(next((row for row in painless if videos[row] == videos[peak]), painless[0]))
        return torch.tensor([*calm, *worst])

    def close_ups(self, rows: Tensor) -> Tensor:
        """Return some frames (B, 3, H, W) uint8, larger than networks see them where they are generated."""
        return pictures.close_ups(self._cell.source, rows).images

    def stages(self, rows: Tensor) -> dict[str, Tensor]:
        """Return title -> frames (B, 3, S, S) uint8 at every stage of Fig. 2.3, the last as the network sees it."""
        return pictures.stages(self._cell.source, rows)

    def live(self) -> pd.DataFrame:
        """Train on two preparations, and an LSTM on the first, in front of the reader."""
        return self._sweep("live", grids.live_cells(self.config), self.config.seeds)

    def traces(self) -> dict[str, Tensor]:
        """Return the true and the predicted level of every frame of the video with most pain (Fig. 2.2): (T,) each."""
        cnn, lstm, *_ = grids.live_cells(self.config)
        levels, sequences = self.levels(), self.frames().annotations["sequence"]
        pain = torch.bincount(sequences, weights=levels)
        chosen = sequences == pain.argmax()
        found = {"true": levels[chosen].float()}
        for name, one in (("CNN", cnn), ("CNN and LSTM", lstm)):
            judged = self._judged(one)
            outputs = torch.zeros(len(levels))
            outputs[judged.rows] = judged.outputs.float()
            found[name] = outputs[chosen]
        return found

    def looks(self) -> Looks | None:
        """Return saliency and mean face of the live network (Fig. 2.5), mean over the folds; None if none was measured.

        Photographs do not say what each of their pixels shows, so that of them nothing is.
        """
        found = self._judged(grids.live_cells(self.config)[0]).looks
        return joined(found) if found else None

    def emotions(self) -> tuple[Tensor, list[str]]:
        """Return the apex of a video of each emotion as an aligned crop, and their names (Fig. 2.6)."""
        return pictures.emotions(grids.emotion_cell(self.config).source)

    def variants(self) -> pd.DataFrame:
        """Table 2.2: every preparation under the same folds."""
        return self._sweep("variants", grids.variant_cells(self.config), self.config.variant_seeds)

    def main(self) -> pd.DataFrame:
        """Tables 2.3, 2.4 and 2.5: one subject left out at a time; and where those networks look."""
        rows = self._sweep("main", grids.main_cells(self.config), self.config.main_seeds)
        if len(rows):
            self.ledger.derive("looks", grids.look_rows(rows, self.profile))
        return rows

    def choices(self) -> pd.DataFrame:
        """Loss, mean and pretraining."""
        rows = self._sweep("choices", grids.choice_cells(self.config), self.config.choice_seeds)
        if len(rows):
            self.ledger.derive("gain", grids.gain_rows(rows, self.profile))
        return rows

    def leaks(self) -> pd.DataFrame:
        """The same network where frames, videos or subjects are kept apart."""
        return self._sweep("leaks", grids.leak_cells(self.config), self.config.leak_seeds)

    def emotion(self) -> pd.DataFrame:
        """Table 2.6 and Fig. 2.7."""
        return self._sweep("emotions", grids.emotion_cells(self.config), self.config.emotion_seeds)

    @functools.cached_property
    def _cell(self) -> Cell:
        return grids.cell(self.config)

    def _judged(self, cell: Cell) -> runs.Judged:
        return runs.judge(cell, self.config.seeds[0], self.config.device, self._kept)

    @property
    def _kept(self) -> Path | None:
        return self.ledger.folder / ".checkpoints" if self.ledger.folder else None

    def _sweep(self, name: str, cells: list[Cell], seeds: Sequence[int]) -> pd.DataFrame:
        def run(cell: Cell, seed: int, checkpoint: Path | None) -> list[Row]:
            return runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint)

        if not seeds:
            return frame([])
        return self.ledger.sweep(name, run, EXPERIMENT, cells, seeds)
