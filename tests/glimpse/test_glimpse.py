"""Grids, patches, weighting and merging of chapter 3 against plain loops in float64, and at their limits."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from fgr.glimpse import (
    GridHead,
    LinearGridHead,
    attention_grid,
    cell_boxes,
    choose,
    concat,
    expected_value,
    extract,
    share_read,
    weight,
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- the grid


def test_grid_is_the_softmax_over_all_cells() -> None:
    logits = randn(3, 4, 4)
    grid = attention_grid(logits)
    for sample, row, column in itertools.product(range(3), range(4), range(4)):
        total = sum(math.exp(value) for value in logits[sample].flatten().tolist())
        assert grid[sample, row, column].item() == pytest.approx(math.exp(logits[sample, row, column]) / total, 1e-12)


def test_grid_stands_extreme_logits() -> None:
    grid = attention_grid(torch.tensor([[[1e30, -1e30], [0.0, 1e30]]]))
    torch.testing.assert_close(grid, torch.tensor([[[0.5, 0.0], [0.0, 0.5]]]))


def test_grid_must_be_square() -> None:
    with pytest.raises(ValueError, match="square, got 2 x 3"):
        attention_grid(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match=r"logits must have shape \(B, k, k\)"):
        attention_grid(torch.zeros(1, 4))


def test_top_cells_come_heaviest_first() -> None:
    grid = attention_grid(randn(5, 3, 3))
    for weights, cells in zip(grid.flatten(1).tolist(), choose(grid, 4).tolist(), strict=True):
        assert cells == sorted(range(9), key=lambda cell: -weights[cell])[:4]


@pytest.mark.parametrize("patches", [1, 3, 16])
def test_ties_go_to_the_first_in_reading_order(patches: int) -> None:
    assert choose(torch.full((2, 4, 4), 1 / 16), patches).tolist() == [list(range(patches))] * 2


def test_samples_are_different_cells_drawn_by_weight() -> None:
    grid = torch.tensor([[[0.6, 0.3], [0.1, 0.0]]]).expand(20000, 2, 2)
    cells = choose(grid, 2, "sample", torch.Generator().manual_seed(0))
    assert (cells[:, 0] != cells[:, 1]).all()
    first = cells[:, 0].bincount(minlength=4) / len(cells)
    torch.testing.assert_close(first, torch.tensor([0.6, 0.3, 0.1, 0.0]), rtol=0, atol=0.015)
    # the second, by hand: P(0 second) = P(1 first) 0.6/0.7 + P(2 first) 0.6/0.9
    second = (cells[:, 1] == 0).float().mean().item()
    assert second == pytest.approx(0.3 * 0.6 / 0.7 + 0.1 * 0.6 / 0.9, abs=0.015)


def test_samples_repeat_with_their_generator_and_reach_every_cell() -> None:
    grid = attention_grid(1000 * randn(4, 3, 3))  # all weight in one cell: the others underflow to zero
    draws = [choose(grid, 9, "sample", torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].sort(1).values.tolist() == [list(range(9))] * 4


@pytest.mark.parametrize("patches", [0, 10])
def test_as_many_patches_as_there_are_cells_at_most(patches: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 9, the cells of the grid, got {patches}"):
        choose(attention_grid(randn(1, 3, 3)), patches)


def test_a_grid_of_nan_is_refused() -> None:
    with pytest.raises(FloatingPointError, match="NaN: the where network has diverged"):
        choose(torch.full((1, 2, 2), math.nan), 1)


def test_share_read_of_the_thesis() -> None:
    """Section 3.5 speaks of 16 regions; two percent of the pixels are 5 of 256."""
    assert share_read(16, 5) == pytest.approx(0.0195, abs=5e-5)
    assert share_read(4, 16) == 1.0


def test_grid_head_scores_a_cell_by_what_lies_there() -> None:
    head = GridHead(2, grid=4).double()
    features = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    before = head(features)
    features[0, 0, 1, 2] = 5.0
    changed = (head(features) - before)[0].nonzero().tolist()
    assert changed == [[1, 2]]


def test_linear_grid_head_lets_any_place_speak_for_any_cell() -> None:
    head = LinearGridHead((2, 4, 4), grid=3).double()
    features = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    before = head(features)
    features[0, 0, 1, 2] = 5.0
    assert (head(features) != before).all() and before.shape == (1, 3, 3)


def test_linear_head_may_start_in_the_middle() -> None:
    """A bell by its distances in image sides, the same for all grids; without it any cell may be the first."""
    for grid in (4, 5):
        head = LinearGridHead((2, 4, 4), grid, spread=0.3)
        bell = head(torch.zeros(1, 2, 4, 4))[0]
        for row, column in itertools.product(range(grid), repeat=2):
            away = math.dist(((row + 0.5) / grid, (column + 0.5) / grid), (0.5, 0.5))
            assert bell[row, column].item() == pytest.approx(-(away**2) / (2 * 0.3**2), abs=1e-6)
        assert head.score.weight.abs().max() < 0.3 / math.sqrt(32) + 1e-6 and head.score.bias.requires_grad
    anywhere = LinearGridHead((2, 4, 4), 4).score.bias
    assert anywhere.abs().max() < 1 / math.sqrt(32) + 1e-6


# ---------------------------------------------------------------- patches


def test_patches_are_the_cells_of_the_image() -> None:
    images, chosen = randn(2, 3, 12, 8), torch.tensor([[0, 5, 15], [7, 7, 2]])
    patches = extract(images, chosen, grid=4)
    assert patches.shape == (2, 3, 3, 3, 2)
    for sample, place in itertools.product(range(2), range(3)):
        row, column = divmod(chosen[sample, place].item(), 4)
        cell = images[sample, :, 3 * row : 3 * row + 3, 2 * column : 2 * column + 2]
        assert torch.equal(patches[sample, place], cell)


def test_one_cell_is_the_whole_image_and_all_cells_make_it_up() -> None:
    images = randn(2, 3, 6, 6)
    assert torch.equal(extract(images, torch.zeros(2, 1, dtype=torch.long), grid=1)[:, 0], images)
    every = extract(images, torch.arange(9).expand(2, 9), grid=3)  # (2, 9, 3, 2, 2)
    rows = [torch.cat(list(every[0, 3 * row : 3 * row + 3]), -1) for row in range(3)]
    assert torch.equal(torch.cat(rows, -2), images[0])


def test_cell_boxes_say_where_patches_were_cut() -> None:
    images, chosen = randn(1, 3, 8, 12), torch.tensor([[0, 3, 14]])
    for patch, box in zip(extract(images, chosen, 4)[0], cell_boxes(chosen, 4, 8, 12)[0].int().tolist(), strict=True):
        assert torch.equal(patch, images[0, :, box[1] : box[3], box[0] : box[2]])


def test_images_that_cannot_be_cut_are_refused_with_a_size_that_can() -> None:
    with pytest.raises(ValueError, match=r"100 x 96 pixels cannot be cut into 16 x 16 .* to 96 x 96"):
        extract(randn(1, 3, 100, 96), torch.zeros(1, 1, dtype=torch.long), grid=16)


@pytest.mark.parametrize("cell", [-1, 4])
def test_cells_that_do_not_exist_are_refused(cell: int) -> None:
    with pytest.raises(ValueError, match="cells are numbered 0 to 3"):
        extract(randn(1, 3, 4, 4), torch.tensor([[cell]]), grid=2)


# ---------------------------------------------------------------- Eq. 3.1 and 3.2


def test_eq_3_1_soft_sum() -> None:
    features, weights = randn(2, 3, 4), randn(2, 3, seed=1)
    found = weight(features, weights, "sum")
    for sample, feature in itertools.product(range(2), range(4)):
        by_hand = sum(weights[sample, n].item() * features[sample, n, feature].item() for n in range(3))
        assert found[sample, feature].item() == pytest.approx(by_hand, 1e-12)


def test_eq_3_2_hadamard_product() -> None:
    features, weights = randn(2, 3, 4), randn(2, 3, seed=1)
    found = weight(features, weights, "hadamard").view(2, 3, 4)
    for sample, n, feature in itertools.product(range(2), range(3), range(4)):
        assert found[sample, n, feature] == weights[sample, n] * features[sample, n, feature]


def test_no_weighting_is_hadamard_with_weights_of_one() -> None:
    features = randn(2, 3, 4)
    assert torch.equal(weight(features, randn(2, 3), "none"), weight(features, torch.ones(2, 3).double(), "hadamard"))


def test_the_sum_is_the_sum_over_the_hadamard_product() -> None:
    features, weights = randn(2, 3, 4), randn(2, 3, seed=1)
    torch.testing.assert_close(
        weight(features, weights, "sum"), weight(features, weights).view(2, 3, 4).sum(1), **EXACT
    )


def test_concat_scales_both_halves_to_length_one() -> None:
    joined = concat(randn(3, 5), 1e-6 * randn(3, 7))
    torch.testing.assert_close(joined[:, :5].norm(dim=1), torch.ones(3).double(), **EXACT)
    torch.testing.assert_close(joined[:, 5:].norm(dim=1), torch.ones(3).double(), **EXACT)
    assert concat(torch.zeros(1, 2), torch.zeros(1, 2)).tolist() == [[0.0] * 4]


def test_weighting_and_merging_have_right_gradients() -> None:
    features, weights, whole = randn(2, 3, 2), randn(2, 3, seed=1), randn(2, 4, seed=2)
    for tensor in (features, weights, whole):
        tensor.requires_grad_()
    for weighting in ("none", "sum", "hadamard"):
        assert torch.autograd.gradcheck(
            lambda f, w, x, weighting=weighting: concat(x, weight(f, w, weighting)), (features, weights, whole)
        )


def test_unknown_weighting_is_refused() -> None:
    with pytest.raises(ValueError, match="weighting must be one of 'none', 'sum', 'hadamard', got 'mean'"):
        weight(randn(1, 2, 3), randn(1, 2), "mean")


# ---------------------------------------------------------------- DEX


def test_expected_age_is_the_mean_of_the_softmax() -> None:
    scores, ages = randn(4, 81), torch.arange(81).double()
    for sample in range(4):
        powers = [math.exp(score) for score in scores[sample].tolist()]
        by_hand = sum(age * power for age, power in enumerate(powers)) / sum(powers)
        assert expected_value(scores, ages)[sample].item() == pytest.approx(by_hand, 1e-12)
    assert torch.autograd.gradcheck(lambda s: expected_value(s, ages), scores.requires_grad_())


def test_expected_age_of_a_certain_class_is_its_age() -> None:
    assert expected_value(torch.tensor([[0.0, 1e4, 0.0]]), torch.tensor([1.0, 37.0, 80.0])).item() == 37.0
