"""Sheets of images: every picture with its annotations, at its own pixels."""

import numpy as np
import pytest
import torch

from fgr.figures.samples import class_counts, sheet

IMAGES = torch.arange(3 * 3 * 4 * 6, dtype=torch.uint8).view(3, 3, 4, 6)


def test_every_image_is_drawn_pixel_for_pixel() -> None:
    figure = sheet(IMAGES, ["a", "b", "c"], columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c"]
    for axes, image in zip(figure.axes, IMAGES):
        assert np.array_equal(axes.images[0].get_array(), image.permute(1, 2, 0).numpy())


def test_grey_levels_are_not_stretched() -> None:
    (axes,) = sheet(torch.full((1, 1, 2, 2), 100, dtype=torch.uint8)).axes
    assert axes.images[0].get_clim() == (0, 255)


def test_annotations_are_drawn_where_they_are() -> None:
    points = torch.tensor([[[1.0, 2.0, 1.0], [3.0, 3.0, 0.0]]])
    boxes = torch.tensor([[0.0, 1.0, 4.0, 3.0]])
    masks = torch.zeros(1, 4, 6, dtype=torch.bool)
    masks[0, 1:3, 1:4] = True
    (axes,) = sheet(IMAGES[:1], points=points, boxes=boxes, masks=masks).axes
    dots, box = axes.lines
    assert dots.get_xydata().tolist() == [[1.0, 2.0]]  # the hidden one is left out
    assert box.get_xydata().max(0).tolist() == [4.0, 3.0]
    assert len(axes.collections) == 1


def test_counts_name_few_classes_and_sort_many() -> None:
    few = class_counts(torch.tensor([0, 0, 1]), ["cat", "dog"]).axes[0]
    assert [bar.get_height() for bar in few.patches] == [2, 1]
    many = class_counts(torch.tensor([3, 3, 1]), [str(i) for i in range(40)]).axes[0]
    assert many.lines[0].get_ydata()[:3].tolist() == [2, 1, 0]


@pytest.mark.parametrize(("images", "titles"), [(IMAGES[:0], []), (IMAGES, ["a"])])
def test_refuses(images: torch.Tensor, titles: list[str]) -> None:
    with pytest.raises(ValueError, match="a sheet needs images, and a title each or none"):
        sheet(images, titles)
