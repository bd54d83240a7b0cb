"""A set of labelled images: what `fgr.data.load` returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape
from fgr.data.image_files import ImageFiles

POINTS = ("landmarks", "parts")  # annotations (B, N, 2 or more) whose first two numbers are pixel coordinates x, y
BOX = "box"  # annotation (B, 4): x0 y0 x1 y1 in pixels


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one split of a data set with their class labels and annotations, as the official files hold them.

    Args:
        name: the data set's name in `data_manifests`.
        split: "train", "validation", "trainval" or "test"; "all" where a set has no split of its own.
        images: (B, C, H, W) uint8, C being 1 (grey) or 3 (red, green, blue); or `ImageFiles`, which stay on disk.
        targets: (B,) int64, indices into `classes`.
        classes: the names of the classes, in the order of their indices.
        annotations: what else is known of every image, name -> tensor of B rows. Names that mean the same in every
            set: `landmarks` (B, N, 2) and `parts` (B, P, 3: x, y, visible) in pixels, `box` (B, 4: x0 y0 x1 y1 in
            pixels), `attributes` (B, A) bool, `aus` (B, U) intensities, `pspi` (B,), `subject`, `sequence`, `frame`,
            `fold`, `gender` (B,) int64, `age` (B,) in years. A number that is not known is NaN, an index -1.
        labels: names of what annotations index or count: `attributes`, `parts`, `aus`, `subject`, `gender`, ...

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
    images: Tensor | ImageFiles
    targets: Tensor
    classes: tuple[str, ...]
    annotations: Mapping[str, Tensor] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.images, ImageFiles):
            check_shape(self.images, "B C H W", "images")
            if self.images.dtype != torch.uint8:
                raise ValueError(f"images must be uint8, got {self.images.dtype}")
        check_shape(self.targets, f"{len(self.images)}", "targets")
        if self.targets.dtype != torch.int64:
            raise ValueError(f"targets must be int64, got {self.targets.dtype}")
        if len(self.targets) and not (self.targets.min() >= 0 and self.targets.max() < len(self.classes)):
            low, high = self.targets.min().item(), self.targets.max().item()
            raise ValueError(f"targets of {self.name} must lie in [0, {len(self.classes)}), got {low} to {high}")
        for name, values in self.annotations.items():
            if len(values) != len(self.images):
                raise ValueError(f"{name} of {self.name} has {len(values)} rows for {len(self.images)} images")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: Tensor | Sequence[int] | slice) -> "ImageSet":
        """Return the images at `indices` (integers, booleans or a slice), in that order, under the same names."""
        rows = _rows(indices, len(self))
        images = self.images.select(rows.tolist()) if isinstance(self.images, ImageFiles) else self.images[rows]
        annotations = {name: values[rows] for name, values in self.annotations.items()}
        return replace(self, images=images, targets=self.targets[rows], annotations=annotations)

    def in_memory(self, size: int, crop: str = "whole", margin: float = 0.0) -> "ImageSet":
        """Return the same set with its images decoded to (B, 3, size, size), and coordinates moved along.

        Args:
            size: pixels of a side.
            crop: "whole" squeezes each image into the square, "centre" takes the largest square in its middle, "box"
                the smallest square around its annotated box.
            margin: for "box": how much wider the square is, as a share of its side, on every edge.

        Raises:
            ValueError: if the images are in memory already, `crop` is unknown or needs boxes that the set lacks, or
                a file cannot be decoded.
        """
        if not isinstance(self.images, ImageFiles):
            raise ValueError(f"the images of {self.name} are in memory; use fgr.data.transforms.resize")
        check_choice(crop, ("whole", "centre", "box"), "crop")
        if crop == "box" and BOX not in self.annotations:
            raise ValueError(f"{self.name} has no boxes; crop by 'centre' or 'whole'")
        frame = self._frames(crop, margin)  # (B, 4): the part of each image that becomes the square
        images = self.images.read(size, frame)
        origin, scale = frame[:, :2], size / (frame[:, 2:] - frame[:, :2])
        moved = dict(self.annotations)
        for name in POINTS:
            if name in moved:
                moved[name] = moved[name].float().clone()
                moved[name][..., :2] = (moved[name][..., :2] - origin[:, None]) * scale[:, None]
        if BOX in moved:
            moved[BOX] = (moved[BOX].float() - origin.repeat(1, 2)) * scale.repeat(1, 2)
        return replace(self, images=images, annotations=moved)

    def _frames(self, crop: str, margin: float) -> Tensor:
        sizes = self.images.sizes().float()  # (B, 2)
        if crop == "whole":
            return torch.cat([torch.zeros_like(sizes), sizes], 1)
        if crop == "centre":
            middle, side = sizes / 2, sizes.amin(1, keepdim=True)
        else:
            low, high = self.annotations[BOX].float().split(2, 1)
            middle, side = (low + high) / 2, (high - low).amax(1, keepdim=True) * (1 + 2 * margin)
        return torch.cat([middle - side / 2, middle + side / 2], 1)


def _rows(indices: Tensor | Sequence[int] | slice, count: int) -> Tensor:
    if isinstance(indices, slice):
        return torch.arange(count)[indices]
    rows = torch.as_tensor(indices)
    if rows.dtype == torch.bool:
        check_shape(rows, f"{count}", "indices")
        return rows.nonzero().flatten()
    return rows.long()  # torch makes floats of an empty list
