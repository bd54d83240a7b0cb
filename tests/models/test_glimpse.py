"""GlimpseNets of chapter 3: which layers they share, how much they cost, what they refuse."""

import io

import pytest
import torch
from torch.nn import functional as F
from torchvision.models import resnet18

from fgr.glimpse import GlimpseNet
from fgr.models.costs import costs
from fgr.models.glimpse import FromOneImage, Until, glimpse_cnn, glimpse_vgg
from fgr.models.vgg import VGG, VGG16


def test_where_is_vgg16_up_to_pool5_and_what_up_to_pool3() -> None:
    with torch.device("meta"):
        net = glimpse_vgg(8)
        plain = VGG(VGG16, 4096, 8, 224)
    convolutions = sum(p.numel() for name, p in plain.named_parameters() if name.startswith("conv"))
    assert sum(p.numel() for p in net.where.parameters()) == convolutions == 14_714_688
    assert list(dict(net.what.named_children())) == list(dict(net.where.named_children()))[:17]
    seen = net.where(torch.empty(1, 3, 224, 224, device="meta"))
    assert seen.shape == (1, 512, 7, 7)
    assert net.classifier[0].in_features == 512 * 49 + 5 * 256  # pool5, and pool3 of 5 patches


def test_shared_layers_are_counted_once_and_separate_ones_twice() -> None:
    sizes = [sum(p.numel() for p in glimpse_cnn(8, shared=shared).parameters()) for shared in (True, False)]
    what = glimpse_cnn(8).what
    assert sizes[1] - sizes[0] == sum(p.numel() for p in what.parameters())


def test_every_parameter_gets_a_gradient_and_training_changes_its_mode() -> None:
    torch.manual_seed(0)
    net = glimpse_cnn(4, low_size=16, high_size=32, grid=4, patches=3)
    net.train()
    F.cross_entropy(net(torch.rand(8, 3, 16, 16), torch.rand(8, 3, 32, 32)).scores, torch.arange(8) % 4).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and (name == "locate.score.bias" or parameter.grad.abs().sum() > 0), name
    net.eval()
    low, high = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 32, 32)
    assert torch.equal(net(low, high).scores, net(low, high).scores)


def test_saved_and_loaded_it_says_the_same() -> None:
    net, file = glimpse_cnn(4, low_size=16, high_size=32, grid=4, patches=3).eval(), io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    again = glimpse_cnn(4, low_size=16, high_size=32, grid=4, patches=3).eval()
    again.load_state_dict(torch.load(file, weights_only=True))
    low, high = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)
    assert torch.equal(net(low, high).scores, again(low, high).scores)


def test_reading_five_of_256_cells_costs_a_fraction_of_reading_all() -> None:
    """The cost of the what network is proportional to the number of patches."""

    def macs(patches: int) -> int:
        return costs(lambda: FromOneImage(glimpse_vgg(8, patches=patches, hidden=8), 224), 3, 896, 896).macs

    five, all_cells = macs(5), macs(256)
    whole = costs(lambda: glimpse_vgg(8, hidden=8).where, 3, 224, 224).macs
    # VGG-16 up to pool3 over 16 times the pixels, of which 5 / 256 are read
    assert 1.0 < five / whole < 1.3 and all_cells / whole > 8


def test_one_image_gives_both_views() -> None:
    torch.manual_seed(0)
    net = glimpse_cnn(4, low_size=16, high_size=32, grid=4, patches=3).eval()
    high = torch.rand(2, 3, 32, 32)
    low = F.interpolate(high, (16, 16), mode="bilinear", antialias=True)
    assert torch.equal(FromOneImage(net, 16)(high).scores, net(low, high).scores)


def test_any_torchvision_network_can_look() -> None:
    backbone = resnet18(weights=None)
    net = GlimpseNet(
        *(Until(backbone, "layer4"), Until(backbone, "layer1"), 5),
        **{"grid": 2, "patches": 2, "hidden": 8, "low_size": 64, "cell_size": 32},
    )
    assert net.eval()(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).scores.shape == (1, 5)
    first = "body.layer1.0.conv1"
    assert net.where.get_submodule(first).weight is net.what.get_submodule(first).weight


def test_a_layer_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="layer9"):
        Until(resnet18(weights=None), "layer9")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"high_size": 100, "grid": 8}, "high_size 100 cannot be cut into 8 x 8"),
        ({"high_size": 32, "grid": 16, "depth": 2}, "patches of 2 pixels vanish in 2 poolings"),
        ({"depth": 5}, "depth must be 1 to 4"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        glimpse_cnn(4, **options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_runs_on_cuda() -> None:
    net = glimpse_cnn(4).cuda()
    assert net(torch.rand(2, 3, 32, 32).cuda(), torch.rand(2, 3, 128, 128).cuda()).scores.isfinite().all()
