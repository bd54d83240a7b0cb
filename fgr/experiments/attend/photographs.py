"""The images that networks are fine-tuned on, at one size: generated birds, photographs of Table 4.3, or your own."""

import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from fgr import data
from fgr.checks import check_choice, check_positive
from fgr.data.image_files import ImageFiles
from fgr.data.transforms import resize
from fgr.experiments.attend.runs import SPLITS
from fgr.experiments.classification import Parts

BIRDS, OWN = "synthetic_birds", ("imagefolder", "csv")
DATASETS = (BIRDS, *OWN, "cub_200_2011", "stanford_dogs", "stanford_cars", "uec_food_100")
UNREAD = {"cub_200_2011": {"attributes": False}, "stanford_dogs": {"boxes": False}}  # takes time and is not needed
CROPS = {"uec_food_100": "box"}  # its photographs show several dishes; others are squeezed into the square


@dataclass(frozen=True)
class Source:
    """Which images, and how large.

    Raises:
        ValueError: on an unknown set, or your own without its folder.
    """

    dataset: str = BIRDS  # one of DATASETS
    folder: str = ""  # of your own images, or where a set lies; "" is its place under FGR_DATA
    num_classes: int = 50  # species of birds; this and what follows is of birds alone, other sets are as they are: 0
    size: int = 64  # pixels of a side as they are drawn
    difficulty: float = 0.5
    train: int = 4_000  # images of each split
    validation: int = 1_000
    test: int = 2_000
    read: int = 96  # pixels of a side of what the network reads, of any set

    def __post_init__(self) -> None:
        check_choice(self.dataset, DATASETS, "dataset")
        check_positive(self.read, "read")
        if self.dataset in OWN and not self.folder:
            raise ValueError(f"{self.dataset} needs a folder, the place of your images: tune_folder of the notebook")


class Images(NamedTuple):
    """Split -> (images (B, 3, read, read) uint8, targets (B,)), and the names of the classes."""

    parts: Parts
    classes: tuple[str, ...]


@functools.lru_cache(maxsize=1)
def images_of(source: Source) -> Images:
    """Return images in the set's own splits (see its reader), decoded and scaled to squares.

    Raises:
        ValueError: if files are wrong, or a class has no image to learn from.
        FetchError: if the set must be asked for and is not there.

    Example:
        >>> birds = images_of(Source(num_classes=20, size=16, train=20, validation=5, test=5, read=32))
        >>> birds.parts["train"][0].shape, len(birds.classes)
        (torch.Size([20, 3, 32, 32]), 20)
    """
    sets = {split: _load(source, split) for split in SPLITS}
    classes = sets["train"].classes
    for absent in sorted(set(range(len(classes))) - set(sets["train"].targets.tolist())):
        raise ValueError(f"class {classes[absent]!r} of {source.dataset} has no training image: add some or drop it")
    return Images({split: (_squares(part, source.read), part.targets) for split, part in sets.items()}, classes)


def samples(source: Source, count: int = 8) -> tuple[Tensor, list[str]]:
    """Return a test image of each of the first classes, as the network reads it, and their names (Fig. 4.3).

    No other image is drawn or decoded.

    Example:
        >>> images, names = samples(Source(num_classes=20, size=16, read=32), count=3)
        >>> images.shape, names
        (torch.Size([3, 3, 32, 32]), ['1.1.1a', '1.1.1b', '1.1.2a'])
    """
    part = _load(replace(source, test=count) if source.dataset == BIRDS else source, "test")
    classes = part.targets.unique()[:count]
    shown = part.select(torch.stack([(part.targets == label).nonzero()[0, 0] for label in classes]))
    return _squares(shown, source.read), [part.classes[label] for label in classes]


def _load(source: Source, split: str) -> data.ImageSet:
    if source.dataset != BIRDS:
        options = UNREAD.get(source.dataset, {})
        return data.load(source.dataset, split, folder=source.folder or None, **options)
    return data.load(
        BIRDS,
        split,
        count=getattr(source, split),
        size=source.size,
        num_species=source.num_classes,
        difficulty=source.difficulty,
    )


def _squares(part: data.ImageSet, read: int) -> Tensor:
    if isinstance(part.images, ImageFiles):
        return part.in_memory(read, CROPS.get(part.name, "whole")).images
    return resize(part.images, read)
