"""What was computed once is kept in a file, computed by one process while others wait, and anew if the file is damaged.

For what can always be computed again: generated images, features of a network. Nothing else may be lost this way.
"""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from fgr.paths import atomic_path, locked

DAMAGE = (RuntimeError, EOFError, pickle.UnpicklingError, KeyError, IndexError, ValueError)  # what torch.load raises

Made = TypeVar("Made")


def kept(file: Path, make: Callable[[], Made], mmap: bool = False) -> Made:
    """Return what `make` returns, from the file if it was made before; a damaged file is replaced, and stderr says so.

    Args:
        file: whose name must hold everything that decides what is made.
        make: returns tensors, numbers and text, in dictionaries, lists and tuples; the file holds no code.
        mmap: leave tensors on disk until they are read.

    Raises:
        OSError: if the file cannot be read or written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "squares.pt")
        ...     first, again = kept(file, lambda: torch.arange(3) ** 2), kept(file, lambda: "not called")
        >>> first, torch.equal(first, again)
        (tensor([0, 1, 4]), True)
    """
    with locked(file.with_name(f".{file.stem}.lock")):  # a second process waits for the first
        if file.exists():
            try:
                return torch.load(file, weights_only=True, mmap=mmap)
            except DAMAGE as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                print(f"{file} is damaged and is made anew ({reason})", file=sys.stderr)
        with atomic_path(file) as temporary:
            torch.save(make(), temporary)
        return torch.load(file, weights_only=True, mmap=mmap)
