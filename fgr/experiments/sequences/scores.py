"""How good the outputs of a recurrent network are, and a table of them."""

import csv
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from fgr import metrics
from fgr.data.feature_files import FrameFeatures
from fgr.experiments.sequences.model import Predictions
from fgr.paths import atomic_path

PAIN = 1.0  # labels from here on are positive when AUC is asked for (thesis section 2.3.1)


def scores(predictions: Predictions) -> dict[str, float]:
    """Return mse, mae, pcc, icc and auc of a regression, cross_entropy and accuracy of a classification.

    The first is what early stopping watches. auc calls labels of 1 or more positive, as the thesis does; the released
    tool's threshold was the mean training label instead. Undefined ones are NaN.

    Raises:
        ValueError: if a label is no class of the model.
    """
    outputs, labels = predictions.outputs.double(), predictions.labels
    if outputs.ndim == 2:
        classes = check_classes(labels, outputs.shape[1])
        return {
            "cross_entropy": F.nll_loss(outputs, classes).item(),
            "accuracy": (outputs.argmax(1) == classes).double().mean().item(),
        }
    return {
        "mse": metrics.mean_squared_error(outputs, labels),
        "mae": metrics.mean_absolute_error(outputs, labels),
        "pcc": metrics.pearson(outputs, labels),
        "icc": metrics.icc(outputs, labels) if len(labels) > 1 else float("nan"),
        "auc": metrics.auc(outputs, labels >= PAIN),
    }


def check_classes(labels: Tensor, num_classes: int | None = None) -> Tensor:
    """Return labels as int64 classes.

    Raises:
        ValueError: on a label that is not a whole number from 0 on, or, if `num_classes` is given, not below that.
    """
    highest = float("inf") if num_classes is None else num_classes - 1
    wrong = ~((labels >= 0) & (labels == labels.round()) & (labels <= highest))
    if wrong.any():
        first = int(wrong.nonzero()[0])
        known = "from 0 on" if num_classes is None else f"from 0 to {num_classes - 1}, those of the training frames"
        raise ValueError(f"classes are whole numbers {known}; frame {first} has the label {labels[first].item():g}")
    return labels.long()


def write_predictions(file: Path, frames: FrameFeatures, predictions: Predictions) -> None:
    """Write a CSV with a line for every judged frame: path, sequence, label, prediction, and class probabilities."""
    outputs = predictions.outputs
    probabilities = outputs.exp().tolist() if outputs.ndim == 2 else [[]] * len(outputs)
    said = outputs.argmax(1).tolist() if outputs.ndim == 2 else outputs.tolist()
    names = [f"p{number}" for number in range(outputs.shape[1])] if outputs.ndim == 2 else []
    with atomic_path(file) as temporary, temporary.open("w", newline="", encoding="utf-8") as opened:
        table = csv.writer(opened)
        table.writerow(["path", "sequence", "label", "prediction", *names])
        for row, label, value, shares in zip(
            predictions.frames.tolist(), predictions.labels.tolist(), said, probabilities
        ):
            table.writerow([frames.paths[row], frames.sequences[row].item(), label, value, *shares])
