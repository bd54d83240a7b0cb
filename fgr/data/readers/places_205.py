"""MIT Places-205: lists of "path class", classes from 0, over a tree of photographs of 256x256 pixels.

B. Zhou, A. Lapedriza, J. Xiao, A. Torralba, A. Oliva: Learning Deep Features for Scene Recognition using Places
Database, NIPS 2014. The lists end with .csv but separate by a blank; the images lie deep below the folder of the
archive, in folders like a/abbey or f/field/cultivated, the first of which is the initial.
"""

from pathlib import Path, PurePosixPath

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import first_of, photographs, table
from fgr.data.readers._photographs import class_names

IMAGES = Path("data", "vision", "torralba", "deeplearning", "images256")
FILES = {"train": "train_places205.csv", "validation": "val_places205.csv"}


def read(folder: Path, split: str) -> ImageSet:
    """Read one split; the labels of the official test part are not published.

    Args:
        folder: holds the tree `data/vision/torralba/deeplearning/images256` (or `images256`) and the folder
            `trainvalsplit_places205` (or its lists).
        split: "train" or "validation".

    Raises:
        ValueError: if a file is missing, or a line is not a path and a class.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "images256/f/field/wild").mkdir(parents=True)
        ...     Path(root, "images256/f/field/wild/gsun_1.jpg").touch()
        ...     _ = Path(root, "val_places205.csv").write_text("f/field/wild/gsun_1.jpg 0\\n")
        ...     scenes = read(Path(root), "validation")
        >>> scenes.classes, scenes.targets.tolist()
        (('field/wild',), [0])
    """
    check_choice(split, tuple(FILES), "split of places_205")
    listed_in = first_of(folder / "trainvalsplit_places205" / FILES[split], folder / FILES[split])
    images = first_of(folder / IMAGES, folder / "images256")
    rows = table(listed_in, "path class")
    wrong = next((row for row in rows if not row[1].isdecimal() or "/" not in row[0]), None)
    if wrong is not None:
        raise ValueError(f"{listed_in}: expected lines of a path and a class from 0, got {' '.join(wrong)!r}")
    targets = [int(number) for _, number in rows]
    return ImageSet(
        "places_205",
        split,
        photographs((images / name.lstrip("/") for name, _ in rows), listed_in),
        torch.tensor(targets),
        class_names(targets, [_scene(name) for name, _ in rows], listed_in),
    )


def _scene(name: str) -> str:
    """Return the scene that a path belongs to: its folders without the initial."""
    folders = PurePosixPath(name.lstrip("/")).parts[:-1]
    return "/".join(folders[1:] if len(folders) > 1 and len(folders[0]) == 1 else folders)
