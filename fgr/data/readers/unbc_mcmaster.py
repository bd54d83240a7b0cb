"""UNBC-McMaster Shoulder Pain Expression Archive: videos of faces with landmarks, action units and PSPI a frame.

Lucey et al., FG 2011. The archive's folders hold one folder a subject, in it one a video:

    Images/042-ll042/ll042t1aaaff/ll042t1aaaff001.png
    AAM_landmarks/042-ll042/ll042t1aaaff/ll042t1aaaff001_aam.txt          66 lines "x y"
    Frame_Labels/FACS/042-ll042/ll042t1aaaff/ll042t1aaaff001_facs.txt     lines "unit intensity onset offset", or empty
    Frame_Labels/PSPI/042-ll042/ll042t1aaaff/ll042t1aaaff001_facs.txt     one number
"""

from pathlib import Path

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import first_of, photographs
from fgr.data.readers._people import numbered, part_of
from fgr.data.readers._videos import action_units, one_number, points, videos
from fgr.metrics import merge_pain_levels

LANDMARKS = 66
LEVELS = 17  # PSPI = AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43: from 0 to 16
UNITS = (4, 6, 7, 9, 10, 12, 20, 25, 26, 27, 43)  # which the archive describes; units beyond these are added
CLASSES = {
    "pain": ("no pain", "pain"),
    "level": ("0", "1", "2", "3", "4-5", "6+"),
    "pspi": tuple(str(level) for level in range(LEVELS)),
}


def read(folder: Path, split: str, labels: str = "pain", landmarks: bool = True) -> ImageSet:
    """Read frames, video by video in the order of time, with what was coded in each.

    There is no official split. The thesis leaves one subject out at a time: read "all" and give
    `annotations["subject"]` to `fgr.data.splits.leave_one_subject_out`. The other splits share no subject either.

    Args:
        folder: holds `Images`, `Frame_Labels` and `AAM_landmarks`.
        split: "all"; or "train", "validation", "trainval", "test": 7, 1, 8 and 2 tenths of the subjects.
        labels: the classes: "pain" (PSPI of 1 or more, Table 2.2), "level" (the six merged levels of Table 2.4) or
            "pspi" (0 to 16).
        landmarks: whether to read these.

    Returns:
        An `ImageSet` with `pspi` (B,), `aus` (B, U) intensities, 0 where a unit was not seen, `landmarks` (B, 66, 2),
        `subject`, `sequence` and `frame`, the number in the file's name.

    Raises:
        ValueError: if a file of a frame is missing or holds something else.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> def place(root, name):
        ...     file = Path(root, name)
        ...     file.parent.mkdir(parents=True)
        ...     return file
        >>> with TemporaryDirectory() as root:
        ...     Image.new("RGB", (8, 6)).save(place(root, "Images/042-ll042/ll042t1/ll042t1001.png"))
        ...     labels = "Frame_Labels/{}/042-ll042/ll042t1/ll042t1001_facs.txt"
        ...     _ = place(root, labels.format("PSPI")).write_text("   3.0000000e+00")
        ...     _ = place(root, labels.format("FACS")).write_text("4.0e+00 2.0e+00 1.0e+00 9.0e+00\\n43 1 1 9\\n")
        ...     frames = read(Path(root), "all", landmarks=False)
        >>> frames.targets.tolist(), frames.annotations["pspi"].tolist(), frames.labels["subject"]
        ([1], [3.0], ('042-ll042',))
        >>> dict(zip(frames.labels["aus"], frames.annotations["aus"][0].tolist()))["AU4"]
        2.0
    """
    check_choice(labels, tuple(CLASSES), "labels")
    images = folder / "Images"
    facs, pain = (first_of(folder / "Frame_Labels" / kind, folder / kind) for kind in ("FACS", "PSPI"))
    frames = [frame for video in videos(images) for frame in video]
    pspi = torch.tensor([one_number(frame.beside(pain, "_facs.txt"), "PSPI", 0, LEVELS - 1) for frame in frames])
    coded = [action_units(frame.beside(facs, "_facs.txt")) for frame in frames]
    units = sorted({*UNITS, *(unit for found in coded for unit in found)})
    subject, subjects = numbered([frame.subject for frame in frames])
    sequence, sequences = numbered([f"{frame.subject}/{frame.sequence}" for frame in frames])
    annotations = {
        "pspi": pspi.float(),
        "aus": torch.tensor([[found.get(unit, 0.0) for unit in units] for found in coded]),
        "subject": subject,
        "sequence": sequence,
        "frame": torch.tensor([frame.number for frame in frames]),
    }
    if landmarks:
        marked = [frame.beside(folder / "AAM_landmarks", "_aam.txt") for frame in frames]
        annotations["landmarks"] = points(marked, LANDMARKS)
    targets = {"pain": (pspi >= 1).long(), "level": merge_pain_levels(pspi), "pspi": pspi}[labels]
    whole = ImageSet(
        "unbc_mcmaster",
        "all",
        photographs((frame.path for frame in frames), images),
        targets,
        CLASSES[labels],
        annotations,
        {"aus": tuple(f"AU{unit}" for unit in units), "subject": subjects, "sequence": sequences},
    )
    return part_of(whole, split, [frame.subject for frame in frames])
