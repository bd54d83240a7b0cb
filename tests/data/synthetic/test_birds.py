"""Generated birds: pictures that depend on seed and index alone, and truth that agrees with the pictures."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.birds import ATTRIBUTE_GROUPS, PARTS, AttributeGroup, BirdBatch, render_birds, separating_parts
from fgr.data.synthetic.birds.attributes import COLORS, group_index
from fgr.data.synthetic.birds.nuisance import nuisance
from fgr.data.synthetic.birds.plumage import LABELS, Plumage, paint_birds
from fgr.data.synthetic.birds.render import _boxes, _visible
from fgr.data.synthetic.birds.scene import Scene, paint_before
from fgr.data.synthetic.birds.skeleton import skeleton
from fgr.data.synthetic.birds.taxonomy import options
from fgr.data.synthetic.canvas import Canvas

MAGENTA = torch.tensor([1.0, 0.0, 1.0])  # a background no bird has


@pytest.fixture(scope="module")
def hard() -> BirdBatch:
    """Birds of all species at the hardest setting."""
    return render_birds(range(1000, 1200), 48, 200, difficulty=1.0, seed=3)


def assert_same(some: BirdBatch, rows: Tensor, whole: BirdBatch) -> None:
    """Assert that pictures agree to one grey level, labels in all but a pixel on an edge, and numbers to rounding."""
    assert (some.images.int() - whole.images[rows].int()).abs().max() <= 1
    assert (some.part_labels != whole.part_labels[rows]).sum() <= 1
    assert torch.equal(some.species, whole.species[rows])
    torch.testing.assert_close(some.parts[..., :2], whole.parts[rows, :, :2], rtol=0, atol=1e-3)


def test_shapes_and_types(hard: BirdBatch) -> None:
    """As `BirdBatch` documents them."""
    assert hard.images.shape == (200, 3, 48, 48) and hard.images.dtype == torch.uint8
    assert hard.species.shape == (200,) and hard.species.dtype == torch.int64
    assert hard.parts.shape == (200, len(PARTS), 3) and hard.boxes.shape == (200, 4)
    assert hard.masks.shape == hard.part_labels.shape == (200, 48, 48)
    assert hard.masks.dtype == torch.bool and hard.part_labels.dtype == torch.uint8


def test_a_sample_does_not_depend_on_its_batch(hard: BirdBatch) -> None:
    """Alone, in another order, in another chunk: the same picture and the same truth."""
    options = {"size": 48, "num_species": 200, "difficulty": 1.0, "seed": 3}
    for rows in (torch.randperm(200)[:70], torch.tensor([5]), torch.tensor([199, 0])):
        assert_same(render_birds(1000 + rows, **options), rows, hard)
    assert_same(render_birds((1000 + torch.arange(4, dtype=torch.int32)).tolist(), **options), torch.arange(4), hard)


def test_seeds_and_samples_differ(hard: BirdBatch) -> None:
    """Another seed gives other pictures of the same species; no two samples are alike."""
    other = render_birds(range(1000, 1020), 48, 200, difficulty=1.0, seed=4)
    assert torch.equal(other.species, hard.species[:20])
    assert ((other.images.float() - hard.images[:20].float()).abs().mean((1, 2, 3)) > 5).all()
    flat = hard.images.flatten(1).float()
    assert (torch.cdist(flat, flat) + 1e9 * torch.eye(200)).min() > 100


def test_a_scene_is_the_same_at_any_size() -> None:
    """Points scale with the side; the small picture is the large one, averaged."""
    small, large = (render_birds(range(40), size, 20, 0.7) for size in (32, 128))
    torch.testing.assert_close(small.parts[..., :2] * 4, large.parts[..., :2], rtol=0, atol=1e-3)
    averaged = F.avg_pool2d(large.images.float(), 4)
    assert (averaged - small.images.float()).abs().mean() < 4
    shared = F.avg_pool2d(large.masks[:, None].float(), 4)[:, 0]
    assert ((shared > 0.5) == small.masks)[(shared - 0.5).abs() > 0.4].float().mean() > 0.999


def test_leaves_in_front_take_pixels_from_the_bird() -> None:
    """Where a leaf covers what was a bird, the labels say that no bird shows; nowhere else."""
    canvas = Canvas(20, 64, 64, MAGENTA)
    canvas.labels.fill_(5)
    paint_before(canvas, Scene(0, torch.arange(20), 1.0))
    moved = (canvas.pixels - MAGENTA[:, None, None]).abs().amax(1)
    assert (canvas.labels[moved < 0.05] == 5).all()
    assert (canvas.labels[moved > 0.5] == 0).float().mean() > 0.99  # all but where two leaves' edges meet
    assert 0.02 < (canvas.labels == 0).float().mean() < 0.3


def test_every_species_comes_up_once_in_a_row() -> None:
    """Sample i is of species i mod L."""
    assert render_birds(range(37, 57), 16, 20).species.tolist() == [i % 20 for i in range(37, 57)]


# ---------------------------------------------------------------- truth


def test_labels_and_mask_agree(hard: BirdBatch) -> None:
    """The mask is where some part shows; all parts show somewhere, and no other label does."""
    assert torch.equal(hard.masks, hard.part_labels > 0)
    assert hard.part_labels.unique().tolist() == list(range(len(PARTS) + 1))


def test_visible_points_lie_on_their_part_and_hidden_ones_do_not(hard: BirdBatch) -> None:
    """Point by point; some of both kinds."""
    seen = []
    for labels, points in zip(hard.part_labels, hard.parts, strict=True):
        for part, (x, y, visible) in enumerate(points.tolist(), 1):
            inside = 0 <= x < 48 and 0 <= y < 48
            assert visible == (inside and labels[int(y), int(x)] == part)
            seen.append(visible)
    assert 0.7 < sum(seen) / len(seen) < 0.97


def test_points_outside_the_image_are_not_visible() -> None:
    """Also where the nearest pixel shows their part: each of 12 points goes to the left, right, top or bottom."""
    labels = torch.arange(1, 13, dtype=torch.uint8).repeat_interleave(3)[None].expand(36, 36)[None]  # column by column
    x = torch.arange(12) * 3 + 1.5
    inside, above, below = (torch.stack([x, torch.full((12,), y)], 1)[None] for y in (5.5, -0.5, 36.5))
    assert _visible(inside, labels).all() and not _visible(above, labels).any() and not _visible(below, labels).any()
    assert _visible(inside - torch.tensor([3.0, 0.0]), labels).sum() == 0
    assert _visible(inside * 0 - 1, labels).sum() == _visible(inside * 0 + 36, labels).sum() == 0


def test_boxes_bound_the_masks(hard: BirdBatch) -> None:
    """The first and one past the last pixel in both directions; zeros where nothing shows."""
    for mask, box in zip(hard.masks, hard.boxes.tolist(), strict=True):
        rows, columns = mask.nonzero().unbind(1)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert _boxes(torch.zeros(1, 5, 5, dtype=torch.bool)).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_no_bird_is_hidden_altogether(difficulty: float) -> None:
    """At 64 pixels some of every bird shows, and at difficulty 0 every part of every species does."""
    birds = render_birds(range(200), 64, 200, difficulty)
    assert birds.masks.flatten(1).sum(1).min() > (20 if difficulty else 300)
    if not difficulty:
        assert birds.parts[..., 2].min() == 1


# ---------------------------------------------------------------- the dial


def test_difficulty_moves_every_nuisance_and_only_by_its_dial() -> None:
    """At 0 individuals of a species stand alike; from there on they spread, shrink and hide more and more."""
    spread, seen, area, clutter = [], [], [], []
    for difficulty in (0.0, 0.25, 0.5, 1.0):
        birds = render_birds(range(0, 20 * 60, 20), 32, 20, difficulty)  # all of one species
        spread.append(birds.parts[..., :2].std(0).mean().item())
        seen.append(birds.parts[..., 2].mean().item())
        area.append(birds.masks.float().mean().item())
        steps = birds.images.float().diff(dim=2).abs().amax(1)[~birds.masks[:, 1:]]  # from pixel to pixel
        clutter.append((steps > 20).float().mean().item())
    assert spread[0] < 1e-4 and spread == sorted(spread) and spread[-1] > 4
    assert area == sorted(area, reverse=True) and area[-1] < 0.5 * area[0]
    assert clutter == sorted(clutter)
    assert seen[0] > seen[-1] + 0.05


def test_nuisance_keeps_its_stated_ranges() -> None:
    """Every number of 5,000 individuals at difficulty 1, against what `Nuisance` documents, and all of them used."""
    pose = nuisance(0, torch.arange(5000), 1.0)
    ranges = {
        **{"tilt": (-0.7, 0.7), "turn": (0, 1), "nod": (-0.35, 0.35), "wag": (-0.3, 0.3), "plump": (0.88, 1.12)},
        **{"fill": (0.34, 0.7), "shift": (-1, 1), "tint": (0.78, 1.22), "exposure": (2**-0.8, 2**0.8)},
        **{"warmth": (-1, 1), "haze": (0, 0.35), "light": (-2.571, -0.571), "specks": (0, 1)},
    }
    for name, (low, high) in ranges.items():
        values, slack = getattr(pose, name), 0.01 * (high - low)
        assert low - 1e-3 <= values.min() < low + slack and high - slack < values.max() <= high + 1e-3, name
    columns = torch.stack([getattr(pose, name).flatten(1)[:, 0] if getattr(pose, name).ndim > 1 else getattr(pose, name)
                           for name in (*ranges, "flip", "crouch")])  # fmt: skip
    assert (torch.corrcoef(columns) - torch.eye(len(columns))).abs().max() < 4.5 / 5000**0.5  # each on its own
    assert set(pose.flip.tolist()) == {-1.0, 1.0} and pose.flip.mean().abs() < 0.05
    assert 0.6 < (pose.crouch == 1).float().mean() < 0.73 and pose.crouch.min() < 0.05


# ---------------------------------------------------------------- species on their pictures


@pytest.fixture(scope="module")
def portraits() -> tuple[Tensor, Tensor]:
    """All species in one and the same pose before magenta: pictures (200, 3, H, W) in levels, and labels."""
    species = torch.arange(200)
    pose = nuisance(0, torch.zeros_like(species), 0.0)
    canvas = Canvas(200, 128, 128, MAGENTA)
    paint_birds(canvas, skeleton(species, 200, pose), Plumage(species, 200, pose))
    return canvas.uint8().float(), canvas.labels


def test_sisters_differ_visibly_and_only_on_the_parts_that_separate_them(portraits: tuple[Tensor, Tensor]) -> None:
    """At 128 pixels each of the 100 pairs differs by far in at least 30 pixels, nearly all on those parts."""
    first, second = torch.arange(0, 200, 2), torch.arange(1, 200, 2)
    (one, two), (label_one, label_two) = ((plane[first], plane[second]) for plane in portraits)
    differs = (one - two).abs().amax(1) > 40  # (100, H, W)
    assert differs.flatten(1).sum(1).min() >= 30
    parts = F.pad(separating_parts(first, second, 200), (1, 0))  # (100, 1 + P): background first
    there = torch.stack([parts.gather(1, x.flatten(1).long()).view_as(x) for x in (label_one, label_two)]).any(0)
    there = F.max_pool2d(there[:, None].float(), 5, 1, 2)[:, 0] > 0  # and the soft edge around
    share = (differs & there).flatten(1).sum(1) / differs.flatten(1).sum(1)
    assert share.min() > 0.85 and share.mean() > 0.97


@pytest.mark.parametrize(
    "group", ["bill_color", "crown_color", "throat_color", "belly_color", "wing_color", "leg_color"]
)
def test_parts_show_the_colour_of_their_attribute(group: str, portraits: tuple[Tensor, Tensor]) -> None:
    """Of all species, the median colour of the part lies nearest the colour its attribute names."""
    part, names = ATTRIBUTE_GROUPS[group_index(group)].part, ATTRIBUTE_GROUPS[group_index(group)].options
    palette = 255 * torch.tensor([COLORS[name] for name in names])
    found = torch.stack([p[:, label == LABELS[part]].median(1).values for p, label in zip(*portraits, strict=True)])
    right = torch.cdist(found, palette).argmin(1) == options(200)[:, group_index(group)]
    assert right.float().mean() > 0.95


def all_options(group: AttributeGroup) -> Tensor:
    """Return one bird given each option of a group in turn: (options, 3, 128, 128) in levels."""
    count = len(group.options)
    species, pose = torch.full((count,), 12), nuisance(0, torch.zeros(count, dtype=torch.int64), 0.0)
    canvas = Canvas(count, 128, 128, MAGENTA)
    plumage = Plumage(species, 200, pose)
    plumage.choice[:, group_index(group.name)] = torch.arange(count)
    paint_birds(canvas, skeleton(species, 200, pose), plumage)
    return canvas.uint8().float()


@pytest.mark.parametrize("group", [g for g in ATTRIBUTE_GROUPS if g.part], ids=lambda group: group.name)
def test_every_option_of_a_group_looks_different(group: AttributeGroup) -> None:
    """Any two pictures differ by far in at least 30 of 128 x 128 pixels."""
    pictures = all_options(group)
    differ = ((pictures[:, None] - pictures).abs().amax(2) > 40).flatten(2).sum(2)  # (options, options)
    assert (differ + 1000 * torch.eye(len(pictures))).min() >= 30


def test_two_wing_bars_are_one_and_another() -> None:
    """Each about as many pale pixels again."""
    group = ATTRIBUTE_GROUPS[group_index("wing_pattern")]
    plain, one, two, _ = ((picture.amin(0) > 200).sum() for picture in all_options(group))
    assert group.options[:3] == ("plain", "one_bar", "two_bars")
    assert one > plain + 20 and 1.6 < (two - plain) / (one - plain) < 2.4


def test_birds_look_either_way() -> None:
    """Half of the individuals of difficulty 1 have their bill on the left of their tail."""
    birds = render_birds(range(0, 4000, 20), 16, 20, 1.0)
    left = birds.parts[:, PARTS.index("bill"), 0] < birds.parts[:, PARTS.index("tail"), 0]
    assert 0.35 < left.float().mean() < 0.65


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"num_species": 19}, r"num_species must lie in 20\.\.200, got 19"),
        ({"num_species": 201}, r"num_species must lie in 20\.\.200, got 201"),
        ({"size": 15}, "size must be at least 16 pixels, got 15"),
        ({"difficulty": 1.01}, r"difficulty must lie in \[0, 1\], got 1.01"),
        ({"difficulty": float("nan")}, r"difficulty must lie in \[0, 1\], got nan"),
        ({"index": [3, -1]}, "index must hold at least one integer, all 0 or above"),
        ({"index": []}, "index must hold at least one integer"),
        ({"index": torch.tensor([0.5])}, "index must hold at least one integer"),
        ({"index": torch.zeros(2, 2, dtype=torch.int64)}, r"index must have shape \(B\), got \(2, 2\)"),
    ],
)
def test_arguments_are_checked(arguments: dict, complaint: str) -> None:
    """One clear sentence each, before anything is painted."""
    with pytest.raises(ValueError, match=complaint):
        render_birds(**{"index": [0], **arguments})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_paints_the_same_birds(hard: BirdBatch) -> None:
    """Within one grey level of the CPU, but for single pixels on edges."""
    birds = render_birds(range(1000, 1020), 48, 200, 1.0, 3, device="cuda")
    off = (birds.images.cpu().int() - hard.images[:20].int()).abs() > 1
    assert off.float().mean() < 1e-3
