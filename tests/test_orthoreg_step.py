"""The OrthoReg class: what a step does to a model's weights, and which weights it chooses."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from fgr.orthoreg import MODES, OrthoReg, nearest_angles, orthoreg_direction, orthoreg_loss


def lengths(weight: Tensor) -> Tensor:
    return weight.detach().flatten(1).norm(dim=1)


def linear(rows: Tensor) -> nn.Linear:
    layer = nn.Linear(rows.shape[1], rows.shape[0], bias=False, dtype=rows.dtype)
    with torch.no_grad():
        layer.weight.copy_(rows)
    return layer


def network() -> nn.Sequential:
    """A small net with every kind of layer; only its shapes matter, it never runs."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),  # depthwise: one filter a group, nothing to compare
        nn.Conv2d(8, 8, 3, groups=2),
        nn.Linear(8, 4),
    )


# ---------------------------------------------------------------- the step


@pytest.mark.parametrize("mode", MODES)
def test_step_is_the_pure_function_and_restored_lengths(mode: str) -> None:
    model = network().double()
    before = {name: p.clone() for name, p in model.named_parameters()}
    OrthoReg(model, strength=0.3, locality=7.0, mode=mode).step(lr=0.1)
    for name, groups in (("0.weight", 1), ("3.weight", 2), ("4.weight", 1)):
        moved = before[name] - 0.03 * orthoreg_direction(before[name], 7.0, mode, groups)
        scale = (lengths(before[name]) / lengths(moved)).view(-1, *[1] * (moved.ndim - 1))
        torch.testing.assert_close(model.get_parameter(name).data, moved * scale, rtol=1e-12, atol=1e-12)
        assert not torch.equal(model.get_parameter(name), before[name])
    for name in ("1.weight", "1.bias", "2.weight", "4.bias"):
        assert torch.equal(model.get_parameter(name), before[name])


def test_eq_5_5_sgd_and_step_together_to_first_order_in_the_learning_rate() -> None:
    rows = F.normalize(torch.randn(5, 4, dtype=torch.float64), dim=1)
    x = torch.randn(16, 4, dtype=torch.float64)

    def difference(lr: float) -> float:
        model = linear(rows)
        model(x).square().mean().backward()
        printed = rows - lr * (model.weight.grad + 0.5 * orthoreg_direction(rows, mode="global"))
        torch.optim.SGD(model.parameters(), lr).step()
        OrthoReg(model, strength=0.5, mode="global", restore_norms=False).step(lr)
        return (model.weight.data - printed).norm().item()

    assert difference(1e-3) / difference(1e-4) == pytest.approx(100, rel=0.05)  # only terms of lr^2 differ


@pytest.mark.parametrize("mode", MODES)
def test_algorithm_5_1_applies_the_strength_once(mode: str) -> None:
    rows = torch.randn(5, 4, dtype=torch.float64)

    def moved(strength: float) -> Tensor:
        model = linear(rows)
        OrthoReg(model, strength, mode=mode, restore_norms=False).step(lr=0.1)
        return model.weight.data - rows

    torch.testing.assert_close(moved(0.2), 2 * moved(0.1), rtol=1e-12, atol=1e-12)  # line 6 as printed would give 4


@pytest.mark.parametrize("restore_norms", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_small_steps_lower_the_loss_and_negative_strength_raises_it(mode: str, restore_norms: bool) -> None:
    rows = torch.randn(8, 5, dtype=torch.float64)
    start = orthoreg_loss(rows, mode=mode)
    for strength, direction in ((1e-3, -1), (-1e-3, 1)):
        model = linear(rows)
        OrthoReg(model, strength, mode=mode, restore_norms=restore_norms).step(lr=1.0)
        assert (orthoreg_loss(model.weight, mode=mode) - start) * direction > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lengths_are_restored(dtype: torch.dtype) -> None:
    model = linear(torch.randn(20, 6, dtype=dtype) * torch.logspace(-2, 2, 20, dtype=dtype)[:, None])
    before = lengths(model.weight)
    orthoreg = OrthoReg(model, strength=1.0)
    for _ in range(10):
        orthoreg.step(lr=0.1)
    torch.testing.assert_close(lengths(model.weight), before, rtol=1e-6, atol=0)


def test_unrestored_steps_mostly_shrink_near_duplicates() -> None:
    rows = torch.randn(6, dtype=torch.float64) + 1e-2 * torch.randn(2, 6, dtype=torch.float64)
    model = linear(rows)
    OrthoReg(model, strength=0.1, restore_norms=False).step(lr=0.1)
    assert (lengths(model.weight) < lengths(rows)).all()
    change, unit = model.weight.data - rows, F.normalize(rows, dim=1)
    along = (change * unit).sum(1).abs()
    assert (along > 0.999 * change.norm(dim=1)).all()
    assert (nearest_angles(model.weight) > nearest_angles(rows)).all()  # the small rest still parts them


@pytest.mark.parametrize("mode", MODES)
def test_normalized_gradients_have_unit_root_mean_square_length(mode: str) -> None:
    for rows in (torch.randn(5, 8, dtype=torch.float64), torch.randn(50, 8, dtype=torch.float64)):
        model = linear(rows)
        OrthoReg(model, 0.5, mode=mode, restore_norms=False, normalize_gradients=True).step(lr=0.1)
        change = (model.weight.data - rows) / 0.05
        assert change.square().sum(1).mean().sqrt().item() == pytest.approx(1, abs=1e-10)
        assert F.cosine_similarity(-change, orthoreg_direction(rows, mode=mode)).min() > 1 - 1e-10


def test_normalized_gradients_of_a_grouped_convolution_have_that_length_in_each_group() -> None:
    model = nn.Conv2d(4, 6, 3, groups=2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight[3:] = model.weight[:1] + 1e-2 * model.weight[3:]  # near duplicates: a far longer direction
    before = model.weight.detach().clone()
    OrthoReg(model, 0.5, restore_norms=False, normalize_gradients=True).step(lr=0.1)
    change = ((model.weight.data - before) / 0.05).flatten(1)
    for group in change.split(3):
        assert group.square().sum(1).mean().sqrt().item() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("restore_norms", [True, False])
@pytest.mark.parametrize("normalize_gradients", [True, False])
def test_filter_of_zeros_stays(normalize_gradients: bool, restore_norms: bool) -> None:
    options = {"normalize_gradients": normalize_gradients, "restore_norms": restore_norms}
    model, zeros = linear(torch.cat([torch.randn(3, 4), torch.zeros(2, 4)])), linear(torch.zeros(3, 4))
    for part in (model, zeros):
        OrthoReg(part, strength=1.0, **options).step(lr=0.1)
    assert model.weight.isfinite().all()
    assert (model.weight[3:] == 0).all()
    assert (zeros.weight == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_stay_finite_and_of_their_type(dtype: torch.dtype) -> None:
    model = linear(torch.randn(16, 8).to(dtype))
    before = nearest_angles(model.weight)
    orthoreg = OrthoReg(model, strength=1.0)
    for _ in range(20):
        orthoreg.step(lr=0.1)
    assert model.weight.dtype is dtype
    assert model.weight.isfinite().all()
    assert nearest_angles(model.weight).mean() > before.mean()


def test_strength_zero_changes_no_bit() -> None:
    model = network()
    before = [p.clone() for p in model.parameters()]
    OrthoReg(model, strength=0.0).step(lr=0.1)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))


def test_memory_format_survives() -> None:
    plain = nn.Conv2d(4, 6, 3)
    other = nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
    other.load_state_dict(plain.state_dict())
    for model in (plain, other):
        OrthoReg(model, strength=1.0).step(lr=0.1)
    torch.testing.assert_close(other.weight, plain.weight)
    assert other.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("seed", range(4))
def test_toy_of_fig_5_2_local_rule_spreads_twelve_points_evenly_and_global_does_not(seed: int) -> None:
    rows = torch.randn(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    after = {}
    for mode in MODES:
        model = linear(rows)
        orthoreg = OrthoReg(model, strength=0.1, mode=mode)
        for _ in range(300):
            orthoreg.step(lr=0.1)
        after[mode] = nearest_angles(model.weight).mean().rad2deg().item()
    start = nearest_angles(rows).mean().rad2deg().item()
    assert start + 5 < after["local"]
    assert after["global"] + 5 < after["local"]
    assert after["local"] == pytest.approx(360 / 12, abs=0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_equals_cpu() -> None:
    here = network()
    there = network().cuda()
    there.load_state_dict(here.state_dict())
    for model in (here, there):
        OrthoReg(model, strength=1.0).step(lr=0.1)
    for name, weight in there.named_parameters():
        torch.testing.assert_close(weight.cpu(), here.get_parameter(name), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- the choice of layers


def test_layers_are_all_conv_or_picked_by_a_function() -> None:
    model = network()
    assert OrthoReg(model).names == ["0", "3", "4"]
    assert OrthoReg(model, layers="conv").names == ["0", "3"]
    assert OrthoReg(model, layers=lambda name, module: name == "4" and isinstance(module, nn.Linear)).names == ["4"]


def test_frozen_layers_are_left_alone() -> None:
    model = network()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    orthoreg = OrthoReg(model, strength=1.0)
    orthoreg.step(lr=0.1)
    assert orthoreg.names == ["3", "4"]
    assert torch.equal(model[0].weight, before)


def test_tied_weights_move_once() -> None:
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))
    model[1].weight = model[0].weight
    alone = linear(model[0].weight.detach())
    for part in (model, alone):
        OrthoReg(part, strength=1.0).step(lr=0.1)
    assert OrthoReg(model).names == ["0"]
    assert torch.equal(model[1].weight, alone.weight)


@pytest.mark.parametrize(
    "computed", [parametrizations.weight_norm, lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5)]
)
def test_computed_weights_are_refused_by_name(computed) -> None:
    model = nn.Sequential(nn.Linear(4, 4), computed(nn.Linear(4, 4)))
    with pytest.raises(ValueError, match="layer '1' computes its weight"):
        OrthoReg(model)
    assert OrthoReg(model, layers=lambda name, _: name == "0").names == ["0"]


def test_no_matching_layer_is_an_error_that_lists_the_layers() -> None:
    with pytest.raises(ValueError, match=r"layers='conv' matches no trainable layer; the model has \['0'\]"):
        OrthoReg(nn.Sequential(nn.Linear(4, 4)), layers="conv")
    with pytest.raises(ValueError, match="matches no trainable layer"):
        OrthoReg(nn.Conv2d(8, 8, 3, groups=8))
    with pytest.raises(ValueError, match="matches no trainable layer"):
        OrthoReg(network().requires_grad_(False))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "loco"}, "mode must be one of 'local', 'global', got 'loco'"),
        ({"layers": "linear"}, "layers must be one of 'all', 'conv', got 'linear'"),
        ({"locality": 0.0}, "locality must be a finite number above 0, got 0.0"),
        ({"strength": math.nan}, "strength must be a finite number, got nan"),
    ],
)
def test_wrong_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OrthoReg(network(), **options)
