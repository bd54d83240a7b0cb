"""ImageNet of 2012: one folder a class, named by its WordNet number; validation in such folders or in one.

O. Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, IJCV 115(3), 2015; readme of the development
kit ILSVRC2012_devkit_t12: data/meta.mat holds `synsets` (those without children are the 1,000 classes), and line n
of data/ILSVRC2012_validation_ground_truth.txt the ILSVRC2012_ID of ILSVRC2012_val_<n>.JPEG. Classes are in the order
of their WordNet numbers, as everywhere else, not in that of the kit.
"""

from pathlib import Path
from typing import NamedTuple

import torch

from fgr.checks import check_choice
from fgr.data.image_files import ImageFiles
from fgr.data.images import ImageSet
from fgr.data.readers._layout import lines, matlab

KIT = "ILSVRC2012_devkit_t12"


class Class(NamedTuple):
    """A class as the development kit lists it."""

    wnid: str
    identifier: int
    words: str


def read(folder: Path, split: str) -> ImageSet:
    """Read one split; the labels of the official test part are not published.

    Args:
        folder: holds `train`, with one folder a class; `val`, with the same or with all its images; and, for names of
            classes and for the latter, `ILSVRC2012_devkit_t12`. Without it, classes are called by their numbers.
        split: "train" or "validation".

    Raises:
        ValueError: if a folder is missing or belongs to no class, or the list fits not the images.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     for wnid in ("n01440764", "n01443537"):
        ...         Path(root, "train", wnid).mkdir(parents=True)
        ...         Path(root, "train", wnid, f"{wnid}_7.JPEG").touch()
        ...     pictures = read(Path(root), "train")
        >>> pictures.classes, pictures.targets.tolist()
        (('n01440764', 'n01443537'), [0, 1])
    """
    check_choice(split, ("train", "validation"), "split of imagenet_2012")
    place = folder / ("train" if split == "train" else "val")
    kit = folder / KIT / "data"
    known = _classes(kit / "meta.mat") if kit.is_dir() else []
    folders = _folders(place)
    if folders or not known:
        train = folder / "train"
        wnids = [each.wnid for each in known] or (_folders(train) if train.is_dir() else folders)
        paths, targets = _by_folder(place, folders, wnids)
    else:
        wnids = [each.wnid for each in known]
        paths, targets = _by_list(place, kit / "ILSVRC2012_validation_ground_truth.txt", known)
    classes = tuple(each.words for each in known) or tuple(wnids)
    return ImageSet("imagenet_2012", split, ImageFiles(tuple(paths)), torch.tensor(targets), classes)


def _folders(place: Path) -> list[str]:
    if not place.is_dir():
        raise ValueError(f"{place} is missing: unpack the official archive there")
    return sorted(path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.suffix.lower() in (".jpeg", ".jpg"))


def _classes(file: Path) -> list[Class]:
    """Return the classes of the kit, in the order of their WordNet numbers."""
    (synsets,) = matlab(file, "synsets")
    try:
        leaves = [each for each in synsets if each["num_children"] == 0]
        return sorted(Class(each["WNID"], int(each["ILSVRC2012_ID"]), each["words"]) for each in leaves)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"the synsets of {file} lack {error}: unpack the development kit again") from error


def _by_folder(place: Path, folders: list[str], wnids: list[str]) -> tuple[list[Path], list[int]]:
    index = {wnid: number for number, wnid in enumerate(wnids)}
    if not folders:
        raise ValueError(f"{place} holds no folders of classes; for images in one folder {KIT} must lie beside it")
    paths, targets = [], []
    for name in folders:
        if name not in index:
            raise ValueError(f"{place / name} is the folder of no class: the archive of each class has its own name")
        found = _images(place / name)
        if not found:
            raise ValueError(f"{place / name} holds no images: unpack the archive of this class")
        paths += found
        targets += [index[name]] * len(found)
    return paths, targets


def _by_list(place: Path, file: Path, known: list[Class]) -> tuple[list[Path], list[int]]:
    """Pair images in one folder, by the number in their names, with the lines of the list."""
    index = {each.identifier: number for number, each in enumerate(known)}
    listed = lines(file)
    paths = _images(place)
    expected = [f"ILSVRC2012_val_{number:08d}" for number in range(1, len(listed) + 1)]
    if [path.stem for path in paths] != expected:
        wrong = next((path.name for path, stem in zip(paths, expected) if path.stem != stem), "nothing after these")
        raise ValueError(f"{place} should hold {len(expected)} images {expected[0]}.JPEG …, has {len(paths)}: {wrong}")
    targets = []
    for number, line in listed:
        if not line.isdecimal() or int(line) not in index:
            raise ValueError(f"{file}, line {number}: expected the ILSVRC2012_ID of a class, got {line!r}")
        targets.append(index[int(line)])
    return paths, targets
