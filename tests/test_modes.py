"""Evaluation mode is lent: every module gets its own mode back, whatever happens."""

import pytest
import torch
from torch import nn

from fgr.modes import evaluating


def partly_frozen() -> nn.Sequential:
    """A network in training whose first normalisation its owner froze."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4), nn.Dropout()))
    model.train()[1].eval()
    return model


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def test_all_evaluate_inside_and_each_is_as_before_after() -> None:
    model = partly_frozen()
    before = modes(model)
    with evaluating(model):
        assert not any(modes(model))
    assert modes(model) == before == [True, True, False, True, True, True]


def test_modes_come_back_after_an_error() -> None:
    model = partly_frozen()
    before = modes(model)
    with pytest.raises(RuntimeError), evaluating(model):
        model(torch.zeros(1, 2, 8, 8))
    assert modes(model) == before


def test_a_model_in_evaluation_stays_there() -> None:
    model = partly_frozen().eval()
    with evaluating(model):
        pass
    assert not any(modes(model))
