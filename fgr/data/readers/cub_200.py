"""CUB-200 of 2010: lists of file names, and a MATLAB file a photograph with its box and a rough outline.

P. Welinder, S. Branson, T. Mita, C. Wah, F. Schroff, S. Belongie, P. Perona: Caltech-UCSD Birds 200, CNS-TR-2010-001.
Three archives make the folders images, annotations-mat and lists; `bbox` has left, top, right and bottom.
"""

from pathlib import Path

import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import first_of, lines, matlab, photographs
from fgr.data.readers._photographs import with_validation

EDGES = ("left", "top", "right", "bottom")


def read(folder: Path, split: str, boxes: bool = True) -> ImageSet:
    """Read one split; trainval and test are the official lists, validation is two of the 15 images of a species.

    Args:
        folder: holds `images`, `lists` and `annotations-mat`.
        split: "train", "validation", "trainval" or "test".
        boxes: whether to read these: one file a photograph.

    Returns:
        An `ImageSet` with `box` (B, 4).

    Raises:
        ValueError: if a file is missing or damaged, or a listed image belongs to no class of classes.txt.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     for place in ("lists", "images/001.Gull"):
        ...         Path(root, place).mkdir(parents=True)
        ...     _ = Path(root, "lists/classes.txt").write_text("001.Gull\\n")
        ...     _ = Path(root, "lists/test.txt").write_text("001.Gull/a.jpg\\n")
        ...     Image.new("RGB", (8, 6)).save(Path(root, "images/001.Gull/a.jpg"))
        ...     birds = read(Path(root), "test", boxes=False)
        >>> birds.classes, birds.targets.tolist()
        (('Gull',), [0])
    """
    listed_in = folder / "lists" / f"{'test' if split == 'test' else 'train'}.txt"
    names = [name for _, name in lines(listed_in)]
    species = [name for _, name in lines(folder / "lists" / "classes.txt")]
    index = {name: number for number, name in enumerate(species)}
    unknown = next((name for name in names if name.split("/")[0] not in index), None)
    if unknown is not None:
        raise ValueError(f"{listed_in} lists {unknown}, which is in no class of classes.txt: unpack the lists again")
    annotations = {}
    if boxes:
        place = first_of(folder / "annotations-mat", folder / "annotations_mat")
        annotations["box"] = torch.tensor([_box(place / Path(name).with_suffix(".mat")) for name in names])
    official = ImageSet(
        "cub_200",
        split,
        photographs((folder / "images" / name for name in names), listed_in),
        torch.tensor([index[name.split("/")[0]] for name in names]),
        tuple(name.partition(".")[2].replace("_", " ") for name in species),
        annotations,
    )
    return with_validation(official, split, names)


def _box(file: Path) -> list[float]:
    (found,) = matlab(file, "bbox")
    if not isinstance(found, dict) or not set(EDGES) <= set(found):
        raise ValueError(f"the bbox of {file} should have {', '.join(EDGES)}: unpack it again")
    return [float(found[edge]) for edge in EDGES]
