"""Stanford Cars: photographs in two folders, classes and boxes in MATLAB files of the development kit.

http://ai.stanford.edu/~jkrause/cars/car_dataset.html (README of the kit): `annotations` is a structure array with
bbox_x1, bbox_y1, bbox_x2, bbox_y2, class and fname; classes and, as in MATLAB, pixels count from 1. The kit's own
list of the test part has no classes: those came later, in cars_test_annos_withlabels.mat.
"""

from pathlib import Path

import numpy as np
import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import first_of, matlab, photographs
from fgr.data.readers._photographs import with_validation

EDGES = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def read(folder: Path, split: str) -> ImageSet:
    """Read one split; trainval and test are the official parts, validation is a tenth of every class of trainval.

    Args:
        folder: holds `devkit`, `cars_train`, `cars_test` and `cars_test_annos_withlabels.mat` (here or in `devkit`).
        split: "train", "validation", "trainval" or "test".

    Returns:
        An `ImageSet` with `box` (B, 4) around the car, counted from 0.

    Raises:
        ValueError: if a file is missing or damaged, or has no classes.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from scipy.io import savemat
        >>> with TemporaryDirectory() as root:
        ...     for place in ("devkit", "cars_test"):
        ...         Path(root, place).mkdir()
        ...     Image.new("RGB", (8, 6)).save(Path(root, "cars_test", "00001.jpg"))
        ...     savemat(Path(root, "devkit", "cars_meta.mat"), {"class_names": np.array(["Audi", "Fiat"], object)})
        ...     box = dict(zip(EDGES, (1, 2, 8, 6)))
        ...     listed = {"annotations": [{**box, "class": 2, "fname": "00001.jpg"}]}
        ...     savemat(Path(root, "cars_test_annos_withlabels.mat"), listed)
        ...     cars = read(Path(root), "test")
        >>> cars.classes[cars.targets[0]], cars.annotations["box"].tolist()
        ('Fiat', [[0.0, 1.0, 8.0, 6.0]])
    """
    devkit = folder / "devkit"
    if split == "test":
        listed_in = first_of(*(place / "cars_test_annos_withlabels.mat" for place in (folder, devkit)))
        images = folder / "cars_test"
    else:
        listed_in, images = devkit / "cars_train_annos.mat", folder / "cars_train"
    (names,) = matlab(devkit / "cars_meta.mat", "class_names")
    (rows,) = matlab(listed_in, "annotations")
    rows = rows if isinstance(rows, list) else [rows]  # a single structure comes without a list
    for row in rows:
        missing = [field for field in (*EDGES, "class", "fname") if not isinstance(row, dict) or field not in row]
        if missing:
            raise ValueError(f"the annotations of {listed_in} lack {', '.join(missing)}: take the official file")
    edges = torch.tensor([[row[edge] for edge in EDGES] for row in rows], dtype=torch.float32)
    official = ImageSet(
        "stanford_cars",
        split,
        photographs((images / row["fname"] for row in rows), listed_in),
        torch.tensor([int(row["class"]) - 1 for row in rows], dtype=torch.int64),
        tuple(np.atleast_1d(names).tolist()),
        {"box": edges - torch.tensor([1.0, 1.0, 0.0, 0.0])},  # the last pixel was included, and counted from 1
    )
    return with_validation(official, split, [row["fname"] for row in rows])
