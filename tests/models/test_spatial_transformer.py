"""The spatial transformer: known affine maps, a gradient to the localization, its learning rate, wrong inputs."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.attention import parameter_groups
from fgr.models import SpatialTransformer, cluttered_cnn, localization_cnn


class Fixed(nn.Module):
    """Answers the same affine map for each image."""

    def __init__(self, *affine: float) -> None:
        super().__init__()
        self.affine = torch.tensor([affine], dtype=torch.float64)

    def forward(self, images: Tensor) -> Tensor:
        return self.affine.expand(len(images), -1)


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        ((1, 0, 0, 0, 1, 0), lambda x: x),
        ((-1, 0, 0, 0, 1, 0), lambda x: x.flip(3)),
        ((0, 1, 0, 1, 0, 0), lambda x: x.mT),
        ((1, 0, 0.5, 0, 1, 0), lambda x: F.pad(x[..., 2:], (0, 2))),  # 2 of 8 pixels to the right, zeros beyond
        ((0.5, 0, 0, 0, 0.5, 0), None),
    ],
    ids=["identity", "mirror", "transpose", "shift", "zoom"],
)
def test_known_maps(affine: tuple[float, ...], expected: object) -> None:
    """The map goes from output to input coordinates, so +x looks to the right and 1/2 enlarges."""
    images = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    seen = SpatialTransformer(nn.Identity(), Fixed(*affine)).transform(images)
    if expected is None:  # the middle 4 x 4 fill the image
        corner = images[..., 1:3, 1:3] * torch.tensor([[1.0, 3.0], [3.0, 9.0]]).double() / 16
        torch.testing.assert_close(seen[..., 0, 0], corner.sum((2, 3)))
    else:
        torch.testing.assert_close(seen, expected(images))


def test_starts_as_its_classifier() -> None:
    """The identity, to rounding."""
    classifier, images = cluttered_cnn().eval(), torch.rand(2, 1, 40, 40)
    model = SpatialTransformer(classifier, localization_cnn()).eval()
    torch.testing.assert_close(model(images), classifier(images), rtol=1e-4, atol=1e-4)


def test_localization_learns_and_at_its_own_rate() -> None:
    """Its last layer has a gradient at once, the others after one step; parameter groups scale its rate."""
    model, images = SpatialTransformer(cluttered_cnn(), localization_cnn()), torch.rand(4, 1, 40, 40)
    groups = parameter_groups(model, model.localization, lr=0.1, scale=0.01)
    assert [group["lr"] for group in groups] == [0.001, 0.1]
    optimizer = torch.optim.SGD(groups)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(images), torch.arange(4)).backward()
        optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_weights_survive_a_file(tmp_path: Path) -> None:
    """A state dict loads with weights_only."""
    model, other = (SpatialTransformer(cluttered_cnn(), localization_cnn()).eval() for _ in range(2))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.rand(2, 1, 40, 40)
    assert torch.equal(other(images), model(images))


def test_wrong_inputs() -> None:
    """Each names the shape or size."""
    with pytest.raises(ValueError, match=r"the output of the localization must have shape \(2, 6\), got \(2, 4\)"):
        SpatialTransformer(nn.Identity(), Fixed(1, 0, 0, 1))(torch.zeros(2, 1, 4, 4))
    with pytest.raises(ValueError, match=r"images must have shape \(B, C, H, W\), got \(4, 4\)"):
        SpatialTransformer(nn.Identity(), Fixed(1, 0, 0, 0, 1, 0))(torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"size must be at least 28 .* got 27"):
        localization_cnn(size=27)
    assert localization_cnn(size=28)(torch.zeros(1, 1, 28, 28)).shape == (1, 6)
