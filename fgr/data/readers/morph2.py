"""MORPH II (Album 2): police photographs whose names say who, which photograph of the person, gender and age.

Ricanek and Tesafaye, FG 2006. `Album2/009055_1M54.JPG` is photograph 1 of subject 9055, a man of 54. The release of
2008 adds `morph_2008_nonCommercial.csv`: id_num, picture_num, dob, doa, race, gender, facial_hair, age, age_diff,
glasses, photo.
"""

import re
from pathlib import Path
from typing import NamedTuple

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import photographs, visible
from fgr.data.readers._people import GENDERS, numbered, part_of
from fgr.data.readers._tables import rows_of_csv

NAME = re.compile(r"(?P<subject>\d+)_(?P<picture>\d+)(?P<gender>[MF])(?P<age>\d{1,3})", re.IGNORECASE)
AGES = tuple(str(age) for age in range(101))  # one class a year, as DEX has them
ORIGINS = ("A", "B", "H", "O", "W")  # race as the table writes it: Asian, Black, Hispanic, other, White


class _Photograph(NamedTuple):
    path: Path
    subject: str
    picture: int
    gender: int
    age: int
    origin: int


def read(folder: Path, split: str, labels: str = "age", table: str | None = None) -> ImageSet:
    """Read photographs in the order of their names, or of a table.

    There is no official split. The thesis takes a selection of 5,474 photographs, four fifths of them for training;
    the selection is passed on among authors as a list, which `table` reads. Most people were photographed several
    times: the splits here share no subject.

    Args:
        folder: holds `Album2`, or the photographs at any depth; hidden files and folders are left out.
        split: "all"; or "train", "validation", "trainval", "test": 7, 1, 8 and 2 tenths of the subjects.
        labels: the classes: "age" (a class a year, 0 to 100) or "gender" (female, male).
        table: a CSV file in `folder`, e.g. "morph_2008_nonCommercial.csv". Its column photo, a file name with or
            without folders, chooses the photographs; its columns gender, age and race, if it has them, go before what
            the names say (they disagree for a few). None: all photographs, by their names.

    Returns:
        An `ImageSet` with `age` (B,), `gender`, `subject`, `picture` (the number in the name) and `origin`, -1 without
        table.

    Raises:
        ValueError: if there are no photographs, a name or a line of the table is wrong, or a photograph is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "Album2").mkdir()
        ...     for name in ("009055_1M54", "009055_2M55", "012345_0F23"):
        ...         Image.new("RGB", (8, 10)).save(Path(root, f"Album2/{name}.JPG"))
        ...     faces = read(Path(root), "all")
        >>> faces.annotations["age"].tolist(), faces.annotations["subject"].tolist(), faces.labels["subject"]
        ([54.0, 55.0, 23.0], [1, 1, 0], ('12345', '9055'))
    """
    check_choice(labels, ("age", "gender"), "labels")
    files = visible(folder, (".jpg",))
    if not files:
        raise ValueError(f"{folder} holds no photographs (.JPG): unpack Album2 there")
    found = [_named(file) for file in files] if table is None else _listed(folder / table, files)
    subject, subjects = numbered([one.subject for one in found])
    age = torch.tensor([one.age for one in found])
    gender = torch.tensor([one.gender for one in found])
    target, classes = {"age": (age, AGES), "gender": (gender, GENDERS)}[labels]
    whole = ImageSet(
        "morph2",
        "all",
        photographs((one.path for one in found), folder if table is None else folder / table),
        target,
        classes,
        {
            "age": age.float(),
            "gender": gender,
            "subject": subject,
            "picture": torch.tensor([one.picture for one in found]),
            "origin": torch.tensor([one.origin for one in found]),
        },
        {"subject": subjects, "gender": GENDERS, "origin": ORIGINS},
    )
    return part_of(whole, split, [one.subject for one in found])


def _named(file: Path) -> _Photograph:
    fields = NAME.fullmatch(file.stem)
    if fields is None or int(fields["age"]) >= len(AGES):
        raise ValueError(f"{file}: expected a name such as 009055_1M54.JPG: subject, photograph, M or F, age")
    gender = GENDERS.index({"F": "female", "M": "male"}[fields["gender"].upper()])
    return _Photograph(file, str(int(fields["subject"])), int(fields["picture"]), gender, int(fields["age"]), -1)


def _listed(table: Path, files: list[Path]) -> list[_Photograph]:
    """Return the photographs of a table, in its order."""
    by_name = {file.name.lower(): file for file in files}
    if len(by_name) < len(files):
        raise ValueError(f"{table.parent} holds photographs of the same name in several folders: keep one copy")
    found = []
    for number, row in rows_of_csv(table, ("photo",)):
        where = f"{table}, line {number}"
        file = by_name.get(row["photo"].replace("\\", "/").rsplit("/", 1)[-1].lower())
        if file is None:
            raise ValueError(f"{where}: {row['photo']!r} is not in {table.parent}: unpack Album2 there")
        one = _named(file)
        gender, age, origin = (row.get(name, "").strip() for name in ("gender", "age", "race"))
        if gender.upper() not in ("", "M", "F"):
            raise ValueError(f"{where}: the gender should be M or F, got {gender!r}")
        if age and not (age.isascii() and age.isdigit() and int(age) < len(AGES)):
            raise ValueError(f"{where}: the age should be a whole number of years up to 100, got {age!r}")
        if origin.upper() not in ("", *ORIGINS):
            raise ValueError(f"{where}: race should be one of {', '.join(ORIGINS)}, got {origin!r}")
        found.append(
            one._replace(
                gender=("F", "M").index(gender.upper()) if gender else one.gender,
                age=int(age) if age else one.age,
                origin=ORIGINS.index(origin.upper()) if origin else -1,
            )
        )
    return found
