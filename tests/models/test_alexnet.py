"""AlexNet with new fc7 and fc8: what is kept, what is drawn, and how fast each part learns."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.models import alexnet, architecture, retraining_groups

NEW = ("classifier.4.", "classifier.6.")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """Build one network for all tests: 57 million parameters take a moment."""
    torch.manual_seed(0)
    return alexnet(num_outputs=12)


def test_parameters() -> None:
    with torch.device("meta"):
        built, published = alexnet(num_outputs=1000), architecture("alexnet")
        assert alexnet(num_outputs=66)(torch.empty(2, 3, 224, 224)).shape == (2, 66)
    assert sum(p.numel() for p in built.parameters()) == 61_100_840
    assert {k: v.shape for k, v in built.state_dict().items()} == {
        k: v.shape for k, v in published.state_dict().items()
    }


def test_new_layers_have_caffes_spread(model: nn.Module) -> None:
    assert model.classifier[4].weight.std().item() == pytest.approx(0.005, rel=0.01)
    assert model.classifier[6].weight.std().item() == pytest.approx(0.01, rel=0.02)  # 49,152 weights
    assert (model.classifier[4].bias == 0.1).all()
    assert (model.classifier[6].bias == 0).all()


def test_gradients_modes_and_step(model: nn.Module) -> None:
    images, targets = torch.randn(2, 3, 64, 64), torch.tensor([3, 11])
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(images), model(images))
        model.train()
        assert not torch.equal(model(images), model(images))  # dropout
    model.zero_grad()
    F.cross_entropy(model(images), targets).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name
    before = {name: p.detach().clone() for name, p in model.named_parameters() if "bias" in name}
    torch.optim.SGD(retraining_groups(model, lr=0.001)).step()
    for name, old in before.items():
        moved = model.get_parameter(name).detach() - old
        rate = 0.01 if name.startswith(NEW) else 0.001
        torch.testing.assert_close(moved, -rate * model.get_parameter(name).grad, rtol=1e-3, atol=1e-8)
    model.zero_grad()


def test_groups_hold_every_parameter_once_or_the_new_ones_alone() -> None:
    with torch.device("meta"):
        built = alexnet(num_outputs=5)
    slow, fast = retraining_groups(built, lr=0.002, multiplier=5)
    assert (slow["lr"], fast["lr"]) == (0.002, 0.01)
    assert {*map(id, slow["params"]), *map(id, fast["params"])} == set(map(id, built.parameters()))
    assert len(slow["params"]) + len(fast["params"]) == len(list(built.parameters()))
    (alone,) = retraining_groups(built, freeze=True)
    assert alone["lr"] == 0.01
    assert [name for name, p in built.named_parameters() if p.requires_grad] == [
        f"{layer}{part}" for layer in NEW for part in ("weight", "bias")
    ]
    with pytest.raises(ValueError, match="multiplier must be a finite number above 0"):
        retraining_groups(built, multiplier=0)


def test_given_weights_are_kept_but_for_the_new_layers(model: nn.Module, tmp_path: Path) -> None:
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    other = alexnet(num_outputs=9, weights=weights)  # another last layer than that of the weights
    for name, value in other.state_dict().items():
        if not name.startswith(NEW):
            assert torch.equal(value, weights[name]), name
    assert not torch.equal(other.classifier[4].weight, model.classifier[4].weight)


def test_foreign_weights_are_refused() -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=r"features.0.weight is nothing, not \(64, 3, 11, 11\)"):
        alexnet(num_outputs=9, weights={"classifier.6.weight": torch.zeros(9, 4096)})
    with torch.device("meta"), pytest.raises(ValueError, match=r"features.0.weight is \(96, 3, 11, 11\), not"):
        alexnet(num_outputs=9, weights={"features.0.weight": torch.zeros(96, 3, 11, 11)})
    with pytest.raises(ValueError, match="num_outputs must be a finite number above 0"):
        alexnet(num_outputs=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees(model: nn.Module) -> None:
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        here = model.eval()(images)
        torch.testing.assert_close(model.cuda()(images.cuda()).cpu(), here, rtol=1e-3, atol=1e-4)
    model.cpu()
