"""Hand-made result rows."""

import json
from collections.abc import Callable, Mapping

import pytest

from fgr.results.rows import Row, Run

MakeRows = Callable[..., list[Row]]


@pytest.fixture
def make_rows() -> MakeRows:
    """Return a function from {seed: value} and configuration fields to rows of test errors."""

    def make(values: Mapping[int, float], metric: str = "error", split: str = "test", **config: object) -> list[Row]:
        text = json.dumps(config, sort_keys=True)
        runs = {seed: Run("demo", text, "digits", seed, "smoke", "cpu") for seed in values}
        return [runs[seed].row(metric, value, "fraction", split, "last", 3, 1.5) for seed, value in values.items()]

    return make
