"""Whole networks: sizes that the thesis prints, shapes, gradients, modes, options."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fgr.models import ResNetCIFAR, WideResNet, architecture, digit_cnn, mlp

Build = Callable[[], nn.Module]
NETWORKS: list[tuple[Build, tuple[int, ...]]] = [  # small versions, with the shape of one input
    (lambda: mlp(in_features=64, hidden=16, num_classes=7), (1, 8, 8)),
    (lambda: digit_cnn(num_classes=7, hidden=32, dropout=0.5), (1, 32, 32)),
    (lambda: WideResNet(depth=10, width=1, num_classes=7, dropout=0.3), (3, 32, 32)),
    (
        lambda: WideResNet(10, 2, 7, 0.3, dropout_kind="channel", shortcut="raw", stem_bn=True, in_channels=1),
        (1, 24, 32),  # not square
    ),
    (lambda: ResNetCIFAR(depth=8, num_classes=7), (3, 20, 32)),
]
each_network = pytest.mark.parametrize(("build", "shape"), NETWORKS, ids=["mlp", "digit_cnn", "wrn", "wrn-b", "resnet"])


@each_network
def test_logits_and_a_gradient_for_every_parameter(build: Build, shape: tuple[int, ...]) -> None:
    model = build()
    logits = model(torch.randn(4, *shape))
    assert logits.shape == (4, 7)
    F.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@each_network
def test_evaluation_is_deterministic_and_one_image_at_a_time_agrees(build: Build, shape: tuple[int, ...]) -> None:
    model, images = build().eval(), torch.randn(3, *shape)
    with torch.no_grad():
        together = model(images)
        assert torch.equal(model(images), together)
        alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@each_network
def test_weights_survive_a_file(build: Build, shape: tuple[int, ...], tmp_path: Path) -> None:
    model, other = build(), build()
    model(torch.randn(8, *shape))  # moves the running statistics
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(2, *shape)
    assert torch.equal(other.eval()(images), model.eval()(images))


@pytest.mark.parametrize(
    "build", [lambda rate: digit_cnn(dropout=rate), lambda rate: WideResNet(10, 1, dropout=rate, in_channels=1)]
)
def test_dropout_draws_in_training_mode_only(build: Callable[[float], nn.Module]) -> None:
    images = torch.randn(8, 1, 32, 32)
    dropping, plain = build(0.5).train(), build(0.0).train()
    assert not torch.equal(dropping(images), dropping(images))
    assert torch.equal(plain(images), plain(images))
    assert torch.equal(dropping.eval()(images), dropping(images))


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("build", "parameters", "macs"),
    [
        (lambda: WideResNet(28, 10), 36_479_194, 5.2433e9),
        (lambda: WideResNet(28, 10, num_classes=100), 36_536_884, 5.2434e9),
        (lambda: WideResNet(28, 10, shortcut="raw"), 36_479_194, 5.2433e9),
        (lambda: WideResNet(40, 10), 55_841_754, 8.0745e9),
        (lambda: ResNetCIFAR(110), 1_727_962, 0.2529e9),
        (lambda: mlp(), 3 * (1024 + 1) * 1024 + 1025 * 10, 3 * 1024**2 + 10240),
    ],
    ids=["WRN-28-10", "WRN-28-10/100", "WRN-28-10 raw", "WRN-40-10", "ResNet-110", "MLP"],
)
def test_parameters_and_multiply_adds(build: Build, parameters: int, macs: float) -> None:
    with torch.device("meta"):  # shapes without numbers
        model = build()
        with FlopCounterMode(display=False) as counter:  # counts convolutions and matrix products, 2 a multiply-add
            model(torch.empty(1, 1 if isinstance(model, nn.Sequential) else 3, 32, 32))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert counter.get_total_flops() / 2 == pytest.approx(macs, rel=2e-5 if macs > 1e9 else 2e-4)


@pytest.mark.parametrize(
    ("name", "parameters"), [("alexnet", 61_100_840), ("vgg16", 138_357_544), ("resnet50", 25_557_032)]
)
def test_published_architectures(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = architecture(name)
        assert architecture(name, num_classes=7)(torch.empty(2, 3, 224, 224)).shape == (2, 7)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_unknown_architecture() -> None:
    with pytest.raises(ValueError, match="architecture must be one of 'alexnet', 'vgg16', 'resnet50', got 'lenet'"):
        architecture("lenet")


def test_wide_resnet_has_its_depth_and_widths() -> None:
    with torch.device("meta"):
        model = WideResNet(28, 10)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sum(m.kernel_size == (3, 3) for m in convolutions) == 25
    assert [m.stride[0] for m in convolutions if m.kernel_size == (1, 1)] == [1, 2, 2]
    assert [stage[-1].conv2.out_channels for stage in model.stages] == [160, 320, 640]
    assert model.stages[0][0].shortcut is not None
    assert WideResNet(10, 1).stages[0][0].shortcut is None  # 16 channels stay 16: nothing to project


# ---------------------------------------------------------------- options


def test_shortcut_reads_the_raw_or_the_activated_input() -> None:
    images = torch.randn(2, 3, 16, 16)
    models = {kind: WideResNet(10, 2, shortcut=kind).eval() for kind in ("raw", "preactivated")}
    models["raw"].load_state_dict(models["preactivated"].state_dict())
    block, x = models["raw"].stages[0][0], torch.randn(2, 16, 4, 4)
    with torch.no_grad():
        active = F.relu(block.bn1(x))
        main = block.conv2(F.relu(block.bn2(block.conv1(active))))
        torch.testing.assert_close(block(x) - main, block.shortcut(x))
        torch.testing.assert_close(models["preactivated"].stages[0][0](x) - main, block.shortcut(active))
        assert not torch.allclose(models["raw"](images), models["preactivated"](images))


def test_stem_is_normalised_and_rectified_only_if_asked() -> None:
    images = torch.randn(4, 3, 8, 8)
    assert (WideResNet(10, 1).stem(images) < 0).any()
    assert (WideResNet(10, 1, stem_bn=True).stem(images) >= 0).all()


@pytest.mark.parametrize(("kind", "whole_channels"), [("elementwise", False), ("channel", True)])
def test_kind_of_dropout(kind: str, whole_channels: bool) -> None:
    dropout = WideResNet(10, 1, dropout=0.5, dropout_kind=kind).stages[0][0].dropout
    shares = (dropout(torch.ones(8, 16, 6, 6)) == 0).float().mean((2, 3))
    assert ((shares == 0) | (shares == 1)).all() == whole_channels
    assert 0.3 < shares.mean() < 0.7


def test_residual_shortcut_of_resnet_subsamples_and_pads_with_zeros() -> None:
    block = ResNetCIFAR(depth=8).blocks[1]  # 16 -> 32 channels, stride 2
    nn.init.zeros_(block.bn2.weight)  # leaves the shortcut alone
    x = torch.rand(2, 16, 8, 6)
    out = block(x)
    assert torch.equal(out[:, :16], x[:, :, ::2, ::2])
    assert (out[:, 16:] == 0).all()


def test_digit_cnn_has_the_widths_of_table_5_1() -> None:
    sizes = [m.weight.shape[0] for m in digit_cnn().modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert sizes == [32, 64, 512, 10]


@pytest.mark.parametrize("depth", [4, 9, 27, 12])
def test_wrong_depth_of_wide_resnet(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth must be 6 N \+ 4 \(10, 16, .*\), got {depth}"):
        WideResNet(depth)


@pytest.mark.parametrize("depth", [2, 7, 109, 10])
def test_wrong_depth_of_resnet(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth must be 6 N \+ 2 \(8, 20, .*\), got {depth}"):
        ResNetCIFAR(depth)


def test_unknown_options_of_wide_resnet() -> None:
    with pytest.raises(ValueError, match="shortcut must be one of 'preactivated', 'raw', got 'none'"):
        WideResNet(10, 1, shortcut="none")
    with pytest.raises(ValueError, match="dropout_kind must be one of 'elementwise', 'channel', got 'spatial'"):
        WideResNet(10, 1, dropout_kind="spatial")


@torch.no_grad()
def test_channels_last_changes_nothing_but_the_layout() -> None:
    model, images = WideResNet(10, 1).eval(), torch.randn(2, 3, 32, 32)
    plain = model(images)
    other = model.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)
