"""Oxford-IIIT Pets: photographs in one folder, lists of names and classes, boxes around heads in XML files.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs, CVPR 2012; README of the annotations: lines
"image class species breed", classes from 1 to 37, species 1 (cat) or 2 (dog). The image folder holds more than the
lists name, and heads have boxes in trainval alone, not all of them.
"""

import math
from pathlib import Path

import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import photographs, table
from fgr.data.readers._photographs import class_names, with_validation, xml_box

SPECIES = ("cat", "dog")


def read(folder: Path, split: str) -> ImageSet:
    """Read one split; trainval and test are the official lists, validation is a tenth of every breed of trainval.

    Args:
        folder: holds `images` and `annotations`.
        split: "train", "validation", "trainval" or "test".

    Returns:
        An `ImageSet` with `box` (B, 4) around the head, NaN where none is known (all of test), and `species` (B,).

    Raises:
        ValueError: if a file is missing or damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     for place in ("images", "annotations"):
        ...         Path(root, place).mkdir()
        ...     Path(root, "images", "Egyptian_Mau_7.jpg").touch()
        ...     _ = Path(root, "annotations", "test.txt").write_text("Egyptian_Mau_7 1 1 1\\n")
        ...     pets = read(Path(root), "test")
        >>> pets.classes, pets.annotations["species"].tolist(), pets.annotations["box"].tolist()
        (('Egyptian Mau',), [0], [[nan, nan, nan, nan]])
    """
    place = folder / "annotations"
    listed_in = place / ("test.txt" if split == "test" else "trainval.txt")
    rows = [row for row in table(listed_in, "image class species breed") if not row[0].startswith("#")]
    wrong = next((row for row in rows if not row[1].isdecimal() or row[2] not in ("1", "2")), None)
    if wrong is not None:
        raise ValueError(f"{listed_in}: expected lines of image, class, species 1 or 2, breed; got {' '.join(wrong)!r}")
    names = [row[0] for row in rows]
    targets = [int(row[1]) - 1 for row in rows]
    heads = [place / "xmls" / f"{name}.xml" for name in names]
    unknown = (math.nan,) * 4
    official = ImageSet(
        "oxford_pets",
        split,
        photographs((folder / "images" / f"{name}.jpg" for name in names), listed_in),
        torch.tensor(targets, dtype=torch.int64),
        class_names(targets, [name.rpartition("_")[0].replace("_", " ") for name in names], listed_in),
        {
            "box": torch.tensor([xml_box(head) if head.is_file() else unknown for head in heads]),
            "species": torch.tensor([int(row[2]) - 1 for row in rows], dtype=torch.int64),
        },
        {"species": SPECIES},
    )
    return with_validation(official, split, names)
