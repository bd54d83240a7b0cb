"""Is this run what it should be? Compare measured numbers with a committed value, tolerance and reason.

float32 training differs between CPUs, so a notebook prints verdicts instead of digits. A band is set from several
seeds on several simulated instruction sets (`tools/expected.py`) and must exclude a named wrong variant.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """A number, how far it may be off, and why that far."""

    value: float
    atol: float
    why: str
    excludes: Mapping[str, float]  # wrong variant -> the value it gives, outside the band


def read_expected(path: Path, profile: str) -> dict[str, Expected]:
    """Read the bands of one profile from results/expected/<notebook>.json; empty if it has none.

    Raises:
        ValueError: if a band lacks a field, includes the wrong variant that it claims to exclude, or names none.
    """
    bands = {}
    for name, entry in json.loads(path.read_text()).get(profile, {}).items():
        try:
            bands[name] = Expected(**entry)
        except TypeError as error:
            raise ValueError(f"{path}: band {name!r}: {error}") from error
    for name, band in bands.items():
        if not band.excludes:
            raise ValueError(f"{path}: {name} excludes no wrong variant, so it could not fail")
        for variant, value in band.excludes.items():
            if abs(value - band.value) <= band.atol:
                raise ValueError(f"{path}: the band of {name} includes the wrong variant {variant!r} ({value})")
    return bands


def compare(measured: Mapping[str, float], expected: Mapping[str, Expected]) -> dict[str, str]:
    """Return "ok", or "off: ..." with the numbers, for every expected name.

    Example:
        >>> bands = {"error": Expected(0.10, 0.02, "5 seeds", {"shuffled labels": 0.9})}
        >>> compare({"error": 0.11}, bands)
        {'error': 'ok'}
        >>> compare({"error": 0.2}, bands)
        {'error': 'off: 0.2 is not within 0.02 of 0.1'}
        >>> compare({}, bands)
        {'error': 'off: not measured'}
    """
    words = {}
    for name, band in expected.items():
        if name not in measured:
            words[name] = "off: not measured"
        elif abs(measured[name] - band.value) <= band.atol:  # NaN compares false, so it is off
            words[name] = "ok"
        else:
            words[name] = f"off: {measured[name]:.6g} is not within {band.atol:.6g} of {band.value:.6g}"
    return words
