"""Landmarks shaken and mirrored: the distribution of the noise, names of mirrored landmarks, nothing drawn globally."""

import math

import pytest
import torch

from fgr.alignment import FLIP_66, deform_landmarks, flip_landmarks, random_flip, shape_size


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_has_the_stated_strength_relative_to_each_face() -> None:
    small = torch.randn(66, 2, dtype=torch.float64) * 10 + 500
    faces = torch.stack([small, (small - 500) * 5 + 500]).repeat(400, 1, 1)
    moved = deform_landmarks(faces, 0.03, generator(), (1000, 1000)) - faces
    share = moved / shape_size(faces)[:, None, None]
    count = share[::2].numel()
    for part in (share[::2], share[1::2]):  # the small face, the large one
        assert part.std().item() == pytest.approx(0.03, rel=4 / math.sqrt(2 * count))  # four standard errors
        assert abs(part.mean().item()) < 4 * 0.03 / math.sqrt(count)


def test_noise_repeats_with_the_generator_and_leaves_the_global_one_alone() -> None:
    faces = torch.rand(2, 66, 2) * 50
    before = torch.get_rng_state()
    first = deform_landmarks(faces, 0.02, generator(1), (60, 60))
    assert torch.equal(first, deform_landmarks(faces, 0.02, generator(1), (60, 60)))
    assert not torch.equal(first, deform_landmarks(faces, 0.02, generator(2), (60, 60)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(deform_landmarks(faces, 0.0, generator(), (60, 60)), faces)


def test_noise_keeps_landmarks_inside_the_image() -> None:
    faces = torch.rand(4, 66, 2) * torch.tensor([79.0, 39.0])
    moved = deform_landmarks(faces, 0.5, generator(), (40, 80))
    assert moved.min() == 0 and moved[..., 0].max() == 79 and moved[..., 1].max() == 39


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_wrong_strength(strength: float) -> None:
    with pytest.raises(ValueError, match="strength must be a finite number of at least 0"):
        deform_landmarks(torch.rand(1, 5, 2), strength, generator(), (10, 10))


def test_frames_without_numbers_are_named() -> None:
    faces = torch.rand(3, 5, 2)
    faces[1, 2] = torch.nan
    with pytest.raises(ValueError, match="frame 1: landmark 2 not finite"):
        deform_landmarks(faces, 0.1, generator(), (10, 10))
    with pytest.raises(ValueError, match="frame 1: landmark 2 not finite"):
        flip_landmarks(faces, 10, (1, 0, 2, 3, 4))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *((0, 16), (8, 8), (17, 26), (21, 22), (27, 27), (31, 35), (36, 45), (39, 42), (37, 44), (41, 46)),
        *((48, 54), (51, 51), (57, 57), (49, 53), (59, 55), (60, 62), (61, 61), (65, 63), (64, 64)),
    ],
)
def test_mirrored_names_of_the_66_points(left: int, right: int) -> None:
    assert FLIP_66[left] == right and FLIP_66[right] == left


def test_flipping_twice_gives_the_same_and_a_pixel_stays_under_its_landmark() -> None:
    images, landmarks = torch.zeros(1, 1, 70, 90), torch.rand(1, 66, 2) * torch.tensor([89.0, 69.0])
    torch.testing.assert_close(flip_landmarks(flip_landmarks(landmarks, 90), 90), landmarks, rtol=0, atol=1e-4)
    landmarks = landmarks.round()
    column, row = landmarks[0, 36].long().tolist()
    images[0, 0, row, column] = 1
    mirrored = flip_landmarks(landmarks, 90)[0, 45].long().tolist()  # the outer corner of the other eye
    assert images.flip(-1)[0, 0, mirrored[1], mirrored[0]] == 1


def test_half_of_the_faces_are_mirrored_with_their_landmarks() -> None:
    images, landmarks = torch.rand(400, 1, 4, 6), torch.rand(400, 66, 2)
    flipped, moved = random_flip(images, landmarks, generator())
    same, mirrored = (flipped == images).flatten(1).all(1), (flipped == images.flip(-1)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert abs(mirrored.sum().item() - 200) < 40  # four standard deviations of a fair coin
    torch.testing.assert_close(moved[same], landmarks[same], rtol=0, atol=0)
    torch.testing.assert_close(moved[mirrored], flip_landmarks(landmarks, 6)[mirrored], rtol=0, atol=0)


@pytest.mark.parametrize("permutation", [(0, 1), (0, 0, 1), (1, 2, 0)])
def test_a_permutation_that_is_no_mirror_image(permutation: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="permutation must exchange pairs among 3 landmarks"):
        flip_landmarks(torch.rand(1, 3, 2), 10, permutation)
