"""The inter-mask penalty in cases whose value is known, the loss around it, and groups of parameters."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.attention import AttentionOutput, attention_loss, mask_penalty, parameter_groups


def one_hot(place: int, heads: int, side: int = 4) -> torch.Tensor:
    mask = torch.zeros(1, heads, side * side, dtype=torch.float64)
    mask[:, :, place] = 1
    return mask.view(1, heads, side, side)


def test_collapsed_masks_reach_the_bound() -> None:
    """All heads on one place: (K - 1) / K / 256, 2.93e-3 for four; unpooled (K - 1) / K."""
    assert mask_penalty([one_hot(5, heads=4)]).item() == 3 / 4 / 256
    assert mask_penalty([one_hot(5, heads=4)], pool=1).item() == 3 / 4
    assert mask_penalty([one_hot(5, heads=4), one_hot(0, heads=1)]).item() == 3 / 8 / 256  # the mean over modules


def test_uniform_masks_of_8_by_8() -> None:
    """1.1e-5, of which the released weight leaves 1e-8."""
    uniform = torch.full((2, 4, 8, 8), 1 / 64, dtype=torch.float64)
    assert mask_penalty([uniform]).item() == pytest.approx(3 / 4 * (16 * (1 / 64) ** 2) ** 2)
    assert mask_penalty([uniform]).item() == pytest.approx(1.1e-5, rel=0.05)


def test_apart_or_alone_costs_nothing() -> None:
    """Heads on different squares, or one head."""
    apart = torch.cat([one_hot(0, 1), one_hot(2, 1), one_hot(8, 1)], 1)
    assert mask_penalty([apart]) == 0
    assert mask_penalty([one_hot(3, heads=1)]) == 0
    neighbours = torch.cat([one_hot(0, 1), one_hot(1, 1)], 1)  # one square after pooling, two places before
    assert mask_penalty([neighbours]) > 0 and mask_penalty([neighbours], pool=1) == 0


def test_gradcheck_of_the_penalty() -> None:
    """On odd sizes, whose last row pooling leaves out."""
    masks = torch.rand(2, 3, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: mask_penalty([m]), masks)


def test_loss_is_the_likelihood_plus_the_weighted_penalty() -> None:
    """And not cross-entropy, since the released log scores are not normalised."""
    log_scores = torch.randn(1, 3).log_softmax(1) * 0.9
    output, targets = AttentionOutput(log_scores, (one_hot(0, 2).float(),), torch.ones(1, 2)), torch.tensor([1])
    plain = attention_loss(output, targets, 0)
    assert plain == -log_scores[0, 1] and not torch.isclose(plain, F.cross_entropy(log_scores, targets))
    torch.testing.assert_close(attention_loss(output, targets, 100.0), plain + 100 / 2 / 256)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mask_penalty([]), "masks must hold at least one tensor"),
        (lambda: mask_penalty([torch.zeros(2, 3)]), r"masks must have shape \(B, K, H, W\), got \(2, 3\)"),
        (lambda: mask_penalty([torch.zeros(1, 2, 1, 4)]), r"masks of \(1, 4\) cannot be pooled by 2: give pool=1"),
        (lambda: attention_loss(None, None, -1.0), "penalty_weight must be a finite number of at least 0, got -1.0"),
        (lambda: parameter_groups(nn.Linear(1, 1), nn.Linear(1, 1), 0.1), "base, a Linear, must be a part of"),
        (lambda: parameter_groups(nn.ReLU(), nn.ReLU(), 0.1), "no parameter of ReLU requires a gradient"),
        (lambda: parameter_groups(nn.Linear(1, 1), nn.ReLU(), 0), "lr must be a finite number above 0, got 0"),
        (lambda: parameter_groups(nn.Linear(1, 1), nn.ReLU(), 1, scale=-1), "scale must be a finite number above 0"),
    ],
)
def test_wrong_input_is_named(call: object, message: str) -> None:
    """One sentence with the value and the remedy."""
    with pytest.raises(ValueError, match=message):
        call()


def test_groups_hold_each_trained_parameter_once() -> None:
    """The base at a tenth of the rate; shared and frozen parameters are counted rightly."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
    model[1].weight = model[0].weight  # tied, so part of the base
    model[2].bias.requires_grad_(False)
    base, new = parameter_groups(model, model[0], lr=0.5)
    assert (base["lr"], new["lr"]) == (0.05, 0.5)
    assert [id(p) for p in base["params"]] == [id(model[0].weight), id(model[0].bias)]
    assert [id(p) for p in new["params"]] == [id(model[1].bias), id(model[2].weight)]
    model[0].requires_grad_(False)
    (only,) = parameter_groups(model, model[0], lr=0.5)
    assert only["name"] == "new"


def test_groups_scale_the_step_of_plain_descent() -> None:
    """One step moves the base a tenth as far."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(parameter_groups(model, model[0], lr=0.5))
    model(torch.ones(1, 1, dtype=torch.float64)).sum().backward()
    optimizer.step()
    for parameter, start, lr in zip(model.parameters(), before, (0.05, 0.5)):
        torch.testing.assert_close(parameter, start - lr * parameter.grad)
