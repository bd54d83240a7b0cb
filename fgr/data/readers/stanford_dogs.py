"""Stanford Dogs: lists in MATLAB files, photographs in one folder a breed, boxes in XML files of the same names.

http://vision.stanford.edu/aditya86/ImageNetDogs (README): train_list.mat and test_list.mat hold `file_list`,
`annotation_list` and `labels`, which count from 1. XML files have no ending, and their own file names and sizes are
wrong in places, so that nothing but their boxes is used.
"""

from pathlib import Path

import numpy as np
import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import matlab, photographs
from fgr.data.readers._photographs import class_names, with_validation, xml_box


def read(folder: Path, split: str, boxes: bool = True) -> ImageSet:
    """Read one split; trainval and test are the official lists, validation is a tenth of every breed of trainval.

    Args:
        folder: holds `Images`, `Annotation` and the lists.
        split: "train", "validation", "trainval" or "test".
        boxes: whether to read these.

    Returns:
        An `ImageSet` with `box` (B, 4), the smallest around all dogs of a photograph, as the files have it.

    Raises:
        ValueError: if a file is missing or damaged, or lists disagree.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from scipy.io import savemat
        >>> with TemporaryDirectory() as root:
        ...     place = Path(root, "Images", "n02085620-Chihuahua")
        ...     place.mkdir(parents=True)
        ...     Image.new("RGB", (8, 6)).save(place / "n02085620_7.jpg")
        ...     listed = {
        ...         "file_list": np.array([["n02085620-Chihuahua/n02085620_7.jpg"]], object),
        ...         "annotation_list": np.array([["n02085620-Chihuahua/n02085620_7"]], object),
        ...         "labels": [[1]],
        ...     }
        ...     savemat(Path(root, "test_list.mat"), listed)
        ...     dogs = read(Path(root), "test", boxes=False)
        >>> dogs.classes, dogs.targets.tolist(), dogs.images.paths[0].name
        (('Chihuahua',), [0], 'n02085620_7.jpg')
    """
    listed_in = folder / f"{'test' if split == 'test' else 'train'}_list.mat"
    names, marked, labels = (
        np.atleast_1d(values).tolist() for values in matlab(listed_in, "file_list", "annotation_list", "labels")
    )
    if not len(names) == len(marked) == len(labels):
        raise ValueError(f"{listed_in} holds {len(names)} images, {len(marked)} annotations and {len(labels)} labels")
    targets = [int(label) - 1 for label in labels]
    breeds = [name.split("/")[0].partition("-")[2].replace("_", " ") for name in names]
    annotations = {}
    if boxes:
        annotations["box"] = torch.tensor([xml_box(folder / "Annotation" / name) for name in marked])
    official = ImageSet(
        "stanford_dogs",
        split,
        photographs((folder / "Images" / name for name in names), listed_in),
        torch.tensor(targets, dtype=torch.int64),
        class_names(targets, breeds, listed_in),
        annotations,
    )
    return with_validation(official, split, names)
