"""Generated videos of seven emotions (`fgr.data.synthetic.faces`), from neutral to the apex as in CK+."""

from functools import partial
from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._faces import KEEP, LABELS, annotations
from fgr.data.synthetic.cache import rendered
from fgr.data.synthetic.faces import EMOTIONS, emotion_videos, render_emotions


def read(
    folder: Path,
    split: str,
    last: int | None = 3,
    size: int = 64,
    length: int = 16,
    sequences: int | None = None,
    seed: int = 0,
) -> ImageSet:
    """Return frames of all videos in the order of time, labelled by the emotion of their video.

    There is no split but "all": give `annotations["subject"]` to `fgr.data.splits.subject_folds`; the thesis has ten.

    Args:
        folder: where drawn images are kept.
        split: "all".
        last: how many frames of each video, up to its apex; None for all of them.
        size: pixels of a side.
        length: frames of a video on average.
        sequences: how many videos, the first ones; None for all of them.
        seed: another one gives other people.

    Returns:
        An `ImageSet` with `landmarks` (B, 66, 2), `aus` (B, 19) graded 0 to 5, `subject`, `sequence`, `frame`, `age`,
        `gender`, `skin_tone`, `occluders` and `regions` (B, H, W), what each pixel shows.

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     apex = read(Path(folder), "all", last=1, size=16, sequences=9)
        >>> apex.annotations["sequence"].tolist(), len(apex.classes)
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], 7)
    """
    check_choice(split, ("all",), "split")
    if last is not None and last < 1:
        raise ValueError(f"last must be at least 1, or None for all frames, got {last}")
    table = {"seed": seed, "length": length}
    videos = emotion_videos(**table)
    ends = videos.sequence.bincount().cumsum(0)  # one past the apex of each video
    index = torch.arange(len(videos.frame))
    if sequences is not None:
        index = index[videos.sequence < sequences]
    if last is not None:
        index = index[ends[videos.sequence[index]] - index <= last]
    draw = partial(render_emotions, videos, size=size)
    faces = rendered(folder, "faces", {**table, "size": size}, index, draw, KEEP, "emotion videos")
    known = {
        **annotations(faces),
        "aus": videos.aus[index],
        "subject": videos.subject[index],
        "sequence": videos.sequence[index],
        "frame": videos.frame[index],
    }
    return ImageSet("synthetic_emotions", split, faces["images"], videos.emotion[index], EMOTIONS, known, LABELS)
