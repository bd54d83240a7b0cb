"""What the readers share: tables of text with errors by line, MATLAB files, and images that are found or listed."""

import warnings
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from fgr.data.image_files import ImageFiles


def unpacked(folder: Path, name: str) -> Path:
    """Return the folder that an archive unpacks to, or `folder` itself if it is that one."""
    return folder / name if (folder / name).is_dir() else folder


def first_of(*candidates: Path) -> Path:
    """Return the first of several places that exists; copies of a set differ in them.

    Raises:
        ValueError: if none does.
    """
    for place in candidates:
        if place.exists():
            return place
    raise ValueError(f"{' and '.join(map(str, candidates))} are missing: unpack the official archive there")


def visible(folder: Path, endings: Collection[str]) -> list[Path]:
    """Return the files at any depth below a folder that end so, sorted; nothing hidden, nor in a hidden folder.

    Args:
        folder: may itself be hidden.
        endings: in small letters, e.g. ".jpg".
    """
    ending = (path for path in folder.rglob("*") if path.suffix.lower() in endings)
    shown = (path for path in ending if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(path for path in shown if path.is_file())


def lines(file: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not empty, with their numbers from 1.

    Raises:
        ValueError: if the file is missing, empty or not text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError(f"{file} is missing: unpack the official archive there") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text ({error}): unpack it again") from error
    found = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not found:
        raise ValueError(f"{file} is empty: unpack it again")
    return found


def table(file: Path, columns: str, skip: int = 0) -> list[list[str]]:
    """Return the fields of every line, which white space separates; the last may hold spaces.

    Args:
        file: a text file.
        columns: names of the fields, e.g. "image_id class_id", for the message.
        skip: how many lines to leave out at the top.

    Raises:
        ValueError: if a line has fewer fields.
    """
    names = columns.split()
    rows = []
    for number, line in lines(file)[skip:]:
        fields = line.split(maxsplit=len(names) - 1)
        if len(fields) < len(names):
            raise ValueError(f"{file}, line {number}: expected {columns}, got {line!r}")
        rows.append(fields)
    return rows


def numbers(file: Path, columns: str, skip: int = 0) -> np.ndarray:
    """Return the first columns of a table of numbers, float64; lines may have more.

    Args:
        file, columns, skip: as in `table`.

    Raises:
        ValueError: if a line has fewer columns, or one is not a number.
    """
    names = columns.split()
    with suppress(ValueError, OSError, UserWarning), warnings.catch_warnings(action="error"):
        if not skip:  # reading by line below needs a gigabyte for the millions of lines that one table has
            return np.loadtxt(file, usecols=range(len(names)), comments=None, ndmin=2, encoding="utf-8-sig")
    rows = []
    for number, line in lines(file)[skip:]:
        try:
            rows.append([float(field) for field in line.split()[: len(names)]])
            if len(rows[-1]) < len(names):
                raise ValueError
        except ValueError:
            raise ValueError(f"{file}, line {number}: expected the numbers {columns}, got {line!r}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, len(names))


def by_id(file: Path, columns: str, sizes: tuple[int, ...]) -> np.ndarray:
    """Return the values of a table whose lines start with identifiers from 1, in the order of these.

    Args:
        file: a text file with one line for every combination of identifiers, in any order.
        columns: names of all columns, identifiers first; further columns of the file are left out.
        sizes: how many values each identifier has.

    Returns:
        (*sizes, number of other columns) float64.

    Raises:
        ValueError: if an identifier lies outside, or a combination does not occur once.
    """
    rows = numbers(file, columns)
    keys, values = rows[:, : len(sizes)].astype(np.int64) - 1, rows[:, len(sizes) :]
    names = " ".join(columns.split()[: len(sizes)])
    outside = ((keys < 0) | (keys >= np.array(sizes))).any(1)
    if outside.any():
        row = int(outside.argmax())
        number, line = lines(file)[row]
        raise ValueError(f"{file}, line {number}: {names} must lie in 1 to {' '.join(map(str, sizes))}, got {line!r}")
    flat = np.ravel_multi_index(tuple(keys.T), sizes)
    counts = np.bincount(flat, minlength=int(np.prod(sizes)))
    if (counts != 1).any():
        first = int((counts != 1).argmax())
        which = " ".join(str(key + 1) for key in np.unravel_index(first, sizes))
        raise ValueError(f"{file} holds {names} {which} {counts[first]} times instead of once: unpack it again")
    ordered = np.empty((len(flat), values.shape[1]))
    ordered[flat] = values
    return ordered.reshape(*sizes, -1)


def names_by_id(file: Path, columns: str, skip: int = 0) -> list[str]:
    """Return the names of a file of lines "identifier name", whose identifiers are 1, 2, 3 …, in that order.

    Args:
        file, columns, skip: as in `table`.

    Raises:
        ValueError: if an identifier is missing, repeated or not a number.
    """
    rows = table(file, columns, skip)
    try:
        named = {int(number): name for number, name in rows}
    except ValueError as error:
        raise ValueError(f"{file}: {error}; expected lines of {columns}") from error
    if sorted(named) != list(range(1, len(rows) + 1)):
        raise ValueError(f"{file} should number its {len(rows)} lines from 1 to {len(rows)}: unpack it again")
    return [named[number] for number in range(1, len(rows) + 1)]


def matlab(file: Path, *names: str) -> list:
    """Return variables of a MATLAB file, structures as dictionaries and one-element arrays as their element.

    Raises:
        ValueError: if the file is missing, damaged or of MATLAB 7.3, or lacks a variable.
    """
    try:
        found = loadmat(str(file), variable_names=names, simplify_cells=True)
    except FileNotFoundError as error:
        raise ValueError(f"{file} is missing: unpack the official archive there") from error
    except (ValueError, TypeError, EOFError, OSError, NotImplementedError, MatReadError) as error:
        raise ValueError(f"{file} is no MATLAB file of version 5 to 7 ({error}): unpack it again") from error
    for name in names:
        if name not in found:
            raise ValueError(f"{file} lacks the variable {name!r}: unpack it again")
    return [found[name] for name in names]


def photographs(paths: Iterable[Path], listed_in: Path) -> ImageFiles:
    """Return images that stay on disk, all of which are there.

    Raises:
        ValueError: if one is missing.
    """
    kept = tuple(paths)
    for path in kept:
        if not path.is_file():
            raise ValueError(f"{path} is listed in {listed_in} but missing: unpack the images there")
    return ImageFiles(kept)
