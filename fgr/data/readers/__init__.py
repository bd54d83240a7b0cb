"""One module a data set, named like its manifest: its official files, read into an `ImageSet`.

Each has a function `read(folder, split, **options)`; `fgr.data.load` finds it by the module's name.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module

from fgr.data.images import ImageSet

OWN = ("imagefolder", "csv")  # the reader's own images: no manifest, nothing to fetch


def names() -> list[str]:
    """Return the names of all sets that can be read, sorted.

    Example:
        >>> {"mnist", "cifar10"} <= set(names())
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def reader(name: str) -> Callable[..., ImageSet]:
    """Return the function that reads a set; `name` is one of `names()`."""
    return import_module(f"{__name__}.{name}").read
