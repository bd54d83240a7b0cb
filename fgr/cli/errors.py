"""Errors that a user can mend are one line on standard error, not a traceback."""

from collections.abc import Callable
from functools import wraps

import typer

from fgr.config import ParameterError
from fgr.data import FetchError
from fgr.paths import ProjectNotFound


class NotebookFailed(RuntimeError):
    """A cell raised; the message names the notebook, the error and the file with everything up to it."""


def clear_errors(command: Callable) -> Callable:
    """Turn expected errors into a line and an exit code: 2 for a wrong request, 1 for a failed run, 130 for Ctrl-C."""

    @wraps(command)
    def wrapped(*args: object, **kwargs: object) -> object:
        try:
            return command(*args, **kwargs)
        except (ParameterError, ProjectNotFound, FetchError, ValueError) as error:
            typer.echo(f"fgr: {error}", err=True)
            raise typer.Exit(2) from None
        except (NotebookFailed, FloatingPointError, OSError) as error:
            typer.echo(f"fgr: {error}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("fgr: interrupted; what was recorded is kept and found again", err=True)
            raise typer.Exit(130) from None

    return wrapped
