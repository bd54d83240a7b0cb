"""Errors that a user can mend are one line on standard error, not a traceback; with FGR_DEBUG=1 they are both."""

import os
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import typer

from fgr.config import ParameterError
from fgr.paths import PACKAGE, ProjectNotFound


class NotebookFailed(RuntimeError):
    """A cell raised; the message names the notebook, the error and the file with everything up to it."""


def clear_errors(command: Callable) -> Callable:
    """Turn expected errors into a line and an exit code: 2 for a wrong request, 1 for a failed run, 130 for Ctrl-C."""

    @wraps(command)
    def wrapped(*args: object, **kwargs: object) -> object:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("fgr: interrupted; what was recorded is kept and found again", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            code = _exit_code(error)
            if code is None:
                raise
            if os.environ.get("FGR_DEBUG", "0") not in ("", "0"):
                typer.echo(traceback.format_exc(), err=True, nl=False)
            typer.echo(f"fgr: {error}{_doubt(error)}", err=True)
            raise typer.Exit(code) from None

    return wrapped


def _doubt(error: Exception) -> str:
    """Return how to see more of an error that may be a defect: a ValueError of another library, which we called."""
    (*_, (deepest, _)) = traceback.walk_tb(error.__traceback__)
    ours = Path(deepest.f_code.co_filename).resolve().is_relative_to(PACKAGE)
    return f" ({type(error).__name__}; FGR_DEBUG=1 prints where)" if isinstance(error, ValueError) and not ours else ""


def _exit_code(error: Exception) -> int | None:
    """Return the exit code of an expected error, None for one that is a defect and deserves its traceback."""
    if isinstance(error, (ParameterError, ProjectNotFound, ValueError)):
        return 2
    if isinstance(error, (NotebookFailed, FloatingPointError, OSError)):
        return 1
    from fgr.data import FetchError  # brings torch, so only when something went wrong

    return 2 if isinstance(error, FetchError) else None
