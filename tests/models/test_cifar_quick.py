"""cifar_quick: Caffe's sizes and initial weights, gradients, modes, weights in a file, an output code behind it."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fgr.models import cifar_quick
from fgr.output_codes import CodeHead, gaussian


def awake(num_outputs: int) -> nn.Sequential:
    """Return a network whose first layer is not so quiet that float32 noise matters."""
    model = cifar_quick(num_outputs)
    with torch.no_grad():
        model[0].weight.mul_(100)
    return model


def test_maps_shrink_as_in_caffe() -> None:
    sizes, x = [], torch.zeros(1, 3, 32, 32)
    for layer in cifar_quick():
        x = layer(x)
        if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(32, 16, 16), (32, 8, 8), (64, 4, 4)]


def test_pooling_at_the_border_averages_what_is_there() -> None:
    pool = cifar_quick()[5]
    pooled = pool(torch.arange(16.0).reshape(1, 1, 4, 4))  # windows of 3 x 3, then cut off: Caffe divides by their size
    assert pooled.flatten().tolist() == [5.0, 6.5, 11.0, 12.5]


def test_parameters_and_multiply_adds() -> None:
    with torch.device("meta"):
        model = cifar_quick(100)
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 32, 32))
    by_hand = [(75 + 1) * 32, (800 + 1) * 32, (800 + 1) * 64, 1025 * 64, 65 * 100]
    assert [sum(p.numel() for p in layer.parameters()) for layer in model if list(layer.parameters())] == by_hand
    macs = 75 * 32 * 32**2 + 800 * 32 * 16**2 + 800 * 64 * 8**2 + 1024 * 64 + 64 * 100
    assert counter.get_total_flops() == 2 * macs


def test_initial_weights_have_caffes_spread() -> None:
    weighted = [layer for layer in cifar_quick(1000) if list(layer.parameters())]
    for layer, spread in zip(weighted, (1e-4, 0.01, 0.01, 0.1, 0.1)):
        assert layer.weight.std().item() == pytest.approx(spread, rel=0.06)  # 2,400 weights: 1.4% a standard error
        assert (layer.bias == 0).all()


def test_every_parameter_gets_a_gradient_through_a_code() -> None:
    model = nn.Sequential(awake(12), CodeHead(gaussian(20, 12, torch.Generator().manual_seed(0))))
    logits = model(torch.randn(4, 3, 32, 32))
    assert logits.shape == (4, 20)
    F.cross_entropy(logits, torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_both_modes_agree_and_weights_survive_a_file(tmp_path: Path) -> None:
    model, other, images = awake(7), awake(7), torch.randn(3, 3, 32, 32)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        assert torch.equal(other.eval()(images), model.train()(images))  # no dropout, no running statistics
        alone = torch.cat([model(image[None]) for image in images])
        torch.testing.assert_close(alone, model(images), rtol=1e-4, atol=1e-5)
        assert model[:-1](images).shape == (3, 64)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees() -> None:
    model, images = awake(7), torch.randn(3, 3, 32, 32)
    here = model(images)
    torch.testing.assert_close(model.cuda()(images.cuda()).cpu(), here, rtol=1e-3, atol=1e-4)
