"""ResNeXt: the sizes of Table 4.2, its blocks, gradients, files, wrong options."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.models import ResNeXt
from fgr.models.costs import costs
from fgr.models.resnext import ResNeXtBlock

COSTS = {
    (16, 10): (68_155_210, 10_688_866_304),
    (16, 100): (68_247_460, 10_688_958_464),
    (8, 10): (34_426_698, 5_387_266_048),
    (8, 100): (34_518_948, 5_387_358_208),
}


@pytest.mark.parametrize("setting", COSTS)
def test_table_4_2_costs(setting: tuple[int, int]) -> None:
    """The table's row, 68M and 10.7, is 16 x 64d."""
    cardinality, classes = setting
    assert costs(lambda: ResNeXt(29, cardinality, 64, classes), 3, 32, 32) == COSTS[setting]


def test_shapes_and_a_gradient_for_every_parameter() -> None:
    """On images that are not square."""
    model = ResNeXt(depth=11, cardinality=2, base_width=2, num_classes=5)
    logits = model(torch.randn(4, 3, 16, 24))
    assert logits.shape == (4, 5)
    F.cross_entropy(logits, torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_groups_do_not_see_each_other() -> None:
    """The 3 x 3 convolution equals one convolution a group, side by side."""
    block = ResNeXtBlock(8, 8, inner=6, groups=3, stride=1)
    x = torch.randn(2, 6, 5, 5)
    parts = [F.conv2d(x[:, 2 * g : 2 * g + 2], block.conv2.weight[2 * g : 2 * g + 2], padding=1) for g in range(3)]
    torch.testing.assert_close(block.conv2(x), torch.cat(parts, 1))
    assert isinstance(block.shortcut, nn.Identity)


def test_stages_halve_maps_and_double_widths() -> None:
    """Bottlenecks of 1024, 2048 and 4096 channels at 16 x 64d, outputs of 256, 512, 1024."""
    with torch.device("meta"):
        stages = ResNeXt().stages
        x = torch.empty(1, 64, 32, 32)
        for stage, (inner, out, side) in zip(stages, [(1024, 256, 32), (2048, 512, 16), (4096, 1024, 8)]):
            x = stage(x)
            assert stage[0].conv2.out_channels == inner and x.shape == (1, out, side, side) and len(stage) == 3


def test_weights_survive_a_file(tmp_path: Path) -> None:
    """A state dict loads with weights_only."""
    model, other = (ResNeXt(11, 2, 2).eval() for _ in range(2))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(other(images), model(images))


@pytest.mark.parametrize("depth", [2, 10, 28, 30])
def test_wrong_depth(depth: int) -> None:
    """Names some that exist."""
    with pytest.raises(ValueError, match=rf"depth must be 9 N \+ 2 \(11, 20, 29, .*\), got {depth}"):
        ResNeXt(depth)
    with pytest.raises(ValueError, match="cardinality must be a finite number above 0, got 0"):
        ResNeXt(cardinality=0)
