"""Expected bands: inside is ok, outside is off, and a band that could not fail is refused."""

import json
import math
from pathlib import Path

import pytest

from fgr.results.expected import Expected, compare, read_expected

BAND = {"value": 0.10, "atol": 0.02, "why": "5 seeds", "excludes": {"shuffled labels": 0.9}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "demo.json"


def write(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({"quick": {"error": {**BAND, **changes}}}))
    return path


def test_bands_are_read(path: Path) -> None:
    assert read_expected(write(path), "quick") == {"error": Expected(**BAND)}
    assert read_expected(path, "laptop") == {}  # nothing is promised there


@pytest.mark.parametrize("value", [0.10, 0.081, 0.119])
def test_band_that_includes_its_wrong_variant_is_refused(value: float, path: Path) -> None:
    write(path, excludes={"shuffled labels": 0.9, "no penalty": value})
    with pytest.raises(ValueError, match=r"demo\.json: the band of error includes the wrong variant 'no penalty'"):
        read_expected(path, "quick")


def test_band_without_a_wrong_variant_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"demo\.json: error excludes no wrong variant, so it could not fail"):
        read_expected(write(path, excludes={}), "quick")


def test_misspelt_and_missing_fields_are_named(path: Path) -> None:
    with pytest.raises(ValueError, match=r"demo\.json: band 'error': .*'tolerance'"):
        read_expected(write(path, tolerance=0.1), "quick")
    path.write_text(json.dumps({"quick": {"error": {"value": 0.1}}}))
    with pytest.raises(ValueError, match=r"demo\.json: band 'error': .*'atol', 'why', and 'excludes'"):
        read_expected(path, "quick")


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        (0.10, "ok"),
        (0.09, "ok"),
        (0.125, "off: 0.125 is not within 0.02 of 0.1"),
        (math.nan, "off: nan is not within 0.02 of 0.1"),
        (math.inf, "off: inf is not within 0.02 of 0.1"),
    ],
)
def test_measured_number_is_ok_or_off(measured: float, word: str) -> None:
    assert compare({"error": measured, "surplus": 1.0}, {"error": Expected(**BAND)}) == {"error": word}


def test_what_was_not_measured_is_off() -> None:
    assert compare({}, {"error": Expected(**BAND)}) == {"error": "off: not measured"}
