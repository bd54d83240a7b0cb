"""OrthoReg's functions at their limits: known angles, duplicates, zeros, extreme localities, half precision."""

import math

import pytest
import torch
from torch import Tensor

from fgr.orthoreg import MODES, nearest_angles, orthoreg_direction, orthoreg_loss

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def autograd(weight: Tensor, **options: object) -> Tensor:
    leaf = weight.clone().requires_grad_()
    return torch.autograd.grad(orthoreg_loss(leaf, **options), leaf)[0]


def test_orthogonal_filters_are_at_rest_under_the_global_rule() -> None:
    weight = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q * torch.arange(1.0, 7.0)[:, None]
    assert orthoreg_direction(weight, mode="global").abs().max() < 1e-14


@pytest.mark.parametrize("locality", [1.0, 10.0, 30.0])
def test_local_coefficient_at_a_right_angle(locality: float) -> None:
    expected = locality / (1 + math.exp(locality)) * (torch.ones(4, 4, dtype=torch.float64) - torch.eye(4))
    torch.testing.assert_close(orthoreg_direction(torch.eye(4, dtype=torch.float64), locality), expected, **EXACT)


@pytest.mark.parametrize("mode", MODES)
def test_exact_duplicates_have_no_tangent_part(mode: str) -> None:
    row = torch.randn(7, dtype=torch.float64)
    weight = torch.stack([row, 3 * row])
    direction = orthoreg_direction(weight, 10.0, mode)
    push = 1.0 if mode == "global" else 5.0  # all of it along the filter itself
    torch.testing.assert_close(direction, push * (row / row.norm()).expand(2, 7), **EXACT)
    assert autograd(weight, mode=mode).abs().max() < 1e-14  # so the loss cannot part them either


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", MODES)
def test_filter_of_zeros_stays_and_pushes_nobody(mode: str, dtype: torch.dtype) -> None:
    weight = torch.randn(5, 4, dtype=dtype)
    weight[2] = 0
    others = weight[[0, 1, 3, 4]]
    direction = orthoreg_direction(weight, 10.0, mode)
    assert (direction[2] == 0).all()
    torch.testing.assert_close(direction[[0, 1, 3, 4]], orthoreg_direction(others, 10.0, mode))
    torch.testing.assert_close(orthoreg_loss(weight, 10.0, mode), orthoreg_loss(others, 10.0, mode))
    gradient = autograd(weight, mode=mode)
    assert gradient.isfinite().all()
    assert (gradient[2] == 0).all()
    assert nearest_angles(weight).isnan().tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("locality", [1.0, 20.0, 88.0, 89.0, 200.0])
def test_no_locality_overflows(locality: float, dtype: torch.dtype) -> None:
    base = torch.randn(6, 4, dtype=dtype)
    weight = torch.cat([base, base, -base])  # cosines of 1 and -1 among them
    unit = torch.nn.functional.normalize(weight.double(), dim=1)
    K = locality / (1 + torch.exp(-locality * (unit @ unit.T - 1)))
    expected = (K.fill_diagonal_(0) @ unit).to(dtype)
    close = {"rtol": 1e-3, "atol": 1e-3} if dtype is torch.float32 else {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(orthoreg_direction(weight, locality), expected, **close)
    assert orthoreg_loss(weight, locality).isfinite()
    assert autograd(weight, locality=locality).isfinite().all()


def test_eq_5_9_as_printed_overflows_float32_at_89() -> None:
    assert torch.exp(torch.tensor(88.0)).isfinite()
    assert torch.exp(torch.tensor(89.0)).isinf()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_stays_finite(mode: str, dtype: torch.dtype) -> None:
    scales = torch.tensor([1e-4, 1.0, 1e3, 3e4])[:, None]  # squares of the first and last do not fit in float16
    weight = (torch.randn(4, 64).clamp(-2, 2) * scales).to(dtype)
    direction = orthoreg_direction(weight, 10.0, mode)
    assert direction.dtype is dtype
    torch.testing.assert_close(direction, orthoreg_direction(weight.float(), 10.0, mode).to(dtype))
    loss = orthoreg_loss(weight.requires_grad_(), 10.0, mode)
    loss.backward()
    assert loss.isfinite()
    assert nearest_angles(weight).isfinite().all()


def regular_polygon(corners: int) -> Tensor:
    turn = torch.arange(corners) * 2 * math.pi / corners
    return torch.stack([turn.cos(), turn.sin()], 1)


@pytest.mark.parametrize(
    ("rows", "degrees"),
    [
        (regular_polygon(8), 45.0),
        (torch.eye(5) - 1 / 5, math.degrees(math.acos(-1 / 4))),  # a simplex: no five vectors lie farther apart
        (torch.eye(6), 90.0),
        (torch.tensor([[1.0, 2.0], [-2.0, -4.0]]), 180.0),
        (torch.ones(3, 1) * torch.tensor([1.0, 2.0]), 0.0),
        (torch.ones(1, 3), math.nan),  # nothing to compare with
        (torch.zeros(2, 3), math.nan),
    ],
)
def test_angles_of_known_shapes(rows: Tensor, degrees: float) -> None:
    angles = nearest_angles(rows.double()).rad2deg()
    expected = torch.full((len(rows),), degrees, dtype=torch.float64)
    torch.testing.assert_close(angles, expected, rtol=0, atol=1e-4, equal_nan=True)


def test_filter_of_zeros_is_nobodys_nearest() -> None:
    angles = nearest_angles(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])).rad2deg()
    torch.testing.assert_close(angles, torch.tensor([180.0, 180.0, math.nan]), equal_nan=True)


def test_angles_are_compared_inside_a_group() -> None:
    rows = torch.cat([torch.eye(2), regular_polygon(8)[:2]])
    torch.testing.assert_close(nearest_angles(rows, groups=2).rad2deg(), torch.tensor([90.0, 90.0, 45.0, 45.0]))


@pytest.mark.parametrize("function", [orthoreg_direction, orthoreg_loss])
def test_wrong_input_is_named(function) -> None:
    weight = torch.randn(6, 4)
    with pytest.raises(ValueError, match=r"mode must be one of 'local', 'global', got 'loco'"):
        function(weight, mode="loco")
    for locality in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="locality must be a finite number above 0"):
            function(weight, locality)
    with pytest.raises(ValueError, match=r"shape \(filters, ...\), got \(6,\)"):
        function(weight[:, 0])
    with pytest.raises(ValueError, match="groups must divide the 6 filters, got 4"):
        function(weight, groups=4)
