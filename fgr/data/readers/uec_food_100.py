"""UEC Food-100: one folder a dish, named by its number from 1, with its photographs and a list of boxes.

Y. Matsuda, H. Hoashi, K. Yanai: Recognition of Multiple-Food Images by Detecting Candidate Regions, ICME 2012; README
of the archive: category.txt has a heading and lines "id name"; bb_info.txt in each folder a heading and lines "img x1
y1 x2 y2". A photograph of several dishes lies in the folder of each, under one number.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import names_by_id, numbers, photographs, unpacked
from fgr.data.readers._split import PARTS, by_hash, rows_of


def read(folder: Path, split: str) -> ImageSet:
    """Read one split: 7, 1 and 2 tenths of every dish, the project's own; no photograph lies in two.

    Args:
        folder: holds the folder `UECFOOD100`, or is it.
        split: "train", "validation", "trainval" or "test".

    Returns:
        An `ImageSet` with one row a box: `box` (B, 4), and `photo` (B,), the number of the photograph, which several
        rows can share: cut images to their boxes (`in_memory(size, crop="box")`), or they show all dishes at once.

    Raises:
        ValueError: if a file is missing or damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "1").mkdir()
        ...     _ = Path(root, "category.txt").write_text("id\\tname\\n1\\tbeef curry\\n")
        ...     _ = Path(root, "1", "bb_info.txt").write_text("img x1 y1 x2 y2\\n7 0 1 5 6\\n")
        ...     Image.new("RGB", (8, 6)).save(Path(root, "1", "7.jpg"))
        ...     food = read(Path(root), "train")
        >>> food.classes, food.annotations["photo"].tolist(), food.annotations["box"].tolist()
        (('beef curry',), [7], [[0.0, 1.0, 5.0, 6.0]])
    """
    check_choice(split, (*PARTS, "trainval"), "split of uec_food_100")
    root = unpacked(folder, "UECFOOD100")
    dishes = names_by_id(root / "category.txt", "id name", skip=1)
    tables = [
        numbers(root / str(dish) / "bb_info.txt", "img x1 y1 x2 y2", skip=1) for dish in range(1, len(dishes) + 1)
    ]
    targets = np.repeat(np.arange(len(dishes)), [len(table) for table in tables])
    rows = np.concatenate(tables)  # (B, 5)
    photos = rows[:, 0].astype(np.int64)
    paths = [root / str(dish + 1) / f"{photo}.jpg" for dish, photo in zip(targets.tolist(), photos.tolist())]
    whole = ImageSet(
        "uec_food_100",
        split,
        photographs(paths, root / "*" / "bb_info.txt"),
        torch.from_numpy(targets),
        tuple(dishes),
        {"box": torch.from_numpy(rows[:, 1:]).float(), "photo": torch.from_numpy(photos)},
    )
    part = by_hash([str(photo) for photo in photos.tolist()], targets.tolist(), test=2)
    return replace(whole.select(torch.from_numpy(rows_of(part, split))), split=split)
