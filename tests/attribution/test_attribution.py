"""Attribution maps of networks whose answer is known by hand, and measures of localisation against plain loops."""

import math

import pytest
import torch
from torch import Tensor, nn

from fgr.attribution import METHODS, attribute, centre_prior, mask_iou, mass_inside, pointing_game


def linear(weights: Tensor) -> nn.Module:
    """A network whose class scores are sums of pixels, weighted by (L, C, H, W)."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(weights[0].numel(), len(weights), bias=False))
    model[1].weight.data = weights.flatten(1)
    return model


WEIGHTS = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(6, 2, 4, 5, generator=torch.Generator().manual_seed(1))
TARGETS = torch.tensor([0, 1, 2, 2, 1, 0])


def test_saliency_is_the_largest_absolute_gradient_over_channels() -> None:
    """Eq. 2.10 and 2.11: for a linear network the gradient is its weight, whatever the image."""
    found = attribute("saliency", linear(WEIGHTS), IMAGES, TARGETS)
    assert torch.equal(found, WEIGHTS[TARGETS].abs().amax(1))


def test_integrated_gradients_of_a_linear_network_are_weight_times_pixel() -> None:
    found = attribute("integrated_gradients", linear(WEIGHTS), IMAGES, TARGETS)
    torch.testing.assert_close(found, (WEIGHTS[TARGETS] * IMAGES).abs().sum(1), rtol=1e-4, atol=1e-6)


def test_grad_cam_weights_channels_by_their_mean_gradient() -> None:
    """Two constant-weight channels after a 1x1 convolution: the map is ReLU(sum of mean gradient times channel)."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 1)
    model = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    found = attribute("grad_cam", model, IMAGES, TARGETS, layer=convolution)
    for image, target, cam in zip(IMAGES, TARGETS, found, strict=True):
        maps = convolution(image[None])[0]  # (3, 4, 5)
        active = (maps > 0).float().mean((1, 2))  # d score / d channel, averaged over places, is w * share active / HW
        weights = model[4].weight[target] * active / 20
        torch.testing.assert_close(cam, (weights[:, None, None] * maps).sum(0).relu().detach(), rtol=1e-4, atol=1e-7)


def test_grad_cam_is_resized_to_the_image() -> None:
    convolution = nn.Conv2d(2, 3, 2, 2)
    model = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert attribute("grad_cam", model, IMAGES, TARGETS, layer=convolution).shape == (6, 4, 5)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(method: str) -> None:
    convolution = nn.Conv2d(2, 3, 1)
    model = nn.Sequential(convolution, nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    maps = attribute(method, model.train(), IMAGES, TARGETS, layer=convolution if method == "grad_cam" else None)
    assert model.training and (maps >= 0).all() and not maps.requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_frozen_layers_stay_frozen() -> None:
    model = nn.Sequential(nn.BatchNorm2d(2).eval(), nn.Dropout(), *linear(WEIGHTS)).train()
    model[0].eval()
    attribute("saliency", model, IMAGES, TARGETS)
    with pytest.raises(ValueError, match="must return a feature map"):
        attribute("grad_cam", model, IMAGES, TARGETS, layer=model[3])
    assert [module.training for module in model] == [False, True, True, True]


def test_scores_may_be_a_part_of_the_output() -> None:
    class Wrapped(nn.Module):
        def forward(self, images: Tensor) -> tuple[str, Tensor]:
            return "masks", inner(images)

    inner = linear(WEIGHTS)
    found = attribute("saliency", Wrapped(), IMAGES, TARGETS, scores=lambda output: output[1])
    assert torch.equal(found, WEIGHTS[TARGETS].abs().amax(1))


def test_a_regression_has_no_target() -> None:
    model = nn.Sequential(linear(WEIGHTS[:1]), nn.Flatten(0))
    assert torch.equal(attribute("saliency", model, IMAGES), WEIGHTS[:1].abs().amax(1).expand(6, 4, 5))


def test_what_cannot_be_attributed_is_refused() -> None:
    model = linear(WEIGHTS)
    with pytest.raises(ValueError, match="method must be one of 'saliency'"):
        attribute("gradient", model, IMAGES, TARGETS)
    with pytest.raises(ValueError, match="a layer is needed by grad_cam"):
        attribute("grad_cam", model, IMAGES, TARGETS)
    with pytest.raises(ValueError, match="a layer is needed by grad_cam and by it alone"):
        attribute("saliency", model, IMAGES, TARGETS, layer=model[1])
    with pytest.raises(ValueError, match="must return a feature map"):
        attribute("grad_cam", model, IMAGES, TARGETS, layer=model[1])


# ---------------------------------------------------------------- localisation

MAPS = torch.rand(20, 6, 7, generator=torch.Generator().manual_seed(2))
MASKS = torch.rand(20, 6, 7, generator=torch.Generator().manual_seed(3)) > 0.6


def test_localisation_by_loops() -> None:
    for n, (values, mask) in enumerate(zip(MAPS.tolist(), MASKS.tolist(), strict=True)):
        cells = [(values[r][c], mask[r][c]) for r in range(6) for c in range(7)]
        bright = sorted(cells, key=lambda cell: -cell[0])
        area = sum(inside for _, inside in cells)
        shared = sum(inside for _, inside in bright[:area])
        one = slice(n, n + 1)
        assert pointing_game(MAPS[one], MASKS[one]).item() == bright[0][1]
        inside = sum(value for value, within in cells if within) / sum(value for value, _ in cells)
        assert mass_inside(MAPS[one], MASKS[one]).item() == pytest.approx(inside, rel=1e-5)
        assert mask_iou(MAPS[one], MASKS[one]).item() == pytest.approx(shared / (2 * area - shared), rel=1e-6)


def test_a_map_that_is_the_mask_scores_one_and_its_opposite_zero() -> None:
    masks = MASKS[MASKS.flatten(1).sum(1) <= 21]  # no more than half the image, so that the rest can hold as many
    for measure in (pointing_game, mass_inside, mask_iou):
        assert (measure(masks.float(), masks) == 1).all()
        assert (measure((~masks).float(), masks) == 0).all()


def test_the_first_of_equal_maxima_counts() -> None:
    maps = torch.ones(1, 2, 2)
    assert pointing_game(maps, torch.tensor([[[True, False], [False, False]]])).item()
    assert not pointing_game(maps, torch.tensor([[[False, True], [True, True]]])).item()


def test_empty_maps_and_masks_give_nan() -> None:
    assert math.isnan(mass_inside(torch.zeros(1, 2, 2), MASKS[:1, :2, :2]).item())
    assert math.isnan(mask_iou(torch.ones(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool)).item())


@pytest.mark.parametrize("measure", [pointing_game, mass_inside, mask_iou])
def test_wrong_maps_are_refused(measure) -> None:
    with pytest.raises(ValueError, match="masks must have shape"):
        measure(MAPS, MASKS[:, :5])
    with pytest.raises(ValueError, match="masks must be bool"):
        measure(MAPS, MASKS.int())
    for bad in (-1.0, math.nan, math.inf):
        maps = MAPS.clone()
        maps[0, 0, 0] = bad
        with pytest.raises(ValueError, match="finite and 0 or above"):
            measure(maps, MASKS)


def test_centre_prior_is_symmetric_and_falls_outward() -> None:
    prior = centre_prior(8, 6)
    torch.testing.assert_close(prior, prior.flip(0))
    torch.testing.assert_close(prior, prior.flip(1))
    assert prior[:4].diff(dim=0).min() > 0 and prior[:, 3:].diff(dim=1).max() < 0
    assert centre_prior(9, 9)[4, 4] == 1.0
