"""CIFAR-10 in the official binary version: records of one label byte and 32x32 red, green and blue planes."""

import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fgr.checks import check_choice
from fgr.data.images import ImageSet

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
VALIDATION = 5_000  # the last images of the official training part: the second half of batch 5
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


def read(folder: Path, split: str) -> ImageSet:
    """Read one split; train is the five batches without their last 5,000 images, validation those, trainval all.

    Raises:
        ValueError: if a file does not consist of whole records, or a label is above 9.
    """
    check_choice(split, ("train", "validation", "trainval", "test"), "split")
    files = ("test_batch.bin",) if split == "test" else TRAIN_FILES
    records = np.concatenate([_records(folder / file) for file in files])  # (B, 3073)
    last = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None)}.get(split, slice(None))
    images = torch.from_numpy(records[last, 1:].reshape(-1, 3, 32, 32))
    return ImageSet("cifar10", split, images, torch.from_numpy(records[last, 0]).long(), CLASSES)


def _records(file: Path) -> np.ndarray:
    data = np.fromfile(file, np.uint8)
    if len(data) == 0 or len(data) % RECORD:
        raise ValueError(
            f"{file} should consist of records of {RECORD} bytes but has {len(data)} bytes: fetch it again"
        )
    records = data.reshape(-1, RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise ValueError(f"{file} holds the label {records[:, 0].max()}; CIFAR-10 has 0 to 9: fetch it again")
    return records


def records_from_png(png: bytes, labels: bytes, first: int) -> bytes:
    """Return binary records from a picture with one image a row (1024 RGB pixels) and a JSON list of labels.

    Args:
        png: the picture; every row is a 32x32 image, row after row.
        labels: a JSON list of integers; entry `first` belongs to the picture's first row.
        first: position of the picture's first image in `labels`.

    Raises:
        ValueError: if the width is not 1024, or labels are missing.
    """
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB"))  # (B, 1024, 3)
    chosen = json.loads(labels)[first : first + len(pixels)]
    if pixels.shape[1] != 32 * 32 or len(chosen) != len(pixels):
        raise ValueError(f"expected rows of 1024 pixels and a label each, got {pixels.shape} and {len(chosen)} labels")
    planes = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)  # (B, 3072)
    return np.column_stack([np.asarray(chosen, np.uint8), planes]).tobytes()
