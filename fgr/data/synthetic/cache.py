"""Render a generated set once: its tensors are kept on disk and found again as long as the renderer is the same."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from fgr.checks import check_choice
from fgr.data.kept import kept

SPLITS = ("train", "validation", "test")  # of every generated set
ROOM = 10_000_000  # samples that a split can have
BATCH = 64  # images rendered at a time; the pixels do not depend on it


def split_indices(split: str, count: int) -> Tensor:
    """Return the indices of the first `count` samples of a split, which no other split has.

    Raises:
        ValueError: if there is no such split, or `count` is out of range.

    Example:
        >>> split_indices("validation", 2)
        tensor([10000000, 10000001])
    """
    check_choice(split, SPLITS, "split")
    if not 1 <= count <= ROOM:
        raise ValueError(f"count must be 1 to {ROOM}, got {count}")
    return SPLITS.index(split) * ROOM + torch.arange(count)


def source_hash(kind: str) -> str:
    """Return a hash of the renderer's source and of that of one kind of picture: other sources draw other images.

    Example:
        >>> source_hash("birds") == source_hash("faces")
        False
    """
    here = Path(__file__).parent
    shared = [here / name for name in ("hashing.py", "canvas.py", "shapes.py")]
    own = sorted((here / kind).rglob("*.py")) or [here / f"{kind}.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in [*shared, *own])).hexdigest()[:12]


def rendered(
    folder: Path,
    kind: str,
    settings: Mapping[str, object],
    index: Tensor,
    render: Callable[[Tensor], NamedTuple],
    keep: tuple[str, ...],
    label: str,
) -> dict[str, Tensor]:
    """Return fields of rendered samples, from disk if they were rendered before and the file is whole.

    Args:
        folder: of this set's cache.
        kind: which module of `fgr.data.synthetic` draws: another source is another set.
        settings: everything but the indices that decides what is rendered.
        index: (B,) which samples.
        render: indices (b,) -> a NamedTuple of tensors with b rows.
        keep: names of the fields to keep.
        label: for the progress bar, which shows on a terminal only.

    Returns:
        Name -> tensor with B rows.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> class Squares(NamedTuple):
        ...     values: Tensor
        >>> with TemporaryDirectory() as folder:
        ...     what = (Path(folder), "birds", {"power": 2}, torch.arange(3))
        ...     args = (*what, lambda index: Squares(index**2), ("values",), "squares")
        ...     first, again = rendered(*args), rendered(*args)
        >>> first["values"].tolist(), torch.equal(first["values"], again["values"])
        ([0, 1, 4], True)
    """
    what = {**settings, "keep": keep, "source": source_hash(kind)}
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode() + index.numpy().tobytes()).hexdigest()[:20]

    def make() -> dict[str, Tensor]:
        parts = [render(part) for part in tqdm(index.split(BATCH), label, disable=None, unit="batch")]
        return {field: torch.cat([getattr(part, field).cpu() for part in parts]) for field in keep}

    return kept(folder / f"{name}.pt", make, mmap=True)
