"""Cluttered digits: against a slow loop, bounds, distributions, and independence of batches."""

import pytest
import torch
from scipy import stats

from fgr.data.synthetic.clutter import INK, PIECE, clutter
from fgr.data.synthetic.hashing import integers


@pytest.fixture
def digits():
    """Thirty random patterns of 28x28 with an empty margin, as digits have one, and classes 0 to 9."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(30, 1, 28, 28, dtype=torch.uint8)
    images[..., 4:24, 5:22] = torch.randint(256, (30, 1, 20, 17), generator=generator).byte()
    return images, torch.arange(30) % 10


def slowly(digits, targets, index, seed, distractors, size):
    """One image by loops over pieces and pixels, in floats from 0 to 1, clipped after every step."""

    def draw(stream, high, count=None):
        return integers(seed, torch.tensor([index]), stream, high, count)[0].tolist()

    image = [[0.0] * size for _ in range(size)]

    def add(patch, left, top):
        for y, line in enumerate(patch):
            for x, value in enumerate(line):
                image[top + y][left + x] = min(1.0, image[top + y][left + x] + value / 255)

    chosen = draw("digit", len(digits))
    others = [(chosen + step) % len(digits) for step in range(1, len(digits))]
    where = []
    for which, from_x, from_y, to_x, to_y in zip(
        draw("other", len(digits) - 1, distractors),
        draw("from column", 28 - PIECE + 1, distractors),
        draw("from row", 28 - PIECE + 1, distractors),
        draw("to column", size - PIECE + 1, distractors),
        draw("to row", size - PIECE + 1, distractors),
    ):
        piece = digits[others[which], 0, from_y : from_y + PIECE, from_x : from_x + PIECE]
        add(piece.tolist(), to_x, to_y)
        where.append([to_x, to_y, to_x + PIECE, to_y + PIECE])
    left, top = draw("column", size - 28 + 1), draw("row", size - 28 + 1)
    add(digits[chosen, 0].tolist(), left, top)
    ink = [[top + y, left + x] for y, x in (digits[chosen, 0] >= INK).nonzero().tolist()]
    rows, columns = zip(*ink)
    box = [min(columns), min(rows), max(columns) + 1, max(rows) + 1]
    return image, int(targets[chosen]), box, where, ink


@pytest.mark.parametrize(("distractors", "size"), [(0, 40), (8, 40), (64, 40), (3, 28), (2, 61)])
def test_equals_a_loop(distractors, size, digits):
    """Every image, class, box and mask by the plain recipe."""
    index = torch.tensor([0, 7, 10_000_003])
    drawn = clutter(*digits, index, seed=5, distractors=distractors, size=size)
    for row, number in enumerate(index.tolist()):
        image, target, box, where, ink = slowly(*digits, number, 5, distractors, size)
        assert (drawn.images[row, 0].double() / 255 - torch.tensor(image, dtype=torch.float64)).abs().max() < 1e-12
        assert drawn.targets[row] == target
        assert drawn.boxes[row].tolist() == box
        assert drawn.distractors[row].tolist() == where
        assert drawn.masks[row].nonzero().tolist() == ink


def test_depends_on_seed_and_index_alone(digits):
    """Any order and batch gives the same bytes; another seed or index gives others."""
    whole = clutter(*digits, torch.arange(20), seed=1)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    parts = [clutter(*digits, part, seed=1) for part in order.split(7)]
    for field in whole._fields:
        assert torch.equal(torch.cat([getattr(part, field) for part in parts]), getattr(whole, field)[order])
    assert len(whole.images.flatten(1).unique(dim=0)) == 20
    assert not torch.equal(clutter(*digits, torch.arange(20), seed=2).images, whole.images)


def test_more_distractors_come_on_top(digits):
    """Four distractors are the first four of eight; nothing else moves, and no pixel gets darker."""
    few, many = (clutter(*digits, torch.arange(10), seed=3, distractors=count) for count in (4, 8))
    assert torch.equal(few.distractors, many.distractors[:, :4])
    assert torch.equal(few.masks, many.masks)
    assert (few.images <= many.images).all()
    assert (few.images < many.images).any()


def test_without_distractors_the_digit_stands_alone(digits):
    """The pixels of the mask are the digit's own, all others black."""
    images, targets = digits
    drawn = clutter(images, targets, torch.arange(40), seed=0, distractors=0)
    assert torch.equal(drawn.images[:, 0] >= INK, drawn.masks)
    for row in range(40):
        x0, y0, x1, y1 = drawn.boxes[row].int().tolist()  # of 20x17: strokes reach all sides of the patterns
        cut = drawn.images[row, 0, y0:y1, x0:x1]
        same = [number for number in range(30) if torch.equal(images[number, 0, 4:24, 5:22], cut)]
        assert [int(targets[number]) for number in same] == [int(drawn.targets[row])]
    assert drawn.distractors.shape == (40, 0, 4)


def test_sums_are_clipped():
    """White on white stays white instead of running over the end of a byte."""
    white = torch.full((2, 1, 28, 28), 255, dtype=torch.uint8)
    drawn = clutter(white, torch.zeros(2).long(), torch.arange(50), seed=0, distractors=64)
    assert (drawn.images[:, 0][drawn.masks] == 255).all()
    assert drawn.images.unique().tolist() == [0, 255]


def test_pieces_come_from_other_digits():
    """Of two digits, one black and one white, a black one has white pieces only and the other way round."""
    digits = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    digits[1] = 255
    drawn = clutter(digits, torch.tensor([0, 1]), torch.arange(100), seed=0, distractors=1)
    ink = (drawn.images == 255).sum((1, 2, 3))
    assert ink[drawn.targets == 0].unique().tolist() == [PIECE * PIECE]
    assert ink[drawn.targets == 1].unique().tolist() == [28 * 28]
    assert 20 < (drawn.targets == 0).sum() < 80


def test_places_are_uniform(digits):
    """All 13 places of a digit and 33 of a piece in each direction, and all digits, are equally likely."""
    filled = torch.full((30, 1, 28, 28), 200, dtype=torch.uint8)
    drawn = clutter(filled, torch.arange(30), torch.arange(6_000), seed=0, distractors=2)
    for values, choices in [
        (drawn.boxes[:, 0].long(), 13),
        (drawn.boxes[:, 1].long(), 13),
        (drawn.distractors[..., 0].flatten(), 33),
        (drawn.distractors[..., 1].flatten(), 33),
        (drawn.targets, 30),
    ]:
        counts = values.bincount()
        assert len(counts) == choices
        assert stats.chisquare(counts.numpy()).pvalue > 1e-3
    joint = (drawn.boxes[:, 0] * 13 + drawn.boxes[:, 1]).long().bincount(minlength=169)
    assert stats.chisquare(joint.numpy()).pvalue > 1e-3  # x and y are independent
    assert (drawn.boxes[:, 2:] - drawn.boxes[:, :2] == 28).all()
    assert drawn.boxes.max() == 40
    assert drawn.distractors.max() == 40


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"distractors": -1}, "distractors must be 0 or above, got -1"),
        ({"size": 27}, "size must be 28 at least, to hold a digit of 28 x 28, got 27"),
        ({"digits": torch.zeros(3, 1, 28, 28)}, "must be uint8, two at least and 8 pixels a side; got torch.float32"),
        ({"digits": torch.zeros(3, 28, 28, dtype=torch.uint8)}, r"digits must have shape \(N, 1, H, W\)"),
        ({"digits": torch.zeros(3, 1, 7, 28, dtype=torch.uint8)}, "two at least and 8 pixels a side"),
        ({"digits": torch.zeros(1, 1, 28, 28, dtype=torch.uint8), "targets": torch.zeros(1).long()}, "two at least"),
        ({"targets": torch.zeros(4).long()}, r"targets must have shape \(3\)"),
        ({"index": torch.tensor([-1])}, "index must be 0 or above"),
    ],
)
def test_bad_arguments_are_named(changes, complaint):
    """The value and what was expected."""
    good = {
        "digits": torch.zeros(3, 1, 28, 28, dtype=torch.uint8),
        "targets": torch.zeros(3).long(),
        "index": torch.arange(2),
        "seed": 0,
    }
    with pytest.raises(ValueError, match=complaint):
        clutter(**(good | changes))
