"""Maps over images and confusion matrices: what is drawn where, labelled, in the right order."""

import numpy as np
import pytest
import torch

from fgr.figures.maps import confusion, confusions, maps_beside, overlays

IMAGES = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
MASKS = torch.zeros(3, 8, 8, dtype=torch.bool)
MASKS[:, 2:5, 3:6] = True


def drawable(figure) -> bool:
    return figure._repr_png_().startswith(b"\x89PNG")


def test_every_map_has_a_row_with_its_name_and_its_own_scale() -> None:
    maps = {"saliency": torch.rand(3, 8, 8), "attention": 100 * torch.rand(3, 4, 4)}
    figure = maps_beside(IMAGES, maps, MASKS)
    rows = np.array(figure.axes[:9]).reshape(3, 3)
    assert [row[0].get_ylabel() for row in rows] == ["image", "saliency", "attention"]
    for axes in rows[1:].flat:
        assert axes.images[0].get_array().max() == pytest.approx(1.0)
    assert figure.axes[-1].get_ylabel() == "share of the map's maximum"
    assert drawable(figure)


def test_images_without_maps_or_outlines_are_drawn_too() -> None:
    assert drawable(maps_beside(IMAGES, {}))
    assert drawable(maps_beside(IMAGES[:, :1], {"a": torch.zeros(3, 2, 2)}))


def test_maps_of_another_number_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"saliency must have shape \(3, h, w\)"):
        maps_beside(IMAGES, {"saliency": torch.rand(2, 8, 8)})
    with pytest.raises(ValueError, match="maps must have shape"):
        overlays(IMAGES, torch.rand(2, 4, 4))


def test_overlays_share_one_scale() -> None:
    maps = torch.zeros(3, 2, 2)
    maps[1, 0, 1] = 0.75
    figure = overlays(IMAGES, maps, ["a", "b", "c"], columns=2)
    drawn = [axes for axes in figure.axes if len(axes.images) == 2]
    assert [axes.get_title() for axes in drawn] == ["a", "b", "c"]
    assert {axes.images[1].get_clim() for axes in drawn} == {(0.0, 0.75)}
    assert drawn[1].images[1].get_array()[0, 1] == 0.75
    assert drawable(figure)


def test_confusion_is_in_percent_of_the_true_class() -> None:
    figure = confusion(np.array([[3, 1], [0, 0]]), ["jay", "wren"])
    axes = figure.axes[0]
    assert axes.images[0].get_array().tolist() == [[75.0, 25.0], [0.0, 0.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [text.get_text() for text in axes.texts] == ["75", "25", "0", "0"]
    assert drawable(figure)


def test_confusion_without_counts_says_that_nothing_was_run() -> None:
    """Rather than show a table of zeros."""
    figure = confusion(np.zeros((2, 2)), ["jay", "wren"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"] and len(figure.axes) == 1


def test_confusions_stand_beside_each_other_in_one_scale_with_names_once() -> None:
    matrices = {"one-hot": np.array([[3, 1], [2, 2]]), "data-based": np.array([[4, 0], [0, 4]])}
    figure = confusions(matrices, ["jay", "wren"])
    first, second, _ = figure.axes
    assert (first.get_title(), second.get_title()) == ("one-hot", "data-based")
    assert first.images[0].get_array().tolist() == [[75.0, 25.0], [50.0, 50.0]]
    assert {axes.images[0].get_clim() for axes in (first, second)} == {(0, 100)}
    assert [label.get_text() for label in first.get_yticklabels()] == ["jay", "wren"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["", ""]
    assert drawable(figure)
