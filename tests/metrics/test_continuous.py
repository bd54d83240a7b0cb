"""MAE, MSE, correlation and ICC by hand, against scipy and pingouin, and where they are undefined."""

import math

import numpy as np
import pandas as pd
import pingouin
import pytest
import torch
from scipy import stats
from torch import Tensor

from fgr.metrics import icc, mean_absolute_error, mean_squared_error, pearson

PINGOUIN = {"1,1": "ICC(1,1)", "2,1": "ICC(A,1)", "3,1": "ICC(C,1)"}
METRICS = [mean_absolute_error, mean_squared_error, pearson, icc]


def pain(n: int = 60) -> tuple[Tensor, Tensor]:
    true = torch.randint(6, (n,)).double()
    return 0.6 * true + 0.5 * torch.randn(n, dtype=torch.float64) + 0.4, true


def test_errors_by_hand() -> None:
    predicted, true = torch.tensor([0.0, 1.5, 4.0]), torch.tensor([1, 1, 2])
    assert mean_absolute_error(predicted, true) == pytest.approx(3.5 / 3)
    assert mean_squared_error(predicted, true) == pytest.approx((1 + 0.25 + 4) / 3)


def test_pearson_agrees_with_scipy() -> None:
    predicted, true = pain()
    assert pearson(predicted, true) == pytest.approx(stats.pearsonr(predicted, true)[0], abs=1e-13)


@pytest.mark.parametrize("form", PINGOUIN)
@pytest.mark.parametrize("n", [2, 3, 60])
def test_icc_agrees_with_pingouin(form: str, n: int) -> None:
    predicted, true = pain(n)
    table = pd.DataFrame(
        {
            "frame": np.tile(np.arange(n), 2),
            "rater": np.repeat(["model", "truth"], n),
            "level": torch.cat([predicted, true]),
        }
    )
    if n < 5:  # pingouin wants five frames
        expected = icc_by_loops(predicted.tolist(), true.tolist(), form)
    else:
        found = pingouin.intraclass_corr(table, "frame", "rater", "level").set_index("Type")["ICC"]
        expected = found[PINGOUIN[form]]
        assert expected == pytest.approx(icc_by_loops(predicted.tolist(), true.tolist(), form), abs=1e-10)
    assert icc(predicted, true, form) == pytest.approx(expected, abs=1e-10)


def icc_by_loops(first: list[float], second: list[float], form: str) -> float:
    """Shrout and Fleiss's mean squares for two raters, as sums over the table."""
    n, all_of = len(first), first + second
    grand, raters = sum(all_of) / (2 * n), [sum(first) / n, sum(second) / n]
    frames = [(a + b) / 2 for a, b in zip(first, second)]
    total = sum((value - grand) ** 2 for value in all_of)
    of_frames = 2 * sum((value - grand) ** 2 for value in frames)
    of_raters = n * sum((value - grand) ** 2 for value in raters)
    bms, wms = of_frames / (n - 1), (total - of_frames) / n
    jms, ems = of_raters, (total - of_frames - of_raters) / (n - 1)
    return {
        "1,1": (bms - wms) / (bms + wms),
        "2,1": (bms - ems) / (bms + ems + 2 * (jms - ems) / n),
        "3,1": (bms - ems) / (bms + ems),
    }[form]


def test_what_an_offset_and_a_gain_do() -> None:
    true = torch.arange(6.0).double()
    assert icc(true, true) == icc(true, true, "2,1") == icc(true, true, "1,1") == pytest.approx(1)
    assert icc(true + 3, true) == pytest.approx(1) and icc(true + 3, true, "2,1") < 0.7
    assert pearson(2 * true - 9, true) == pytest.approx(1) and icc(2 * true - 9, true) == pytest.approx(0.8)
    assert pearson(-true, true) == pytest.approx(-1) and icc(-true, true) == pytest.approx(-1)


def test_the_thesis_reports_an_icc_far_below_its_pcc_which_shrunken_predictions_give() -> None:
    _, true = pain(400)
    shrunken = true / 4
    assert pearson(shrunken, true) == pytest.approx(1) and icc(shrunken, true) == pytest.approx(
        2 / (4 + 1 / 4), abs=1e-9
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e10])
def test_constants_have_no_correlation(constant: float) -> None:
    flat, true = torch.full((7,), constant, dtype=torch.float64), torch.arange(7.0).double()
    assert math.isnan(pearson(flat, true)) and math.isnan(pearson(true, flat)) and math.isnan(pearson(flat, flat))
    assert math.isnan(icc(flat, flat)) and math.isnan(icc(flat, flat / 3)) and math.isnan(icc(flat, flat, "1,1"))
    assert icc(true, torch.zeros(7)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("first", "second"), [(1.0, 2.0), (0.1, 0.7)])
def test_two_constants_that_differ_agree_in_no_form(first: float, second: float) -> None:
    """By the definition: frames do not vary, raters do, and what is left is nothing."""
    flat, other = (torch.full((7,), value, dtype=torch.float64) for value in (first, second))
    assert icc(flat, other, "1,1") == pytest.approx(-1, abs=1e-9)
    assert icc(flat, other, "2,1") == pytest.approx(0, abs=1e-9)
    assert math.isnan(icc(flat, other, "3,1"))
    assert all(math.isnan(icc(flat, flat, form)) for form in PINGOUIN)


def test_two_frames_rated_the_other_way_round() -> None:
    predicted, true = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])
    assert math.isnan(icc(predicted, true, "2,1"))
    assert icc(predicted, true, "1,1") == icc(predicted, true, "3,1") == -1


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_pearson_of_tiny_and_huge_values(scale: float) -> None:
    predicted, true = pain()
    assert pearson(predicted * scale, true) == pytest.approx(pearson(predicted, true), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_wrong_input_is_refused(metric: object) -> None:
    with pytest.raises(ValueError, match=r"true must have shape \(3\), got \(4,\)"):
        metric(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match="predicted and true must not be empty"):
        metric(torch.zeros(0), torch.zeros(0))
    with pytest.raises(ValueError, match="true value 1 is nan, not a finite number"):
        metric(torch.zeros(3), torch.tensor([0.0, math.nan, 1.0]))


def test_icc_refuses() -> None:
    with pytest.raises(ValueError, match="form must be one of '1,1', '2,1', '3,1', got '3,k'"):
        icc(*pain(), form="3,k")
    with pytest.raises(ValueError, match="icc needs at least 2 values, got 1"):
        icc(torch.ones(1), torch.ones(1))
