"""Transforms against loops and known values; `ImageSet`'s checks."""

import pytest
import torch
from torch.nn import functional as F

from fgr.data.images import ImageSet
from fgr.data.transforms import crop_and_flip, mean_std, resize, standardize


def generator(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_bytes(*shape) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator())


def find_crops(images, moved, padding, mode, flip):
    """Say by brute force which crop of the padded image, and which mirroring, every output is."""
    height, width = images.shape[-2:]
    padded = F.pad(images, (padding,) * 4, mode=mode)
    found = []
    for image, output in zip(padded, moved, strict=True):
        matches = []
        for top in range(2 * padding + 1):
            for left in range(2 * padding + 1):
                crop = image[:, top : top + height, left : left + width]
                candidates = {False: crop, True: crop.flip(-1)} if flip else {False: crop}
                matches += [(top, left, m) for m, candidate in candidates.items() if torch.equal(output, candidate)]
        assert len(matches) == 1
        found += matches
    return found


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("padding", "shape"), [(4, (40, 3, 12, 10)), (2, (40, 1, 6, 9)), (0, (40, 2, 5, 4))])
def test_crop_and_flip_equals_a_loop(mode, flip, padding, shape):
    images = torch.randn(shape, generator=generator(1), dtype=torch.float64)
    moved = crop_and_flip(images, generator(), padding, mode, flip)
    found = find_crops(images, moved, padding, mode, flip)
    assert {mirrored for _, _, mirrored in found} == ({False, True} if flip else {False})


def test_crops_are_uniform_and_reach_the_whole_padding():
    images = torch.arange(64.0).view(1, 1, 8, 8).expand(20_000, 1, 8, 8)
    moved = crop_and_flip(images, generator(), padding=2, flip=True)
    counts = moved.flatten(1).unique(dim=0, return_counts=True)[1]
    assert len(counts) == 5 * 5 * 2
    expected = 20_000 / 50
    assert ((counts - expected).square() / expected).sum() < 86  # chi-square, 49 degrees of freedom, p = 0.001


def test_reflection_mirrors_at_the_border_pixel():
    image = torch.arange(5.0).view(1, 1, 1, 5).expand(200, 1, 3, 5)
    lines = {tuple(moved[0, 0].tolist()) for moved in crop_and_flip(image, generator(), padding=2, flip=False)}
    assert lines == {(2, 1, 0, 1, 2), (1, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 3), (2, 3, 4, 3, 2)}


def test_crop_and_flip_keeps_type_and_input_and_repeats():
    images = random_bytes(16, 3, 8, 8)
    before = images.clone()
    moved = crop_and_flip(images, generator(5))
    assert moved.dtype == torch.uint8
    assert torch.equal(images, before)
    assert torch.equal(moved, crop_and_flip(images, generator(5)))
    assert not torch.equal(moved, crop_and_flip(images, generator(6)))
    channels_last = images.to(memory_format=torch.channels_last)
    assert torch.equal(moved, crop_and_flip(channels_last, generator(5)))


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("flip", [True, False])
def test_an_empty_batch_stays_empty(mode, flip):
    images = random_bytes(0, 3, 8, 6)
    moved = crop_and_flip(images, generator(), mode=mode, flip=flip)
    assert (moved.shape, moved.dtype) == (images.shape, torch.uint8)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"mode": "wrap"}, "mode must be one of"), ({"padding": 8}, "padding must lie in"), ({"padding": -1}, "padding")],
)
def test_crop_and_flip_refuses(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        crop_and_flip(torch.zeros(1, 1, 8, 8), generator(), **options)


def test_constant_padding_may_be_wider_than_the_image():
    images = torch.ones(50, 1, 2, 2)
    assert crop_and_flip(images, generator(), padding=5, mode="constant").unique().tolist() == [0, 1]


@pytest.mark.parametrize("per_channel", [True, False])
def test_mean_std_equals_the_formula(per_channel):
    images = random_bytes(9, 3, 5, 4)
    pixels = images.double() / 255
    dims = (0, 2, 3) if per_channel else (0, 1, 2, 3)
    mean, std = mean_std(images, per_channel)
    assert mean == pytest.approx(pixels.mean(dims).flatten().tolist(), abs=1e-14)
    assert std == pytest.approx(pixels.std(dims, correction=0).flatten().tolist(), abs=1e-14)


def test_standardized_images_have_mean_0_and_deviation_1():
    images = random_bytes(50, 3, 8, 8) // torch.tensor([1, 2, 4], dtype=torch.uint8).view(1, 3, 1, 1)
    values = standardize(images, *mean_std(images))
    assert values.dtype == torch.float32
    assert values.mean((0, 2, 3)).abs().max() < 1e-6
    assert (values.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-6
    assert torch.allclose(standardize(images, 0.0, 1.0), images / 255)


@pytest.mark.parametrize(
    ("images", "mean", "std", "complaint"),
    [
        (torch.zeros(1, 3, 2, 2), 0.5, 0.5, "images must be uint8"),
        (random_bytes(3, 2, 2), 0.5, 0.5, r"shape \(B, C, H, W\)"),
        (random_bytes(1, 3, 2, 2), (0.5, 0.5), 0.5, "mean must hold 1 or 3 numbers"),
        (random_bytes(1, 3, 2, 2), 0.5, (0.5, 0.0, 0.5), "std must be above 0"),
    ],
)
def test_standardize_refuses(images, mean, std, complaint):
    with pytest.raises(ValueError, match=complaint):
        standardize(images, mean, std)


def test_mean_std_refuses_an_empty_set():
    with pytest.raises(ValueError, match="must not be empty"):
        mean_std(random_bytes(0, 1, 2, 2))


def test_resize_keeps_constants_type_and_symmetry():
    images = random_bytes(4, 1, 28, 28)
    larger = resize(images, 32)
    assert (larger.shape, larger.dtype) == ((4, 1, 32, 32), torch.uint8)
    assert torch.equal(resize(images.flip(-1), 32), larger.flip(-1))
    assert resize(images, (7, 14)).shape == (4, 1, 7, 14)
    assert resize(images.double(), 32).dtype == torch.float64
    assert torch.equal(resize(images, 28), images)


def test_resize_halves_without_aliasing():
    stripes = torch.tensor([0.0, 1.0]).repeat(16).view(1, 1, 1, 32).expand(1, 1, 32, 32)
    inner = resize(stripes, 16)[..., 1:-1]
    assert (inner - 0.5).abs().max() < 1e-6  # without the low-pass filter stripes would come out as 0 or 1 in places
    with pytest.raises(ValueError, match="size must be at least 1"):
        resize(stripes, 0)


def image_set(**changes) -> ImageSet:
    given = {"images": random_bytes(4, 1, 2, 2), "targets": torch.tensor([0, 1, 1, 0]), "classes": ("a", "b")}
    return ImageSet("toy", "train", **{**given, **changes})


def test_image_set_selects():
    toy = image_set()
    for chosen in ([2, 0], torch.tensor([2, 0]), []):
        part = toy.select(chosen)
        assert len(part) == len(chosen)
        assert torch.equal(part.images, toy.images[torch.as_tensor(chosen).long()])
    assert toy.select(slice(1, 3)).targets.tolist() == [1, 1]
    assert toy.select(toy.targets == 0).targets.tolist() == [0, 0]
    assert toy.select([0]).classes == toy.classes


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"images": random_bytes(4, 2, 2)}, "images must have shape"),
        ({"targets": torch.zeros(3, dtype=torch.int64)}, r"targets must have shape \(4\)"),
        ({"images": torch.zeros(4, 1, 2, 2)}, "images must be uint8"),
        ({"targets": torch.zeros(4, dtype=torch.int32)}, "targets must be int64"),
        ({"targets": torch.tensor([0, 1, 2, 0])}, r"\[0, 2\), got 0 to 2"),
        ({"targets": torch.tensor([0, 1, -1, 0])}, r"\[0, 2\), got -1 to 1"),
    ],
)
def test_image_set_refuses(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        image_set(**changes)
