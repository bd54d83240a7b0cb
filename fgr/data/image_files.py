"""Images that stay on disk and are decoded when they are asked for: what the readers of photographs return."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from fgr.checks import check_shape

THREADS = 8  # Pillow decodes outside Python's lock


@dataclass(frozen=True)
class ImageFiles:
    """A sequence of image files, decoded one at a time as (3, H, W) uint8, or all at once at one size.

    Args:
        paths: the files, of any format that Pillow reads; grey ones come out with three equal channels.

    Raises:
        ValueError: when a file cannot be decoded, or is grey with more than 8 bits, of which no scale is known.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (40, 20), (255, 0, 0)).save(folder / "red.png")
        >>> files = ImageFiles((folder / "red.png",))
        >>> files[0].shape, files.read(8).shape
        (torch.Size([3, 20, 40]), torch.Size([1, 3, 8, 8]))
    """

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        """Return one image as it is: (3, H, W) uint8."""
        return _tensor(_decode(self.paths[index]))

    def select(self, indices: Sequence[int]) -> "ImageFiles":
        """Return the files at these positions, in that order."""
        return ImageFiles(tuple(self.paths[index] for index in indices))

    def sizes(self) -> Tensor:
        """Return width and height of every image, (B, 2) int64, from the headers alone."""
        return torch.tensor([_size(path) for path in self.paths], dtype=torch.int64).view(-1, 2)

    def read(self, size: int, boxes: Tensor | None = None) -> Tensor:
        """Decode every image and scale it, or the part of it inside its box, to a square.

        Args:
            size: pixels of a side.
            boxes: (B, 4) x0 y0 x1 y1 in pixels; what lies outside the image is black. None: the whole image, whose
                proportions change unless it is square.

        Returns:
            (B, 3, size, size) uint8, low-pass filtered where it shrinks.

        Raises:
            ValueError: if a file cannot be decoded or has more than 8 bits (it is named), or a box has no area.
        """
        if boxes is not None:
            check_shape(boxes, f"{len(self)} 4", "boxes")
            empty = ~((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)  # also true of NaN
            if empty.any():
                first = int(empty.nonzero()[0])
                raise ValueError(f"the box of {self.paths[first]} has no area: {boxes[first].tolist()}")
        images = torch.empty(len(self), 3, size, size, dtype=torch.uint8)

        def one(index: int) -> None:
            box = None if boxes is None else tuple(boxes[index].tolist())
            images[index] = _tensor(_scaled(_decode(self.paths[index]), box, size))

        with ThreadPoolExecutor(THREADS) as pool:
            for _ in tqdm(pool.map(one, range(len(self))), total=len(self), desc="decoding", disable=None, leave=False):
                pass
        return images


def _decode(path: Path) -> Image.Image:
    with _opened(path) as image:
        if image.mode.startswith(("I", "F")):  # Pillow would cut all values at 255; which range they fill nobody knows
            raise ValueError(
                f"{path} holds one channel of more than 8 bits (mode {image.mode}): save it with 8 bits, its values "
                "scaled as you want them seen"
            )
        return image.convert("RGB")


def _size(path: Path) -> tuple[int, int]:
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Yield an image that may be decoded inside the block; what goes wrong there names its file."""
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, Image.DecompressionBombError) as error:  # what Pillow does not know is an OSError too
        raise ValueError(f"{path} cannot be read as an image ({error}): replace the file") from error


def _scaled(image: Image.Image, box: tuple[float, ...] | None, size: int) -> Image.Image:
    if box is None:
        return image.resize((size, size), Image.Resampling.BILINEAR)
    x0, y0, x1, y1 = box
    if (
        min(x0, y0) < 0 or x1 > image.width or y1 > image.height
    ):  # resize takes parts of an image; crop fills with black
        left, top = math.floor(x0), math.floor(y0)
        image = image.crop((left, top, math.ceil(x1), math.ceil(y1)))
        box = (x0 - left, y0 - top, x1 - left, y1 - top)
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box)


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()  # (3, H, W)
