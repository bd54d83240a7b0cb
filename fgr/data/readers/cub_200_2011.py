"""CUB-200-2011: tables of text by identifiers that count from 1: images, classes, split, boxes, parts, attributes.

C. Wah, S. Branson, P. Welinder, P. Perona, S. Belongie: The Caltech-UCSD Birds-200-2011 Dataset, CNS-TR-2011-001;
the README of the archive describes every file. Two things it does not say: attributes.txt lies beside the folder
CUB_200_2011 in the archive, not in its folder attributes; and some lines of image_attribute_labels.txt have more than
five columns (the first four are right).
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fgr.data.images import ImageSet
from fgr.data.readers._layout import by_id, first_of, names_by_id, photographs, unpacked
from fgr.data.readers._photographs import with_validation


def read(folder: Path, split: str, attributes: bool = True) -> ImageSet:
    """Read one split; trainval and test are those of train_test_split.txt, validation a tenth of every species.

    Args:
        folder: holds the folder `CUB_200_2011` and `attributes.txt`, or is the former.
        split: "train", "validation", "trainval" or "test".
        attributes: whether to read these: a table of 3,677,856 lines, some seconds.

    Returns:
        An `ImageSet` with `box` (B, 4); `parts` (B, 15, 3), whose x and y are NaN where a part is not visible; and, if
        asked for, `attributes` (B, 312) bool with `certainty` (B, 312) int64, how sure those who labelled said to
        be, indices into `labels["certainty"]` ("not visible", "guessing", "probably", "definitely").

    Raises:
        ValueError: if a file is missing or damaged; file and line are named.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> tables = {
        ...     "images": "1 001.Gull/a.jpg", "classes": "1 001.Gull", "image_class_labels": "1 1",
        ...     "train_test_split": "1 0", "bounding_boxes": "1 1.0 2.0 3.0 4.0",
        ...     "parts/parts": "1 back\\n2 left eye", "parts/part_locs": "1 1 5.0 6.0 1\\n1 2 0.0 0.0 0",
        ... }
        >>> with TemporaryDirectory() as root:
        ...     for place in ("parts", "images/001.Gull"):
        ...         Path(root, place).mkdir(parents=True)
        ...     for name, text in tables.items():
        ...         _ = Path(root, f"{name}.txt").write_text(text)
        ...     Image.new("RGB", (8, 6)).save(Path(root, "images/001.Gull/a.jpg"))
        ...     birds = read(Path(root), "test", attributes=False)
        >>> birds.classes, birds.annotations["box"].tolist(), birds.annotations["parts"].tolist()
        (('Gull',), [[1.0, 2.0, 4.0, 6.0]], [[[5.0, 6.0, 1.0], [nan, nan, 0.0]]])
    """
    root = unpacked(folder, "CUB_200_2011")
    names = names_by_id(root / "images.txt", "image_id image_name")
    classes = names_by_id(root / "classes.txt", "class_id class_name")
    parts = names_by_id(root / "parts" / "parts.txt", "part_id part_name")
    count = len(names)
    labels = by_id(root / "image_class_labels.txt", "image_id class_id", (count,))[:, 0]
    training = by_id(root / "train_test_split.txt", "image_id is_training_image", (count,))[:, 0]
    if not np.isin(training, (0, 1)).all():
        raise ValueError(f"{root / 'train_test_split.txt'} should hold 0 and 1 alone: unpack it again")
    x, y, width, height = by_id(root / "bounding_boxes.txt", "image_id x y width height", (count,)).T
    places = by_id(root / "parts" / "part_locs.txt", "image_id part_id x y visible", (count, len(parts)))
    places[places[..., 2] == 0, :2] = np.nan  # the file has 0 0 there
    annotations = {
        "box": torch.from_numpy(np.stack([x, y, x + width, y + height], 1)).float(),
        "parts": torch.from_numpy(places).float(),
    }
    known = {"parts": tuple(parts)}
    if attributes:
        found, named = _attributes(root, count)
        annotations |= found
        known |= named
    whole = ImageSet(
        "cub_200_2011",
        split,
        photographs((root / "images" / name for name in names), root / "images.txt"),
        torch.from_numpy(labels.astype(np.int64) - 1),
        tuple(name.partition(".")[2].replace("_", " ") for name in classes),
        annotations,
        known,
    )
    rows = np.flatnonzero(training == (split != "test"))
    return with_validation(whole.select(torch.from_numpy(rows)), split, [names[row] for row in rows])


def _attributes(root: Path, count: int) -> tuple[dict[str, Tensor], dict[str, tuple[str, ...]]]:
    """Return annotations and labels of attributes and certainties."""
    place = root / "attributes"
    listed_in = first_of(place / "attributes.txt", root.parent / "attributes.txt", root / "attributes.txt")
    names = names_by_id(listed_in, "attribute_id attribute_name")
    certainties = names_by_id(place / "certainties.txt", "certainty_id certainty_name")
    file = place / "image_attribute_labels.txt"
    values = by_id(file, "image_id attribute_id is_present certainty_id", (count, len(names)))
    if not (np.isin(values[..., 0], (0, 1)).all() and np.isin(values[..., 1], range(1, len(certainties) + 1)).all()):
        raise ValueError(f"{file}: is_present must be 0 or 1, certainty_id 1 to {len(certainties)}: unpack it again")
    annotations = {
        "attributes": torch.from_numpy(values[..., 0] == 1),
        "certainty": torch.from_numpy(values[..., 1].astype(np.int64) - 1),
    }
    return annotations, {"attributes": tuple(names), "certainty": tuple(certainties)}
