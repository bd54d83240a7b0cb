"""Piecewise-affine warps against scikit-image, an affine map by hand, and finite differences."""

import numpy as np
import pytest
import torch
from skimage.transform import PiecewiseAffineTransform, warp
from torch import Tensor

from fgr.alignment import COARSE_66, PiecewiseAffine, piecewise_affine, triangulate

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SIZE = (40, 36)


def oval(points: int, height: int, width: int) -> Tensor:
    """Landmarks spread evenly over an oval like the seeds of a sunflower."""
    number = torch.arange(points, dtype=torch.float64) + 0.5
    radius, angle = (number / points).sqrt() * 0.45, number * 2.399963
    return torch.stack([radius * angle.cos() * width + width / 2, radius * angle.sin() * height + height / 2], -1)


def frames(batch: int, points: int, height: int, width: int, noise: float = 0.7) -> Tensor:
    return oval(points, height, width) + noise * torch.randn(batch, points, 2, dtype=torch.float64)


@pytest.mark.parametrize("points", [5, 20, 66])
def test_pixels_agree_with_scikit_image(points: int) -> None:
    reference, images = oval(points, *SIZE), torch.rand(3, 2, 60, 50, dtype=torch.float64)
    landmarks = frames(3, points, 60, 50)
    mesh = triangulate(reference, SIZE)
    ours = piecewise_affine(images, landmarks, mesh, allow_flat=True)
    inside = mesh.inside.numpy()
    assert 0.15 < inside.mean() < 0.9
    for number in range(3):
        transform = PiecewiseAffineTransform.from_estimate(reference.numpy(), landmarks[number].numpy())
        image = images[number].permute(1, 2, 0).numpy()
        theirs = warp(image, transform, output_shape=SIZE, order=1, mode="constant")
        np.testing.assert_allclose(ours[number].permute(1, 2, 0).numpy()[inside], theirs[inside], rtol=0, atol=1e-9)
        assert not ours[number][:, ~mesh.inside].any()


def test_one_affine_map_for_the_whole_face_reads_a_linear_image_exactly() -> None:
    reference = oval(12, *SIZE)
    matrix = torch.tensor([[1.1, 0.2], [-0.1, 0.9]], dtype=torch.float64)
    shift = torch.tensor([6.0, 9.0], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(70.0), torch.arange(70.0), indexing="ij")
    images = (3 * x - 2 * y + 5).double()[None, None]
    warped = PiecewiseAffine(reference, SIZE)
    faces = warped(images, (reference @ matrix.T + shift)[None])
    for row, column in warped.mask.nonzero()[::7].tolist():
        place = matrix @ torch.tensor([column, row], dtype=torch.float64) + shift
        assert faces[0, 0, row, column].item() == pytest.approx((3 * place[0] - 2 * place[1] + 5).item(), abs=1e-9)


def test_landmarks_in_place_change_nothing_inside_the_mask() -> None:
    reference, images = oval(66, *SIZE), torch.rand(2, 3, *SIZE)
    warp_ = PiecewiseAffine(reference.float(), SIZE)
    faces = warp_(images, reference.float().expand(2, -1, -1))
    torch.testing.assert_close(faces, images * warp_.mask, rtol=0, atol=1e-4)


def test_module_and_function_agree_and_a_batch_equals_its_frames() -> None:
    reference, images, landmarks = (
        oval(20, *SIZE),
        torch.rand(19, 1, 40, 40, dtype=torch.float64),
        frames(19, 20, 40, 40),
    )
    module = PiecewiseAffine(reference, SIZE, allow_flat=True)
    faces = module(images, landmarks)
    mesh = triangulate(reference, SIZE)
    assert torch.equal(faces, piecewise_affine(images, landmarks, mesh, allow_flat=True))
    assert torch.equal(module.mask, mesh.inside)
    alone = torch.cat([module(image[None], points[None]) for image, points in zip(images, landmarks)])
    torch.testing.assert_close(faces, alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(module(images.requires_grad_(), landmarks), faces, rtol=0, atol=1e-12)
    assert module(images[:0].detach(), landmarks[:0]).shape == (0, 1, *SIZE)
    assert module.state_dict() == {}  # made again from the reference, not saved


def test_a_subset_ignores_the_other_landmarks() -> None:
    reference, images, landmarks = oval(66, *SIZE), torch.rand(2, 1, 60, 60, dtype=torch.float64), frames(2, 66, 60, 60)
    subset = [0, 5, 20, 33, 50, 58, 63, 65]
    coarse = PiecewiseAffine(reference, SIZE, subset)
    expected = PiecewiseAffine(reference[subset], SIZE)(images, landmarks[:, subset])
    landmarks[:, 1] = torch.nan
    landmarks[:, 2] = 1e6
    torch.testing.assert_close(coarse(images, landmarks), expected, rtol=0, atol=1e-12)
    full = PiecewiseAffine(reference, SIZE)
    assert coarse.mask.sum() < full.mask.sum()


def test_gradients_of_pixels_and_landmarks() -> None:
    reference = oval(6, 8, 7)
    images = torch.rand(2, 1, 9, 9, dtype=torch.float64, requires_grad=True)
    landmarks = frames(2, 6, 9, 9, noise=0.1).requires_grad_()
    module = PiecewiseAffine(reference, (8, 7))
    assert torch.autograd.gradcheck(module, (images, landmarks), eps=1e-7, atol=1e-5)
    module(images, landmarks).sum().backward()
    assert images.grad.any() and landmarks.grad.any()


def test_bfloat16_images_keep_their_type_and_are_read_at_the_right_place() -> None:
    reference, images = oval(20, *SIZE), torch.rand(2, 1, *SIZE)
    module = PiecewiseAffine(reference.float(), SIZE)
    faces = module(images.bfloat16(), reference.float().expand(2, -1, -1))
    assert faces.dtype == torch.bfloat16
    torch.testing.assert_close(faces.float(), images * module.mask, rtol=0, atol=0.01)


def test_compiled_or_exported_it_is_the_same_warp() -> None:
    images, landmarks = good()
    module = PiecewiseAffine(oval(20, *SIZE).float(), SIZE)
    expected = module(images, landmarks)
    assert torch.equal(torch.compile(module, fullgraph=True, backend="eager")(images, landmarks), expected)
    for strict in (True, False):
        program = torch.export.export(module, (images, landmarks), strict=strict).module()
        assert torch.equal(program(images, landmarks), expected)
    with pytest.raises(ValueError, match=r"frame 0 .*: landmarks 0, 1, .* outside"):  # values are looked at again
        module(images, landmarks + 100)


@GPU
def test_a_gpu_agrees() -> None:
    module, images, landmarks = (
        PiecewiseAffine(oval(20, *SIZE), SIZE),
        torch.rand(2, 1, 40, 40).double(),
        frames(2, 20, 40, 40),
    )
    expected = module(images, landmarks)
    found = module.cuda()(images.cuda(), landmarks.cuda()).cpu()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


# ---------------------------------------------------------------- meshes and frames that are refused


def good(points: int = 20) -> tuple[Tensor, Tensor]:
    return torch.rand(4, 1, 50, 50), frames(4, points, 50, 50, noise=0.1).float()


def set_points(frame: int, points: list[int], place: list[float]) -> object:
    def change(landmarks: Tensor) -> None:
        landmarks[frame, points] = torch.tensor(place)

    return change


def flatten_frame(landmarks: Tensor) -> None:
    landmarks[3, :, 1] = 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_points(2, [7], [torch.nan, 5]), "frame 2: landmark 7 not finite; mark it missing"),
        (set_points(1, [3, 4], [70.0, 5.0]), "frame 1: landmarks 3, 4 outside the 50x50 image; drop the frame"),
        (set_points(0, [9], [5.0, -1.0]), "frame 0: landmark 9 outside the 50x50 image"),
        (set_points(2, [5, 6], [25.0, 25.0]), "frame 2: landmarks 5, 6 coincide; leave some out with `subset`"),
        (flatten_frame, r"frame 3: landmarks 0, 1, .*19 lie on one line; drop the frame"),
    ],
)
def test_frames_that_cannot_be_warped_are_named(change: object, message: str) -> None:
    images, landmarks = good()
    module = PiecewiseAffine(oval(20, *SIZE).float(), SIZE)
    module(images, landmarks)  # nothing wrong yet
    change(landmarks)
    with pytest.raises(ValueError, match=message):
        module(images, landmarks)


def test_a_closed_eye_is_named_unless_it_is_allowed() -> None:
    square = torch.tensor([[0.0, 0.0], [19.0, 0.0], [19.0, 19.0], [0.0, 19.0], [6.0, 10.0], [13.0, 10.0], [9.5, 8.0]])
    closed = square.clone()
    closed[6, 1] = 10.0  # the lid on the line between the corners
    images = torch.rand(2, 1, 20, 20)
    landmarks = torch.stack([square, closed])
    with pytest.raises(ValueError, match="frame 1: landmarks 4, 5, 6 lie on one line; leave some out with `subset`"):
        PiecewiseAffine(square, (20, 20))(images, landmarks)
    faces = PiecewiseAffine(square, (20, 20), allow_flat=True)(images, landmarks)
    assert faces.isfinite().all()
    torch.testing.assert_close(faces[0], images[0], rtol=0, atol=1e-4)


def test_allow_flat_still_refuses_a_face_on_one_line() -> None:
    images, landmarks = good()
    flatten_frame(landmarks)
    with pytest.raises(ValueError, match=r"frame 3: .* lie on one line"):
        PiecewiseAffine(oval(20, *SIZE).float(), SIZE, allow_flat=True)(images, landmarks)


@pytest.mark.parametrize(
    ("reference", "subset", "message"),
    [
        (oval(20, *SIZE), [0, 0, 1, 2], r"subset must hold different landmarks in \[0, 20\)"),
        (oval(20, *SIZE), [0, 1, 20], r"subset must hold different landmarks in \[0, 20\)"),
        (oval(20, *SIZE), [0, 1], "reference: a mesh needs at least 3 landmarks, got 2"),
        (oval(20, *SIZE)[[3, 4, 5, 3]], None, "reference: landmarks 0 and 3 coincide"),
        (torch.arange(8.0).view(4, 2), None, "reference: all landmarks lie on one line"),
        (oval(20, *SIZE) + 1000, None, "the reference covers no pixel of a 40x36 image"),
        (oval(20, *SIZE) * torch.nan, None, "frame 0: landmarks 0, 1.* not finite"),
        (oval(20, *SIZE)[None], None, r"reference must have shape \(N, 2\)"),
    ],
)
def test_references_without_a_mesh_are_refused(reference: Tensor, subset: list[int] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PiecewiseAffine(reference, SIZE, subset)


def test_wrong_images_are_refused() -> None:
    images, landmarks = good()
    module = PiecewiseAffine(oval(20, *SIZE).float(), SIZE)
    with pytest.raises(
        ValueError, match=r"images must have shape \(4, C, H, W\) like the landmarks, got \(3, 1, 50, 50\)"
    ):
        module(images[:3], landmarks)
    with pytest.raises(ValueError, match=r"images must be floating point, got torch.uint8; divide bytes by 255 first"):
        module(images.byte(), landmarks)
    with pytest.raises(ValueError, match=r"landmarks must have shape \(B, 20, 2\), got \(4, 19, 2\)"):
        module(images, landmarks[:, :19])
    with pytest.raises(ValueError, match="images must be at least 2 x 2 pixels"):
        module(images[..., :1], landmarks)


# ---------------------------------------------------------------- the mesh


def test_weights_of_a_mesh_put_every_pixel_at_its_own_place() -> None:
    reference = oval(30, *SIZE)
    mesh = triangulate(reference, SIZE)
    inside = mesh.inside.flatten()
    places = (reference[mesh.vertices[inside]] * mesh.weights[inside][..., None]).sum(1)
    y, x = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    own = torch.stack([x, y], -1).double()
    torch.testing.assert_close(places, own[mesh.inside], rtol=0, atol=1e-9)
    assert (mesh.weights >= -1e-9).all()
    torch.testing.assert_close(mesh.weights.sum(1), torch.ones(SIZE[0] * SIZE[1], dtype=torch.float64))
    assert (mesh.vertices[~inside] == 30).all() and mesh.vertices[inside].max() < 30


def test_the_coarse_subset_has_no_lids_and_no_lips() -> None:
    lids, lips = {37, 38, 40, 41, 43, 44, 46, 47}, set(range(48, 66))
    assert len(COARSE_66) == len(set(COARSE_66)) == 21
    assert not set(COARSE_66) & (lids | lips)
    assert {0, 16, 36, 39, 42, 45} <= set(COARSE_66)
