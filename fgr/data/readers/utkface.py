"""UTKFace: faces from the web, whose names say age, gender and group of origin.

Zhang et al., CVPR 2017. The official page: names are [age]_[gender]_[race]_[date&time].jpg, age from 0 to 116, gender 0
(male) or 1 (female), race 0 to 4 (White, Black, Asian, Indian, others), date&time yyyymmddHHMMSSFFF. Aligned and
cropped faces end with .jpg.chip.jpg. A few names lack a label: 39_1_20170116174525125, 53__0_20170116184028385,
61_1_20170109142408075, and 61_1_ or 61_3_20170109150557335.
"""

import re
from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import photographs, unpacked
from fgr.data.readers._people import GENDERS, part_of

NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_(\d{14,17}) ?(\.jpg)?(\.chip)?\.jpg", re.IGNORECASE)
# A field too few, or an empty one; the second field of two may be anything.
UNLABELLED = re.compile(r"\d{1,3}_(\d?|_\d|\d_)_\d{14,17} ?(\.jpg)?(\.chip)?\.jpg", re.IGNORECASE)
ORIGINS = ("White", "Black", "Asian", "Indian", "other")
AGES = tuple(str(age) for age in range(117))


def read(folder: Path, split: str, labels: str = "age") -> ImageSet:
    """Read the faces whose names hold all labels, in the order of their names.

    There is no official split, and nothing says which faces are of one person.

    Args:
        folder: holds the folder `UTKFace`, the images themselves, or `part1` to `part3` (not cropped).
        split: "all"; or "train", "validation", "trainval", "test": 7, 1, 8 and 2 tenths of the names.
        labels: the classes: "age" (a class a year, 0 to 116) or "gender" (female, male).

    Returns:
        An `ImageSet` with `age` (B,), `gender` and `origin`.

    Raises:
        ValueError: if there are no images, or a name is neither as the page says nor one that lacks a label.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     for name in ("26_1_2_20170116174525125", "1_0_0_20161219140623097", "39_1_20170116174525125"):
        ...         Image.new("RGB", (8, 8)).save(Path(root, f"{name}.jpg.chip.jpg"))
        ...     faces = read(Path(root), "all", labels="gender")
        >>> faces.annotations["age"].tolist(), [faces.classes[target] for target in faces.targets]
        ([1.0, 26.0], ['male', 'female'])
    """
    check_choice(labels, ("age", "gender"), "labels")
    folder = unpacked(folder, "UTKFace")
    files = sorted(folder.glob("[!.]*.jpg")) or sorted(folder.glob("part*/[!.]*.jpg"))
    kept, fields = [], []
    for file in files:
        found = NAME.fullmatch(file.name)
        if found and int(found[1]) < len(AGES):
            kept.append(file)
            fields.append([int(found[1]), 1 - int(found[2]), int(found[3])])  # 0 is male here, female in GENDERS
        elif not UNLABELLED.fullmatch(file.name):
            raise ValueError(
                f"{file}: expected a name such as 26_1_2_20170116174525125.jpg: age up to 116, gender 0 or 1, origin 0 "
                "to 4, date; if it is no face of UTKFace, put it elsewhere"
            )
    if not kept:
        raise ValueError(f"{folder} holds no faces of UTKFace (.jpg): unpack UTKFace.tar.gz there")
    age, gender, origin = torch.tensor(fields).T
    target, classes = {"age": (age, AGES), "gender": (gender, GENDERS)}[labels]
    whole = ImageSet(
        "utkface",
        "all",
        photographs(kept, folder),
        target,
        classes,
        {"age": age.float(), "gender": gender, "origin": origin},
        {"gender": GENDERS, "origin": ORIGINS},
    )
    return part_of(whole, split, [file.name for file in kept])
