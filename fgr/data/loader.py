"""Batches of tensors that are already in memory: no worker processes, and every batch can be named and repeated.

The order of an epoch depends on (seed, epoch) alone and the augmentation of a batch on (seed, epoch, batch) alone, so
that a run which stops after batch k continues with batch k + 1 as if it had never stopped, and variants of a method
that are compared under one seed see the same images in the same order.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
ORDER, AUGMENT = 0, 1  # independent random streams of one seed


class TensorLoader:
    """Iterate over (images, targets) in shuffled batches that are reproducible one by one.

    Args:
        images, targets: tensors of equal first dimension; batches are copies of their rows, on `device`.
        batch_size: rows of a batch, summed over all processes.
        seed: with the epoch it determines the order and the augmentation.
        shuffle: a new order every epoch; otherwise the order given.
        augment: a function (images, generator) -> images, which draws from that generator only. It sees the whole
            batch of all processes, so that the same images come out whatever `world_size` is.
        drop_last: leave out a last batch that is smaller than `batch_size`.
        rank, world_size: this process and their number; every batch is cut into equal consecutive shares.
        device: where batches go; copies to a CUDA device are pinned and asynchronous. None: where `images` are.

    Raises:
        ValueError: if lengths differ, there is no batch, or a batch does not divide into `world_size` equal shares.

    Example:
        >>> loader = TensorLoader(torch.arange(10.0), torch.arange(10), batch_size=4)
        >>> loader.set_epoch(3)
        >>> [len(targets) for _, targets in loader]
        [4, 4, 2]
        >>> whole, tail = list(loader), list(loader.batches(start=1))
        >>> all(torch.equal(a[0], b[0]) for a, b in zip(whole[1:], tail, strict=True))
        True
    """

    def __init__(
        self,
        images: Tensor,
        targets: Tensor,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        augment: Augmentation | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str | None = None,
    ) -> None:
        if len(images) != len(targets):
            raise ValueError(f"images and targets must have equal lengths, got {len(images)} and {len(targets)}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank must lie in [0, world_size), got rank {rank} of {world_size}")
        last = len(images) % batch_size
        if batch_size % world_size or (last % world_size and not drop_last):
            uneven = batch_size if batch_size % world_size else last
            raise ValueError(
                f"a batch of {uneven} has no equal shares for world_size={world_size}; "
                "choose a batch_size that divides, or drop_last=True for the last batch"
            )
        self.images, self.targets = images, targets
        self.batch_size, self.seed, self.shuffle, self.augment = batch_size, seed, shuffle, augment
        self.rank, self.world_size, self.epoch = rank, world_size, 0
        self.device = torch.device(device) if device is not None else images.device
        self._length = len(images) // batch_size if drop_last else -(-len(images) // batch_size)
        if self._length == 0:
            raise ValueError(f"{len(images)} images make no batch of {batch_size} (drop_last={drop_last})")

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return self._length

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.batches()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, 0 or more, that the next iteration yields; it does not advance by itself."""
        if epoch < 0:
            raise ValueError(f"epoch must be 0 or more, got {epoch}")
        self.epoch = epoch

    def batches(self, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of batches `start`, `start` + 1, ... of the epoch; earlier ones cost nothing.

        Raises:
            ValueError: if `start` is not in [0, number of batches].
        """
        if not 0 <= start <= len(self):
            raise ValueError(f"start must lie in [0, {len(self)}], got {start}")
        epoch = self.epoch  # a set_epoch during the iteration concerns the next one
        order = self._order(epoch)
        return (self._batch(epoch, batch, order) for batch in range(start, len(self)))

    def _entropy(self, *position: int) -> np.random.SeedSequence:
        return np.random.SeedSequence([self.seed, *position])

    def _order(self, epoch: int) -> Tensor:
        if not self.shuffle:
            return torch.arange(len(self.images))
        # Sorted raw bits instead of a library's shuffle: numpy promises this stream for ever, on every machine.
        keys = np.random.PCG64(self._entropy(ORDER, epoch)).random_raw(len(self.images))
        return torch.from_numpy(keys.argsort(kind="stable"))

    def _batch(self, epoch: int, batch: int, order: Tensor) -> tuple[Tensor, Tensor]:
        rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        if self.augment is None:
            return self._rows(self.images, self._share(rows)), self._rows(self.targets, self._share(rows))
        seed = int(self._entropy(AUGMENT, epoch, batch).generate_state(1, np.uint64)[0])
        images = self.augment(self._rows(self.images, rows), torch.Generator().manual_seed(seed))
        return self._share(images), self._rows(self.targets, self._share(rows))

    def _rows(self, tensor: Tensor, rows: Tensor) -> Tensor:
        chosen = tensor[rows.to(tensor.device)]
        if self.device.type == "cuda" and chosen.device.type == "cpu":
            return chosen.pin_memory().to(self.device, non_blocking=True)
        return chosen.to(self.device)

    def _share(self, whole: Tensor) -> Tensor:
        size = len(whole) // self.world_size
        return whole[self.rank * size : (self.rank + 1) * size]
