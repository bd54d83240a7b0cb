"""A set of labelled images in memory: what `fgr.data.load` returns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fgr.checks import check_shape


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one split of a data set with their class labels, as the official files hold them.

    Args:
        name: the data set's name in `data_manifests`.
        split: "train", "validation", "trainval" or "test".
        images: (B, C, H, W) uint8; C is 1 (grey) or 3 (red, green, blue).
        targets: (B,) int64, indices into `classes`.
        classes: the names of the classes, in the order of their indices.

    Raises:
        ValueError: if shapes or types differ from these, or a target names no class.

    Example:
        >>> images = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
        >>> pets = ImageSet("pets", "train", images, torch.tensor([0, 1, 1]), ("cat", "dog"))
        >>> len(pets), pets.select([2, 0]).targets.tolist()
        (3, [1, 0])
    """

    name: str
    split: str
    images: Tensor
    targets: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_shape(self.images, "B C H W", "images")
        check_shape(self.targets, f"{len(self.images)}", "targets")
        if self.images.dtype != torch.uint8 or self.targets.dtype != torch.int64:
            raise ValueError(
                f"images must be uint8 and targets int64, got {self.images.dtype} and {self.targets.dtype}"
            )
        if len(self.targets) and not (self.targets.min() >= 0 and self.targets.max() < len(self.classes)):
            low, high = self.targets.min().item(), self.targets.max().item()
            raise ValueError(f"targets of {self.name} must lie in [0, {len(self.classes)}), got {low} to {high}")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: Tensor | Sequence[int] | slice) -> "ImageSet":
        """Return the images at `indices` (integers, booleans or a slice), in that order, under the same names."""
        if not isinstance(indices, slice):
            indices = torch.as_tensor(indices)
            if indices.numel() == 0:
                indices = indices.long()  # torch makes floats of an empty list
        return replace(self, images=self.images[indices], targets=self.targets[indices])
