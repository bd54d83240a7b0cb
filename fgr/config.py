"""Which values a run uses: an explicit parameter, else the profile's, else the default, and nothing unknown.

A notebook's parameters are the fields of a frozen dataclass; its defaults are the smoke profile. The parameters cell
holds `profile` and one `None` for every field, so that a value given to papermill is told apart from one left alone.
"""

import dataclasses
import difflib
import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import yaml

from fgr.paths import project_root

PROFILES = ("smoke", "quick", "laptop", "paper")
IPYTHON_NAMES = {"In", "Out", "exit", "quit", "get_ipython", "open"}

Config = TypeVar("Config")


class ParameterError(ValueError):
    """A parameter, profile or value that the run does not know; the message says what there is."""


def unknown(kind: str, name: str, known: list[str]) -> ParameterError:
    """Build the error for a name that is not among `known`, with the nearest one suggested."""
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ParameterError(f"unknown {kind} {name!r}{hint}; known: {', '.join(known)}")


def profile_path(notebook: str, profile: str) -> Path:
    """Return where a profile's file is, whether or not it exists."""
    return project_root() / "notebooks" / "params" / f"{notebook}.{profile}.yaml"


def profile_values(notebook: str, profile: str) -> dict[str, Any]:
    """Read what a profile changes: notebooks/params/<notebook>.<profile>.yaml.

    Raises:
        ParameterError: on an unknown profile or a file that is not a mapping.
    """
    if profile not in PROFILES:
        raise unknown("profile", profile, list(PROFILES))
    path = profile_path(notebook, profile)
    if not path.exists():
        have = sorted(p.name.split(".")[1] for p in path.parent.glob(f"{notebook}.*.yaml"))
        raise ParameterError(f"{notebook} has no profile {profile!r}; it has: {', '.join(have) or 'none'}")
    values = yaml.safe_load(path.read_text()) or {}
    if not isinstance(values, dict):
        raise ParameterError(f"{path} must hold `name: value` lines")
    return values


def resolve(
    cls: type[Config], notebook: str, profile: str = "smoke", explicit: Mapping[str, Any] | None = None
) -> Config:
    """Return the configuration of a run.

    Args:
        cls: a frozen dataclass whose defaults are the smoke profile.
        notebook: name without suffix, e.g. "ch05_orthoreg".
        profile: "smoke", "quick", "laptop" or "paper".
        explicit: values that win over the profile; None means not given, as papermill leaves what it is not told.

    Raises:
        ParameterError: on an unknown profile, an unknown name, whatever its value, or a value of the wrong type.
    """
    hints = get_type_hints(cls)
    of_profile, explicit = profile_values(notebook, profile), explicit or {}
    for name in (*of_profile, *explicit):
        if name not in hints:
            raise unknown("parameter", name, list(hints))
    given = {name: value for name, value in explicit.items() if value is not None}
    values: dict[str, Any] = {}
    for source, part in ((f"profile {profile!r}", of_profile), ("the parameters", given)):
        for name, value in part.items():
            values[name] = _as_type(value, hints[name], f"{name} in {source}")
    return cls(**values)


def from_notebook(cls: type[Config], notebook: str, names: Mapping[str, Any]) -> Config:
    """Resolve the configuration from a notebook's global names: call it as `from_notebook(..., globals())`.

    Everything public that is not IPython's own or an import must be a parameter, so a misspelt one stops here.
    """
    public = {
        name: value
        for name, value in names.items()
        if not name.startswith("_") and name not in IPYTHON_NAMES and not callable(value) and not _is_module(value)
    }
    profile = public.pop("profile", "smoke")
    return resolve(cls, notebook, profile, public)


def check_lists(config: Any, may_be_empty: Collection[str]) -> None:
    """Raise ParameterError where a parameter is an empty list; only those that are named may be one.

    Example:
        >>> from types import SimpleNamespace
        >>> check_lists(SimpleNamespace(seeds=(0,), long_seeds=()), may_be_empty=["long_seeds"])
    """
    for name, value in vars(config).items():
        if value == () and name not in may_be_empty:
            raise ParameterError(f"{name} must hold one value at least; only {', '.join(may_be_empty)} may be []")


def as_json(config: Any) -> str:
    """Return a configuration as one line of JSON with sorted keys, the same for equal configurations."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def _is_module(value: Any) -> bool:
    return type(value).__name__ == "module"


def _as_type(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as the field's type: int for float and list for tuple are taken, everything else is an error."""
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ParameterError(f'{where} must be a list, got {value!r}; with papermill use -y "{{name: [..]}}"')
        item = hint.__args__[0]
        return tuple(_as_type(part, item, f"an entry of {where}") for part in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        remedy = _remedy_of_text(value) if hint is float and isinstance(value, str) else ""
        raise ParameterError(f"{where} must be {hint.__name__}, got {value!r}{remedy}")
    return value


def _remedy_of_text(value: str) -> str:
    """Return how to write a number that YAML took for text, such as 1e-3; "" for what is no number.

    It is not taken for the number: other readers of the file would still see text.
    """
    try:
        number = float(value)
    except ValueError:
        return ""
    return f"; write {yaml.safe_dump(number).split()[0]}" if math.isfinite(number) else ""
