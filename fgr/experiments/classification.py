"""Train a classifier by plain SGD, watch its error on every split, and turn its history into rows."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_choice
from fgr.data.loader import TensorLoader
from fgr.results import rows as results
from fgr.training import Epoch, Step, train

CURVE = 40  # points of a recorded learning curve at most
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}  # of convolutions and matrix products; weights stay float32
JUDGED = {"train": 10_000, "validation": 10_000}  # images at most that errors are measured on; a test set is never cut

Parts = Mapping[str, tuple[Tensor, Tensor]]  # split -> (images (B, C, H, W) float32, targets (B,))


def balanced_subset(targets: Tensor, size: int, seed: int = 0) -> Tensor:
    """Return indices of `size` samples with class counts as equal as possible, by a fixed permutation.

    Raises:
        ValueError: if there are not that many samples.

    Example:
        >>> balanced_subset(torch.tensor([0, 0, 0, 1, 1, 1]), 4).sort().values.shape
        torch.Size([4])
    """
    if size > len(targets):
        raise ValueError(f"train_size {size} is more than the {len(targets)} images of the training part")
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    shuffled = targets[order]
    rank_in_class = torch.zeros_like(shuffled)
    for label in shuffled.unique():
        mine = shuffled == label
        rank_in_class[mine] = torch.arange(int(mine.sum()))
    return order[rank_in_class.argsort(stable=True)[:size]]


def evenly_spaced(images: Tensor, targets: Tensor, most: int | None) -> tuple[Tensor, Tensor]:
    """Return `most` images and targets from all over a set, or the set itself if it has no more or there is no limit.

    Example:
        >>> evenly_spaced(torch.zeros(6, 1, 2, 2), torch.tensor([0, 0, 0, 1, 1, 1]), most=2)[1]
        tensor([0, 1])
    """
    if most is None or most >= len(targets):
        return images, targets
    chosen = torch.arange(most) * len(targets) // most
    return images[chosen], targets[chosen]


@torch.no_grad()
def error_rate(
    model: Callable[[Tensor], Any],
    images: Tensor,
    targets: Tensor,
    device: torch.device,
    scores: Callable[[Any], Tensor] = lambda output: output,
    batch: int = 1000,
) -> float:
    """Return the share of images whose class with the highest score is wrong; `scores` reads them off the output."""
    wrong = sum(
        (scores(model(x.to(device))).argmax(1) != y.to(device)).sum().item()
        for x, y in zip(images.split(batch), targets.split(batch))
    )
    return wrong / len(targets)


def fit(
    model: nn.Module,
    parts: Parts,
    *,
    seed: int,
    epochs: int,
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    milestones: Sequence[float] = (),
    decay: float = 0.2,
    batch_size: int = 128,
    parameters: Sequence[Mapping[str, Any]] | None = None,
    loss: Callable[[Any, Tensor], Tensor] = F.cross_entropy,
    scores: Callable[[Any], Tensor] = lambda output: output,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    penalty: Callable[[nn.Module], Tensor] | None = None,
    hooks: Sequence[Callable[[Step], None]] = (),
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    label: str = "training",
    judged: int | Mapping[str, int] = JUDGED,
    judged_at_once: int = 1000,
    precision: str = "float32",
) -> list[Epoch]:
    """Train by SGD (Nesterov where momentum is not 0) and return the history with the error on every split.

    Channels come last in memory, which makes convolutions up to half as fast again on a CPU.

    Args:
        parts: what to train on ("train") and every split to watch.
        seed: of the order of the data and of dropout; variants that share it are paired.
        milestones: fractions of the run at which the learning rate falls.
        decay: to which share of itself it falls then, by default a fifth.
        parameters: parameter groups for the optimiser; by default all parameters of the model.
        loss, scores: how the model's output is trained and read: (output, targets) -> scalar, output -> (B, classes).
        augment, penalty, hooks, device, checkpoint, label: as in `fgr.training.train` and `TensorLoader`.
        judged: images at most that the error is measured on, evenly spaced, for sets may be sorted by class; one number
            for all splits, or one a split; a split without a number is judged whole.
        judged_at_once: as many of them as the device can hold.
        precision: "float32", or "bfloat16" for mixed precision: several times as fast where the processor multiplies
            bfloat16 itself, and slower elsewhere.
    """
    check_choice(precision, tuple(PRECISIONS), "precision")
    autocast = PRECISIONS[precision]
    most = judged if isinstance(judged, Mapping) else dict.fromkeys(parts, judged)
    watched = {split: evenly_spaced(*part, most.get(split)) for split, part in parts.items()}
    loader = TensorLoader(
        *parts["train"],
        batch_size,
        seed=seed,
        augment=augment,
        drop_last=len(parts["train"][1]) >= batch_size,
        device=device,
    )
    torch.manual_seed(seed)  # dropout draws alike in all variants
    groups = list(parameters) if parameters is not None else model.parameters()
    optimizer = torch.optim.SGD(groups, lr, momentum, weight_decay=weight_decay, nesterov=momentum > 0)
    steps = [max(1, round(fraction * epochs)) for fraction in milestones]

    def evaluate(trained: nn.Module) -> dict[str, float]:
        with torch.autocast(torch.device(device).type, autocast, enabled=autocast is not None):
            return {
                split: error_rate(trained, *part, device, scores, judged_at_once) for split, part in watched.items()
            }

    return train(
        model,
        loader,
        loss,
        optimizer,
        epochs,
        schedule=torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, gamma=decay) if steps else None,
        penalty=penalty,
        hooks=hooks,
        evaluate=evaluate,
        autocast=autocast,
        channels_last=True,
        checkpoint=checkpoint,
        device=device,
        label=label,
    )


def history_rows(run: results.Run, history: Sequence[Epoch], seconds: float, curve: int = CURVE) -> list[results.Row]:
    """Turn a history into rows: errors by epoch and by selection rule, overfitting, loss, seconds an epoch.

    Of long runs the curve has only every so many epochs, `curve` of them at most, and the last, so that records stay
    small; best epochs are found among all.
    """
    step = -(-len(history) // curve)
    last, best_val = history[-1], min(history, key=lambda e: e.metrics["validation"])
    best_test = min(history, key=lambda e: e.metrics["test"])
    rows = [
        run.row("error", entry.metrics[split], "fraction", split, "epoch", entry.epoch)
        for entry in history
        if entry.epoch % step == 0 or entry is last
        for split in ("train", "validation", "test")
    ]
    for split in ("train", "validation", "test"):
        rows.append(run.row("error", last.metrics[split], "fraction", split, "last", last.epoch, seconds))
    rows.append(run.row("error", best_val.metrics["test"], "fraction", "test", "best-val", best_val.epoch, seconds))
    rows.append(run.row("error", best_test.metrics["test"], "fraction", "test", "best-test", best_test.epoch, seconds))
    gap = last.metrics["test"] - last.metrics["train"]
    rows.append(run.row("overfitting", gap, "fraction", "test", "last", last.epoch, seconds))
    rows.append(run.row("training_loss", last.loss, "nats", "train", "last", last.epoch, seconds))
    epoch_seconds = sum(entry.seconds for entry in history) / len(history)
    rows.append(run.row("epoch_seconds", epoch_seconds, "seconds", "train", "none", last.epoch, seconds))
    return rows


def diverged_rows(run: results.Run, parts: Parts, epochs: int, seconds: float) -> list[results.Row]:
    """Return the rows of a run whose loss became NaN: a network of NaNs names the first class, whatever it sees.

    A diverged run is a result of its strength or learning rate, and must not stop a sweep.
    """
    wrong = {split: (targets != 0).double().mean().item() for split, (_, targets) in parts.items()}
    rows = [run.row("error", value, "fraction", split, "last", epochs, seconds) for split, value in wrong.items()]
    return [*rows, run.row("diverged", 1.0, "none", "train", "last", epochs, seconds)]
