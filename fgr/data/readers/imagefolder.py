"""Your own images: one subfolder a class, in folders train, validation and test or without them."""

from pathlib import Path

import numpy as np
import torch

from fgr.checks import check_choice
from fgr.data.image_files import ImageFiles
from fgr.data.images import ImageSet
from fgr.data.readers._layout import visible
from fgr.data.readers._split import PARTS, by_hash, rows_of

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
NAMES = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}


def read(folder: Path, split: str) -> ImageSet:
    """Read one split of folder/[split/]class/…/image.

    Where folders train, validation (or val, valid) and test hold the classes, they are the splits, and trainval is
    train and validation together; without one for validation, that is a tenth of every class in train. Without such
    folders the splits are 7, 1 and 2 tenths of every class. Tenths are chosen by a hash of the files' places below
    the folder: the same on every machine.

    Args:
        folder: yours.
        split: "train", "validation", "trainval", "test" or "all".

    Returns:
        An `ImageSet`: classes are the names of all subfolders, sorted; images are all files below them that end like
        one (.jpg, .png, .tif, .webp …). Hidden files and folders and other files are left out.

    Raises:
        ValueError: if there are no classes, a class has no images, or the split has none.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     for name in ("train/finch/a.png", "train/gull/b.jpg", "test/gull/c.jpg"):
        ...         Path(root, name).parent.mkdir(parents=True, exist_ok=True)
        ...         Path(root, name).touch()
        ...     train, test = (read(Path(root), split) for split in ("trainval", "test"))
        >>> train.classes, train.targets.tolist(), test.targets.tolist()
        (('finch', 'gull'), [0, 1], [1])
    """
    check_choice(split, (*PARTS, "trainval", "all"), "split of imagefolder")
    if not folder.is_dir():
        raise ValueError(f"the folder {folder} does not exist")
    places = _splits(folder)
    classes = sorted({name for place in places.values() or [folder] for name in _folders(place)})
    if not classes:
        raise ValueError(f"{folder} holds no folders; put the images of each class into a subfolder named like it")
    paths, targets, parts = [], [], []
    for part, place in (places or {"": folder}).items():
        found, labels = _images(place, classes)
        keys = [path.relative_to(folder).as_posix() for path in found]
        if part and not (part == "train" and "validation" not in places):
            parts.append(np.full(len(found), part))
        else:
            parts.append(by_hash(keys, labels, test=0 if part else 2))
        paths += found
        targets += labels
    rows = rows_of(np.concatenate(parts), split)
    if not len(rows):
        there = f"its folders are {', '.join(place.name for place in places.values())}" if places else "too few in all"
        raise ValueError(f"{split} of {folder} has no images ({there}): add some, or read 'all'")
    whole = ImageSet("imagefolder", split, ImageFiles(tuple(paths)), torch.tensor(targets), tuple(classes))
    return whole.select(torch.from_numpy(rows))


def _folders(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))


def _splits(folder: Path) -> dict[str, Path]:
    """Return the folders of splits: those so named that hold folders, so that a class may be called train."""
    found = {}
    for part, names in NAMES.items():
        here = [folder / name for name in names if (folder / name).is_dir() and _folders(folder / name)]
        if len(here) > 1:
            raise ValueError(f"{' and '.join(map(str, here))} are both {part}: keep one")
        if here:
            found[part] = here[0]
    return found


def _images(place: Path, classes: list[str]) -> tuple[list[Path], list[int]]:
    """Return all images below the class folders of `place`, and the index of the class of each."""
    paths, targets = [], []
    for name in _folders(place):
        seen = visible(place / name, ENDINGS)
        if not seen:
            raise ValueError(
                f"the class folder {place / name} holds no images ({' '.join(ENDINGS)}): fill or remove it"
            )
        paths += seen
        targets += [classes.index(name)] * len(seen)
    return paths, targets
