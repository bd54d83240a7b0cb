"""FGVC-Aircraft, release 2013b: lists of "image name" for three levels of names, and a list of boxes.

S. Maji, J. Kannala, E. Rahtu, M. Blaschko, A. Vedaldi: Fine-Grained Visual Classification of Aircraft, arXiv
1306.5151, 2013; README of the archive: lists images_<level>_<part>.txt, names of classes in variants.txt, families.txt
and manufacturers.txt, and images_box.txt with xmin, ymin, xmax and ymax, counted from (1, 1). Names of images are
strings of digits with leading zeros. The bottom 20 rows of every photograph are a banner.
"""

from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import lines, photographs, table, unpacked

LEVELS = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}
PARTS = {"train": "train", "validation": "val", "trainval": "trainval", "test": "test"}


def read(folder: Path, split: str, labels: str = "variant") -> ImageSet:
    """Read one of the official parts.

    Args:
        folder: holds the folder `fgvc-aircraft-2013b`, or is it.
        split: "train", "validation", "trainval" or "test".
        labels: "variant" (100 classes), "family" (70) or "manufacturer" (30).

    Returns:
        An `ImageSet` with `box` (B, 4), counted from 0, and `variant`, `family` and `manufacturer` (B,).

    Raises:
        ValueError: if a file is missing or damaged, or names an image or class that another lacks.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> texts = {"images_box": "0000007 1 2 8 5", "variants": "747-400", "families": "Boeing 747"}
        >>> texts |= {"manufacturers": "Boeing", "images_variant_test": "0000007 747-400"}
        >>> texts |= {"images_family_test": "0000007 Boeing 747", "images_manufacturer_test": "0000007 Boeing"}
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "data", "images").mkdir(parents=True)
        ...     for name, text in texts.items():
        ...         _ = Path(root, "data", f"{name}.txt").write_text(text)
        ...     Path(root, "data", "images", "0000007.jpg").touch()
        ...     planes = read(Path(root), "test", labels="family")
        >>> planes.classes, planes.annotations["box"].tolist(), planes.labels["manufacturer"]
        (('Boeing 747',), [[0.0, 1.0, 8.0, 5.0]], ('Boeing',))
    """
    check_choice(labels, tuple(LEVELS), "labels")
    check_choice(split, tuple(PARTS), "split of fgvc_aircraft")
    data = unpacked(folder, "fgvc-aircraft-2013b") / "data"
    known = {level: tuple(name for _, name in lines(data / file)) for level, file in LEVELS.items()}
    listed_in = {level: data / f"images_{level}_{PARTS[split]}.txt" for level in LEVELS}
    images = [name for name, _ in table(listed_in["variant"], "image variant")]
    annotations = {"box": torch.tensor(_boxes(data / "images_box.txt", images)) - torch.tensor([1.0, 1.0, 0.0, 0.0])}
    for level, file in listed_in.items():
        named = dict(table(file, f"image {level}"))
        index = {name: number for number, name in enumerate(known[level])}
        lost = next((image for image in images if named.get(image) not in index), None)
        if lost is not None:
            raise ValueError(f"{file} gives {lost} the {level} {named.get(lost)!r}, which {LEVELS[level]} lacks")
        annotations[level] = torch.tensor([index[named[image]] for image in images])
    files = photographs((data / "images" / f"{image}.jpg" for image in images), listed_in["variant"])
    return ImageSet("fgvc_aircraft", split, files, annotations[labels], known[labels], annotations, known)


def _boxes(file: Path, images: list[str]) -> list[list[float]]:
    found = {name: edges for name, *edges in table(file, "image xmin ymin xmax ymax")}
    lost = next((image for image in images if image not in found), None)
    if lost is not None:
        raise ValueError(f"{file} lacks the box of {lost}: unpack the archive again")
    try:
        return [[float(edge) for edge in found[image]] for image in images]
    except ValueError as error:
        raise ValueError(f"{file} should hold four numbers an image: {error}") from error
