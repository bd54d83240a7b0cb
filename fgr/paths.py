"""Where things are: the only module that knows directories, and how files are replaced without half-written states."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none: do there from one process at a time what takes a lock
    fcntl = None

PACKAGE = Path(__file__).resolve().parent


class ProjectNotFound(FileNotFoundError):
    """The command needs the repository (its notebooks and results), and only the installed package is here."""


def project_root() -> Path:
    """Return the folder of the repository: `FGR_HOME`, else the checkout that this package is imported from.

    Raises:
        ProjectNotFound: if neither holds the notebooks.
    """
    home = os.environ.get("FGR_HOME")
    root = Path(home).expanduser().resolve() if home else PACKAGE.parent
    if not (root / "notebooks" / "params").is_dir():
        where = f"FGR_HOME={home}" if home else "the installed package"
        raise ProjectNotFound(
            f"the notebooks are not beside {where}; clone the repository and run the command there, "
            "or set FGR_HOME to the clone"
        )
    return root


def manifests_dir() -> Path:
    """Return the folder of the data manifests: a wheel's copy, else the repository's, else that of `FGR_HOME`."""
    places = [PACKAGE / "_manifests", PACKAGE.parent / "data_manifests"]
    if home := os.environ.get("FGR_HOME"):  # a copy of the package alone, beside a whole repository
        places.append(Path(home).expanduser().resolve() / "data_manifests")
    return next((place for place in places if place.is_dir()), places[1])


def data_root() -> Path:
    """Return the folder for downloaded data: `FGR_DATA`, else `~/.cache/fgr`. It need not exist yet."""
    return Path(os.environ.get("FGR_DATA", "~/.cache/fgr")).expanduser().resolve()


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary file beside `target` that replaces it when the block ends well, and vanishes otherwise.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_path(folder / "a.txt") as file:
        ...     _ = file.write_text("whole")
        >>> [p.name for p in folder.iterdir()], (folder / "a.txt").read_text()
        (['a.txt'], 'whole')
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)  # mkstemp makes private files; give the result ordinary permissions
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock inside the block, waiting for other processes that hold it; the system releases it if we are killed.

    The file stays behind, empty: removing it would let two processes hold two locks of one name.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
