"""Attention on networks that know nothing of it: torchvision's, transformers, plain sequences; what is refused."""

import copy
import pickle
from pathlib import Path
from threading import Thread

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from fgr.attention import AttendAndRectify, attention_loss, augment, run_with_taps
from fgr.models import WideResNet

# layers, then C and H = W of each, for images of 224 x 224; the deepest first
NETWORKS = {
    "resnet18": (["layer4", "layer3", "layer2"], [(512, 7), (256, 14), (128, 28)], "fc", 512),
    "wide_resnet50_2": (["layer4", "layer3"], [(2048, 7), (1024, 14)], "fc", 2048),
    "vgg11_bn": (["features.28", "features.21"], [(512, 7), (512, 14)], "classifier.6", 4096),
    "densenet121": (
        ["features.denseblock4", "features.transition3.relu"], [(1024, 7), (1024, 14)], "classifier", 1024,
    ),
    "mobilenet_v3_small": (["features.12", "features.8"], [(576, 7), (48, 14)], "classifier.3", 1024),
    "convnext_tiny": (["features.7", "features.5"], [(768, 7), (384, 14)], "classifier.2", 768),
    "vit_b_16": (
        ["encoder.layers.encoder_layer_11", "encoder.layers.encoder_layer_5.ln_2"], [(768, 14)] * 2, "heads.head", 768,
    ),
}  # fmt: skip


def small_resnet(num_classes: int = 5) -> nn.Module:
    return torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes)


def small_transformer() -> nn.Module:
    model = torchvision.models.VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=5)
    nn.init.normal_(model.heads.head.weight)  # zero at first
    return model


def sequence() -> nn.Sequential:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 5))


SMALL = {
    "resnet": (small_resnet, ["layer3", "layer2.0.conv2"], 32),
    "transformer": (small_transformer, ["encoder.layers.encoder_layer_1", "encoder.layers.encoder_layer_0"], 16),
    "sequence": (sequence, ["4", "2"], 16),
    "wrn": (lambda: WideResNet(10, 1, 5), ["stages.2", "stages.0.0.relu2"], 16),
}
each_network = pytest.mark.parametrize("name", SMALL)


def build(name: str, **options: object) -> tuple[nn.Module, AttendAndRectify, Tensor]:
    """Return a small network, the same with attention, and four images for both."""
    make, taps, size = SMALL[name]
    base = make()
    return base, augment(base, taps, 5, heads=2, input_shape=(3, size, size), **options), torch.randn(4, 3, size, size)


# ---------------------------------------------------------------- what works


@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks_by_layer_names(name: str) -> None:
    """Sizes are found, and the attention costs 9 C K (L + 2) a module and its gates, on the meta device."""
    taps, sizes, classifier, features = NETWORKS[name]
    with torch.device("meta"):
        base = torchvision.models.get_model(name, weights=None, num_classes=10)
        model = augment(base, taps, num_classes=10, heads=4)
        output = model(torch.empty(2, 3, 224, 224))
    assert output.log_scores.shape == (2, 10) and output.gates.shape == (2, len(taps) + 1)
    assert [mask.shape for mask in output.masks] == [(2, 4, side, side) for _, side in sizes]
    assert model.base is base and model.classifier == classifier
    added = sum(p.numel() for p in model.rectifier.parameters())
    assert added == sum(9 * c * 4 * 12 for c, _ in sizes) + (features + 2) * (len(taps) + 1)


@each_network
def test_the_network_itself_is_untouched(name: str) -> None:
    """The same output, names, weights, hooks and statistics before, during and after."""
    make, taps, size = SMALL[name]
    base = make()
    twin = copy.deepcopy(base)
    keys, images = list(base.state_dict()), torch.randn(4, 3, size, size)
    model = augment(base, taps, 5, heads=2, input_shape=(3, size, size))
    torch.manual_seed(1)
    observed = model.observe(images)  # in training mode, so dropout draws and BatchNorm moves
    torch.manual_seed(1)
    assert torch.equal(observed.logits, twin(images))
    for (key, mine), theirs in zip(base.state_dict().items(), twin.state_dict().values()):
        assert torch.equal(mine, theirs), key
    assert list(base.state_dict()) == keys
    assert torch.equal(base.eval()(images), twin.eval()(images))
    assert not any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in base.modules())


@each_network
def test_log_scores_are_what_the_rectifier_makes_of_the_observed(name: str) -> None:
    """Masks sum to one, every parameter learns, and cached features give the same answer."""
    _, model, images = build(name)
    output = model(images)
    attention_loss(output, torch.tensor([0, 1, 2, 3]), 1.0).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
    for mask in output.masks:
        torch.testing.assert_close(mask.sum((2, 3)), torch.ones(4, 2))
    with torch.no_grad():
        model.eval()
        for first, second in zip(model(images)[::2], model.rectifier(model.observe(images))[::2]):
            assert torch.equal(first, second)


def test_taps_are_what_the_layers_put_out() -> None:
    """Compared with forward hooks; tokens become a grid in rows after the class token."""
    base, model, images = build("resnet")
    seen = {}
    handles = [
        base.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
        for name in model.taps
    ]
    observed = model.eval().observe(images)
    base(images)
    for name, tap in zip(model.taps, observed.taps):
        assert torch.equal(tap, seen[name]), name
    for handle in handles:
        handle.remove()
    base, model, images = build("transformer")
    tokens = run_with_taps(base.eval(), [model.taps[0]], images)[1][model.taps[0]].output
    assert tokens.shape == (4, 17, 8)
    assert torch.equal(model.eval().observe(images).taps[0][:, :, 1, 2], tokens[:, 1 + 4 * 1 + 2])


def test_only_the_attention_learns_if_the_base_is_frozen() -> None:
    """And layers of the base that stand in evaluation mode stay there."""
    make, taps, size = SMALL["sequence"]
    base = make().requires_grad_(False)
    base[1].eval()
    model = augment(base, taps, 5, input_shape=(3, size, size))
    assert model.training and model.rectifier.training and base[0].training and not base[1].training
    attention_loss(model(torch.randn(4, 3, size, size)), torch.tensor([0, 1, 2, 3])).backward()
    assert all(p.grad is None for p in base.parameters())
    assert all(p.grad is not None for p in model.rectifier.parameters())


@each_network
def test_weights_survive_a_file_and_models_a_pickle(name: str, tmp_path: Path) -> None:
    """A state dict loads with weights_only and gives the same output; so does a pickled model."""
    _, model, images = build(name)
    _, other, _ = build(name)
    model(images)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    expected = model.eval()(images)
    for twin in (other.eval(), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert torch.equal(twin(images).log_scores, expected.log_scores)


def test_precision_and_device_of_the_network_are_taken_over() -> None:
    """Half a network is given half the attention."""
    model = augment(sequence().to(torch.bfloat16), ["4"], 5, input_shape=(3, 16, 16))
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert model(torch.randn(4, 3, 16, 16, dtype=torch.bfloat16)).log_scores.isfinite().all()


def test_two_threads_at_once_do_not_mix() -> None:
    """As replicas of one network do: each call sees its own taps."""
    _, model, _ = build("sequence")
    model.eval()
    images = [torch.randn(8, 3, 16, 16) for _ in range(2)]
    expected = [model(image).masks[0] for image in images]
    wrong = []

    def run(number: int) -> None:
        for _ in range(30):
            if not torch.equal(model(images[number]).masks[0], expected[number]):
                wrong.append(number)

    threads = [Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_convolution_as_classifier_and_grids_that_are_no_square() -> None:
    """The features are averaged over space; tokens are arranged as told."""
    base = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = augment(base, ["1"], 5, classifier="2", input_shape=(3, 8, 8))
    assert model.observe(torch.zeros(3, 3, 8, 8)).features.shape == (3, 4)
    tokens = nn.Sequential(nn.Flatten(2), nn.Linear(4, 4), nn.Flatten(), nn.Linear(24, 5))  # (B, 6, 4) in between
    model = augment(tokens, ["1"], 5, input_shape=(6, 2, 2), token_grid=(2, 3))
    assert model(torch.zeros(3, 6, 2, 2)).masks[0].shape == (3, 4, 2, 3)


def test_it_compiles_without_a_break() -> None:
    """One graph from images to log scores."""
    _, model, images = build("sequence")
    compiled = torch.compile(model.eval(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images).log_scores, model(images).log_scores)


class FromMaps(nn.Module):
    """A classifier on what torchvision's feature extractor returns."""

    def __init__(self, base: nn.Module, layer: str) -> None:
        super().__init__()
        self.body = create_feature_extractor(base, {layer: "maps"})
        self.fc = nn.Linear(base.fc.in_features, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.body(images)["maps"].mean((2, 3)))


def test_networks_traced_by_fx() -> None:
    """A GraphModule is a class of its own for every network; its layers are tapped like those it was traced from."""
    base, images = small_resnet().eval(), torch.randn(4, 3, 32, 32)
    expected = run_with_taps(base, ["layer3.0.conv2"], images)[1]["layer3.0.conv2"]
    traced = torch.fx.symbolic_trace(base)
    for network, tap in ((traced, "layer3.0.conv2"), (FromMaps(base, "layer4").eval(), "body.layer3.0.conv2")):
        model = augment(network, [tap], 5, heads=2, input_shape=(3, 32, 32)).eval()
        observed = model.observe(images)
        assert model.classifier == "fc" and torch.equal(observed.logits, network(images))
        assert torch.equal(observed.taps[0], expected.output)
        assert model(images).masks[0].shape == (4, 2, 2, 2)


class Registered(nn.Module):
    """One part of the network has two names, and one of its layers a third."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))
        self.features, self.last = self.part, self.part[2]
        self.fc = nn.Linear(6, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(images).mean((2, 3)))


class RunTwice(Registered):
    """The layer with three names runs by two of them."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + self.fc(self.last(self.part[:2](images)).mean((2, 3)))


def test_a_layer_under_several_names_is_tapped_by_any_of_them() -> None:
    """Whichever name the forward pass reaches it by; and that it runs twice is seen under all of them."""
    network, images = Registered().eval(), torch.randn(4, 3, 8, 8)
    names = ["last", "part.2", "features.2"]
    _, seen = run_with_taps(network, [*names, "part"], images)
    assert list(seen) == [*names, "part"]
    assert all(torch.equal(seen[name].output, network.part(images)) for name in seen)
    assert torch.equal(seen["part"].input, images) and torch.equal(seen["last"].input, network.part[:2](images))
    assert augment(network, ["part.0", "last"], 5, input_shape=(3, 8, 8)).observe(images).taps[0].shape == (4, 4, 6, 6)
    for name in names:
        with pytest.raises(ValueError, match=f"layer '{name}' runs more than once in a forward pass"):
            run_with_taps(RunTwice(), [name], images)


def test_what_hooks_of_the_network_change_is_seen_changed() -> None:
    """The attention reads what the next layer reads."""
    network, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()), torch.randn(2, 3, 8, 8)
    expected = 2 * network[0](images + 1)
    network[0].register_forward_pre_hook(lambda _, args: (args[0] + 1,))
    network[0].register_forward_hook(lambda _, args, output: 2 * output)
    _, seen = run_with_taps(network, ["0", "1"], images)
    assert torch.equal(seen["0"].input, images + 1)
    assert torch.equal(seen["0"].output, expected) and torch.equal(seen["1"].input, expected)
    assert len(network[0]._forward_hooks) == 1


# ---------------------------------------------------------------- what is refused


class Odd(nn.Module):
    """Puts out what attention cannot use."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.bn, self.idle = nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.BatchNorm2d(4), nn.ReLU()
        self.lstm, self.linear = nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.relu(self.bn(self.conv(x))))
        return self.linear(self.lstm(x.mean(2).mT)[0].mean(1))


@pytest.mark.parametrize(
    ("taps", "options", "message"),
    [
        (["layr2"], {}, r"ResNet has no layer 'layr2'; it has 'layer2', 'layer2.0', 'layer.*'fc', 'conv1', 'bn1'$"),
        (["layer3.0.conv9"], {}, r"ResNet has no layer 'layer3.0.conv9'; it has 'layer3.0.conv2', 'layer3.0.conv1'"),
        (["layer4"], {"classifier": "head"}, "ResNet has no layer 'head'; it has 'relu', 'layer4', .*'fc'"),
        (["layer3.0.bn1"], {}, "layer 'layer3.0.bn1' is overwritten in place by a later layer: tap the one"),
        (["layer3.0.relu"], {}, "layer 'layer3.0.relu' runs more than once in a forward pass"),
        (["fc"], {}, r"layer 'fc' puts out \(2, 5\): a tap must be a map \(B, C, H, W\) or tokens"),
        (["layer4"], {"num_classes": 9}, r"puts out \(2, 5\) for num_classes=9: replace its classifier first"),
        ("layer4", {}, "taps must be a list of different layer names, got 'layer4'"),
        ([], {}, r"taps must be a list of different layer names, got \[\]"),
        (["layer4", "layer4"], {}, "taps must be a list of different layer names"),
        (["layer4"], {"input_shape": (1, 64, 64)}, r"ResNet does not run on images of \(1, 64, 64\): give their"),
        (["layer4"], {"heads": 0}, "heads must be a finite number above 0, got 0"),
        (["layer4"], {"gates": "soft"}, "gates must be one of"),
    ],
)
def test_wrong_layers_are_named_beside_right_ones(taps: list[str], options: dict, message: str) -> None:
    """One sentence; the network stays as it was, in training mode and without hooks."""
    with torch.device("meta"):
        base = small_resnet()
    with pytest.raises(ValueError, match=message):
        augment(base, taps, **{"num_classes": 5, "input_shape": (3, 64, 64), **options})
    assert base.training and not any(module._forward_hooks for module in base.modules())


@pytest.mark.parametrize(
    ("tap", "message"),
    [
        ("idle", "layer 'idle' did not run in the forward pass of Odd"),
        ("lstm", "layer 'lstm' puts out a tuple, not one tensor: tap a layer inside it"),
        ("conv.bias", "Odd has no layer 'conv.bias'; it has 'conv', "),
    ],
)
def test_layers_that_give_no_map_are_refused(tap: str, message: str) -> None:
    """Layers that do not run, or put out several tensors."""
    with pytest.raises(ValueError, match=message):
        augment(Odd(), [tap], 5, input_shape=(3, 8, 8))


@pytest.mark.filterwarnings("ignore:.torch.jit")  # deprecated, and in use
def test_torchscript_is_refused_and_told_what_to_do() -> None:
    """The whole network, or the part that holds the layer; a part that holds none stays as it is."""
    base, images = small_resnet().eval(), torch.randn(2, 3, 32, 32)
    remedy = "augment the network before scripting or tracing it"
    for scripted in (torch.jit.script(base), torch.jit.trace(base, images)):
        with pytest.raises(ValueError, match=f"'layer4' cannot be tapped, for the network is TorchScript: {remedy}"):
            augment(scripted, ["layer4"], 5, input_shape=(3, 32, 32))
        with pytest.raises(ValueError, match=f"layer '0.layer4' cannot be tapped, for '0' is TorchScript: {remedy}"):
            augment(nn.Sequential(scripted), ["0.layer4"], 5, input_shape=(3, 32, 32))
    network = nn.Sequential(torch.jit.script(nn.Conv2d(3, 3, 1)), base)
    assert augment(network, ["1.layer4"], 5, input_shape=(3, 32, 32))(images).masks[0].shape == (2, 4, 1, 1)


def test_a_network_without_linear_layer_needs_a_name() -> None:
    """The error says what to give."""
    base = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match="Sequential runs no Linear layer: name its last layer as classifier="):
        augment(base, ["0"], 5, input_shape=(3, 8, 8))


@pytest.mark.parametrize(("count", "message"), [(15, "puts out 15 tokens, which is no square grid"), (6, "6 tokens")])
def test_tokens_that_are_no_square(count: int, message: str) -> None:
    """9 tokens after 6 class tokens, or 2 x 3: cannot be guessed."""
    base = nn.Sequential(nn.Flatten(2), nn.Linear(4, 4), nn.Flatten(), nn.Linear(4 * count, 5))
    with pytest.raises(ValueError, match=message):
        augment(base, ["1"], 5, input_shape=(count, 2, 2))
