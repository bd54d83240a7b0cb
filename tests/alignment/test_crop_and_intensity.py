"""Aligned crops against scikit-image; mean faces and contrast by loops, and what stays black under a mask."""

import math

import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform, warp
from torch import Tensor

from fgr.alignment import (
    aligned_crop,
    fit_to_canvas,
    generalized_procrustes,
    global_contrast_normalize,
    per_pixel_mean,
    rotation_matrix,
)

FACE = torch.tensor([[-1.0, -1.0], [1.0, -1.2], [0.0, 0.1], [-0.6, 1.0], [0.7, 0.9]], dtype=torch.float64)


def turned_faces(batch: int, scale: float = 8.0) -> Tensor:
    angles = torch.linspace(-0.6, 0.6, batch, dtype=torch.float64)
    return scale * FACE @ rotation_matrix(angles).mT + torch.tensor([22.0, 18.0], dtype=torch.float64)


# ---------------------------------------------------------------- the crop


def test_crop_agrees_with_scikit_image_background_included() -> None:
    images, landmarks = torch.rand(3, 2, 40, 44, dtype=torch.float64), turned_faces(3) + torch.randn(3, 5, 2).double()
    reference = fit_to_canvas(FACE, (24, 30), margin=0.2)
    ours = aligned_crop(images, landmarks, reference, (24, 30))
    for number in range(3):
        to_image = SimilarityTransform.from_estimate(landmarks[number].numpy(), reference.numpy()).inverse
        image = images[number].permute(1, 2, 0).numpy()
        theirs = warp(image, to_image, output_shape=(24, 30), order=1, mode="constant")
        inside = warp(np.ones_like(image), to_image, output_shape=(24, 30), order=1, mode="constant") > 1 - 1e-9
        assert inside.mean() > 0.5
        found = ours[number].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(found[inside], theirs[inside], rtol=0, atol=1e-9)


def test_the_same_face_turned_and_scaled_gives_the_same_crop() -> None:
    y, x = torch.meshgrid(torch.arange(60.0).double(), torch.arange(60.0).double(), indexing="ij")
    turn = rotation_matrix(torch.tensor([0.4], dtype=torch.float64))[0]
    middle = torch.tensor([30.0, 30.0], dtype=torch.float64)
    own = torch.stack([x, y], -1) - middle  # in the frame of the unturned face
    back = own @ turn  # the turned face's own coordinates
    images = torch.stack([own @ torch.tensor([0.01, 0.02]).double(), back @ torch.tensor([0.01, 0.02]).double()])[
        :, None
    ]
    landmarks = torch.stack([9 * FACE, 9 * FACE @ turn.T]) + middle
    crops = aligned_crop(images, landmarks, fit_to_canvas(FACE, (20, 20), 0.1), (20, 20))
    torch.testing.assert_close(crops[0], crops[1], rtol=0, atol=1e-9)


def test_crop_beyond_the_image_is_black_and_missing_landmarks_do_not_count() -> None:
    images, landmarks = torch.ones(1, 1, 20, 20), torch.tensor([[[2.0, 2.0], [6.0, 2.0], [4.0, 5.0]]])
    reference = torch.tensor([[8.0, 8.0], [12.0, 8.0], [10.0, 11.0]])
    crop = aligned_crop(images, landmarks, reference, (20, 20))
    assert not crop[0, 0, :5].any() and not crop[0, 0, :, :5].any()
    torch.testing.assert_close(crop[0, 0, 6:, 6:], torch.ones(14, 14))
    landmarks[0, 2] = torch.nan
    visible = torch.tensor([[True, True, False]])
    torch.testing.assert_close(aligned_crop(images, landmarks, reference, (20, 20), visible), crop, rtol=0, atol=1e-5)


def test_gradients_of_the_crop() -> None:
    images = torch.rand(2, 1, 12, 12, dtype=torch.float64, requires_grad=True)
    landmarks = (turned_faces(2, scale=3) - 12).requires_grad_()
    reference = fit_to_canvas(FACE, (6, 6))
    assert torch.autograd.gradcheck(
        lambda a, b: aligned_crop(a, b, reference, (6, 6)), (images, landmarks), eps=1e-7, atol=1e-5
    )


def test_crop_refuses() -> None:
    images, landmarks = torch.rand(3, 1, 40, 40), turned_faces(3).float()
    landmarks[1] = 4
    with pytest.raises(ValueError, match=r"frame 1: .* all at one place"):
        aligned_crop(images, landmarks, FACE, (8, 8))
    landmarks[2, 3] = torch.nan
    with pytest.raises(ValueError, match="frame 2: landmark 3 not finite"):
        aligned_crop(images, landmarks, FACE, (8, 8))


def test_generalised_mean_as_reference_brings_landmarks_onto_it() -> None:
    shapes = turned_faces(5)
    mean = generalized_procrustes(shapes).mean
    reference = fit_to_canvas(mean, (32, 32), margin=0.2)
    dots = torch.zeros(5, 1, 40, 44, dtype=torch.float64)
    for frame, points in enumerate(shapes):
        column, row = points[2].round().long().tolist()  # the nose
        dots[frame, 0, row - 1 : row + 2, column - 1 : column + 2] = 1
    crops = aligned_crop(dots, shapes, reference, (32, 32))
    y, x = torch.meshgrid(torch.arange(32.0).double(), torch.arange(32.0).double(), indexing="ij")
    weight = crops.sum((1, 2, 3))
    seen = torch.stack([(crops[:, 0] * x).sum((1, 2)) / weight, (crops[:, 0] * y).sum((1, 2)) / weight], -1)
    assert (seen - reference[2]).abs().max() < 1.2  # the dot was drawn at a whole pixel


# ---------------------------------------------------------------- intensities


def test_per_pixel_mean_by_loops() -> None:
    images, mask = torch.rand(5, 2, 3, 4, dtype=torch.float64), torch.rand(5, 1, 3, 4) < 0.6
    mean = per_pixel_mean(images, mask)
    for c in range(2):
        for i in range(3):
            for j in range(4):
                seen = [images[b, c, i, j].item() for b in range(5) if mask[b, 0, i, j]]
                assert mean[c, i, j].item() == pytest.approx(sum(seen) / len(seen) if seen else 0.0, abs=1e-14)
    torch.testing.assert_close(per_pixel_mean(images), images.mean(0))


def test_per_pixel_mean_leaves_masked_black_at_zero_where_the_global_mean_does_not() -> None:
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[1:5, 1:5] = True
    faces = torch.rand(7, 3, 6, 6) * mask
    assert not ((faces - per_pixel_mean(faces, mask)) * ~mask).any()
    assert not (faces - per_pixel_mean(faces))[..., ~mask].any()
    assert ((faces - faces.mean((0, 2, 3), keepdim=True))[..., ~mask] < 0).all()


def test_contrast_by_loops() -> None:
    images, mask = 50 * torch.rand(4, 2, 3, 5, dtype=torch.float64) + 9, torch.rand(3, 5) < 0.7
    result = global_contrast_normalize(images, mask)
    for image, found in zip(images, result):
        seen = [image[c, i, j].item() for c in range(2) for i in range(3) for j in range(5) if mask[i, j]]
        mean = sum(seen) / len(seen)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in seen) / len(seen))
        expected = torch.where(mask, (image - mean) / deviation, 0)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_contrast_does_not_depend_on_brightness_or_gain() -> None:
    images = torch.rand(3, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(global_contrast_normalize(0.1 * images + 7), global_contrast_normalize(images))


def test_one_grey_has_no_contrast_and_extreme_images_stay_finite() -> None:
    grey = torch.full((1, 3, 64, 64), 0.3)
    assert global_contrast_normalize(grey).abs().max() < 1e-5
    assert not global_contrast_normalize(grey.double() * 0).any()
    huge = torch.tensor([[[[1e15, -1e15]]]])
    torch.testing.assert_close(global_contrast_normalize(huge), torch.tensor([[[[1.0, -1.0]]]]))


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_no_more_than_its_own_rounding(dtype: torch.dtype, scale: float) -> None:
    images, mask = (scale * torch.rand(300, 1, 8, 8)).to(dtype), torch.rand(8, 8) < 0.7
    rounding = torch.finfo(dtype).eps
    for half, exact in (
        (global_contrast_normalize(images, mask), global_contrast_normalize(images.float(), mask)),
        (per_pixel_mean(images, mask), per_pixel_mean(images.float(), mask)),  # 300 times 255 is no float16
    ):
        assert half.dtype is dtype and exact[..., mask].any()
        torch.testing.assert_close(half.float(), exact, rtol=rounding, atol=rounding)
    grey = torch.full((1, 3, 64, 64), 0.3 * scale, dtype=dtype)
    assert global_contrast_normalize(grey).abs().max() < 1e-3


def test_gradient_of_the_contrast() -> None:
    images, mask = torch.rand(2, 1, 3, 3, dtype=torch.float64, requires_grad=True), torch.rand(2, 1, 3, 3) < 0.8
    assert torch.autograd.gradcheck(lambda x: global_contrast_normalize(x, mask), images)
    grey = torch.ones(1, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    global_contrast_normalize(grey).square().sum().backward()
    assert grey.grad.isfinite().all()


def test_intensities_refuse() -> None:
    images, mask = torch.rand(3, 1, 4, 4), torch.ones(3, 1, 4, 4, dtype=torch.bool)
    mask[2] = False
    with pytest.raises(
        ValueError, match="frame 2: the mask hides every pixel, so there is no contrast; drop the frame"
    ):
        global_contrast_normalize(images, mask)
    with pytest.raises(ValueError, match=r"mask must be bool, got torch.float32"):
        global_contrast_normalize(images, mask.float())
    with pytest.raises(ValueError, match=r"mask must have shape \(4, 4\), got \(4, 5\)"):
        global_contrast_normalize(images, torch.ones(4, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"images must be floating point, got torch.uint8"):
        per_pixel_mean(images.byte())
    with pytest.raises(ValueError, match="images must not be empty"):
        per_pixel_mean(images[:0])
