"""Render a generated set once: its tensors are kept on disk and found again as long as the renderer is the same."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from fgr.paths import atomic_path, locked

BATCH = 64  # images rendered at a time; the pixels do not depend on it


def source_hash() -> str:
    """Return a hash of the renderer's source: images of another renderer are other images."""
    here = Path(__file__).parent
    files = sorted(path for path in here.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def rendered(
    folder: Path,
    settings: Mapping[str, object],
    index: Tensor,
    render: Callable[[Tensor], NamedTuple],
    keep: tuple[str, ...],
    label: str,
) -> dict[str, Tensor]:
    """Return fields of rendered samples, from disk if they were rendered before.

    Args:
        folder: of this set's cache.
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
        ...     args = (Path(folder), {"power": 2}, torch.arange(3), lambda i: Squares(i**2), ("values",), "squares")
        ...     first, again = rendered(*args), rendered(*args)
        >>> first["values"].tolist(), torch.equal(first["values"], again["values"])
        ([0, 1, 4], True)
    """
    what = {**settings, "keep": keep, "source": source_hash()}
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode() + index.numpy().tobytes()).hexdigest()[:20]
    file = folder / f"{name}.pt"
    with locked(folder / f".{name}.lock"):  # a second process waits for the first instead of rendering the same
        if not file.exists():
            parts = [render(part) for part in tqdm(index.split(BATCH), label, disable=None, unit="batch")]
            made = {field: torch.cat([getattr(part, field).cpu() for part in parts]) for field in keep}
            with atomic_path(file) as temporary:
                torch.save(made, temporary)
        return torch.load(file, weights_only=True, mmap=True)
