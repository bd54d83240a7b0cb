"""WRN-att2: the printed sizes, its attention against loops, and why the published form trains no global branch."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fgr.models import WRNAtt2
from fgr.models.att2 import Compatibility
from fgr.models.costs import costs

# depth, projection, classes -> parameters, multiply-accumulates
COSTS = {
    (40, "global", 10): (63_837_916, 8_547_083_648),
    (40, "global", 100): (63_924_406, 8_547_170_048),
    (40, "local", 10): (63_841_756, 8_599_392_768),
    (28, "global", 10): (44_475_356, 5_715_928_448),
    (28, "local", 10): (44_479_196, 5_768_237_568),
}


@pytest.mark.parametrize("setting", COSTS)
def test_table_4_2_costs(setting: tuple[int, str, int]) -> None:
    """64M parameters by either layout; 8.6 GMAC by "local" for depth 40, 5.7 by "global" for depth 28."""
    depth, projection, classes = setting
    assert costs(lambda: WRNAtt2(depth, 10, classes, projection), 3, 32, 32) == COSTS[setting]
    assert round(COSTS[40, projection, 10][0] / 1e6) == 64
    assert round(COSTS[40, "local", 10][1] / 1e9, 1) == 8.6 and round(COSTS[28, "global", 10][1] / 1e9, 1) == 5.7


@pytest.mark.parametrize("kind", ["parametrised", "dot"])
def test_compatibility_equals_its_loops(kind: str) -> None:
    """Scores, softmax over places, weighted mean of features."""
    module = Compatibility(3, kind).double()
    local, g = torch.randn(2, 3, 2, 4, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    seen, masks = module(local, g)
    for b in range(2):
        places = [local[b, :, y, x] for y in range(2) for x in range(4)]
        if kind == "dot":
            scores = torch.stack([place @ g[b] for place in places])
        else:
            u = module.score.weight.flatten()
            scores = torch.stack([u @ (place + g[b]) + module.score.bias[0] for place in places])
        a = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(masks[b].flatten(), a, rtol=1e-10, atol=1e-10)
        expected = sum(weight * place for weight, place in zip(a, places))
        torch.testing.assert_close(seen[b], expected, rtol=1e-10, atol=1e-10)


def gradients(**options: object) -> dict[str, bool]:
    """Return whether each parameter gets a gradient worth the name, in float64."""
    model = WRNAtt2(10, 1, 5, **options).double()
    F.cross_entropy(model(torch.randn(4, 3, 16, 16, dtype=torch.float64)), torch.arange(4)).backward()
    return {n: p.grad is not None and bool((p.grad.abs() > 1e-12).any()) for n, p in model.named_parameters()}


@pytest.mark.parametrize("projection", ["global", "local"])
def test_every_parameter_learns_with_dot_products(projection: str) -> None:
    """All but biases of convolutions whose BatchNorm takes them away."""
    idle = {name for name, learns in gradients(compatibility="dot", projection=projection).items() if not learns}
    assert idle == {"branch.0.bias", "branch.3.bias"}


def test_the_published_form_never_trains_its_global_branch() -> None:
    """<u, l + g> differs from <u, l> by the same number everywhere, which the softmax cancels."""
    idle = {name for name, learns in gradients().items() if not learns}
    assert {name.split(".")[0] for name in idle if name.startswith(("branch", "project"))} == {
        "branch", "project_global",
    }  # fmt: skip
    assert idle == {n for n in gradients() if n.startswith(("branch", "project_global")) or n.endswith("score.bias")}


def test_blocked_gradients_never_train_the_network() -> None:
    """The thesis reports that it does not converge: nothing of the wide residual network moves."""
    learns = gradients(block_gradients=True, compatibility="dot")
    assert not any(value for name, value in learns.items() if name.startswith("base."))
    assert learns["classifier.weight"] and learns["branch.0.weight"]


def test_masks_sum_to_one_and_logits_are_the_output() -> None:
    """Masks of the last stage first, as WARN's."""
    model, images = WRNAtt2(10, 1, 5).eval(), torch.randn(2, 3, 16, 24)
    logits, masks = model.look(images)
    assert torch.equal(model(images), logits)
    assert [mask.shape for mask in masks] == [(2, 4, 6), (2, 8, 12)]
    for mask in masks:
        torch.testing.assert_close(mask.sum((1, 2)), torch.ones(2))


def test_weights_survive_a_file(tmp_path: Path) -> None:
    """A state dict loads with weights_only."""
    model, other = WRNAtt2(10, 1, 5).eval(), WRNAtt2(10, 1, 5).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(other(images), model(images))


def test_unknown_options() -> None:
    """Each names what exists."""
    with pytest.raises(ValueError, match="projection must be one of 'global', 'local', got 'both'"):
        WRNAtt2(10, 1, projection="both")
    with pytest.raises(ValueError, match="kind must be one of 'parametrised', 'dot', got 'cosine'"):
        WRNAtt2(10, 1, compatibility="cosine")
