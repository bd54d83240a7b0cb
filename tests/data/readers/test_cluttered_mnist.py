"""Cluttered digits as a data set: made from real digits of the same split, drawn once and kept."""

import pytest
import torch

from fgr.data import load, manifest
from fgr.data.fetch import fetch
from fgr.data.readers import cluttered_mnist
from fgr.data.synthetic.clutter import clutter


def test_sizes_are_those_of_the_manifest():
    """The numbers of section 4.4.1, once in the reader and once in the manifest."""
    assert manifest("cluttered_mnist").splits == cluttered_mnist.COUNTS


@pytest.mark.parametrize("source", ["mnist", "mnist_5k"])
def test_digits_come_from_the_same_split(source, tmp_path):
    """Without distractors every digit is one of that split of the source, under its label, and of no other split."""
    known = {
        split: {
            (image.flatten().numpy().tobytes(), int(target))
            for image, target in zip(*(lambda data: (data.images, data.targets))(load(source, split)))
        }
        for split in ("validation", "test")
    }
    for split, other in (("validation", "test"), ("test", "validation")):
        drawn = cluttered_mnist.read(tmp_path, split, source=source, count=30, distractors=0)
        found = {digit_of(image, box, int(target), known) for image, box, target in rows(drawn)}
        assert found == {split}, f"{split} of {source} holds digits of {other}"


def rows(drawn):
    return zip(drawn.images[:, 0], drawn.annotations["box"].long(), drawn.targets)


def digit_of(image, box, target, known):
    """The split that holds a digit whose ink lies in the box: of all places of its 28x28 pixels, one must fit."""
    x0, y0, x1, y1 = box.tolist()
    for left in range(max(0, x1 - 28), min(x0, 12) + 1):
        for top in range(max(0, y1 - 28), min(y0, 12) + 1):
            pixels = image[top : top + 28, left : left + 28].contiguous().flatten().numpy().tobytes()
            for split, digits in known.items():
                if (pixels, target) in digits:
                    return split
    return None


def test_images_are_those_of_the_recipe_and_kept(tmp_path, monkeypatch):
    """What is read is what `clutter` draws; the second time nothing is drawn, and the source is not read."""
    first = cluttered_mnist.read(tmp_path, "test", source="mnist_5k", count=10, distractors=3, seed=4, masks=True)
    digits = load("mnist_5k", "test")
    index = torch.arange(20_000_000, 20_000_010)
    drawn = clutter(digits.images, digits.targets, index, seed=4, distractors=3)
    assert torch.equal(first.images, drawn.images)
    assert torch.equal(first.targets, drawn.targets)
    assert torch.equal(first.annotations["box"], drawn.boxes)
    assert torch.equal(first.annotations["distractors"], drawn.distractors)
    assert torch.equal(first.annotations["mask"], drawn.masks)
    monkeypatch.setattr(cluttered_mnist, "clutter", None)
    monkeypatch.setattr(cluttered_mnist, "fetch", None)
    again = cluttered_mnist.read(tmp_path, "test", source="mnist_5k", count=10, distractors=3, seed=4, masks=True)
    assert torch.equal(again.images, first.images)


def test_every_option_makes_another_set(tmp_path):
    """No two settings share a drawing, the source included."""
    options = [{}, {"source": "mnist"}, {"seed": 1}, {"distractors": 7}, {"size": 42}]
    drawn = [cluttered_mnist.read(tmp_path, "test", **{"source": "mnist_5k", "count": 6} | more) for more in options]
    drawn.append(cluttered_mnist.read(tmp_path, "validation", source="mnist_5k", count=6))
    assert len({data.images.numpy().tobytes() for data in drawn}) == len(drawn)
    assert "mask" not in drawn[0].annotations


def test_the_source_lies_beside_the_set(root, monkeypatch):
    """With a data folder of its own, digits are fetched into that; with a folder elsewhere, into the usual one."""
    asked = []
    monkeypatch.setattr(cluttered_mnist, "fetch", lambda name, place: asked.append((name, place)) or fetch("mnist_5k"))
    load("cluttered_mnist", "test", root=root, source="mnist_5k", count=2)
    elsewhere = root / "mine"
    elsewhere.mkdir()
    load("cluttered_mnist", "test", folder=elsewhere, source="mnist_5k", count=2)
    assert asked == [("mnist_5k", root.resolve()), ("mnist_5k", None)]


@pytest.mark.parametrize(
    ("split", "options", "complaint"),
    [
        ("trainval", {}, "split"),
        ("test", {"source": "svhn"}, "source must be one of 'mnist', 'mnist_5k', got 'svhn'"),
        ("test", {"count": 0}, "count must be 1 to"),
        ("test", {"distractors": -1}, "distractors must be 0 or above"),
    ],
)
def test_bad_options_are_named(split, options, complaint, tmp_path):
    """The value and the choices."""
    with pytest.raises(ValueError, match=complaint):
        cluttered_mnist.read(tmp_path, split, **{"source": "mnist_5k", "count": 2} | options)
