"""Generalised Procrustes analysis against its definition as a loop in numpy, and on shapes whose mean is known."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fgr.alignment import fit_to_canvas, generalized_procrustes, procrustes, rotation_matrix

POINTS = 9


def template() -> Tensor:
    return torch.randn(POINTS, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def standard(shape: np.ndarray) -> np.ndarray:
    centred = shape - shape.mean(0)
    return centred / math.sqrt((centred**2).sum() / len(shape))


def by_loops(shapes: np.ndarray, tolerance: float) -> np.ndarray:
    """Align all to the first, take the mean for the next reference, until that stands still."""
    reference = standard(shapes[0])
    while True:
        total = np.zeros_like(reference)
        for shape in shapes:
            own = standard(shape)
            left, _, right = np.linalg.svd(own.T @ reference)
            turn = left @ np.diag([1, np.linalg.det(left @ right)]) @ right
            total += own @ turn
        following = standard(total / len(shapes))
        distance = math.sqrt(((following - reference) ** 2).sum())
        reference = following
        if distance < tolerance:
            return reference


def noisy_copies(count: int, noise: float) -> Tensor:
    angle = torch.empty(count, dtype=torch.float64).uniform_(-0.5, 0.5)
    scale = torch.empty(count, 1, 1, dtype=torch.float64).uniform_(20, 60)
    shapes = template() + noise * torch.randn(count, POINTS, 2, dtype=torch.float64)
    return scale * shapes @ rotation_matrix(angle).mT + torch.randn(count, 1, 2, dtype=torch.float64) * 50


def test_mean_agrees_with_the_loop_up_to_its_rotation() -> None:
    shapes = noisy_copies(12, noise=0.2)
    ours = generalized_procrustes(shapes, tolerance=1e-12).mean
    theirs = torch.from_numpy(by_loops(shapes.numpy(), 1e-12))
    torch.testing.assert_close(procrustes(ours[None], theirs).aligned[0], theirs, rtol=0, atol=1e-9)


def test_moved_copies_of_one_shape_have_that_shape_as_mean() -> None:
    shapes = noisy_copies(10, noise=0.0)
    result = generalized_procrustes(shapes)
    assert procrustes(result.mean[None], template()).distance.item() < 1e-9
    torch.testing.assert_close(result.aligned, result.mean.expand(10, -1, -1), rtol=0, atol=1e-9)
    torch.testing.assert_close(result.mean.mean(0), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    assert result.mean.square().sum(-1).mean().item() == pytest.approx(1, rel=1e-12)


def test_mean_is_turned_by_nothing_on_average_whatever_comes_first() -> None:
    shapes = noisy_copies(8, noise=0.1)
    result = generalized_procrustes(shapes, tolerance=1e-12)
    angle = procrustes(shapes, result.mean).transform.angle
    assert torch.atan2(angle.sin().sum(), angle.cos().sum()).item() == pytest.approx(0, abs=1e-10)
    reversed_order = generalized_procrustes(shapes.flip(0), tolerance=1e-12)
    torch.testing.assert_close(reversed_order.mean, result.mean, rtol=0, atol=1e-9)


def test_upright_faces_stay_upright() -> None:
    face = template()
    turned = face @ rotation_matrix(torch.tensor([0.3, -0.3, 0.0], dtype=torch.float64)).mT
    mean = generalized_procrustes(turned).mean
    assert procrustes(face[None], mean).transform.angle.item() == pytest.approx(0, abs=1e-7)


def test_missing_landmarks_are_filled_in_by_the_other_shapes() -> None:
    shapes = noisy_copies(6, noise=0.0)
    visible = torch.ones(6, POINTS, dtype=torch.bool)
    visible[0, :2] = visible[3, 5] = False
    visible[1:, 8] = False
    holed = torch.where(visible[..., None], shapes, torch.nan)
    result = generalized_procrustes(holed, visible, tolerance=1e-12)
    assert procrustes(result.mean[None], template()).distance.item() < 1e-9
    assert torch.equal(result.aligned.isnan().any(-1), ~visible)


def test_a_landmark_that_the_fullest_shape_lacks() -> None:
    shapes = noisy_copies(3, noise=0.0)
    visible = torch.ones(3, POINTS, dtype=torch.bool)
    visible[torch.arange(3), torch.arange(3)] = False  # each lacks another one, so no first reference has all
    result = generalized_procrustes(shapes, visible, tolerance=1e-12)
    assert procrustes(result.mean[None], template()).distance.item() < 1e-9


def test_reflections_are_refused() -> None:
    shapes = noisy_copies(6, noise=0.0)
    shapes[5] *= torch.tensor([-1.0, 1.0], dtype=torch.float64)
    result = generalized_procrustes(shapes)
    left = procrustes(shapes, result.mean).distance
    assert left[5] > 5 * left[:5].max()


def test_one_shape_is_its_own_mean() -> None:
    shape = template()
    result = generalized_procrustes(shape[None])
    torch.testing.assert_close(result.mean.numpy(), standard(shape.numpy()), rtol=0, atol=1e-12)


def test_many_float32_shapes_converge_and_keep_their_type() -> None:
    shapes = noisy_copies(500, noise=0.3).float() + 3000
    result = generalized_procrustes(shapes)
    assert result.mean.dtype == result.aligned.dtype == torch.float32
    exact = generalized_procrustes(shapes.double(), tolerance=1e-12)
    torch.testing.assert_close(result.mean.double(), exact.mean, rtol=0, atol=1e-5)


def test_what_is_refused() -> None:
    shapes = noisy_copies(3, noise=0.0)
    with pytest.raises(ValueError, match="shapes must not be empty"):
        generalized_procrustes(shapes[:0])
    with pytest.raises(ValueError, match="tolerance must be a finite number above 0, got 0"):
        generalized_procrustes(shapes, tolerance=0)
    visible = torch.ones(3, POINTS, dtype=torch.bool)
    visible[:, 4] = False
    with pytest.raises(ValueError, match="landmark 4 is missing in every shape; leave it out of all"):
        generalized_procrustes(shapes, visible)
    shapes[2, 1] = torch.nan
    with pytest.raises(ValueError, match="frame 2: landmark 1 not finite"):
        generalized_procrustes(shapes)
    shapes[2] = 1
    with pytest.raises(ValueError, match=r"frame 2: .* all at one place"):
        generalized_procrustes(shapes)


# ---------------------------------------------------------------- the reference in pixels


@pytest.mark.parametrize(("size", "margin"), [((224, 224), 0.0), ((100, 300), 0.1), ((300, 100), 0.25)])
def test_fit_to_canvas_touches_the_margin_and_keeps_proportions(size: tuple[int, int], margin: float) -> None:
    mean = template()
    placed = fit_to_canvas(mean, size, margin)
    low, high = placed.amin(0), placed.amax(0)
    last = torch.tensor([size[1] - 1, size[0] - 1], dtype=torch.float64)
    torch.testing.assert_close((low + high) / 2, last / 2)
    room = (high - low) / ((1 - 2 * margin) * last)
    assert room.max().item() == pytest.approx(1) and (room <= 1 + 1e-12).all()
    torch.testing.assert_close(
        (high - low) / (high - low)[0], (mean.amax(0) - mean.amin(0)) / (mean.amax(0) - mean.amin(0))[0]
    )


def test_fit_to_canvas_refuses() -> None:
    with pytest.raises(ValueError, match=r"margin must lie in \[0, 0.5\), got 0.5"):
        fit_to_canvas(template(), (10, 10), 0.5)
    with pytest.raises(ValueError, match="two landmarks apart"):
        fit_to_canvas(torch.ones(4, 2), (10, 10))
