"""Procrustes against Eq. 2.1 and 2.2 as loops, scipy and scikit-image, and what the printed ones get wrong."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipy_procrustes
from skimage.transform import SimilarityTransform
from torch import Tensor

from fgr.alignment import (
    estimate_similarity,
    printed_angle,
    printed_size,
    procrustes,
    rotation_angle,
    rotation_matrix,
    shape_size,
)

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
EXACT = {"rtol": 1e-11, "atol": 1e-11}


def shapes_of(batch: int = 4, points: int = 7) -> Tensor:
    return 30 * torch.randn(batch, points, 2, dtype=torch.float64) + 100


def moved(shape: Tensor, angle: float, scale: float, shift: tuple[float, float]) -> Tensor:
    """Turn by loops, with the textbook formula."""
    cos, sin = math.cos(angle), math.sin(angle)
    rows = [[scale * (cos * x - sin * y) + shift[0], scale * (sin * x + cos * y) + shift[1]] for x, y in shape.tolist()]
    return torch.tensor(rows, dtype=torch.float64)


def centred(shape: Tensor) -> list[list[float]]:
    rows = shape.tolist()
    middle = [sum(row[axis] for row in rows) / len(rows) for axis in (0, 1)]
    return [[row[0] - middle[0], row[1] - middle[1]] for row in rows]


# ---------------------------------------------------------------- the equations


def test_eq_2_1_is_the_root_of_the_mean_square_and_as_printed_smaller_by_the_root_of_n() -> None:
    shapes = shapes_of()
    for shape, size in zip(shapes, shape_size(shapes)):
        total = sum(x**2 + y**2 for x, y in centred(shape))
        assert size.item() == pytest.approx(math.sqrt(total / 7), rel=1e-13)
        assert printed_size(shape).item() == pytest.approx(math.sqrt(total) / 7, rel=1e-13)


def test_eq_2_2_minimises_the_distance_that_is_left() -> None:
    shapes, reference = shapes_of(), shapes_of(1)[0]
    angles = rotation_angle(shapes, reference)
    for shape, angle in zip(shapes, angles.tolist()):
        pairs = list(zip(centred(shape), centred(reference)))
        numerator = sum(w * y - z * x for (w, z), (x, y) in pairs)
        denominator = sum(w * x + z * y for (w, z), (x, y) in pairs)
        assert angle == pytest.approx(math.atan2(numerator, denominator), rel=1e-12)

        def left(turn: float, pairs: list = pairs) -> float:
            cos, sin = math.cos(turn), math.sin(turn)
            return sum((cos * w - sin * z - x) ** 2 + (sin * w + cos * z - y) ** 2 for (w, z), (x, y) in pairs)

        assert left(angle) < min(left(angle + 1e-3), left(angle - 1e-3), left(angle + math.pi))


@pytest.mark.parametrize("angle", [-3.0, -math.pi / 2, -0.4, 0.0, 1e-9, 0.4, math.pi / 2, 3.0])
def test_eq_2_2_gives_back_a_known_rotation_in_every_quadrant(angle: float) -> None:
    shape = shapes_of(1)[0]
    turned = moved(shape, angle, scale=0.2, shift=(-500, 3))
    assert rotation_angle(shape[None], turned).item() == pytest.approx(angle, abs=1e-12)


def test_eq_2_2_as_printed_returns_another_angle_which_depends_on_the_shape() -> None:
    angle = 0.4
    found = []
    for shape in shapes_of(3):
        shape = shape - shape.mean(0)
        turned = moved(shape, angle, 1, (0, 0))
        (w, z), (x, y) = shape.T.tolist(), turned.T.tolist()
        by_loops = math.atan(
            sum(w[i] * y[i] - z[i] * x[i] for i in range(7)) / sum(w[i] * y[i] + z[i] * x[i] for i in range(7))
        )
        found.append(printed_angle(shape, turned).item())
        assert found[-1] == pytest.approx(by_loops, rel=1e-12)
        assert abs(found[-1] - angle) > 0.05
    assert max(found) - min(found) > 0.05


# ---------------------------------------------------------------- peers


def test_rotation_agrees_with_scipy_where_scipy_does_not_mirror() -> None:
    shapes, reference = shapes_of(20), shapes_of(1)[0]
    fit, compared = procrustes(shapes, reference), 0
    for shape, aligned, distance in zip(shapes, fit.aligned, fit.distance.tolist()):
        matrix, _ = orthogonal_procrustes((shape - shape.mean(0)).numpy(), (reference - reference.mean(0)).numpy())
        if np.linalg.det(matrix) < 0:
            continue
        compared += 1
        scale = shape_size(reference[None]) / shape_size(shape[None])
        expected = (shape - shape.mean(0)) @ torch.from_numpy(matrix) * scale + reference.mean(0)
        torch.testing.assert_close(aligned, expected, rtol=1e-10, atol=1e-10)
        cos = 1 - distance**2 / (2 * 7)  # the squared norm of a shape of size 1 is N = 7
        disparity = scipy_procrustes(reference.numpy(), shape.numpy())[2]  # at the least-squares scale instead
        assert 1 - cos**2 == pytest.approx(disparity, abs=1e-10)
    assert 4 <= compared <= 16


def test_least_squares_similarity_agrees_with_scikit_image() -> None:
    source, target = shapes_of(), shapes_of()
    ours = estimate_similarity(source, target)
    for number in range(4):
        theirs = SimilarityTransform.from_estimate(source[number].numpy(), target[number].numpy())
        expected = torch.from_numpy(theirs.params)
        torch.testing.assert_close(ours.matrix[number], expected[:2, :2], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(ours.translation[number], expected[:2, 2], rtol=1e-9, atol=1e-9)
        assert ours.angle[number].item() == pytest.approx(theirs.rotation, abs=1e-9)
        assert ours.scale[number].item() == pytest.approx(theirs.scale, rel=1e-9)


# ---------------------------------------------------------------- properties


def test_moved_copies_come_back_exactly() -> None:
    reference = shapes_of(1)[0]
    shapes = torch.stack([moved(reference, 2.5, 3, (9, 9)), moved(reference, -0.1, 0.01, (-4, 0)), reference])
    fit = procrustes(shapes, reference)
    torch.testing.assert_close(fit.aligned, reference.expand(3, -1, -1), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(fit.transform.apply(shapes), fit.aligned, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(fit.transform.inverse().apply(reference), shapes, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(fit.distance, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)


def test_a_reflection_is_refused_however_badly_a_rotation_fits() -> None:
    reference = shapes_of(1)[0]
    mirrored = (reference * torch.tensor([-1.0, 1.0], dtype=torch.float64))[None]
    fit = procrustes(mirrored, reference)
    assert torch.linalg.det(fit.transform.matrix).item() > 0
    assert fit.distance.item() > 0.5
    assert torch.linalg.det(estimate_similarity(mirrored, reference).matrix).item() > 0


def test_missing_landmarks_do_not_count_whatever_they_hold() -> None:
    shapes, reference = shapes_of(), shapes_of(1)[0]
    visible = torch.ones(4, 7, dtype=torch.bool)
    visible[1, [0, 4]] = False
    damaged = shapes.clone()
    damaged[1, 0], damaged[1, 4] = torch.nan, 1e30
    fit, kept = procrustes(damaged, reference, visible), [1, 2, 3, 5, 6]
    alone = procrustes(shapes[1:2, kept], reference[kept])
    torch.testing.assert_close(fit.aligned[1, kept], alone.aligned[0], **EXACT)
    torch.testing.assert_close(fit.distance[1], alone.distance[0], **EXACT)
    assert fit.aligned[1, [0, 4]].isnan().all()
    torch.testing.assert_close(fit.aligned[[0, 2, 3]], procrustes(shapes[[0, 2, 3]], reference).aligned, **EXACT)
    least_squares = estimate_similarity(damaged, reference, visible).matrix[1]
    torch.testing.assert_close(least_squares, estimate_similarity(shapes[1:2, kept], reference[kept]).matrix[0])


def test_gradients_of_the_alignment() -> None:
    shapes, reference = shapes_of(2, 5), shapes_of(1, 5)[0]
    leaves = (shapes.requires_grad_(), reference.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: procrustes(a, b).aligned, leaves)
    assert torch.autograd.gradcheck(lambda a, b: procrustes(a, b).distance, leaves)
    visible = torch.tensor([[True, True, False, True, True], [True] * 5])
    holed = torch.where(visible[..., None], shapes, torch.nan).detach().requires_grad_()
    procrustes(holed, reference, visible).distance.sum().backward()
    assert holed.grad.isfinite().all() and holed.grad[visible].all() and not holed.grad[~visible].any()


def test_rotation_matrix_turns_x_towards_y() -> None:
    turned = (
        torch.tensor([1.0, 0.0], dtype=torch.float64) @ rotation_matrix(torch.tensor([0.3], dtype=torch.float64)).mT
    )
    torch.testing.assert_close(turned[0], torch.tensor([math.cos(0.3), math.sin(0.3)], dtype=torch.float64), **EXACT)


@pytest.mark.parametrize("device", DEVICES)
def test_float32_at_the_coordinates_of_a_large_image(device: str) -> None:
    reference = shapes_of(1, 66)[0].float() + 4000
    turned = moved(reference.double(), 0.2, 0.5, (3, 3))[None].float().to(device)
    aligned = procrustes(turned, reference.to(device)).aligned.cpu()
    torch.testing.assert_close(aligned[0], reference, rtol=0, atol=5e-3)  # rounding of a coordinate is 5e-4 there


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda s, v: s[2, 3].fill_(torch.nan), "frame 2: landmark 3 not finite; mark it missing with `visible`"),
        (lambda s, v: s[1:, 0::6].fill_(torch.inf), r"frame 1 \(and in 2 more\): landmarks 0, 6 not finite"),
        (lambda s, v: v[3, 1:].fill_(False), "frame 3: 1 visible landmarks, an alignment needs at least 2"),
        (lambda s, v: s[1].fill_(5.0), "frame 1: landmarks 0, 1, 2, 3, 4, 5, 6 are all at one place; drop the frame"),
    ],
)
def test_frames_that_cannot_be_aligned_are_named(break_it: object, message: str) -> None:
    shapes, visible = shapes_of(), torch.ones(4, 7, dtype=torch.bool)
    break_it(shapes, visible)
    with pytest.raises(ValueError, match=message):
        procrustes(shapes, shapes_of(1)[0], visible)
    with pytest.raises(ValueError, match=message):
        estimate_similarity(shapes, shapes_of(1)[0], visible)


def test_wrong_shapes_and_types_are_refused() -> None:
    shapes = shapes_of()
    with pytest.raises(ValueError, match=r"shapes must have shape \(B, N, 2\), got \(7, 2\)"):
        procrustes(shapes[0], shapes[0])
    with pytest.raises(ValueError, match=r"reference must hold 7 landmarks like the shapes, got \(4, 6, 2\)"):
        procrustes(shapes, shapes[0, :6])
    with pytest.raises(ValueError, match=r"shapes must be floating point, got torch.int64"):
        procrustes(shapes.long(), shapes[0])
    with pytest.raises(ValueError, match=r"visible must be bool, got torch.int64"):
        procrustes(shapes, shapes[0], torch.ones(4, 7, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"visible must have shape \(4, 7\), got \(7, 4\)"):
        procrustes(shapes, shapes[0], torch.ones(7, 4, dtype=torch.bool))
