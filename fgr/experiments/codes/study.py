"""Chapter 6 in order: one method a figure or table, which runs what the profile asks for and returns its rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from torch import Tensor

from fgr.data.synthetic.birds import taxonomy
from fgr.experiments.codes import bits, grids, runs
from fgr.experiments.codes.features import features, image_sets
from fgr.experiments.ledger import Ledger
from fgr.results.rows import Row, frame

CURVES = {  # sweep -> split whose curve is kept
    "live": "test",
    "choice": "validation",
    "choice_real": "validation",
    "choice_end": "validation",
    "convergence": "test",
}
SHOWN = ("one_hot", "gaussian", "spectral")  # the three codes that pictures compare


class Study:
    """Run the chapter's experiments at one size; `rows` collects everything that was measured.

    With `config.record`, finished runs are kept in that folder and found again, so that a study can be stopped.
    """

    def __init__(self, config: grids.Config, profile: str) -> None:
        self.config, self.profile = config, profile
        self.ledger = Ledger(config.record)
        self.rows = self.ledger.rows
        self._swept: dict[str, list[Row]] = {}  # rows by the sweep that made them

    def feature_error(self) -> float:
        """Return the test error of the network whose features all runs share, training it if need be."""
        return features(grids.cell(self.config, "one_hot").source).test_error

    def live(self) -> pd.DataFrame:
        """Train the three codes on the features in front of the reader."""
        lrs = self.choice(SHOWN)
        cells = [grids.cell(self.config, code, lrs[code, self.config.batch_size]) for code in SHOWN]
        return self._sweep("live", cells, self.config.seeds)

    def choice(
        self, codes: Sequence[str], name: str = "choice", lrs: Sequence[float] = (), **changes: object
    ) -> dict[tuple[str, int], float]:
        """Let every code choose its learning rate on validation, by runs with a seed of their own.

        Args:
            codes: that choose.
            name: of the file that keeps these runs.
            lrs: what they choose from, by default the configuration's.
            changes: of their cells.
        """
        lrs = lrs or self.config.lrs
        if len(lrs) == 1:
            size = changes.get("batch_size", self.config.batch_size)
            return {(code, size): lrs[0] for code in codes}
        cells = grids.choice_cells(self.config, codes, lrs, **changes)
        return grids.chosen_lr(self._sweep(name, cells, [grids.CHOICE_SEED]))

    def table_6_1(self) -> pd.DataFrame:
        """Table 6.1: codes x thresholds x lengths."""
        if not self.config.table_seeds:
            return frame([])
        cells = grids.table_cells(self.config, self.choice(grids.METHODS))
        return self._sweep("t6_1", cells, self.config.table_seeds)

    def bits(self) -> pd.DataFrame:
        """Fig. 6.3: accuracy over the number of bits."""
        if not self.config.bits_seeds:
            return frame([])
        cells = grids.bits_cells(self.config, self.choice(grids.METHODS))
        return self._sweep("bits", cells, self.config.bits_seeds)

    def convergence(self) -> pd.DataFrame:
        """Fig. 6.2 and 6.5: learning curves over batch sizes."""
        if not self.config.convergence_seeds:
            return frame([])
        lrs = {}
        for size in self.config.batch_sizes:
            lrs |= self.choice(SHOWN, batch_size=size)
        rows = self._sweep("convergence", grids.convergence_cells(self.config, lrs), self.config.convergence_seeds)
        self.ledger.derive("gain", grids.gain_rows(rows, self.profile))
        return rows

    def modern(self) -> pd.DataFrame:
        """Beyond the thesis: label smoothing, a cosine head, learned and given codes."""
        if not self.config.modern_seeds:
            return frame([])
        cells = grids.modern_cells(self.config, self.choice(grids.METHODS))
        return self._sweep("modern", cells, self.config.modern_seeds)

    def end_to_end(self) -> pd.DataFrame:
        """Three codes end to end, on the images."""
        if not self.config.end_seeds:
            return frame([])
        changes = grids.end_changes(self.config)
        lrs = self.choice(("one_hot", "spectral"), "choice_end", self.config.end_lrs, **changes)
        return self._sweep("end_to_end", grids.end_cells(self.config, lrs), self.config.end_seeds)

    def real(self) -> pd.DataFrame:
        """On features of an ImageNet network: real photographs of ten classes, and the birds."""
        parts = []
        for dataset in grids.REAL if self.config.real_seeds else ():
            lrs = self.choice(SHOWN, "choice_real", **grids.real_changes(dataset))
            parts.append(self._sweep("real", grids.real_cells(self.config, dataset, lrs), self.config.real_seeds))
        return pd.concat(parts, ignore_index=True) if parts else frame([])

    def meaning(self) -> pd.DataFrame:
        """Table 6.2: do the first bits follow attributes, more than chance would?"""
        rows = [
            row
            for seed in self.config.seeds
            for code in ("gaussian", "spectral")
            for row in bits.bit_rows(grids.cell(self.config, code), seed, self.config.permutations, self.profile)
        ]
        return self.ledger.keep("bits_meaning", rows)

    def outputs(self) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
        """Return what three trained networks give for test images: outputs by code, targets, predictions by code."""
        lrs = self.choice(SHOWN)
        outputs, predicted, targets = {}, {}, torch.empty(0)
        for code in SHOWN:
            cell = grids.cell(self.config, code, lrs[code, self.config.batch_size])
            model, _ = runs.run_cell(cell, self.config.seeds[0], self.profile, self.config.device)
            inputs, targets = features(cell.source).parts["test"]
            last = model[-1]
            with torch.no_grad():
                hidden = model.cpu().eval()[:-1](inputs)
                outputs[code] = last[0](hidden) if isinstance(last, torch.nn.Sequential) else last(hidden)
                predicted[code] = model(inputs).argmax(1)
        return outputs, targets, predicted

    def samples(self, classes: Sequence[int]) -> Tensor:
        """Return a test image of each of these classes (Fig. 6.7): (L, 3, H, W) uint8."""
        test = image_sets(grids.cell(self.config, "one_hot").source)["test"]
        return test.images[[int((test.targets == label).nonzero()[0]) for label in classes]]

    def codes(self, code: str = "spectral", threshold: str = "none") -> Tensor:
        """Return the code matrix of the live runs."""
        cell = replace(grids.cell(self.config, code), threshold=threshold)
        return runs.code_matrix(code, threshold, cell.length, cell.source, self.config.seeds[0])

    def _sweep(self, name: str, cells: list[runs.Cell], seeds: Sequence[int]) -> pd.DataFrame:
        def run(cell: runs.Cell, seed: int, checkpoint: Path | None) -> list[Row]:
            rows = runs.run_cell(cell, seed, self.profile, self.config.device, checkpoint)[1]
            if name.startswith("choice"):
                return [row for row in rows if row.split == "validation"]
            return [row for row in rows if row.selection != "epoch" or row.split == CURVES.get(name)]

        mine = self._swept.setdefault(name, [])
        lent = mine if name in CURVES else None  # rows of other sweeps may have no curve
        rows = self.ledger.sweep(name, run, runs.EXPERIMENT, cells, seeds, lent)
        mine += [Row(**values) for values in rows.to_dict("records")]
        return rows


def embed(outputs: Tensor, targets: Tensor, seed: int = 0) -> tuple[np.ndarray, float]:
    """Return a t-SNE of outputs in two dimensions (Fig. 6.4), and how well classes are separated before it.

    The separation is the mean silhouette by the cosine distance of the outputs, -1 to 1, and no matter of t-SNE.
    """
    values = torch.nn.functional.normalize(outputs, dim=1).numpy()
    flat = TSNE(metric="cosine", init="random", random_state=seed, perplexity=min(30, len(values) // 4)).fit_transform
    return flat(values), float(silhouette_score(values, targets.numpy(), metric="cosine"))


def confusable_family(predicted: Tensor, targets: Tensor, num_classes: int, most: int = 8) -> Tensor:
    """Return the classes of the family whose members are confused most often (Fig. 6.6), `most` at the most."""
    family = taxonomy(num_classes).family
    wrong = (predicted != targets) & (family[predicted] == family[targets])
    worst = family[targets[wrong]].bincount(minlength=int(family.max()) + 1).argmax()
    return (family == worst).nonzero().flatten()[:most]


def confusion_of(classes: Tensor, predicted: Tensor, targets: Tensor) -> np.ndarray:
    """Return the counts (L, L) among these classes only: true in rows, predicted in columns."""
    return np.array([[int(((targets == a) & (predicted == b)).sum()) for b in classes] for a in classes])
