"""Generated videos of people in pain (`fgr.data.synthetic.faces`), in the layout of UNBC-McMaster's annotations."""

from functools import partial
from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._faces import KEEP, LABELS, annotations
from fgr.data.readers.unbc_mcmaster import CLASSES
from fgr.data.synthetic.cache import rendered
from fgr.data.synthetic.faces import pain_videos, render_pain
from fgr.metrics import merge_pain_levels


def read(
    folder: Path,
    split: str,
    labels: str = "pain",
    size: int = 64,
    subjects: int = 25,
    sequences: int = 8,
    length: int = 96,
    seed: int = 0,
) -> ImageSet:
    """Return every frame of the videos, video after video in the order of time, with what it shows.

    There is no split but "all": give `annotations["subject"]` to `fgr.data.splits.leave_one_subject_out`.

    Args:
        folder: where drawn images are kept.
        split: "all".
        labels: the classes, as for UNBC-McMaster: "pain" (PSPI of 1 or more), "level" (six merged levels) or "pspi".
        size: pixels of a side.
        subjects, sequences, length: people, videos of each, frames of a video on average.
        seed: another one gives other people.

    Returns:
        An `ImageSet` with `pspi`, `aus` (B, 19) graded 0 to 5, `landmarks` (B, 66, 2), `subject`, `sequence`, `frame`,
        `age`, `gender`, `skin_tone`, `occluders` and `regions` (B, H, W), what each pixel shows.

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     frames = read(Path(folder), "all", size=16, subjects=1, sequences=1, length=32)
        >>> frames.classes, bool((frames.targets == (frames.annotations["pspi"] >= 1)).all())
        (('no pain', 'pain'), True)
    """
    check_choice(split, ("all",), "split")
    check_choice(labels, tuple(CLASSES), "labels")
    table = {"seed": seed, "subjects": subjects, "sequences": sequences, "length": length}
    videos = pain_videos(**table)
    index = torch.arange(len(videos.frame))
    draw = partial(render_pain, videos, size=size)
    faces = rendered(folder, "faces", {**table, "size": size}, index, draw, KEEP, "pain videos")
    known = {
        **annotations(faces),
        "pspi": videos.pspi.float(),
        "aus": videos.aus,
        "subject": videos.subject,
        "sequence": videos.sequence,
        "frame": videos.frame,
    }
    pspi = videos.pspi.long()
    targets = {"pain": (pspi >= 1).long(), "level": merge_pain_levels(pspi), "pspi": pspi}[labels]
    return ImageSet("synthetic_pain", split, faces["images"], targets, CLASSES[labels], known, LABELS)
