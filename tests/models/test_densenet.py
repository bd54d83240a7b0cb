"""DenseNet-BC: the sizes of Table 4.2, its layers, gradients, files, wrong options."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fgr.models import DenseNetBC
from fgr.models.costs import costs
from fgr.models.densenet import DenseLayer

COSTS = {
    (190, 40, 10): (25_624_430, 9_301_945_740),
    (190, 40, 100): (25_821_620, 9_302_142_840),
    (250, 24, 10): (15_324_406, 5_418_785_724),
    (250, 24, 100): (15_480_556, 5_418_941_784),
}


@pytest.mark.parametrize("setting", COSTS)
def test_table_4_2_costs(setting: tuple[int, int, int]) -> None:
    """26M and 9.3 for DenseNet-BC-190-40, 5.4 for 250-24."""
    assert costs(lambda: DenseNetBC(*setting), 3, 32, 32) == COSTS[setting]


def test_shapes_and_a_gradient_for_every_parameter() -> None:
    """On images that are not square."""
    model = DenseNetBC(depth=16, growth=3, num_classes=5)
    logits = model(torch.randn(4, 3, 16, 24))
    assert logits.shape == (4, 5)
    F.cross_entropy(logits, torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_a_layer_keeps_what_it_reads_and_appends() -> None:
    """Channels in front are the input, k new ones follow."""
    x = torch.randn(2, 5, 4, 4)
    y = DenseLayer(5, growth=3)(x)
    assert y.shape == (2, 8, 4, 4) and torch.equal(y[:, :5], x)


def test_transitions_halve_channels_and_maps() -> None:
    """For 190-40: 80 + 31 x 40 = 1320 channels, then half of them, and so on."""
    with torch.device("meta"):
        x, channels = torch.empty(1, 80, 32, 32), 80
        for number, stage in enumerate(DenseNetBC().stages):
            x = stage(x)
            channels = (channels // 2 if number else channels) + 31 * 40
            assert x.shape == (1, channels, 32 // 2**number, 32 // 2**number)


def test_weights_survive_a_file(tmp_path: Path) -> None:
    """A state dict loads with weights_only."""
    model, other = (DenseNetBC(10, 4).eval() for _ in range(2))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(other(images), model(images))


@pytest.mark.parametrize("depth", [4, 12, 191])
def test_wrong_depth(depth: int) -> None:
    """Names some that exist."""
    with pytest.raises(ValueError, match=rf"depth must be 6 N \+ 4 \(10, 40, .*\), got {depth}"):
        DenseNetBC(depth)
    with pytest.raises(ValueError, match="growth must be a finite number above 0, got 0"):
        DenseNetBC(growth=0)
