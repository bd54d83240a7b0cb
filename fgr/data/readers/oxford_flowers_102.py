"""Oxford Flowers-102: photographs jpg/image_00001.jpg …, and their labels and split in two MATLAB files.

M.-E. Nilsback, A. Zisserman: Automated Flower Classification over a Large Number of Classes, ICVGIP 2008; README:
imagelabels.mat holds the labels of all images, setid.mat the numbers of those of train, validation and test; all
count from 1.
"""

from pathlib import Path

import numpy as np
import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import matlab, photographs

PARTS = {"train": ("trnid",), "validation": ("valid",), "trainval": ("trnid", "valid"), "test": ("tstid",)}
CLASSES = (  # in the order of the labels, which the official page leaves out
    *("pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea", "english marigold", "tiger lily"),
    *("moon orchid", "bird of paradise", "monkshood", "globe thistle", "snapdragon", "colt's foot", "king protea"),
    *("spear thistle", "yellow iris", "globe-flower", "purple coneflower", "peruvian lily", "balloon flower"),
    *("giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger", "grape hyacinth"),
    *("corn poppy", "prince of wales feathers", "stemless gentian", "artichoke", "sweet william", "carnation"),
    *("garden phlox", "love in the mist", "mexican aster", "alpine sea holly", "ruby-lipped cattleya", "cape flower"),
    *("great masterwort", "siam tulip", "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia"),
    *("bolero deep blue", "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion", "petunia"),
    *("wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura", "geranium", "orange dahlia"),
    *("pink-yellow dahlia?", "cautleya spicata", "japanese anemone", "black-eyed susan", "silverbush"),
    *("californian poppy", "osteospermum", "spring crocus", "bearded iris", "windflower", "tree poppy", "gazania"),
    *("azalea", "water lily", "rose", "thorn apple", "morning glory", "passion flower", "lotus", "toad lily"),
    *("anthurium", "frangipani", "clematis", "hibiscus", "columbine", "desert-rose", "tree mallow", "magnolia"),
    *("cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "ball moss", "foxglove", "bougainvillea"),
    *("camellia", "mallow", "mexican petunia", "bromelia", "blanket flower", "trumpet creeper", "blackberry lily"),
)


def read(folder: Path, split: str) -> ImageSet:
    """Read one of the official parts; trainval is train and then validation.

    Args:
        folder: holds `jpg`, `imagelabels.mat` and `setid.mat`.
        split: "train", "validation", "trainval" or "test" (as published, the largest part).

    Raises:
        ValueError: if a file is missing or damaged, or the two disagree.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from scipy.io import savemat
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "jpg").mkdir()
        ...     Path(root, "jpg", "image_00002.jpg").touch()
        ...     savemat(Path(root, "imagelabels.mat"), {"labels": [[77, 4]]})
        ...     savemat(Path(root, "setid.mat"), {"trnid": [[1]], "valid": [[1]], "tstid": [[2]]})
        ...     flowers = read(Path(root), "test")
        >>> flowers.classes[flowers.targets[0]], flowers.images.paths[0].name
        ('sweet pea', 'image_00002.jpg')
    """
    check_choice(split, tuple(PARTS), "split of oxford_flowers_102")
    listed_in = folder / "setid.mat"
    (labels,) = matlab(folder / "imagelabels.mat", "labels")
    labels = np.atleast_1d(labels).astype(np.int64)
    numbers = np.concatenate([np.atleast_1d(part) for part in matlab(listed_in, *PARTS[split])]).astype(np.int64)
    if numbers.min() < 1 or numbers.max() > len(labels):
        raise ValueError(
            f"{listed_in} names images {numbers.min()} to {numbers.max()}, imagelabels.mat has 1 to {len(labels)}"
        )
    return ImageSet(
        "oxford_flowers_102",
        split,
        photographs((folder / "jpg" / f"image_{number:05d}.jpg" for number in numbers), listed_in),
        torch.from_numpy(labels[numbers - 1] - 1),
        CLASSES,
    )
