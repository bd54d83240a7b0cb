"""WARN: what Tables 4.1 and 4.2 print of it, its parts, its options. Its equations are in tests/attention."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.attention import attention_loss
from fgr.models import WARN, WideResNet
from fgr.models.costs import costs

# depth, AD, AW, classes -> parameters, multiply-accumulates of Conv2d and Linear
COSTS = {
    (28, 1, 1, 10): (36_549_630, 5_247_753_728),
    (28, 2, 4, 10): (36_895_872, 5_296_414_848),
    (28, 2, 4, 100): (40_063_962, 5_694_603_648),
    (28, 3, 4, 10): (36_965_634, 5_367_194_368),
    (28, 3, 4, 100): (40_652_124, 6_296_224_768),
    (40, 3, 4, 10): (56_328_194, 8_198_349_568),
    (40, 3, 4, 100): (60_014_684, 9_127_379_968),
}
# GMAC and millions of parameters of every attention depth and width, 10 classes
GRID = {
    (28, 1): [(5.2478, 36.550), (5.2522, 36.619), (5.2610, 36.757)],
    (28, 2): [(5.2566, 36.585), (5.2699, 36.689), (5.2964, 36.896)],
    (28, 3): [(5.2743, 36.603), (5.3053, 36.724), (5.3672, 36.966)],
    (40, 1): [(8.0789, 55.912), (8.0833, 55.981), (8.0922, 56.120)],
    (40, 2): [(8.0878, 55.947), (8.1010, 56.051), (8.1276, 56.258)],
    (40, 3): [(8.1055, 55.965), (8.1364, 56.086), (8.1983, 56.328)],
}


def cost(depth: int, attention_depth: int, heads: int, classes: int = 10) -> tuple[int, int]:
    return costs(lambda: WARN(depth, 10, classes, attention_depth, heads), 3, 32, 32)


@pytest.mark.parametrize("setting", COSTS)
def test_table_4_2_costs_to_the_last_parameter(setting: tuple[int, int, int, int]) -> None:
    """WARN-28-10 has 36,965,634 parameters and 5.3672 GMAC; with 100 classes the attention is not cheap any more."""
    assert cost(*setting) == COSTS[setting]


@pytest.mark.parametrize(("depth", "attention_depth"), GRID)
def test_costs_of_every_depth_and_width_of_attention(depth: int, attention_depth: int) -> None:
    """To the digits given, and by the formula 9 c K (L + 2) a module, 64 w (AD + 1) + 2 (AD + 1) for the gates."""
    base = costs(lambda: WideResNet(depth, 10), 3, 32, 32).parameters
    for heads, (gmac, millions) in zip((1, 2, 4), GRID[depth, attention_depth]):
        parameters, macs = cost(depth, attention_depth, heads)
        assert (round(macs / 1e9, 4), round(parameters / 1e6, 3)) == (gmac, millions)
        modules = sum(9 * c * heads * 12 for c in (640, 320, 160)[:attention_depth])
        assert parameters == base + modules + 642 * (attention_depth + 1) + 32


def test_attention_at_100_classes_adds_a_fifth() -> None:
    """11 % parameters and 20 % multiply-accumulates: "negligible" holds for CIFAR-10 only."""
    plain = costs(lambda: WideResNet(28, 10, 100), 3, 32, 32)
    parameters, macs = cost(28, 3, 4, 100)
    assert round(parameters / plain.parameters, 2) == 1.11 and round(macs / plain.macs, 2) == 1.20


# ---------------------------------------------------------------- parts


def test_shapes_deepest_module_first_and_every_parameter_learns() -> None:
    """Also on images that are not square, and in one channel."""
    model = WARN(10, 1, 7, heads=2, in_channels=1)
    output = model(torch.randn(4, 1, 16, 24))
    assert output.log_scores.shape == (4, 7) and output.gates.shape == (4, 4)
    assert [mask.shape for mask in output.masks] == [(4, 2, 4, 6), (4, 2, 8, 12), (4, 2, 16, 24)]
    attention_loss(output, torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_taps_are_rectified_by_the_batch_norm_of_the_next_stage() -> None:
    """Shared with the main path: no statistics are gathered twice."""
    model = WARN(16, 1, heads=1)
    base = model.base
    inputs = {}
    for name, module in (("middle", base.stages[2][0]), ("first", base.stages[1][0])):
        module.register_forward_pre_hook(lambda _, given, name=name: inputs.update({name: given[0]}))
    last, middle, first = model.eval().observe(torch.randn(2, 3, 8, 8)).taps
    assert torch.equal(middle, F.relu(base.stages[2][0].bn1(inputs["middle"])))
    assert torch.equal(first, F.relu(base.stages[1][0].bn1(inputs["first"])))
    assert last.shape == (2, 64, 2, 2) and (last >= 0).all()
    model.train()(torch.randn(2, 3, 8, 8))
    counted = {int(m.num_batches_tracked) for m in model.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d))}
    assert counted == {1}


def test_gates_fixed_to_the_network_recover_it_exactly() -> None:
    """WARN without a word of its attention is the wide residual network in it."""
    model = WARN(10, 1, 5, heads=2).eval()

    class Network(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return torch.eye(4)[3].expand(len(features), 4)

    model.rectifier.gates = Network()
    images = torch.randn(3, 3, 8, 8)
    assert torch.equal(model(images).log_scores, model.base(images).log_softmax(1))


def test_base_is_the_wide_residual_network_of_the_options() -> None:
    """Same names, so weights move between the two; defaults are those of the released attention runs."""
    plain = WideResNet(10, 1, 5, dropout_kind="channel", shortcut="raw", stem_bn=True)
    WARN(10, 1, 5).base.load_state_dict(plain.state_dict())
    block = WARN(10, 1, dropout=0.3).base.stages[0][0]
    assert block.raw_shortcut and isinstance(block.dropout, nn.Dropout2d) and block.dropout.p == 0.3
    other = WARN(10, 1, 5, dropout=0.3, dropout_kind="elementwise", shortcut="preactivated", stem_bn=False)
    other.base.load_state_dict(WideResNet(10, 1, 5).state_dict())
    assert not other.base.stages[0][0].raw_shortcut and type(other.base.stages[0][0].dropout) is nn.Dropout


def test_batch_norm_may_start_as_in_2018() -> None:
    """Weights uniform in [0, 1] on request."""
    norms = [m for m in WARN(10, 1, norm_weights="uniform").modules() if isinstance(m, nn.BatchNorm2d)]
    weights = torch.cat([norm.weight for norm in norms]).detach()
    assert weights.min() >= 0 and weights.max() <= 1 and 0.4 < weights.mean() < 0.6
    assert all((m.weight == 1).all() for m in WARN(10, 1).modules() if isinstance(m, nn.BatchNorm2d))


def test_blocked_gradients_train_the_base_by_its_own_hypothesis() -> None:
    """The gradient of the base is that of its own answer times its gate."""
    model = WARN(10, 1, 5, block_gradients=True).double().eval()
    images, targets = torch.randn(2, 3, 8, 8, dtype=torch.float64), torch.tensor([1, 4])
    output = model(images)
    parameters = list(model.base.parameters())
    ours = torch.autograd.grad(attention_loss(output, targets, 0), parameters)
    own = F.cross_entropy(model.base(images), targets, reduction="none") * output.gates[:, -1].detach()
    for mine, theirs in zip(ours, torch.autograd.grad(own.mean(), parameters)):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_evaluation_is_deterministic_and_weights_survive_a_file(tmp_path: Path) -> None:
    """One image at a time agrees with a batch; a state dict loads with weights_only."""
    model, other, images = WARN(10, 1, 5, dropout=0.3), WARN(10, 1, 5), torch.randn(3, 3, 8, 8)
    model(images)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        together = model.eval()(images).log_scores
        assert torch.equal(other.eval()(images).log_scores, together)
        alone = torch.cat([model(image[None]).log_scores for image in images])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_stays_finite(dtype: torch.dtype) -> None:
    """The whole network in half precision, and under autocast where that exists on a CPU."""
    images = torch.randn(2, 3, 8, 8)
    model = WARN(10, 1, 5).eval()
    with torch.no_grad(), torch.autocast("cpu", dtype):
        assert model(images).log_scores.isfinite().all()
    output = model.to(dtype)(images.to(dtype))
    assert output.log_scores.dtype == dtype and output.log_scores.isfinite().all()
    assert all(mask.isfinite().all() for mask in output.masks)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees() -> None:
    """In float64, where no fast approximations are taken."""
    model, images = WARN(10, 1, 5).double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = model(images).log_scores
    torch.testing.assert_close(model.cuda()(images.cuda()).log_scores.cpu(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_depth": 0}, "attention_depth must be 1 to 3, got 0; without attention, take WideResNet"),
        ({"attention_depth": 4}, "attention_depth must be 1 to 3, got 4"),
        ({"depth": 11}, r"depth must be 6 N \+ 4"),
        ({"gates": "hard"}, "gates must be one of"),
        ({"norm_weights": "zeros"}, "norm_weights must be one of 'ones', 'uniform', got 'zeros'"),
        ({"shortcut": "none"}, "shortcut must be one of"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    """Each names the value and what exists."""
    with pytest.raises(ValueError, match=message):
        WARN(**{"depth": 10, "width": 1, **options})
