"""OrthoReg's functions against Eq. 5.1 to 5.10 of the thesis as plain loops, and where the printed forms differ."""

import math

import pytest
import torch
from torch import Tensor

from fgr.orthoreg import MODES, nearest_angles, orthoreg_direction, orthoreg_loss

EXACT = {"rtol": 1e-12, "atol": 1e-12}
SHAPES = [((5, 7), 1), ((20, 3), 1), ((6, 2, 3, 3), 1), ((6, 2, 3, 3), 3), ((8, 1, 5), 2)]  # (weight, groups)
Vector = list[float]


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: Vector, b: Vector) -> float:
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))  # Eq. 5.1


def pair_loss(c: float, locality: float, mode: str) -> float:
    return c**2 / 2 if mode == "global" else math.log(1 + math.exp(locality * (c - 1)))  # Eq. 5.2, 5.7


def coefficient(c: float, locality: float, mode: str) -> float:
    return c if mode == "global" else locality * math.exp(locality * c) / (math.exp(locality * c) + math.exp(locality))


def groups_of_rows(weight: Tensor, groups: int) -> list[list[Vector]]:
    return [part.tolist() for part in weight.detach().flatten(1).chunk(groups)]


def loss_by_loops(weight: Tensor, locality: float, mode: str, groups: int = 1) -> float:
    return sum(
        pair_loss(cosine(rows[i], rows[j]), locality, mode)
        for rows in groups_of_rows(weight, groups)
        for i in range(len(rows))
        for j in range(len(rows))
        if i != j
    )


def direction_by_loops(weight: Tensor, locality: float, mode: str, groups: int = 1) -> Tensor:
    result = []
    for rows in groups_of_rows(weight, groups):
        for i, row in enumerate(rows):
            total = [0.0] * len(row)
            for k, other in enumerate(rows):
                if k != i:
                    push = coefficient(cosine(row, other), locality, mode) / math.sqrt(dot(other, other))
                    total = [t + push * x for t, x in zip(total, other)]
            result.append(total)
    return torch.tensor(result, dtype=torch.float64).reshape(weight.shape)


def random_weight(*shape: int) -> Tensor:
    lengths = torch.logspace(-1, 1, shape[0], dtype=torch.float64)
    return torch.randn(shape, dtype=torch.float64) * lengths.view(-1, *[1] * (len(shape) - 1))


def unit_rows(weight: Tensor) -> Tensor:
    return weight / weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))


def autograd(weight: Tensor, **options: object) -> Tensor:
    leaf = weight.clone().requires_grad_()
    return torch.autograd.grad(orthoreg_loss(leaf, **options), leaf)[0]


# ---------------------------------------------------------------- the equations


@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_eq_5_1_nearest_angle_is_the_largest_cosine(shape: tuple[int, ...], groups: int) -> None:
    weight = random_weight(*shape)
    expected = [
        math.acos(max(cosine(row, other) for other in rows if other is not row))
        for rows in groups_of_rows(weight, groups)
        for row in rows
    ]
    torch.testing.assert_close(nearest_angles(weight, groups), torch.tensor(expected, dtype=torch.float64), **EXACT)


@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_eq_5_2_global_loss(shape: tuple[int, ...], groups: int) -> None:
    weight = random_weight(*shape)
    expected = pytest.approx(loss_by_loops(weight, 10, "global", groups), rel=1e-12, abs=1e-12)
    assert orthoreg_loss(weight, mode="global", groups=groups).item() == expected


def test_eq_5_3_printed_gradient_lacks_a_factor_of_two() -> None:
    weight = random_weight(5, 4)
    rows = weight.tolist()
    printed = [
        [
            sum(
                rows[k][j] * dot(rows[i], rows[k]) / (dot(rows[i], rows[i]) * dot(rows[k], rows[k]))
                - rows[i][j] * dot(rows[i], rows[k]) ** 2 / (dot(rows[i], rows[i]) ** 2 * dot(rows[k], rows[k]))
                for k in range(5)
                if k != i
            )
            for j in range(4)
        ]
        for i in range(5)
    ]
    gradient = autograd(weight, mode="global")
    torch.testing.assert_close(gradient, 2 * torch.tensor(printed, dtype=torch.float64), **EXACT)


def test_eq_5_4_on_unit_rows_and_the_term_it_drops_is_radial() -> None:
    weight = unit_rows(random_weight(6, 4))
    rows = weight.tolist()
    expected = [
        [sum(rows[k][j] * dot(rows[i], rows[k]) for k in range(6) if k != i) for j in range(4)] for i in range(6)
    ]
    direction = orthoreg_direction(weight, mode="global")
    torch.testing.assert_close(direction, torch.tensor(expected, dtype=torch.float64), **EXACT)
    dropped = direction - autograd(weight, mode="global") / 2
    squares = (weight @ weight.T).square().sum(1, keepdim=True) - 1
    torch.testing.assert_close(dropped, squares * weight, **EXACT)


def test_eq_5_6_matrix_form_on_unit_rows() -> None:
    weight = unit_rows(random_weight(6, 4))
    gram = weight @ weight.T
    expected = (gram - torch.diag(gram.diag())) @ weight
    torch.testing.assert_close(orthoreg_direction(weight, mode="global"), expected, **EXACT)


@pytest.mark.parametrize("locality", [1.0, 10.0, 50.0])
@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_eq_5_7_local_loss(shape: tuple[int, ...], groups: int, locality: float) -> None:
    weight = random_weight(*shape)
    expected = pytest.approx(loss_by_loops(weight, locality, "local", groups), rel=1e-12, abs=1e-12)
    assert orthoreg_loss(weight, locality, "local", groups).item() == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_eq_5_4_and_5_8_direction(shape: tuple[int, ...], groups: int, mode: str) -> None:
    weight = random_weight(*shape)
    expected = direction_by_loops(weight, 10.0, mode, groups)
    torch.testing.assert_close(orthoreg_direction(weight, 10.0, mode, groups), expected, **EXACT)


def test_eq_5_9_5_10_hold_if_divided_before_the_product() -> None:
    weight = unit_rows(random_weight(6, 4))
    exponential = torch.exp(10 * weight @ weight.T).fill_diagonal_(0)  # Eq. 5.9 without its diagonal
    expected = 10 * (exponential / (exponential + math.exp(10))) @ weight
    torch.testing.assert_close(orthoreg_direction(weight, 10.0), expected, **EXACT)


def test_eq_5_10_as_printed_is_no_matrix_expression() -> None:
    def printed(theta: Tensor) -> Tensor:
        exponential = torch.exp(10 * theta @ theta.T).fill_diagonal_(0)
        return 10 * (exponential @ theta) / (exponential + math.exp(10))

    with pytest.raises(RuntimeError, match="size"):
        printed(unit_rows(random_weight(6, 4)))  # (6, 4) divided by (6, 6)
    similar = unit_rows(1 + 0.5 * torch.randn(5, 5, dtype=torch.float64))
    wrong, right = printed(similar), orthoreg_direction(similar, 10.0)
    assert (wrong - right).norm() > 0.1 * right.norm()  # square: the shapes fit by chance, the values do not


# ---------------------------------------------------------------- direction and loss


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_gradient_is_twice_the_tangent_part_over_the_row_length(shape: tuple[int, ...], groups: int, mode: str) -> None:
    weight = random_weight(*shape)
    rows, direction = weight.flatten(1), orthoreg_direction(weight, 10.0, mode, groups).flatten(1)
    length = rows.norm(dim=1, keepdim=True)
    unit = rows / length
    tangent = direction - (direction * unit).sum(1, keepdim=True) * unit
    gradient = autograd(weight, locality=10.0, mode=mode, groups=groups).flatten(1)
    torch.testing.assert_close(gradient, 2 / length * tangent, **EXACT)


@pytest.mark.parametrize("mode", MODES)
def test_gradcheck(mode: str) -> None:
    weight = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: orthoreg_loss(w, 5.0, mode), weight)
    assert torch.autograd.gradgradcheck(lambda w: orthoreg_loss(w, 5.0, mode), weight)


def test_local_rule_equals_the_released_lua_rule_at_locality_10_only() -> None:
    def released(theta: Tensor, locality: float) -> Tensor:
        """The rule of the released Torch file, which writes e^10 whatever the locality."""
        unit = unit_rows(theta)
        exponential = torch.exp(locality * unit @ unit.T)
        return (locality * exponential / (exponential + math.exp(10))).fill_diagonal_(0) @ unit

    weight = random_weight(6, 4)
    torch.testing.assert_close(orthoreg_direction(weight, 10.0), released(weight, 10.0), **EXACT)
    ours, theirs = orthoreg_direction(weight, 20.0), released(weight, 20.0)
    assert (ours - theirs).norm() > 0.5 * ours.norm()
