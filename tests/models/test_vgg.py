"""VGG networks: published sizes, weights under every published name, layers by name; features of any network."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from fgr.models import VGG, extract_features, face_cnn, find_layer, load_vgg_weights, vgg16

NETWORKS: dict[str, Callable[[], VGG]] = {
    "vgg": lambda: VGG(((4,), (6, 6)), hidden=16, num_classes=7, size=16),
    "face_cnn": lambda: face_cnn(num_classes=7, size=16, in_channels=3, hidden=16),
}
each_network = pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)


@each_network
def test_logits_and_a_gradient_for_every_parameter(build: Callable[[], VGG]) -> None:
    model = build()
    logits = model(torch.randn(8, 3, 16, 16))
    assert logits.shape == (8, 7)
    F.cross_entropy(logits, torch.arange(8) % 7).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@each_network
def test_modes_and_a_file(build: Callable[[], VGG], tmp_path: Path) -> None:
    model, other, images = build(), build(), torch.randn(4, 3, 16, 16)
    assert not torch.equal(model(images), model(images))  # dropout
    model.eval()
    with torch.no_grad():
        together = model(images)
        torch.testing.assert_close(torch.cat([model(one[None]) for one in images]), together, rtol=1e-4, atol=1e-5)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other.eval()(images), together)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@each_network
def test_a_gpu_agrees(build: Callable[[], VGG]) -> None:
    model, images = build().eval(), torch.randn(4, 3, 16, 16)
    expected = model(images)
    torch.testing.assert_close(model.cuda()(images.cuda()).cpu(), expected, rtol=1e-2, atol=1e-3)
    (found,) = extract_features(model, [images], "fc8", device="cuda")
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3)


def test_sizes_of_vgg_16_and_vgg_face() -> None:
    with torch.device("meta"):
        face, imagenet, theirs = vgg16(), vgg16(num_classes=1000), torchvision.models.vgg16()
        assert face(torch.empty(2, 3, 224, 224)).shape == (2, 2622)
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    assert count(imagenet) == count(theirs) == 138_357_544
    assert count(face) == 138_357_544 + 4097 * (2622 - 1000)
    assert (face.fc6.in_features, face.fc6.out_features, face.fc7.out_features) == (512 * 7 * 7, 4096, 4096)
    assert [name for name, _ in face.named_children()][-8:] == [
        "flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8",
    ]  # fmt: skip


def test_every_weight_of_torchvisions_vgg_16_finds_its_place() -> None:
    with torch.device("meta"):
        theirs, ours = torchvision.models.vgg16().state_dict(), vgg16(num_classes=1000)
    seen = {}
    ours.load_state_dict = seen.update  # meta tensors hold nothing to copy
    load_vgg_weights(ours, theirs)
    assert seen["conv1_1.weight"] is theirs["features.0.weight"]
    assert seen["conv5_3.bias"] is theirs["features.28.bias"]
    assert seen["fc6.weight"] is theirs["classifier.0.weight"] and seen["fc8.bias"] is theirs["classifier.6.bias"]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvisions_weights_give_torchvisions_outputs(batch_norm: bool) -> None:
    features = torchvision.models.vgg.make_layers([4, "M", 6, 6, "M"], batch_norm)
    linear = [
        nn.Linear(6 * 16, 10),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(10, 10),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(10, 5),
    ]
    theirs = nn.ModuleDict({"features": features, "classifier": nn.Sequential(*linear)}).eval()
    images = torch.randn(3, 3, 16, 16)
    state = dict(theirs.state_dict())
    ours = VGG(((4,), (6, 6)), hidden=10, num_classes=5, size=16, batch_norm=batch_norm).eval()
    if batch_norm:  # torchvision's convolutions have a bias before their normalisation, which does nothing
        for name in [f"features.{i}.bias" for i, m in enumerate(features) if isinstance(m, nn.Conv2d)]:
            nn.init.zeros_(theirs.get_parameter(name))
            del state[name]
    expected = theirs["classifier"](theirs["features"](images).flatten(1))
    torch.testing.assert_close(load_vgg_weights(ours, state).eval()(images), expected, rtol=1e-5, atol=1e-6)


def test_names_of_vgg_face_conversions() -> None:
    model, other = NETWORKS["vgg"](), NETWORKS["vgg"]()
    state = {name.replace("conv", "conv_"): value for name, value in model.state_dict().items()}
    assert "conv_2_1.weight" in state
    load_vgg_weights(other, state)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in other.state_dict().items())


def test_a_new_head_keeps_its_own_weights() -> None:
    trained, model = NETWORKS["vgg"](), VGG(((4,), (6, 6)), hidden=16, num_classes=1, size=16)
    before = model.fc8.weight.clone()
    with pytest.raises(ValueError, match=r"fc8\..* the model needs \(1.*pass head=False to keep the model's own"):
        load_vgg_weights(model, trained.state_dict())
    assert not torch.equal(model.fc6.weight, trained.fc6.weight)  # nothing half loaded
    load_vgg_weights(model, trained.state_dict(), head=False)
    assert torch.equal(model.fc6.weight, trained.fc6.weight) and torch.equal(model.fc8.weight, before)


def test_weights_that_do_not_fit_are_named() -> None:
    model = NETWORKS["vgg"]()
    state = dict(model.state_dict())
    del state["fc6.bias"]
    with pytest.raises(ValueError, match=r"weights do not fit: missing fc6\.bias; unknown none"):
        load_vgg_weights(model, state)
    with pytest.raises(ValueError, match=r"unknown layer1\.weight"):
        load_vgg_weights(model, {**model.state_dict(), "layer1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"conv1_1\.weight has shape \(4, 1, 3, 3\), the model needs \(4, 3, 3, 3\)"):
        load_vgg_weights(model, {**model.state_dict(), "conv1_1.weight": torch.zeros(4, 1, 3, 3)})


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(B, 3, 16, 16\), got \(1, 3, 20, 16\)"):
        NETWORKS["vgg"]()(torch.zeros(1, 3, 20, 16))
    with pytest.raises(ValueError, match="size 8 is too small for 4 stages, which halve it"):
        face_cnn(num_classes=2, size=8)


# ---------------------------------------------------------------- features of any layer


def test_features_are_those_of_the_named_layer_and_rectified_only_behind_relu() -> None:
    model, images = NETWORKS["vgg"]().eval(), torch.randn(5, 3, 16, 16)
    flat = nn.Sequential(*list(model.children())[: [n for n, _ in model.named_children()].index("fc6")])(images)
    fc6 = model.fc6(flat)
    (before,), (after,) = extract_features(model, [images], "fc6"), extract_features(model, [images], "relu6")
    torch.testing.assert_close(before, fc6)
    torch.testing.assert_close(after, fc6.relu())
    (maps,) = extract_features(model, [images], "pool1")
    assert maps.shape == (5, 4 * 8 * 8)


def test_features_come_in_evaluation_mode_without_gradients_or_traces() -> None:
    model = NETWORKS["face_cnn"]().train()
    batches = torch.randn(6, 3, 16, 16).split(4)
    statistics = model.bn1_1.running_mean.clone()
    found = torch.cat(list(extract_features(model, batches, "fc7")))
    again = torch.cat(list(extract_features(model, torch.cat(batches).split(1), "fc7")))
    torch.testing.assert_close(found, again, rtol=1e-4, atol=1e-5)
    assert not found.requires_grad and torch.equal(model.bn1_1.running_mean, statistics)
    assert not any(module._forward_hooks for module in model.modules())
    nn.Linear(16, 1)(found).sum().backward()  # a later model can be trained on them


def test_a_layer_inside_a_torchvision_network() -> None:
    model, images = torchvision.models.squeezenet1_1().eval(), torch.randn(1, 3, 32, 32)
    (found,) = extract_features(model, [images], "features.3.squeeze")
    torch.testing.assert_close(found, model.features[3].squeeze(model.features[:3](images)).flatten(1))


def test_what_follows_the_layer_is_not_computed() -> None:
    class Never(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise AssertionError("computed")

    model = nn.Sequential(nn.Linear(3, 2), Never())
    (found,) = extract_features(model, [torch.ones(4, 3)], "0")
    assert found.shape == (4, 2)


def test_layers_that_cannot_be_read() -> None:
    model = NETWORKS["vgg"]()
    with pytest.raises(ValueError, match=r"the model has no layer 'fc9'; there are, among \d+: fc"):
        find_layer(model, "fc9")
    lstm = nn.Sequential(nn.LSTM(3, 2))
    with pytest.raises(ValueError, match="layer '0' gives tuple, not a tensor"):
        list(extract_features(lstm, [torch.zeros(1, 2, 3)], "0"))
    unused = nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(3, 2)})
    unused.forward = unused["a"].forward
    with pytest.raises(ValueError, match="layer 'b' is not reached"):
        list(extract_features(unused, [torch.zeros(1, 3)], "b"))
