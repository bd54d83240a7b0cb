"""MNIST in the IDX files of LeCun, Cortes and Burges: a big-endian header, then one byte a pixel or label."""

import struct
from pathlib import Path

import numpy as np
import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet

CLASSES = tuple("0123456789")
VALIDATION = 10_000  # the last images of the official training part


def read(folder: Path, split: str) -> ImageSet:
    """Read one split from the four official files (unpacked).

    train is the official training part without its last 10,000 images, validation those, trainval all of it.

    Raises:
        ValueError: if a file is not IDX, is cut, or holds another number of labels than images.
    """
    check_choice(split, ("train", "validation", "trainval", "test"), "split")
    part = "t10k" if split == "test" else "train"
    images = read_idx(folder / f"{part}-images-idx3-ubyte", dimensions=3)  # (B, H, W)
    targets = read_idx(folder / f"{part}-labels-idx1-ubyte", dimensions=1)
    if len(images) != len(targets):
        raise ValueError(f"{folder}: {len(images)} {part} images but {len(targets)} labels")
    last = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None)}.get(split, slice(None))
    return ImageSet(
        "mnist", split, torch.from_numpy(images[last][:, None]), torch.from_numpy(targets[last]).long(), CLASSES
    )


def read_idx(file: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file of bytes: magic number 0x0000 08 <dimensions>, the sizes as 32-bit integers, the values."""
    data = file.read_bytes()
    start = 4 + 4 * dimensions
    if data[:4] != bytes([0, 0, 8, dimensions]) or len(data) < start:
        raise ValueError(f"{file} is no IDX file of {dimensions}-dimensional bytes: it starts with {data[:4].hex()}")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) - start != np.prod(shape, dtype=np.int64):
        raise ValueError(
            f"{file} should hold {shape} bytes after its header but holds {len(data) - start}: fetch it again"
        )
    return np.frombuffer(bytearray(data), np.uint8, offset=start).reshape(shape)
