"""What the readers of videos share: frames by subject and video, and the files that belong to each frame."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fgr.data.readers._layout import lines, numbers

NUMBER = re.compile(r"\d+$")


class Frame(NamedTuple):
    """One image of a video, and where it stands."""

    path: Path
    subject: str
    sequence: str
    number: int

    def beside(self, root: Path, ending: str) -> Path:
        """Return the file of this frame below another root, of the same name but another ending."""
        return root / self.subject / self.sequence / f"{self.path.stem}{ending}"


def videos(root: Path) -> list[list[Frame]]:
    """Return the frames of root/subject/sequence/<name><number>.png, video by video, by rising number.

    Raises:
        ValueError: if there are none, or a name has no number or one that its video has already.
    """
    found = []
    for subject in _folders(root):
        for sequence in _folders(subject):
            frames = {}
            for path in sorted(sequence.glob("[!.]*.png")):
                digits = NUMBER.search(path.stem)
                if digits is None:
                    raise ValueError(f"{path} should end with the number of the frame, as in {sequence.name}001.png")
                frame = Frame(path, subject.name, sequence.name, int(digits[0]))
                if frame.number in frames:
                    raise ValueError(f"{path} has the number of {frames[frame.number].path.name}: remove one of them")
                frames[frame.number] = frame
            if frames:
                found.append([frames[number] for number in sorted(frames)])
    if not found:
        raise ValueError(f"{root} holds no frames <subject>/<sequence>/<frame>.png: unpack the images there")
    return found


def points(files: Sequence[Path], count: int) -> Tensor:
    """Return the landmarks of frames from files of one line "x y" a point: (B, count, 2) float32, in pixels.

    Raises:
        ValueError: if a file is missing, holds anything but numbers, or another number of points.
    """
    found = np.empty((len(files), count, 2), dtype=np.float32)
    for row, file in enumerate(files):
        values = numbers(file, "x y")
        if len(values) != count or not np.isfinite(values).all():
            finite = int(np.isfinite(values).all(1).sum())
            raise ValueError(f"{file} should hold {count} points, one a line, got {finite}: unpack it again")
        found[row] = values
    return torch.from_numpy(found)


def action_units(file: Path) -> dict[int, float]:
    """Return unit -> intensity (0 to 5) from a file of lines "unit intensity ..."; an empty file has none.

    A unit that occurs twice counts with the larger intensity.

    Raises:
        ValueError: if the file is missing or holds no such numbers.
    """
    if file.is_file() and not file.read_bytes().strip():
        return {}
    units: dict[int, float] = {}
    for (number, line), (unit, intensity) in zip(lines(file), numbers(file, "unit intensity").tolist()):
        if not (1 <= unit <= 99 and unit == int(unit) and 0 <= intensity <= 5):
            raise ValueError(f"{file}, line {number}: expected a unit from 1 to 99, intensity 0 to 5; got {line!r}")
        units[int(unit)] = max(intensity, units.get(int(unit), 0.0))
    return units


def one_number(file: Path, name: str, low: int, high: int) -> int:
    """Return the whole number that a file holds alone, however it is written ("3.0000000e+00").

    Raises:
        ValueError: if the file is missing, or holds anything else.
    """
    values = numbers(file, name)
    value = values[0, 0]
    if len(values) != 1 or not low <= value <= high or value != int(value):
        raise ValueError(f"{file}, line 1: {name} should be one whole number from {low} to {high}, got {value:g}")
    return int(value)


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise ValueError(f"{root} is missing: unpack the official archive there")
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
