"""Train a recurrent network on features: Adam, clipped gradients, early stopping, resumed after an interruption."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.data.feature_files import FrameFeatures
from fgr.data.loader import TensorLoader
from fgr.experiments.sequences.model import SequenceModel, build_network, full_windows, load_model
from fgr.experiments.sequences.scores import PAIN, check_classes, scores
from fgr.experiments.sequences.settings import SequenceSettings
from fgr.metrics import undersample
from fgr.paths import atomic_path
from fgr.temporal import fit_standardization
from fgr.training import Epoch, local_device, train

MODEL, CHECKPOINT, RUN = "model.safetensors", "checkpoint.pt", "run.json"
MAY_DIFFER = ("epochs", "patience")  # of a run that is resumed


def fit(
    training: FrameFeatures,
    validation: FrameFeatures | None,
    settings: SequenceSettings,
    folder: Path,
    *,
    device: str = "auto",
    recorder: Callable[[Epoch], None] | None = None,
) -> tuple[SequenceModel, list[Epoch]]:
    """Train a network on windows of frames and return it with its history; the same call again resumes it.

    Into `folder` go model.safetensors (the epoch with the lowest validation loss; the last one without validation),
    checkpoint.pt and run.json (settings, and what identifies the data).

    Args:
        training, validation: features of different videos. Statistics are of all training frames, and of no others.
        settings: sizes and the course of training.
        folder: of this run.
        device: as in `local_device`.
        recorder: called with every finished epoch, those before a restart included.

    Raises:
        ValueError: on data without windows or with labels that do not suit the task, or of one class that is to be
            weighed; if `folder` holds a run with other settings or data.
        FloatingPointError: if training diverges.
    """
    place = local_device(device)
    rows = full_windows(training, settings)
    model, targets = _untrained(training, settings)
    if validation is not None:
        model.check(validation, "validation")
        if settings.task == "classification":
            check_classes(validation.labels, model.num_classes)
    if settings.balance:
        painful = (training.labels[rows] >= PAIN).any(1)  # (n_windows,)
        rows = rows[undersample(painful, torch.Generator().manual_seed(settings.seed))]
    targets = targets[rows[:, -1]]  # (n_windows,): a window is judged by its last frame
    loss = _loss(settings, targets, model.num_classes, place)
    _claim(folder, settings, training, validation)
    loader = TensorLoader(
        rows,
        targets,
        settings.batch_size,
        settings.seed,
        settings.shuffle,
        augment=lambda chosen, _: model.inputs(training.features[chosen]),  # (B, T) -> (B, T, D): frames are shared
        drop_last=len(rows) >= settings.batch_size,
    )
    optimizer = torch.optim.Adam(model.network.parameters(), settings.lr)
    best = float("inf")  # validation loss so far

    def clip(*_: object) -> None:
        nn.utils.clip_grad_norm_(model.network.parameters(), settings.clip)

    def evaluate(_: nn.Module) -> dict[str, float]:
        found = scores(model.predict(validation, place))
        if watched(found) < best:
            model.save(folder / MODEL)
        return found

    def record(epoch: Epoch) -> None:
        nonlocal best
        if epoch.metrics:
            best = min(best, watched(epoch.metrics))
        if recorder is not None:
            recorder(epoch)

    optimizer.register_step_pre_hook(clip)
    history = train(
        model.network,
        loader,
        loss,
        optimizer,
        settings.epochs,
        evaluate=evaluate if validation is not None else None,
        recorder=record,
        stop=(lambda past: _is_over(past, settings.patience)) if validation is not None and settings.patience else None,
        checkpoint=folder / CHECKPOINT,
        device=place,
        label="LSTM",
    )
    if validation is None:
        model.save(folder / MODEL)
    return load_model(folder / MODEL), history


def watched(found: dict[str, float]) -> float:
    """Return the score that decides which epoch is best: the first."""
    return next(iter(found.values()))


def _is_over(history: Sequence[Epoch], patience: int) -> bool:
    values = [watched(epoch.metrics) for epoch in history]
    return len(values) - 1 - values.index(min(values)) >= patience


def _untrained(training: FrameFeatures, settings: SequenceSettings) -> tuple[SequenceModel, Tensor]:
    """Return a new model and the targets (n,) that its network learns."""
    width, labels, made = training.features.shape[1], training.labels, dict(training.made)
    scale = fit_standardization(training.features) if settings.standardize else None
    torch.manual_seed(settings.seed)  # the first weights, and dropout
    if settings.task == "classification":
        classes = check_classes(labels)
        count = int(classes.max()) + 1
        return SequenceModel(build_network(settings, width, count), settings, width, count, scale, None, made), classes
    label_scale = fit_standardization(labels) if settings.standardize else None
    targets = (labels if label_scale is None else label_scale.apply(labels)).float()
    return SequenceModel(build_network(settings, width, 1), settings, width, 1, scale, label_scale, made), targets


def _loss(settings: SequenceSettings, targets: Tensor, classes: int, device: torch.device) -> Callable:
    if settings.task == "regression":
        return F.mse_loss
    if not settings.class_weights:
        return F.cross_entropy
    if (targets == targets[0]).all():
        raise ValueError(
            f"all training frames are of class {int(targets[0])} (of those with a full window), which class_weights "
            "would weigh by 1 - 1 = 0; train on frames of two classes or more, or leave class_weights out"
        )
    weights = 1 - torch.bincount(targets, minlength=classes) / len(targets)  # (num_classes,)
    return nn.CrossEntropyLoss(weight=weights.to(device))


def _claim(folder: Path, settings: SequenceSettings, training: FrameFeatures, validation: FrameFeatures | None) -> None:
    """Write down what runs in `folder`, and refuse another run there."""
    run = {"settings": asdict(settings), "training": _identity(training)}
    run["validation"] = None if validation is None else _identity(validation)
    file = folder / RUN
    if file.exists():
        before = json.loads(file.read_text())
        old, new = before["settings"], run["settings"]
        other = [
            f"{name} was {old.get(name)!r}" for name in new if new[name] != old.get(name) and name not in MAY_DIFFER
        ]
        other += [f"the {part} data were others" for part in ("training", "validation") if run[part] != before[part]]
        if other:
            raise ValueError(f"{folder} holds a run with other settings: {', '.join(other)}; name another folder")
    with atomic_path(file) as temporary:
        temporary.write_text(json.dumps(run, indent=1) + "\n")


def _identity(frames: FrameFeatures) -> list[object]:
    """Return numbers that differ for other data, without hashing gigabytes."""
    sums = [frames.features.sum(dtype=torch.float64), frames.labels.sum(), frames.sequences.double().sum()]
    return [list(frames.features.shape), *(value.item() for value in sums)]
