"""The network for cluttered digits in its two layouts, alone and with attention."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.attention import attention_loss, augment
from fgr.models import cluttered_cnn
from fgr.models.cluttered_cnn import LAYOUTS, TAPS

SIDES = {"printed": [5, 5, 5, 10, 20], "released": [4, 6, 6, 8, 18]}  # of TAPS


def test_sizes() -> None:
    """The released layout to its last parameter; the printed one by hand."""
    assert sum(p.numel() for p in cluttered_cnn(layout="released").parameters()) == 916_460
    convolutions = 9 * (1 * 32 + 32 * 64 + 64 * 128 + 2 * 128 * 128) + 2 * 128
    norms, linear = 2 * (32 + 64 + 128), 3200 * 256 + 256 + 2570
    assert sum(p.numel() for p in cluttered_cnn().parameters()) == convolutions + norms + linear


@pytest.mark.parametrize("layout", LAYOUTS)
def test_attention_of_each_depth(layout: str) -> None:
    """Modules from the fifth stage backwards; masks have the sizes of the stages; every parameter learns."""
    for attention_depth in (1, 4, 5):
        taps = TAPS[:attention_depth]
        model = augment(cluttered_cnn(layout=layout), taps, num_classes=10, heads=2, input_shape=(1, 40, 40))
        output = model(torch.rand(2, 1, 40, 40))
        assert [mask.shape[2] for mask in output.masks] == SIDES[layout][:attention_depth]
    attention_loss(output, torch.tensor([1, 2])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_printed_layout_is_that_of_the_text() -> None:
    """Five 3 x 3 convolutions, BatchNorm and pooling after the first three, two linear layers."""
    stages = [getattr(cluttered_cnn(), f"stage{number}") for number in range(1, 6)]
    assert all(stage[0].kernel_size == (3, 3) for stage in stages)
    kinds = [[type(layer) for layer in stage[1:]] for stage in stages]
    assert kinds == [[nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]] * 3 + [[nn.ReLU]] * 2
    assert sum(isinstance(module, nn.Linear) for module in cluttered_cnn().modules()) == 2


def test_released_layout_normalises_after_the_rectifier() -> None:
    """And the image first."""
    model = cluttered_cnn(layout="released")
    assert isinstance(model.norm, nn.BatchNorm2d) and model.stage1[0].kernel_size == (5, 5)
    kinds = [[type(layer) for layer in getattr(model, f"stage{number}")[1:]] for number in (1, 3)]
    assert kinds == [[nn.MaxPool2d, nn.ReLU, nn.BatchNorm2d], [nn.ReLU, nn.BatchNorm2d]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_few_steps_learn_a_few_images(layout: str) -> None:
    """The loss of four random images falls by half."""
    model, images, targets = cluttered_cnn(layout=layout), torch.rand(4, 1, 40, 40), torch.arange(4)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    losses = []
    for _ in range(8):
        loss = F.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_unknown_layout() -> None:
    """Names the two."""
    with pytest.raises(ValueError, match="layout must be one of 'printed', 'released', got 'thesis'"):
        cluttered_cnn(layout="thesis")
