"""Extended Cohn-Kanade (CK+): posed videos from neutral to the peak of an expression, which the last frame shows.

Lucey et al., CVPR Workshops 2010. The archives' folders hold one folder a subject, in it one a video:

    cohn-kanade-images/S005/001/S005_001_00000011.png
    Landmarks/S005/001/S005_001_00000011_landmarks.txt     68 lines "x y", for every frame
    FACS/S005/001/S005_001_00000011_facs.txt               lines "unit intensity", for the peak frame alone
    Emotion/S005/001/S005_001_00000011_emotion.txt         a number from 1 to 7, for the peak of 327 of 593 videos
"""

from pathlib import Path

import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import first_of, photographs
from fgr.data.readers._people import numbered, part_of
from fgr.data.readers._videos import Frame, action_units, one_number, points, videos

LANDMARKS = 68
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")  # 1 to 7 in the files


def read(
    folder: Path,
    split: str,
    last: int | None = 3,
    neutral: bool = False,
    unlabelled: bool = False,
    landmarks: bool = True,
) -> ImageSet:
    """Read frames under the emotion of their video; by default what chapter 2 trains on, the last three of each.

    There is no official split. The thesis makes ten folds that share no subject: read "all" and give
    `annotations["subject"]` to `fgr.data.splits.subject_folds`. The other splits share no subject either.

    Args:
        folder: holds `cohn-kanade-images`, `Emotion`, `FACS` and `Landmarks`.
        split: "all"; or "train", "validation", "trainval", "test": 7, 1, 8 and 2 tenths of the subjects.
        last: how many frames up to the peak; None: all, which is what windows over time need.
        neutral: whether the first frame of each video comes too, as an eighth class "neutral".
        unlabelled: whether videos without emotion come too, as a last class "unlabelled".
        landmarks: whether to read these.

    Returns:
        An `ImageSet`, video by video in the order of time, with `landmarks` (B, 68, 2), `subject`, `sequence`, `frame`,
        `aus` (B, U) intensities, NaN off the peak and where a unit was seen without being graded (0 in the files), and
        `au_present` (B, U), 1 where a unit was seen, 0 where not, -1 off the peak.

    Raises:
        ValueError: if a file is missing or holds something else, or `last` is below 1.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     for kind in ("cohn-kanade-images", "Emotion", "FACS"):
        ...         Path(root, kind, "S005/001").mkdir(parents=True)
        ...     for number in range(1, 6):
        ...         Image.new("L", (8, 6)).save(Path(root, f"cohn-kanade-images/S005/001/S005_001_0000000{number}.png"))
        ...     _ = Path(root, "Emotion/S005/001/S005_001_00000005_emotion.txt").write_text("   3.0000000e+00")
        ...     _ = Path(root, "FACS/S005/001/S005_001_00000005_facs.txt").write_text("9.0e+00 4.0e+00\\n17 0\\n")
        ...     frames = read(Path(root), "all", last=2, neutral=True, landmarks=False)
        >>> [frames.classes[target] for target in frames.targets], frames.annotations["frame"].tolist()
        (['neutral', 'disgust', 'disgust'], [1, 4, 5])
        >>> frames.annotations["au_present"].tolist(), frames.annotations["aus"][2].tolist(), frames.labels["aus"]
        ([[-1, -1], [-1, -1], [1, 1]], [4.0, nan], ('AU9', 'AU17'))
    """
    if last is not None and last < 1:
        raise ValueError(f"last must be at least 1, or None for all frames, got {last}")
    emotions = first_of(folder / "Emotion", folder / "Emotion_labels" / "Emotion", folder / "Emotion_labels")
    facs = first_of(folder / "FACS", folder / "FACS_labels" / "FACS", folder / "FACS_labels")
    classes = EMOTIONS + ("neutral",) * neutral + ("unlabelled",) * unlabelled
    frames: list[Frame] = []
    targets: list[int] = []
    coded: dict[Path, dict[int, float]] = {}  # of every peak, whether it is chosen or not
    for video in videos(folder / "cohn-kanade-images"):
        coded.update(_peak_units(facs, video))
        file = _only(emotions, video, "_emotion.txt")
        if file is None and not unlabelled:
            continue
        label = len(classes) - 1 if file is None else one_number(file, "emotion", 1, len(EMOTIONS)) - 1
        chosen = video[neutral:] if last is None else video[neutral:][-last:]
        frames += video[:neutral] + chosen
        targets += [len(EMOTIONS)] * neutral + [label] * len(chosen)
    if not frames:
        raise ValueError(f"{emotions} has no file for any video of {folder / 'cohn-kanade-images'}: unpack it there")
    subject, subjects = numbered([frame.subject for frame in frames])
    sequence, sequences = numbered([f"{frame.subject}/{frame.sequence}" for frame in frames])
    units = sorted({unit for found in coded.values() for unit in found})
    found = [coded.get(frame.path) for frame in frames]
    present = [[-1 if peak is None else int(unit in peak) for unit in units] for peak in found]
    annotations = {
        "aus": torch.tensor([_intensities(peak, units) for peak in found]),
        "au_present": torch.tensor(present, dtype=torch.int64),
        "subject": subject,
        "sequence": sequence,
        "frame": torch.tensor([frame.number for frame in frames]),
    }
    if landmarks:
        marked = [frame.beside(folder / "Landmarks", "_landmarks.txt") for frame in frames]
        annotations["landmarks"] = points(marked, LANDMARKS)
    whole = ImageSet(
        "ck_plus",
        "all",
        photographs((frame.path for frame in frames), folder / "cohn-kanade-images"),
        torch.tensor(targets),
        classes,
        annotations,
        {"aus": tuple(f"AU{unit}" for unit in units), "subject": subjects, "sequence": sequences},
    )
    return part_of(whole, split, [frame.subject for frame in frames])


def _only(root: Path, video: list[Frame], ending: str) -> Path | None:
    """Return the one file that a video has below `root`, None if it has none."""
    place = root / video[0].subject / video[0].sequence
    files = sorted(place.glob(f"[!.]*{ending}"))
    if len(files) > 1:
        raise ValueError(
            f"{place} holds {files[0].name} and {files[1].name}; a video has one at most: remove the other"
        )
    return files[0] if files else None


def _peak_units(root: Path, video: list[Frame]) -> dict[Path, dict[int, float]]:
    """Return the action units of the frame that a video's FACS file names."""
    file = _only(root, video, "_facs.txt")
    if file is None:
        return {}
    stem = file.name.removesuffix("_facs.txt")
    peak = [frame.path for frame in video if frame.path.stem == stem]
    if not peak:
        raise ValueError(f"{file} is for a frame that is not in {video[0].path.parent}: unpack the images again")
    return {peak[0]: action_units(file)}


def _intensities(peak: dict[int, float] | None, units: list[int]) -> list[float]:
    if peak is None:
        return [float("nan")] * len(units)
    return [(peak[unit] or float("nan")) if unit in peak else 0.0 for unit in units]
