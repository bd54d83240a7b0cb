"""The training loop: it is handed everything and imports neither models nor data.

One loop serves a laptop, a GPU and torchrun. It resumes mid-epoch to the bit-identical result on the same machine
if the batches of an epoch depend only on its number (`TensorLoader`, or a DataLoader with a seeded sampler). On several
processes the same holds without dropout, whose random state is kept of the first process only.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from fgr.training.checkpoint import load_checkpoint, random_state, restore_random_state, save_checkpoint
from fgr.training.distributed import rank, sum_over_processes, world_size


@dataclass(frozen=True)
class Step:
    """What a hook is told after an optimiser step."""

    epoch: int  # from 0
    batch: int  # from 0, in this epoch
    lr: float  # the learning rate that this step used, read from the optimiser


@dataclass
class Epoch:
    """What happened in one epoch, in order to be recorded."""

    epoch: int  # from 1: the number of epochs done
    lr: float  # of the last step, read from the optimiser
    loss: float  # mean training loss a sample, penalty included
    seconds: float  # training time, without evaluation; summed over restarts
    metrics: dict[str, float] = field(default_factory=dict)  # what `evaluate` returned


def train(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Any, Tensor], Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    schedule: LRScheduler | None = None,
    penalty: Callable[[nn.Module], Tensor] | None = None,
    hooks: Sequence[Callable[[Step], None]] = (),
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    recorder: Callable[[Epoch], None] | None = None,
    stop: Callable[[Sequence[Epoch]], bool] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 0,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
    channels_last: bool = False,
    compile: bool = False,
    label: str = "training",
) -> list[Epoch]:
    """Train `model` in place, hand it back in evaluation mode, and return one `Epoch` an epoch.

    Args:
        model: on any device; moved to `device`. Wrapped for gradient averaging if a process group exists.
        loader: yields (inputs, targets), the mean over whose loss is minimised. `set_epoch(epoch)` is called if it (or
            its sampler) has one; `batches(start)` is used to resume within an epoch, else the first ones are skipped.
        loss: (output, targets) -> scalar mean over the batch.
        optimizer: built on the model's parameters by the caller.
        epochs: in all, resumed ones included.
        schedule: stepped once an epoch.
        penalty: model -> scalar added to the loss.
        hooks: called after every optimiser step, e.g. `lambda step: orthoreg.step(step.lr)`.
        evaluate: called after every epoch with the model in evaluation mode.
        recorder: called with every finished epoch (rank 0 only), those of before a restart included.
        stop: asked before every epoch but the first with the history so far; True ends the training early.
        checkpoint: file to resume from if it exists, with the learning rate and momentum that it holds; written after
            every epoch and removed by nobody.
        checkpoint_every: also write it every so many batches.
        autocast: torch.bfloat16 for mixed precision.
        channels_last: memory format of the model and of 4-D inputs.
        compile: run the model through torch.compile.
        label: what the progress bar says (shown on a terminal only).

    Raises:
        FloatingPointError: if the loss of an epoch is not finite; the message names the epoch and the learning rate.
        ValueError: if the loader is empty, the checkpoint is damaged or of another model, optimiser or schedule,
            `autocast` is float16, whose gradients would vanish without loss scaling, or the schedule waits for a
            metric (ReduceLROnPlateau), which this loop does not hand over.

    Example:
        >>> model = nn.Linear(3, 2)
        >>> batches = [(torch.randn(8, 3), torch.randint(2, (8,))) for _ in range(4)]
        >>> sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> history = train(model, batches, nn.functional.cross_entropy, sgd, epochs=2)
        >>> [(e.epoch, e.lr) for e in history]
        [(1, 0.1), (2, 0.1)]
    """
    if autocast is torch.float16:
        raise ValueError("autocast=torch.float16 needs loss scaling, which this loop has not; use torch.bfloat16")
    if isinstance(schedule, ReduceLROnPlateau):
        raise ValueError("schedule=ReduceLROnPlateau waits for a metric; use one that counts epochs, e.g. MultiStepLR")
    device = torch.device(device)
    model.to(device, memory_format=torch.channels_last if channels_last else torch.preserve_format)
    history: list[Epoch] = []
    start_epoch = start_batch = 0
    running = torch.zeros(2, dtype=torch.float64, device=device)  # summed loss, samples of the epoch under way
    elapsed = 0.0
    if checkpoint is not None and checkpoint.exists():
        state = load_checkpoint(checkpoint, device)
        _restore(state, model, optimizer, schedule, checkpoint)
        start_epoch, start_batch, elapsed = state["epoch"], state["batch"], state["elapsed"]
        running += state["running"] if rank() == 0 else 0
        history = [Epoch(**entry) for entry in state["history"]]
        for entry in history:
            _record(recorder, entry)
    wrapped: nn.Module = DistributedDataParallel(model) if world_size() > 1 else model
    if compile:
        wrapped = torch.compile(wrapped)

    def save(epoch: int, batch: int) -> None:
        if checkpoint is None:
            return
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": random_state()}
        state |= {"schedule": schedule.state_dict() if schedule else None, "epoch": epoch, "batch": batch}
        state |= {"elapsed": elapsed, "history": [asdict(entry) for entry in history]}
        state |= {"running": sum_over_processes(running.clone())}
        if rank() == 0:
            save_checkpoint(checkpoint, state)

    for epoch in range(start_epoch, epochs):
        if stop is not None and history and stop(history):
            break
        began = time.perf_counter()
        wrapped.train()
        total = len(loader) if hasattr(loader, "__len__") else None
        bar = tqdm(
            _batches(loader, epoch, start_batch),
            desc=f"{label} {epoch + 1}/{epochs}",
            initial=start_batch,
            total=total,
            leave=False,
            disable=not sys.stderr.isatty() or rank() > 0,
        )
        for batch, (inputs, targets) in enumerate(bar, start_batch):
            lr = optimizer.param_groups[0]["lr"]
            inputs = _move(inputs, device, channels_last)
            targets = targets.to(device, non_blocking=True)
            with torch.autocast(device.type, autocast, enabled=autocast is not None):
                objective = loss(wrapped(inputs), targets)
                if penalty is not None:
                    objective = objective + penalty(model)
            optimizer.zero_grad(set_to_none=True)
            objective.backward()
            optimizer.step()
            for hook in hooks:
                hook(Step(epoch, batch, lr))
            running[0] += objective.detach() * len(targets)  # stays on the device: no wait for the GPU
            running[1] += len(targets)
            if checkpoint_every and (batch + 1) % checkpoint_every == 0:
                _mean_loss(running, epoch, lr, checkpoint)  # a diverged run is not worth keeping
                elapsed, began = elapsed + time.perf_counter() - began, time.perf_counter()
                save(epoch, batch + 1)
        lr = optimizer.param_groups[0]["lr"]
        mean = _mean_loss(running, epoch, lr, checkpoint)
        entry = Epoch(epoch + 1, lr, mean, elapsed + time.perf_counter() - began)
        if schedule is not None:
            schedule.step()
        if evaluate is not None:
            model.eval()
            # plain floats: a checkpoint with a NumPy number in it could not be read again with weights_only
            entry.metrics = {name: float(value) for name, value in evaluate(model).items()}
        history.append(entry)
        _record(recorder, entry)
        start_batch, elapsed = 0, 0.0
        running.zero_()
        save(epoch + 1, 0)
    model.eval()
    return history


def _batches(loader: Iterable, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate one epoch from batch `start`, without letting skipped batches move the random state."""
    for owner in (loader, getattr(loader, "sampler", None)):
        if hasattr(owner, "set_epoch"):
            owner.set_epoch(epoch)
    if start and hasattr(loader, "batches"):
        return iter(loader.batches(start))
    state = random_state()
    iterator = iter(loader)
    for _ in islice(iterator, start):
        pass
    if start:
        restore_random_state(state)
    return iterator


def _move(inputs: Any, device: torch.device, channels_last: bool) -> Any:
    if isinstance(inputs, (tuple, list)):  # networks that read several images at once
        return type(inputs)(_move(part, device, channels_last) for part in inputs)
    image = channels_last and inputs.ndim == 4
    memory_format = torch.channels_last if image else torch.preserve_format
    return inputs.to(device, non_blocking=True, memory_format=memory_format)


def _mean_loss(running: Tensor, epoch: int, lr: float, checkpoint: Path | None) -> float:
    total, samples = sum_over_processes(running.clone()).tolist()
    if not samples:
        raise ValueError("the loader gave no batch; is the data set smaller than one batch with drop_last?")
    mean = total / samples
    if not math.isfinite(mean):
        kept = f" and delete {checkpoint}, which holds it" if checkpoint is not None and checkpoint.exists() else ""
        raise FloatingPointError(f"the loss is {mean} in epoch {epoch + 1} at learning rate {lr}; lower it{kept}")
    return mean


def _restore(state: dict, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler | None, path: Path) -> None:
    settings = set().union(*optimizer.param_groups)
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if settings - set().union(*optimizer.param_groups) or (schedule is None) != (state["schedule"] is None):
            raise ValueError("the optimiser has other settings, or one of the two runs has no schedule")
    except (RuntimeError, ValueError, KeyError) as error:
        message = f"{path} belongs to another model, optimiser or schedule; delete it or name another file"
        raise ValueError(message) from error
    if schedule is not None:
        schedule.load_state_dict(state["schedule"])
    restore_random_state({key: _to_cpu(value) for key, value in state["random"].items()})


def _to_cpu(value: Any) -> Any:
    return [part.cpu() for part in value] if isinstance(value, list) else value.cpu()


def _record(recorder: Callable[[Epoch], None] | None, entry: Epoch) -> None:
    if recorder is not None and rank() == 0:
        recorder(entry)
