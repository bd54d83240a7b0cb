"""GlimpseNet against a slow reading of chapter 3, its gradients, its limits, and what it does with two networks."""

import copy
import io
import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.glimpse import GlimpseNet, LinearGridHead

CHOICES = list(itertools.product(("none", "sum", "hadamard"), ("concat", "add")))


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def where() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Tanh(), nn.Conv2d(4, 5, 3, 2, 1), nn.Tanh())


def what() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1), nn.Tanh())


def small(**options: object) -> GlimpseNet:
    settings = {"num_classes": 3, "grid": 4, "patches": 3, "hidden": 7, "low_size": 8, "cell_size": 4, "dropout": 0.0}
    return GlimpseNet(where(), what(), **{**settings, **options}).double()


def images(batch: int = 2, grid: int = 4) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, 8, 8).double(), torch.randn(batch, 3, 4 * grid, 4 * grid).double()


def slowly(net: GlimpseNet, low: Tensor, high: Tensor) -> Tensor:
    """Return the scores of one image after another, one cell after another, as section 3.3 tells it."""
    scores = []
    for small_image, large_image in zip(low, high, strict=True):
        seen = net.where(small_image[None])[0]  # (C, h, w)
        place = net.locate.score(seen[None])
        logits = F.interpolate(place, (net.grid, net.grid), mode="bilinear", align_corners=False)[0, 0]
        total = sum(value.exp() for row in logits for value in row)
        weights = {(r, c): logits[r, c].exp() / total for r in range(net.grid) for c in range(net.grid)}
        heaviest = sorted(weights, key=lambda cell: -weights[cell].item())[: net.patches]
        side = large_image.shape[1] // net.grid
        read = []
        for row, column in heaviest:
            cell = large_image[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
            pooled = torch.stack([channel.mean() for channel in net.what(cell[None])[0]])
            read.append(pooled if net.weighting == "none" else weights[row, column] * pooled)
        patches = sum(read) if net.weighting == "sum" else torch.cat(read)
        whole = seen.flatten()
        if net.merge == "concat":
            joined = torch.cat([whole / whole.norm(), patches / patches.norm()])
        else:
            joined = whole + net.project(patches)
        scores.append(net.classifier(joined))
    return torch.stack(scores)


@pytest.mark.parametrize(("weighting", "merge"), CHOICES)
def test_forward_and_gradient_agree_with_the_slow_reading(weighting: str, merge: str) -> None:
    net = small(weighting=weighting, merge=merge)
    low, high = images()
    found = net(low, high).scores
    slow = slowly(net, low, high)
    torch.testing.assert_close(found, slow, rtol=1e-10, atol=1e-12)
    wanted = torch.autograd.grad(slow.square().sum(), list(net.parameters()), allow_unused=True)
    given = torch.autograd.grad(found.square().sum(), list(net.parameters()), allow_unused=True)
    for one, other in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("weighting", "merge"), [choice for choice in CHOICES if choice[0] != "none"])
def test_every_parameter_gets_a_gradient(weighting: str, merge: str) -> None:
    net = small(weighting=weighting, merge=merge)
    net(*images()).scores.square().sum().backward()
    for name, parameter in net.named_parameters():
        # The softmax does not change when all logits grow alike, so the bias of their score is without effect.
        zero = name == "locate.score.bias"
        assert parameter.grad is not None and (parameter.grad.abs().max().item() > 1e-13) != zero, name


@pytest.mark.parametrize("merge", ["add", "concat"])
def test_gradient_stays_in_the_chosen_cells(merge: str) -> None:
    """Section 3.3: none outside the top n. Through the softmax all logits have one, unless concat scales it away."""
    net = small(hidden=32, merge=merge)
    kept: dict[str, Tensor] = {}
    net.locate.register_forward_hook(lambda _, __, logits: kept.update(logits=logits))
    result = net(*images(1))
    (of_grid, of_logits) = torch.autograd.grad(result.scores.square().sum(), (result.grid, kept["logits"]))
    chosen = set(result.chosen[0].tolist())
    assert {cell for cell, value in enumerate(of_grid.flatten().tolist()) if value} == chosen
    largest = of_logits.abs().max()
    moved = {cell for cell, value in enumerate(of_logits.flatten().tolist()) if abs(value) > 1e-6 * largest}
    assert moved == (chosen if merge == "concat" else set(range(of_logits.numel())))


def test_one_cell_reads_the_whole_image() -> None:
    net = small(grid=1, patches=1, cell_size=16)
    low, high = images()
    whole, read = net.where(low).flatten(1), net.what(high).mean((2, 3))
    joined = torch.cat([F.normalize(whole, dim=1), F.normalize(read, dim=1)], 1)
    torch.testing.assert_close(net(low, high).scores, net.classifier(joined), rtol=1e-12, atol=1e-12)


def test_all_cells_read_everything_and_few_read_only_theirs() -> None:
    """Pixels outside the chosen cells make no difference; with n = k^2 every pixel makes one."""
    low, high = images(1)
    for patches in (3, 16):
        net = small(patches=patches)
        gradient = torch.autograd.grad(net(low, high.requires_grad_()).scores.square().sum(), high)[0]
        read = gradient.abs().sum(1)[0].unfold(0, 4, 4).unfold(1, 4, 4).sum((2, 3)) > 0  # (4, 4) cells
        assert read.sum() == patches


def test_with_one_patch_concat_cancels_its_weight() -> None:
    """The two halves are scaled to length one, so a single weight is lost, and the grid learns nothing from it."""
    net = small(patches=1)
    net(*images()).scores.square().sum().backward()
    assert net.locate.score.weight.grad.abs().max() < 1e-12
    net = small(patches=1, merge="add")
    net(*images()).scores.square().sum().backward()
    assert net.locate.score.weight.grad.abs().max() > 1e-6


def test_weights_are_shared_or_separate_as_they_are_handed_over() -> None:
    view, options = where(), {"num_classes": 3, "grid": 4, "patches": 2, "hidden": 7, "low_size": 8, "cell_size": 4}
    shared = GlimpseNet(view, view[:2], **options)
    separate = GlimpseNet(view, copy.deepcopy(view[:2]), **options)
    extra = sum(parameter.numel() for parameter in view[:2].parameters())
    sizes = [sum(parameter.numel() for parameter in net.parameters()) for net in (shared, separate)]
    assert sizes[1] - sizes[0] == extra
    assert shared.what[0].weight is shared.where[0].weight


def test_training_samples_and_evaluation_takes_the_top() -> None:
    net = small(choice="sample")
    low, high = images(64)
    torch.manual_seed(1)
    first = net.train()(low, high).chosen
    assert not torch.equal(first, net(low, high).chosen)
    evaluated = net.eval()(low, high)
    assert torch.equal(evaluated.chosen, net(low, high).chosen)
    assert torch.equal(evaluated.chosen, small_top(evaluated.grid))


def small_top(grid: Tensor) -> Tensor:
    return grid.flatten(1).argsort(dim=1, descending=True, stable=True)[:, :3]


def test_building_it_leaves_batch_norms_as_they_were() -> None:
    view = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    GlimpseNet(view, what(), 2, grid=2, patches=1, hidden=3, low_size=8, cell_size=4)
    assert view[1].num_batches_tracked.item() == 0 and view.training


def test_building_it_leaves_every_layer_in_its_own_mode() -> None:
    view = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    view[1].eval()  # frozen by its owner
    GlimpseNet(view, what(), 2, grid=2, patches=1, hidden=3, low_size=8, cell_size=4)
    assert [module.training for module in view.modules()] == [True, True, False, True]
    with pytest.raises(ValueError, match="where does not run"):
        GlimpseNet(view, what(), 2, low_size=2)
    assert [module.training for module in view.modules()] == [True, True, False, True]


def test_grey_images() -> None:
    view, read = nn.Conv2d(1, 4, 3, 2), nn.Conv2d(1, 6, 3)
    options = {"grid": 4, "patches": 2, "hidden": 3, "low_size": 8, "cell_size": 4}
    net = GlimpseNet(view, read, 2, in_channels=1, **options)
    assert net(torch.rand(2, 1, 8, 8), torch.rand(2, 1, 16, 16)).scores.shape == (2, 2)
    with pytest.raises(ValueError, match=r"where does not run on images of \(3, 8, 8\): give in_channels and low_size"):
        GlimpseNet(view, read, 2, **options)
    with pytest.raises(ValueError, match=r"what does not run on images of \(3, 4, 4\): give in_channels and cell_size"):
        GlimpseNet(where(), read, 2, **options)


@pytest.mark.parametrize("strict", [True, False])
def test_torch_export(strict: bool) -> None:
    net, (low, high) = small().eval(), images()
    program = torch.export.export(net, (low, high), strict=strict).module()
    low, high = images()  # others than those it was traced on
    for ours, theirs in zip(program(low, high), net(low, high), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("choice", ["top", "sample"])
def test_torch_compile(choice: str) -> None:
    """Sampling in training runs too; its draws may differ."""
    net, (low, high) = small(choice=choice).train(), images()
    found = torch.compile(net, fullgraph=True, backend="eager")(low, high)
    if choice == "top":
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, net(low, high), strict=True))
    assert found.chosen.shape == (2, 3)


def test_saved_and_loaded_it_says_the_same() -> None:
    net, file = small(), io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    torch.manual_seed(9)
    again = small()
    again.load_state_dict(torch.load(file, weights_only=True))
    low, high = images()
    assert torch.equal(again(low, high).scores, net(low, high).scores)


def test_a_grid_head_of_ones_own() -> None:
    net = GlimpseNet(
        *(where(), what(), 3),
        **{"grid": 3, "patches": 2, "hidden": 7, "low_size": 8, "cell_size": 4, "locate": LinearGridHead((5, 2, 2), 3)},
    )
    assert net(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 12, 12)).grid.shape == (2, 3, 3)


def test_bfloat16_stays_finite() -> None:
    net = small().float()
    low, high = (part.float() for part in images())
    with torch.autocast("cpu", torch.bfloat16):
        assert net(low, high).scores.isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu() -> None:
    net, parts = small(), images()
    expected = net(*parts)
    found = net.cuda()(*(part.cuda() for part in parts))
    torch.testing.assert_close(found.scores.cpu(), expected.scores, rtol=1e-9, atol=1e-11)
    assert torch.equal(found.chosen.cpu(), expected.chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patches": 17}, "patches must be 1 to 16"),
        ({"weighting": "mean"}, "weighting must be one of"),
        ({"merge": "stack"}, "merge must be one of"),
        ({"choice": "random"}, "choice must be one of"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_networks_without_a_feature_map_are_refused() -> None:
    with pytest.raises(ValueError, match="where must return a feature map"):
        GlimpseNet(nn.Flatten(), what(), 3, low_size=8)


def test_both_resolutions_must_have_the_same_number_of_images() -> None:
    net, (low, high) = small(), images()
    with pytest.raises(ValueError, match=r"high must have shape \(2, C, H, W\)"):
        net(low, high[:1])
