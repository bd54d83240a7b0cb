"""Adience: photographs of faces with an age group and a gender, in five folds that share no person.

Eidinger et al., TIFS 2014. The fold files `fold_0_data.txt` to `fold_4_data.txt` (and `fold_frontal_0_data.txt` ...:
nearly frontal faces) have a line of names, then twelve fields a face between tabs. They name the images:

    aligned/<user_id>/landmark_aligned_face.<face_id>.<original_image>
    faces/<user_id>/coarse_tilt_aligned_face.<face_id>.<original_image>
"""

from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.age_groups import ADIENCE, age_range, group_of, names
from fgr.data.images import ImageSet
from fgr.data.readers._layout import lines, photographs, unpacked
from fgr.data.readers._people import GENDERS, numbered

ARCHIVE = "AdienceBenchmarkOfUnfilteredFacesForGenderAndAgeClassification"
COLUMNS = (
    *("user_id", "original_image", "face_id", "age", "gender", "x", "y", "dx", "dy"),
    *("tilt_ang", "fiducial_yaw_angle", "fiducial_score"),
)
PREFIX = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}
FOLDS = 5
GENDER = {"f": 0, "m": 1, "u": -1, "": -1}  # u: the annotators could not tell; some lines say nothing


def read(
    folder: Path,
    split: str,
    labels: str = "age",
    fold: int | None = None,
    images: str = "aligned",
    frontal: bool = False,
    between: str = "drop",
) -> ImageSet:
    """Read the faces that have the label asked for, in the order of the fold files.

    Args:
        folder: holds the fold files and the folder of images, as the official archives unpack.
        split: "all" faces; or "train" (four folds) and "test" (the fifth), which need `fold`.
        labels: the classes: "age" (eight groups) or "gender" (female, male).
        fold: which fold tests, 0 to 4. The official score is the mean over the five.
        images: "aligned" (by landmarks, in the plane) or "faces" (cut out and coarsely turned).
        frontal: whether the official lists of nearly frontal faces count; the thesis takes all.
        between: what becomes of ages such as "35" or "(38, 48)", which are in no group: "drop" leaves the face out of
            the age task, "nearest" puts it in the nearest group (`fgr.data.age_groups.group_of`).

    Returns:
        An `ImageSet` with `fold`, `subject`, `gender`, `age_group` (-1 where none), `age_range` (B, 2), first and last
        year as written, and `yaw`, the angle in degrees that a landmark detector gave. The boxes of the files belong
        to the uncut photographs and are left out.

    Raises:
        ValueError: if an option does not fit, a file or an image is missing, or a line is wrong (it is named).

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "aligned/7@N0").mkdir(parents=True)
        ...     for number, age in enumerate(["(0, 2)", "(25, 32)", "35", "(8, 12)", "None"]):
        ...         face = ["7@N0", "a.jpg", str(number), age, "f", "0", "0", "9", "9", "0", "15", "7.5"]
        ...         table = "\\t".join(COLUMNS) + "\\n" + "\\t".join(face) + "\\n"
        ...         _ = Path(root, f"fold_{number}_data.txt").write_text(table)
        ...         Image.new("RGB", (8, 8)).save(Path(root, f"aligned/7@N0/landmark_aligned_face.{number}.a.jpg"))
        ...     train, test = (read(Path(root), split, fold=1) for split in ("train", "test"))
        >>> [train.classes[target] for target in train.targets], [test.classes[target] for target in test.targets]
        (['0-2', '8-13'], ['25-32'])
    """
    check_choice(split, ("all", "train", "test"), "split of adience")
    check_choice(labels, ("age", "gender"), "labels")
    check_choice(images, tuple(PREFIX), "images")
    if (split == "all") != (fold is None) or (fold is not None and fold not in range(FOLDS)):
        raise ValueError(
            f"train and test need fold=, 0 to {FOLDS - 1}, and all takes none; got {split} and fold={fold}"
        )
    folder = unpacked(folder, ARCHIVE)
    files = [folder / f"fold_{'frontal_' * frontal}{number}_data.txt" for number in range(FOLDS)]
    faces = [(number, *face) for number, file in enumerate(files) for face in _faces(file)]
    if not faces:
        raise ValueError(f"{files[0]} and its like list no faces: download them again")
    folds, paths, people, ages, genders, yaws = (list(column) for column in zip(*faces))
    age = torch.tensor(ages)  # (B, 2)
    gender = torch.tensor(genders)
    group = group_of(age[:, 0], age[:, 1], ADIENCE, between)
    subject, subjects = numbered(people)
    annotations = {
        "fold": torch.tensor(folds),
        "subject": subject,
        "gender": gender,
        "age_group": group,
        "age_range": age,
        "yaw": torch.tensor(yaws),
    }
    target, classes = {"age": (group, names(ADIENCE)), "gender": (gender, GENDERS)}[labels]
    chosen = {"all": target >= 0, "train": annotations["fold"] != fold, "test": annotations["fold"] == fold}[split]
    rows = (chosen & (target >= 0)).nonzero()[:, 0]
    place, prefix = folder / images, PREFIX[images]
    places = (place / paths[row][0] / f"{prefix}.{paths[row][1]}" for row in rows)
    return ImageSet(
        "adience",
        split,
        photographs(places, files[0].with_name("fold_*_data.txt")),
        target[rows],
        classes,
        {name: values[rows] for name, values in annotations.items()},
        {"subject": subjects, "gender": GENDERS, "age_group": names(ADIENCE)},
    )


def _faces(file: Path) -> list[tuple[tuple[str, str], str, tuple[float, float], int, float]]:
    """Return place, person, range of ages, gender and yaw of every face of a fold."""
    (_, header), *rows = lines(file)
    if tuple(header.split("\t")) != COLUMNS:
        raise ValueError(f"{file}, line 1: expected the names {' '.join(COLUMNS)} between tabs, got {header!r}")
    found = []
    for number, line in rows:
        fields = line.split("\t")
        if len(fields) != len(COLUMNS):
            raise ValueError(f"{file}, line {number}: expected {len(COLUMNS)} fields between tabs, got {len(fields)}")
        user, image, face, age, gender = fields[:5]
        if gender not in GENDER:
            raise ValueError(f"{file}, line {number}: the gender should be f, m, u or empty, got {gender!r}")
        try:
            # A face_id is a person within a user's album; that it is one beyond it is not promised, hence both.
            found.append(
                ((user, f"{face}.{image}"), f"{user}/{face}", age_range(age), GENDER[gender], float(fields[10]))
            )
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
    return found
