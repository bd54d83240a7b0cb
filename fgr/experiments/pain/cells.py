"""What a run of chapter 2 is: everything that decides its result, and how its frames are split."""

import json
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data import ImageSet
from fgr.data.splits import (
    Split,
    by_fold,
    check_exclusive,
    frame_folds,
    leave_one_subject_out,
    sequence_folds,
    subject_folds,
)
from fgr.experiments.pain.preprocess import Source, frames
from fgr.metrics import merge_pain_levels

EXPERIMENT = "pain"
LOSSES = ("regression", "binary", "emotion")
APART = ("one_subject", "subject", "sequence", "frame")
JUDGES = ("cnn", "lstm_fc6", "lstm_fc7")
COUNTED = "lstm_fc6"  # whose answers are counted subject by subject (Table 2.5)
PAIN = 1.0  # levels from here on are pain
APEX = 3  # frames of an emotion video that count, its last ones
FOLD_SEED = 0  # of the folds, which all runs share


@dataclass(frozen=True)
class Cell:
    """One run but for its seed: a network trained and tested in every fold of a split."""

    judge: str = "cnn"  # one of JUDGES: whose outputs are measured
    lstms: bool = False  # train LSTMs on fc6 and on fc7 in every fold; the judges then share their networks
    loss: str = "regression"  # one of LOSSES: of pain levels, of pain against none, or of seven emotions
    variant: str = "crop"  # one of preprocess.VARIANTS
    mean: str = "pixel"  # what is subtracted: the mean face, or one "global" number
    apart: str = "subject"  # one of APART: what is never in training and test at once
    folds: int = 5  # of all but one_subject, which has one a subject
    dataset: str = "synthetic_pain"
    size: int = 64  # pixels that the network sees
    frame: int = 96  # pixels of the frames
    subjects: int = 25
    sequences: int = 4
    length: int = 64
    videos: int = 0  # of emotions; 0 for all
    network: str = "face_cnn"  # or vgg16
    weights: str = ""  # a file of weights to start from, e.g. VGG-Face's
    pretraining: int = 0  # or: raw generated faces on which the network first learns who is who; 0 for none
    pretraining_epochs: int = 8
    epochs: int = 6
    batch_size: int = 32
    lr: float = 0.001  # of Adam; the thesis does not say how its CNN was trained
    dropout: float = 0.2
    balance: bool = True  # as many training frames without pain as with, drawn anew for every batch
    window: int = 16  # frames that an LSTM sees
    hidden: int = 64  # units of the LSTM
    lstm_epochs: int = 4
    lstm_lr: float = 0.003
    looked: int = 0  # frames with pain of each fold whose saliency is measured; 0 for none

    def __post_init__(self) -> None:
        for name, known in (("judge", JUDGES), ("loss", LOSSES), ("apart", APART)):
            check_choice(getattr(self, name), known, name)
        if self.judge != "cnn" and not self.lstms:
            raise ValueError(f"judge {self.judge!r} needs lstms=True")

    @property
    def source(self) -> Source:
        """The frames of this run."""
        return Source(**{field.name: getattr(self, field.name) for field in fields(Source)})

    @property
    def base(self) -> "Cell":
        """The cell whose networks this one judges with: the same for all judges."""
        return replace(self, judge="cnn")


def targets_of(cell: Cell, whole: ImageSet) -> Tensor:
    """Return what is learned: merged pain levels 0 to 5 (B,) float64, or emotions (B,) int64."""
    if cell.loss == "emotion":
        return whole.targets
    return merge_pain_levels(whole.annotations["pspi"].double())


def judged_frames(cell: Cell, whole: ImageSet) -> Tensor:
    """Return which frames train and test (B,) bool: all of a pain video, the last three of an emotion video."""
    sequence = whole.annotations["sequence"]
    if cell.loss != "emotion":
        return torch.ones(len(whole), dtype=torch.bool)
    _, counts = sequence.unique_consecutive(return_counts=True)
    ends = counts.cumsum(0).repeat_interleave(counts)  # (B,) one past the last frame of the video
    return ends - torch.arange(len(whole)) <= APEX


def splits_of(cell: Cell) -> list[Split]:
    """Return the folds of a cell, the same for every seed; rows are those of `frames(cell.source)`.

    Folds by subject are checked to share none. Only frames that count are in them (`judged_frames`), except that an
    LSTM also reads those before.
    """
    whole = frames(cell.source)
    counts = judged_frames(cell, whole).nonzero()[:, 0]
    known = {name: whole.annotations[name][counts] for name in ("subject", "sequence")}
    targets = targets_of(cell, whole)[counts]
    classes = targets if cell.loss == "emotion" else (targets >= PAIN).long()
    generator = torch.Generator().manual_seed(FOLD_SEED)
    if cell.apart == "one_subject":
        found = leave_one_subject_out(known["subject"])
    elif cell.apart == "frame":
        found = by_fold(frame_folds(classes, cell.folds, generator))
    else:
        make = subject_folds if cell.apart == "subject" else sequence_folds
        found = by_fold(make(known[cell.apart], classes, cell.folds, generator))
    if cell.apart in ("one_subject", "subject"):
        for split in found:
            check_exclusive(split, known["subject"])
    return [Split(counts[split.train], counts[split.test]) for split in found]


def from_json(text: str) -> Cell:
    """Rebuild the cell of a recorded row.

    Example:
        >>> from fgr.config import as_json
        >>> from_json(as_json(Cell(variant="frontal"))) == Cell(variant="frontal")
        True
    """
    return Cell(**json.loads(text))
