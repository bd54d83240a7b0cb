"""Checks at the door: what they let in, and the one sentence they say otherwise."""

import math

import pytest
import torch

from fgr.checks import check_choice, check_positive, check_shape


@pytest.mark.parametrize("shape", ["B C H W", "B 3 H W", "2 3 4 5"])
def test_fitting_shape_passes(shape: str) -> None:
    check_shape(torch.zeros(2, 3, 4, 5), shape, "images")


@pytest.mark.parametrize("shape", ["B 1 H W", "B C H", "B C T H W"])
def test_other_shape_is_an_error_with_both_shapes(shape: str) -> None:
    named = ", ".join(shape.split())
    with pytest.raises(ValueError, match=rf"^images must have shape \({named}\), got \(2, 3, 4, 5\)$"):
        check_shape(torch.zeros(2, 3, 4, 5), shape, "images")


def test_choice() -> None:
    check_choice("a", ("a", "b"), "mode")
    with pytest.raises(ValueError, match=r"^mode must be one of 'a', 'b', got 'c'$"):
        check_choice("c", ("a", "b"), "mode")


def test_positive() -> None:
    check_positive(1e-300, "rate")
    for value in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"^rate must be a finite number above 0, got {value}$"):
            check_positive(value, "rate")
