"""List files of video frames: one line a frame, `path label sequence`, as the thesis's released tool reads them.

All frames of one video bear the same sequence number, stand together, and are in time order:

    anna/001.png 0 1
    anna/002.png 2 1
    bert/001.png 0 2
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

REMEDY = "give all frames of one video the same number, 1 for the first video, 2 for the next, and keep them together"


@dataclass(frozen=True, eq=False)
class FrameList:
    """Frames of several videos, in order."""

    paths: tuple[Path, ...]
    labels: Tensor  # (n,) float64: an intensity, or the index of a class
    sequences: Tensor  # (n,) int64, never falling

    def __len__(self) -> int:
        return len(self.paths)


def read_frame_list(file: Path | str, root: Path | str | None = None) -> FrameList:
    """Read and check a list file; no image is opened.

    Args:
        file: text; paths may hold spaces, empty lines are skipped.
        root: folder that relative paths start from; by default that of the list file.

    Raises:
        ValueError: on a line that is not `path label sequence`, a sequence number that comes back or falls, images
            that are not there, or no frames at all; names file and line.
        OSError: if the list itself cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.png", "b.png"):
        ...     (folder / name).touch()
        >>> _ = (folder / "list.txt").write_text("a.png 0.5 1\\nb.png 3 1\\n")
        >>> frames = read_frame_list(folder / "list.txt")
        >>> len(frames), frames.labels.tolist(), frames.sequences.tolist()
        (2, [0.5, 3.0], [1, 1])
    """
    file = Path(file)
    start = Path(root).expanduser() if root is not None else file.parent
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text ({error.reason}); is it a list of frames?") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{file} lists no frames")
    entries = [_parse(line, f"{file}, line {number}") for number, line in numbered]
    _check_order([(number, sequence) for (number, _), (_, _, sequence) in zip(numbered, entries)], file)
    paths = tuple(start / path for path, _, _ in entries)
    _check_files(paths, [number for number, _ in numbered], file)
    labels = torch.tensor([label for _, label, _ in entries], dtype=torch.float64)
    return FrameList(paths, labels, torch.tensor([sequence for _, _, sequence in entries], dtype=torch.int64))


def _parse(line: str, where: str) -> tuple[str, float, int]:
    parts = line.strip().rsplit(maxsplit=2)
    if len(parts) < 3:
        raise ValueError(f"{where}: a line is `path label sequence`, got {line.strip()!r}")
    path, label, sequence = parts
    try:
        value = float(label)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: the label must be a finite number, got {label!r}")
    if not sequence.isascii() or not sequence.isdigit():
        raise ValueError(f"{where}: the sequence must be a whole number from 0 on, got {sequence!r}")
    return path, value, int(sequence)


def _check_order(numbered: Sequence[tuple[int, int]], file: Path) -> None:
    """Refuse sequence numbers that come back or fall; both mean that windows would mix videos or frames."""
    last_line: dict[int, int] = {}
    previous = -1
    for line, sequence in numbered:
        where = f"{file}, line {line}: sequence {sequence}"
        if sequence != previous and sequence in last_line:
            raise ValueError(f"{where} begins again, it ended in line {last_line[sequence]}; {REMEDY}")
        if sequence < previous:
            raise ValueError(f"{where} comes after sequence {previous}; {REMEDY}")
        last_line[sequence] = line
        previous = sequence


def _check_files(paths: Sequence[Path], lines: Sequence[int], file: Path) -> None:
    absent = [(path, line) for path, line in zip(paths, lines) if not path.is_file()]
    if absent:
        path, line = absent[0]
        more = f" (nor are {len(absent) - 1} others)" if len(absent) > 1 else ""
        raise ValueError(f"{file}, line {line}: {path} is not there{more}; relative paths start from root")
