"""Intervals over seeds, against scipy's own."""

import math

import numpy as np
import pytest
from scipy import stats

from fgr.results.statistics import interval, seeds_needed


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_interval_is_that_of_the_t_test(n: int, confidence: float) -> None:
    values = np.random.default_rng(n).normal(3.0, 2.0, n)
    ours = interval(values.tolist(), confidence)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert (ours.mean, ours.deviation, ours.n) == (pytest.approx(values.mean()), pytest.approx(values.std(ddof=1)), n)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    samples = np.random.default_rng(0).normal(1.0, 2.0, (2000, 4))
    covered = np.mean([ours.low <= 1 <= ours.high for ours in map(interval, samples)])
    assert covered == pytest.approx(0.95, abs=0.015)  # three standard errors


def test_one_value_says_nothing_about_spread() -> None:
    ours = interval([0.5])
    assert ours[:4] == (0.5, -math.inf, math.inf, 1)
    assert math.isnan(ours.deviation)


def test_equal_values_have_no_width() -> None:
    assert interval([2, 2, 2]) == (2.0, 2.0, 2.0, 3, 0.0)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf, 1.0]])
def test_no_value_or_no_number_is_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match="need one finite value at least, got"):
        interval(values)


@pytest.mark.parametrize("half_width", [5.0, 1.0, 0.3, 0.1])
def test_seeds_needed_is_the_smallest_that_suffices(half_width: float) -> None:
    def half(n: int) -> float:
        return stats.t.ppf(0.975, n - 1) * 1.5 / n**0.5

    n = seeds_needed(1.5, half_width)
    assert half(n) <= half_width
    assert n == 2 or half(n - 1) > half_width


def test_seeds_needed_ends_somewhere() -> None:
    """Beyond the last number that counts it returns none, and not that number."""
    assert seeds_needed(0.0, 0.1) == 2
    assert seeds_needed(0.816, 0.001) is None  # 2.6 million
    assert seeds_needed(1.0, 1e-9, most=50) is None and seeds_needed(1.0, 1e-300) is None
    exact = seeds_needed(1.5, 0.3)
    assert seeds_needed(1.5, 0.3, most=exact) == exact
    assert seeds_needed(1.5, 0.3, most=exact - 1) is None
