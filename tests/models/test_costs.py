"""Parameters and multiply-accumulates, counted by hand and against the printed tables of chapter 4."""

import pytest
import torch
from torch import nn

from fgr.models import WideResNet
from fgr.models.costs import costs


def test_costs_by_hand() -> None:
    """A strided convolution in two groups and a linear layer; BatchNorm and frozen weights are no work."""

    def build() -> nn.Module:
        layers = nn.Sequential(
            nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),  # 6 x 2 x 9 weights, at 4 x 4 places
            nn.BatchNorm2d(6),
            nn.Flatten(),
            nn.Linear(6 * 16, 5),
        )
        layers[3].bias.requires_grad_(False)
        return layers

    assert costs(build, 4, 8, 8) == (108 + 12 + 480, 108 * 16 + 480)


@pytest.mark.parametrize(
    ("depth", "parameters", "macs", "printed"),
    [(28, 36_479_194, 5_243_328_768, 5.2), (40, 55_841_754, 8_074_483_968, 8.1)],
)
def test_wide_residual_networks_cost_what_table_4_1_prints(
    depth: int, parameters: int, macs: int, printed: float
) -> None:
    """Parameters equal the author's logs; the column "GFlop" holds multiply-accumulates."""
    found = costs(lambda: WideResNet(depth, 10, 10), 3, 32, 32)
    assert found == (parameters, macs)
    assert round(found.macs / 1e9, 1) == printed


def test_counting_builds_nothing() -> None:
    """A layer of 40 TB is counted as quickly as any."""
    assert costs(lambda: nn.Linear(10**7, 10**6, bias=False), 10**7).parameters == 10**13
    assert torch.zeros(1).device.type == "cpu"
