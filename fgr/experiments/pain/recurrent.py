"""LSTMs on what the network of a fold sees in every frame, by the tool of `fgr sequence` (thesis section 2.2.2)."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.feature_files import FrameFeatures
from fgr.data.splits import Split
from fgr.experiments.pain.cells import Cell, targets_of
from fgr.experiments.pain.network import Trained
from fgr.experiments.pain.preprocess import frames, prepared
from fgr.experiments.sequences import SequenceSettings, fit
from fgr.temporal import sequence_windows


def settings(cell: Cell, seed: int) -> SequenceSettings:
    """Return how the LSTMs of a cell are trained.

    Pain: every frame is judged, the first ones of a video with its first frame repeated, so that LSTM and CNN are
    tested on the same frames; windows without pain are left out of training until they are no more than those with.
    Emotions: each window of ten is a sequence of its own already.
    """
    emotion = cell.loss == "emotion"
    return SequenceSettings(
        task="classification" if emotion else "regression",
        window=cell.window,
        pad=not emotion,
        hidden=cell.hidden,
        epochs=cell.lstm_epochs,
        lr=cell.lstm_lr,
        balance=cell.balance and not emotion,
        seed=seed,
    )


def windows_of(cell: Cell, split: Split) -> tuple[Tensor, Tensor]:
    """Return the frames that train and those that test an LSTM, in the order in which it reads them.

    Pain: the frames of the split. Emotions: windows that end in its frames, one after the other, (windows * length,).
    """
    if cell.loss != "emotion":
        return split.train, split.test
    whole = frames(cell.source)
    windows = sequence_windows(whole.annotations["sequence"], cell.window, pad=True)  # (B, window): one ends in each
    return windows[split.train].flatten(), windows[split.test].flatten()


def gather(cell: Cell, features: Tensor, rows: Tensor) -> FrameFeatures:
    """Return the features of some frames with what is to be learned, as `fgr features extract` would write them."""
    whole = frames(cell.source)
    sequences = whole.annotations["sequence"][rows]
    if cell.loss == "emotion":
        sequences = torch.arange(len(rows)) // cell.window
    labels = targets_of(cell, whole)[rows].double()
    paths = tuple(f"{cell.dataset}/{row}" for row in rows.tolist())
    return FrameFeatures(features[rows], labels, sequences, paths, {"network": cell.network})


def lstm_outputs(
    cell: Cell, trained: Trained, split: Split, seed: int, device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """Train an LSTM on each of fc6 and fc7 and return judge -> its outputs for the test frames of the split.

    Raises:
        ValueError: if frames of one video are on both sides of the split, for then there are no windows.
    """
    if cell.apart == "frame":
        raise ValueError("an LSTM reads whole videos: split by sequence or subject")
    train, test = windows_of(cell, split)
    needed = torch.cat([train, test]).unique()
    place = torch.full((len(frames(cell.source)),), -1)
    place[needed] = torch.arange(len(needed))
    found = {}
    for layer, features in trained.features(prepared(cell.source, cell.variant).images[needed], device).items():
        features = features[place]  # rows that nobody needs hold the last frame's
        with TemporaryDirectory() as folder:
            model, _ = fit(
                gather(cell, features, train), None, settings(cell, seed), Path(folder) / "run", device=str(device)
            )
        outputs = model.predict(gather(cell, features, test), device).outputs.float()
        if cell.loss == "emotion":  # an LSTM knows classes only up to the last one of its training frames
            missing = len(frames(cell.source).classes) - outputs.shape[1]
            outputs = F.pad(outputs, (0, missing), value=-torch.inf)
        found[f"lstm_{layer}"] = outputs
    return found
