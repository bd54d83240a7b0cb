"""CIFAR-100 in the official Python version: pickles of Python 2, read without running what they may contain.

https://www.cs.toronto.edu/~kriz/cifar.html: `data` holds rows of 1024 red, 1024 green and 1024 blue bytes.
"""

import codecs
import pickle
from pathlib import Path

import numpy as np
import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import unpacked
from fgr.data.readers._split import PARTS

VALIDATION = 5_000  # the last images of the official training part
_RECONSTRUCT = np.empty(0).__reduce__()[0]  # the function that a pickled array names
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,  # how Python 3 writes bytes in the old protocol
}


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, lists, strings, numbers and arrays; refuses to import anything else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks to run {module}.{name}")
        return _ALLOWED[module, name]


def read(folder: Path, split: str, labels: str = "fine") -> ImageSet:
    """Read one split; train is the official training part without its last 5,000 images, validation those.

    Args:
        folder: holds `train`, `test` and `meta`, or the folder `cifar-100-python` with them.
        split: "train", "validation", "trainval" or "test".
        labels: "fine", one of 100 classes, or "coarse", one of 20 superclasses; the other one is an annotation.

    Raises:
        ValueError: if a file is missing or damaged, or holds anything but arrays, lists, strings and numbers.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> names = {"fine_label_names": ["apple", "aquarium_fish"], "coarse_label_names": ["fish"]}
        >>> batch = {"data": np.zeros((1, 3072), np.uint8), "fine_labels": [1], "coarse_labels": [0]}
        >>> with TemporaryDirectory() as root:
        ...     for file, content in (("meta", names), ("test", batch)):
        ...         _ = Path(root, file).write_bytes(pickle.dumps(content, protocol=2))
        ...     pictures = read(Path(root), "test")
        >>> pictures.classes[pictures.targets[0]], pictures.annotations["coarse"].tolist()
        ('aquarium fish', [0])
    """
    check_choice(split, (*PARTS, "trainval"), "split of cifar100")
    check_choice(labels, ("fine", "coarse"), "labels")
    folder = unpacked(folder, "cifar-100-python")
    file = folder / ("test" if split == "test" else "train")
    batch, meta = _load(file, "data", "fine_labels", "coarse_labels"), _load(folder / "meta")
    names = {kind: tuple(_texts(folder / "meta", meta, f"{kind}_label_names")) for kind in ("fine", "coarse")}
    images = np.asarray(batch["data"])
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3 * 32 * 32:
        raise ValueError(f"{file} should hold rows of 3072 bytes, got {images.dtype} {images.shape}: fetch it again")
    last = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None)}.get(split, slice(None))
    target = {}
    for kind in ("fine", "coarse"):
        values = batch[f"{kind}_labels"]
        if len(values) != len(images):
            raise ValueError(f"{file} holds {len(images)} images but {len(values)} {kind} labels: fetch it again")
        target[kind] = torch.tensor(values[last], dtype=torch.int64)
    other = "coarse" if labels == "fine" else "fine"
    pixels = torch.from_numpy(images[last].reshape(-1, 3, 32, 32))
    return ImageSet(
        "cifar100", split, pixels, target[labels], names[labels], {other: target[other]}, {other: names[other]}
    )


def _load(file: Path, *keys: str) -> dict:
    try:
        with file.open("rb") as stream:
            content = _Unpickler(stream, encoding="latin1").load()
    except FileNotFoundError as error:
        raise ValueError(f"{file} is missing: unpack cifar-100-python.tar.gz there") from error
    except Exception as error:  # damaged pickles raise nearly anything
        raise ValueError(f"{file} is not the official pickle ({error}): fetch it again") from error
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing or not isinstance(content, dict):
        raise ValueError(f"{file} lacks {', '.join(missing) or 'a dictionary'}: fetch it again")
    return content


def _texts(file: Path, content: dict, key: str) -> list[str]:
    names = content.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{file} should hold {key}, a list of names: fetch it again")
    return [name.replace("_", " ") for name in names]
