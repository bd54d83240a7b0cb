"""EfficientNet-Lite0: shapes, gradients, padding by hand, and published weights that see what a photograph shows."""

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn

from fgr import data
from fgr.models import EfficientNetLite0, load_efficientnet_weights
from fgr.models.costs import costs
from fgr.models.efficientnet_lite import MEAN, STD, SameConv2d

DAISY, DAHLIA_LIKE = 985, (985, 986, 309, 308)  # the sample is a dahlia, which ImageNet's 1000 classes have not


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return data.weights("efficientnet_lite0")


def test_parameters_and_cost_are_the_published_ones() -> None:
    found = costs(EfficientNetLite0, 3, 224, 224)
    assert found.parameters == 4_652_008
    assert found.macs == pytest.approx(407e6, rel=0.06)  # the authors count 407 M, with other layers


def test_shapes_gradients_and_modes() -> None:
    net = EfficientNetLite0(num_classes=5)
    images = torch.randn(4, 3, 64, 64)
    net(images).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    net.eval()
    assert torch.equal(net(images), net(images)) and net(images).shape == (4, 5)
    assert net(torch.randn(1, 3, 33, 47)).shape == (1, 5)  # any size


@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (8, 5, 2), (9, 5, 1), (6, 1, 1)])
def test_padding_is_at_the_end_first(size: int, kernel: int, stride: int) -> None:
    conv = SameConv2d(1, 1, kernel, stride, bias=False).double()
    image = torch.randn(1, 1, size, size, dtype=torch.float64)
    places = -(-size // stride)
    missing = max((places - 1) * stride + kernel - size, 0)
    begin = missing // 2
    wide = torch.zeros(size + missing, size + missing, dtype=torch.float64)
    wide[begin : begin + size, begin : begin + size] = image[0, 0]
    slow = torch.stack(
        [
            (wide[i * stride : i * stride + kernel, j * stride : j * stride + kernel] * conv.weight[0, 0]).sum()
            for i in range(places)
            for j in range(places)
        ]
    ).view(places, places)
    torch.testing.assert_close(conv(image)[0, 0], slow, rtol=0, atol=1e-12)


def test_published_weights_know_a_flower_and_a_temple(published: dict) -> None:
    net = load_efficientnet_weights(EfficientNetLite0(), published).eval()
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (MEAN, STD))
    guesses = []
    for name in ("flower.jpg", "china.jpg"):
        picture = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1).float() / 255  # (3, 427, 640)
        square = nn.functional.interpolate(picture[None, :, :, 106:533], 224, mode="bilinear", antialias=True)
        with torch.no_grad():
            guesses.append(net((square - mean) / std).topk(3).indices[0].tolist())
    assert set(guesses[0]) & set(DAHLIA_LIKE)
    assert 698 in guesses[1] or 832 in guesses[1] or 663 in guesses[1]  # palace, stupa, monastery


def test_a_head_of_ones_own_keeps_its_weights(published: dict) -> None:
    net = EfficientNetLite0(num_classes=3)
    before = net.classifier.weight.clone()
    load_efficientnet_weights(net, published, head=False)
    assert torch.equal(net.classifier.weight, before)
    assert torch.equal(net.stem.conv.weight, published["_conv_stem.weight"])
    assert torch.equal(net.blocks[15].project.norm.running_var, published["_blocks.15._bn2.running_var"])


def test_weights_that_do_not_fit_are_named(published: dict) -> None:
    with pytest.raises(ValueError, match=r"weights lack 'blocks\.3\.expand\.conv\.weight'"):
        load_efficientnet_weights(
            EfficientNetLite0(), {k: v for k, v in published.items() if "_blocks.3._expand" not in k}
        )
    with pytest.raises(ValueError, match=r"weights have an unknown 'extra'"):
        load_efficientnet_weights(EfficientNetLite0(), {**published, "extra": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"classifier\.weight has shape \(1000, 1280\), the network wants \(3, 1280\)"):
        load_efficientnet_weights(EfficientNetLite0(3), published)
