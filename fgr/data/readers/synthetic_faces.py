"""Generated photographs of people (`fgr.data.synthetic.faces`): drawn when first asked for, then kept in the folder."""

from functools import partial
from pathlib import Path

from fgr.checks import check_choice
from fgr.data.age_groups import ADIENCE, group_of, names
from fgr.data.images import ImageSet
from fgr.data.readers._faces import KEEP, LABELS, annotations
from fgr.data.readers._people import GENDERS
from fgr.data.synthetic.cache import ROOM, rendered, split_indices
from fgr.data.synthetic.faces import render_faces


def read(
    folder: Path,
    split: str,
    labels: str = "age",
    count: int = 800,
    size: int = 64,
    population: str = "a",
    seed: int = 0,
    per_subject: int = 8,
    occlusion: float = 1.0,
) -> ImageSet:
    """Return `count` photographs of one split, `per_subject` of each person; no person is in two splits.

    Args:
        folder: where drawn images are kept.
        split: "train", "validation" or "test".
        labels: the classes: "age" (Adience's eight groups; an age between two groups goes to the nearer) or "gender".
        count: images, at least 1.
        size: pixels of a side; fine wrinkles need 128 or more.
        population, per_subject, occlusion: as in `render_faces`; "b" is another population under another camera.
        seed: another one gives other people.

    Returns:
        An `ImageSet` with `landmarks` (B, 66, 2), `aus` (B, 19), `age` in years, `gender`, `subject`, `skin_tone` (1
        light to 6 dark), `occluders` (B, 7) bool and `regions` (B, H, W) uint8, what each pixel shows.

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     faces = read(Path(folder), "test", count=4, size=32)
        >>> faces.images.shape, faces.annotations["landmarks"].shape, faces.classes[-1]
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 66, 2]), '60+')
    """
    check_choice(labels, ("age", "gender"), "labels")
    if per_subject < 1 or ROOM % per_subject:
        raise ValueError(f"per_subject must divide {ROOM}, so that no person is in two splits, got {per_subject}")
    options = {
        "size": size,
        "population": population,
        "seed": seed,
        "per_subject": per_subject,
        "occlusion": occlusion,
    }
    index = split_indices(split, count)
    draw = partial(render_faces, **options)
    faces = rendered(folder, "faces", options, index, draw, (*KEEP, "subject"), f"faces, {split}")
    if labels == "gender":
        targets, classes = faces["gender"].long(), GENDERS
    else:
        targets, classes = group_of(faces["age"], between="nearest"), names(ADIENCE)
    return ImageSet("synthetic_faces", split, faces["images"], targets, classes, annotations(faces), LABELS)
