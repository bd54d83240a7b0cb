"""Images of Groups: photographs of groups of people, each face with the places of its eyes, an age group and a gender.

Gallagher and Chen, CVPR 2009. Eleven folders (Wed2a, Wed3a ... Group8a) of photographs, each with a `PersonData.txt`: a
line with the name of a photograph, then a line a face of six numbers between tabs: x and y of the left eye, x
and y of the right eye, age, gender. An age is the middle year of its group (1, 5, 10, 16, 28, 51, 75); gender is 1 for
women and 2 for men.
"""

from math import isfinite
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data.age_groups import IMAGES_OF_GROUPS, names
from fgr.data.images import ImageSet
from fgr.data.readers._layout import lines, photographs
from fgr.data.readers._people import GENDERS, numbered, part_of

AGES = (1, 5, 10, 16, 28, 51, 75)  # how the seven groups are written
PARTS = ("left eye", "right eye")


class _Face(NamedTuple):
    photograph: Path
    eyes: tuple[float, ...]  # x y of the left one, x y of the right one
    age: int
    gender: int


def read(folder: Path, split: str, labels: str = "age") -> ImageSet:
    """Read faces, one a row: its photograph as it is, and a box around it for `in_memory(size, crop="box")`.

    There is no official split, and nobody says who is who. The thesis tests on 1,050 faces, 150 an age group: read
    "all", and draw them by `fgr.data.sampling.undersample_frames`.

    Args:
        folder: holds the eleven folders, at any depth.
        split: "all"; or "train", "validation", "trainval", "test": 7, 1, 8 and 2 tenths of those who put the
            photographs on the web, who often show the same people again.
        labels: the classes: "age" (seven groups) or "gender" (female, male).

    Returns:
        An `ImageSet` with `landmarks` (B, 2, 2), the eyes as the files list them, `box`, a square three eye distances
        wide, from the forehead to the chin, `age_group`, `gender`, `photograph` and `photographer`.

    Raises:
        ValueError: if a file or a photograph is missing, or a line is wrong (it is named).

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "Wed2a").mkdir()
        ...     Image.new("RGB", (60, 40)).save(Path(root, "Wed2a/1_a_2_3@N0.jpg"))
        ...     table = "1_a_2_3@N0.jpg\\n10\\t12\\t18\\t12\\t28\\t1\\n40\\t20\\t46\\t28\\t75\\t2\\n"
        ...     _ = Path(root, "Wed2a/PersonData.txt").write_text(table)
        ...     faces = read(Path(root), "all")
        ...     crops = faces.in_memory(16, crop="box")
        >>> [faces.classes[target] for target in faces.targets], faces.annotations["box"][0].tolist()
        (['20-36', '66+'], [2.0, 4.0, 26.0, 28.0])
        >>> crops.images.shape
        torch.Size([2, 3, 16, 16])
    """
    check_choice(labels, ("age", "gender"), "labels")
    files = sorted(folder.rglob("PersonData.txt"))
    if not files:
        raise ValueError(f"{folder} holds no PersonData.txt: unpack the eleven folders of the set there")
    faces = [face for file in files for face in _faces(file)]
    eyes = torch.tensor([face.eyes for face in faces]).view(-1, 2, 2)
    age = torch.tensor([AGES.index(face.age) for face in faces])
    gender = torch.tensor([face.gender - 1 for face in faces])
    photograph, shown = numbered([f"{face.photograph.parent.name}/{face.photograph.name}" for face in faces])
    owners = [face.photograph.stem.rsplit("_", 1)[-1] for face in faces]  # <id>_<secret>_<server>_<owner>.jpg
    photographer, known = numbered(owners)
    target, classes = {"age": (age, names(IMAGES_OF_GROUPS)), "gender": (gender, GENDERS)}[labels]
    whole = ImageSet(
        "images_of_groups",
        "all",
        photographs((face.photograph for face in faces), files[0].parent.parent / "*" / "PersonData.txt"),
        target,
        classes,
        {
            "landmarks": eyes,
            "box": _boxes(eyes),
            "age_group": age,
            "gender": gender,
            "photograph": photograph,
            "photographer": photographer,
        },
        {
            "landmarks": PARTS,
            "age_group": names(IMAGES_OF_GROUPS),
            "gender": GENDERS,
            "photograph": shown,
            "photographer": known,
        },
    )
    return part_of(whole, split, owners)


def _faces(file: Path) -> list[_Face]:
    photograph, found = None, []
    for number, line in lines(file):
        if line.lower().endswith(".jpg"):
            photograph = file.parent / line
            continue
        fields = line.split()
        try:
            values = [float(field) for field in fields]
        except ValueError:
            values = []
        if len(values) != 6 or not all(map(isfinite, values)) or values[4] not in AGES or values[5] not in (1, 2):
            raise ValueError(
                f"{file}, line {number}: expected the name of a photograph (.jpg), or x y x y of the eyes, an age of "
                f"{', '.join(map(str, AGES))} and a gender of 1 or 2; got {line!r}"
            )
        if photograph is None:
            raise ValueError(f"{file}, line {number}: a face before the name of any photograph")
        found.append(_Face(photograph, tuple(values[:4]), int(values[4]), int(values[5])))
    return found


def _boxes(eyes: Tensor) -> Tensor:
    """Return squares around faces (B, 4): as wide as three eye distances, the eyes a third of the height from the top.

    Eyes in one place (a face from the side) count as one pixel apart, so that every box has an area.
    """
    middle = eyes.mean(1)  # (B, 2)
    distance = (eyes[:, 1] - eyes[:, 0]).norm(dim=1, keepdim=True).clamp_min(1)  # (B, 1)
    return torch.cat([middle - distance * torch.tensor([1.5, 1.0]), middle + distance * torch.tensor([1.5, 2.0])], 1)
