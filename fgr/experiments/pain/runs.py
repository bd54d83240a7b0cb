"""A run of chapter 2: one network a fold, judged on the frames of all folds together."""

import functools
import hashlib
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from fgr import metrics
from fgr.config import as_json
from fgr.data.kept import kept
from fgr.experiments.pain.cells import COUNTED, EXPERIMENT, PAIN, Cell, from_json, splits_of, targets_of
from fgr.experiments.pain.looking import PLACES, Looks, joined, look
from fgr.experiments.pain.network import train_network
from fgr.experiments.pain.preprocess import frames, prepared
from fgr.experiments.pain.recurrent import lstm_outputs
from fgr.results import rows as results
from fgr.training import local_device

REPEATS = 20  # draws of a balanced test set


class Fold(NamedTuple):
    """What the judges say about the test frames of one fold."""

    rows: Tensor  # (n,) of the frames
    outputs: dict[str, Tensor]  # judge -> (n,) levels or logits, or (n, L) log-probabilities
    looks: Looks | None


class Judged(NamedTuple):
    """What one judge says about all test frames, fold after fold."""

    rows: Tensor  # (n,)
    outputs: Tensor  # (n,) or (n, L)
    fold: Tensor  # (n,) int64
    looks: list[Looks]


def run_fold(cell: Cell, seed: int, number: int, device: str) -> Fold:
    """Train the network of one fold, its LSTMs if asked for, and judge."""
    split = splits_of(cell)[number]
    trained = train_network(cell, split, seed, device)
    images = prepared(cell.source, cell.variant).images
    outputs = {"cnn": trained.outputs(images[split.test], device)}
    if cell.lstms:
        outputs |= lstm_outputs(cell, trained, split, seed, device)
    painful = cell.looked and bool((targets_of(cell, frames(cell.source))[split.test] >= PAIN).any())
    return Fold(split.test, outputs, look(cell, trained, split, device) if painful else None)


@functools.lru_cache(maxsize=128)
def _fold(base: Cell, seed: int, number: int, device: str, folder: Path | None) -> Fold:
    """Return a fold, from the disk where an interrupted run left it there; all judges of a cell share it."""
    if folder is None:
        return run_fold(base, seed, number, device)
    made_by = (results.source_hash(), device)  # what other code has left there is not taken for this code's
    name = hashlib.sha256(json.dumps([as_json(base), seed, number, *made_by]).encode()).hexdigest()[:16]
    file = folder / f"fold-{name}.pt"

    def make() -> dict[str, object]:
        made = run_fold(base, seed, number, device)
        return {**made._asdict(), "looks": made.looks and made.looks._asdict()}

    found = kept(file, make)
    return Fold(found["rows"], found["outputs"], found["looks"] and Looks(**found["looks"]))


def judge(cell: Cell, seed: int, device: str = "auto", folder: Path | None = None) -> Judged:
    """Train and test every fold of a cell and return what its judge says.

    Args:
        cell: what to run.
        seed: of the start, the order and the draw of training frames; folds are the same for all seeds.
        device: as in `local_device`.
        folder: where finished folds are kept and found again.
    """
    count, place = len(splits_of(cell)), str(local_device(device))
    numbers = tqdm(range(count), f"{cell.judge}, {cell.variant}, seed {seed}", disable=None, unit="fold")
    folds = [_fold(cell.base, seed, number, place, folder) for number in numbers]
    return Judged(
        torch.cat([fold.rows for fold in folds]),
        torch.cat([fold.outputs[cell.judge] for fold in folds]),
        torch.cat([torch.full_like(fold.rows, number) for number, fold in enumerate(folds)]),
        [fold.looks for fold in folds if fold.looks is not None],
    )


def measure(cell: Cell, judged: Judged, seed: int) -> dict[str, tuple[float, str]]:
    """Return metric -> (value, unit) of all test frames together; undefined ones are left out.

    Yes or no: pain from level 1 on, against a prediction of 1 or more, or a logit of 0 or more. "normalized" is on test
    sets of which half are pain (Jeni et al.). Intraclass correlation is ICC(3,1).
    """
    whole = frames(cell.source)
    targets, outputs = targets_of(cell, whole)[judged.rows], judged.outputs
    if cell.loss == "emotion":
        right = (outputs.argmax(1) == targets).double()
        folds = [right[judged.fold == number].mean() for number in judged.fold.unique()]
        found = {"accuracy": right.mean().item(), "accuracy_of_folds": torch.stack(folds).mean().item()}
        return {name: (value, "fraction") for name, value in found.items()} | confusion(judged, targets)
    pain = targets >= PAIN
    right = functools.partial(metrics.accuracy, threshold=PAIN if cell.loss == "regression" else 0.0)
    found = {"auc": metrics.auc(outputs, pain), "accuracy": right(outputs, pain)}
    for name, metric in (("auc", metrics.auc), ("accuracy", right)):
        draws = torch.Generator().manual_seed(seed)
        found[f"{name}_normalized"] = metrics.skew_normalized(metric, outputs, pain, draws, REPEATS)
    found["no_pain_share"] = 1 - pain.double().mean().item()
    if judged.looks:
        looks = joined(judged.looks)
        found["with_saliency"] = looks.seen.double().mean().item()
        for name, mean in zip(("saliency", "area"), looks.means()):
            found |= {f"{name}_{place}": value for place, value in zip(PLACES, mean.tolist())}
    units = dict.fromkeys(found, "fraction")
    if cell.loss == "regression":
        found |= {"mae": metrics.mean_absolute_error(outputs, targets), "icc": metrics.icc(outputs, targets)}
        found |= {"mse": metrics.mean_squared_error(outputs, targets), "pcc": metrics.pearson(outputs, targets)}
    made = {name: (value, units.get(name, "none")) for name, value in found.items() if math.isfinite(value)}
    return made | (by_subject(cell, judged, pain) if cell.apart == "one_subject" else {})


def by_subject(cell: Cell, judged: Judged, pain: Tensor) -> dict[str, tuple[float, str]]:
    """Return the AUC of every subject who shows both sides, and of the judge `COUNTED` the counts of Table 2.5."""
    subjects = frames(cell.source).annotations["subject"][judged.rows]
    threshold = PAIN if cell.loss == "regression" else 0.0
    counts = metrics.subject_counts(judged.outputs, pain, subjects, threshold)
    found = {}
    for number, *values in zip(*(column.tolist() for column in counts)):
        if cell.judge == COUNTED:
            for name, value in zip(counts._fields[1:], values):
                found[f"subject_{number}_{name}"] = (float(value), "count")
        mine = subjects == number
        area = metrics.auc(judged.outputs[mine], pain[mine])
        if math.isfinite(area):
            found[f"subject_{number}_auc"] = (area, "fraction")
    return found


def confusion(judged: Judged, targets: Tensor) -> dict[str, tuple[float, str]]:
    """Return the counts of the confusion matrix, "confusion_<true>_<predicted>"."""
    count = judged.outputs.shape[1]
    pairs = (targets * count + judged.outputs.argmax(1)).bincount(minlength=count**2)
    return {f"confusion_{n // count}_{n % count}": (float(value), "count") for n, value in enumerate(pairs.tolist())}


def run_cell(
    cell: Cell, seed: int, profile: str, device: str = "auto", checkpoint: Path | None = None
) -> list[results.Row]:
    """Run one cell with one seed and return its rows; with a checkpoint, finished folds are kept beside it."""
    began = time.perf_counter()
    results.provenance()
    judged = judge(cell, seed, device, checkpoint.parent if checkpoint is not None else None)
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, profile, str(local_device(device)))
    seconds = time.perf_counter() - began
    epochs = cell.epochs if cell.judge == "cnn" else cell.lstm_epochs
    return [
        run.row(name, value, unit, "test", "last", epochs, seconds)
        for name, (value, unit) in measure(cell, judged, seed).items()
    ]


def rerun(config: str, seed: int, profile: str) -> list[results.Row]:
    """Repeat the recorded run of a configuration and seed on this machine and return its rows."""
    return run_cell(from_json(config), seed, profile)
