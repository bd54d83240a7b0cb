"""Filters without data: facts about the two-dimensional toy, and about the filters of published networks."""

import pytest
import torch
from torch import nn

from fgr import models
from fgr.experiments.orthoreg import geometry
from fgr.experiments.orthoreg.geometry import filter_banks, gaps, random_filters, regularize, toy_path
from fgr.orthoreg import nearest_angles, orthoreg_loss
from fgr.results import rows as results

MODES = ("global", "local")
each_mode = pytest.mark.parametrize("mode", MODES)


# ---------------------------------------------------------------- the plane


def test_random_filters_are_unit_directions_fixed_by_the_seed() -> None:
    points = random_filters(500, seed=1)
    assert points.dtype == torch.float64
    torch.testing.assert_close(points.norm(dim=1), torch.ones(500, dtype=torch.float64))
    assert points.mean(0).abs().max() < 0.1  # no direction is preferred
    assert torch.equal(points, random_filters(500, seed=1)) and not torch.equal(points, random_filters(500, seed=2))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_gaps_sum_to_a_turn(count: int) -> None:
    found = gaps(random_filters(count, seed=3) * torch.rand(count, 1, dtype=torch.float64))
    assert found.shape == (count,) and (found >= 0).all()
    assert found.sum().item() == pytest.approx(360)


def test_gaps_of_known_directions() -> None:
    angles = torch.tensor([350.0, 10.0, 100.0, 190.0], dtype=torch.float64).deg2rad()
    found = gaps(torch.stack([angles.cos(), angles.sin()], 1))
    torch.testing.assert_close(found.sort().values, torch.tensor([20.0, 90.0, 90.0, 160.0], dtype=torch.float64))


@each_mode
def test_descent_lowers_the_loss_at_every_step_and_ascent_raises_it(mode: str) -> None:
    start = random_filters(8, seed=0)
    for strength, sign in ((0.02, -1), (-0.02, 1)):
        path = toy_path(start, mode, strength, steps=40)
        losses = torch.stack([orthoreg_loss(points, mode=mode) for points in path])
        assert (sign * losses.diff() > -1e-12).all()
        assert sign * (losses[-1] - losses[0]) > 0


@each_mode
def test_path_starts_where_it_should_and_keeps_lengths(mode: str) -> None:
    start = random_filters(5, seed=0) * torch.tensor([[0.5], [1.0], [2.0], [1.0], [1.0]])
    path = toy_path(start, mode, 0.02, steps=10)
    assert path.shape == (11, 5, 2) and torch.equal(path[0], start)
    torch.testing.assert_close(path.norm(dim=2), start.norm(dim=1).expand(11, 5))
    assert (path.diff(dim=0).abs().amax((1, 2)) > 0).all()  # every step is a place of its own


def test_local_descent_spaces_directions_evenly_and_the_global_rule_does_not() -> None:
    for seed in range(5):
        start = random_filters(12, seed)
        ends = {mode: gaps(toy_path(start, mode, 0.02, steps=300)[-1]) for mode in MODES}
        assert ends["local"].std(correction=0) < 1 < gaps(start).std(correction=0)
        assert ends["local"].std(correction=0) < ends["global"].std(correction=0)
        assert ends["local"].min() > 25  # 30 degrees would be even


def test_global_descent_ends_in_a_tight_frame() -> None:
    end = toy_path(random_filters(12, seed=0), "global", 0.02, steps=300)[-1]
    torch.testing.assert_close(end.T @ end, 6 * torch.eye(2, dtype=torch.float64), atol=1e-6, rtol=0)


def test_ascent_gathers_directions() -> None:
    start = random_filters(12, seed=0)
    end = {mode: toy_path(start, mode, -0.02, steps=600)[-1] for mode in MODES}
    one_line = (end["global"] @ end["global"].T).abs()
    torch.testing.assert_close(one_line, torch.ones_like(one_line), atol=1e-3, rtol=0)  # opposite ones count as alike
    assert nearest_angles(end["local"]).rad2deg().max() < 1
    apart = gaps(end["local"])
    assert ((apart < 1) | (apart > 60)).all() and (apart > 60).sum() >= 2  # groups that no longer see each other


def test_two_opposite_filters_rest_under_the_local_rule_and_move_under_the_global_one() -> None:
    angle = torch.tensor(175.0, dtype=torch.float64).deg2rad()
    start = torch.stack([torch.tensor([1.0, 0.0], dtype=torch.float64), torch.stack([angle.cos(), angle.sin()])])
    ends = {mode: nearest_angles(toy_path(start, mode, 0.1, steps=50)[-1])[0].rad2deg() for mode in MODES}
    assert ends["global"] == pytest.approx(90, abs=1)
    assert ends["local"] == pytest.approx(175, abs=0.1)


def test_angles_over_steps_are_those_of_the_descents() -> None:
    paths = {f"{mode} rule, descent": toy_path(random_filters(5, seed=1), mode, 0.02, steps=4) for mode in MODES}
    found = geometry.angles_over_steps(paths)
    for mode in MODES:
        wanted = [nearest_angles(points).rad2deg().mean().item() for points in paths[f"{mode} rule, descent"]]
        assert found[mode] == wanted and len(wanted) == 5


def test_toy_rows_measure_the_end_of_the_path() -> None:
    path = toy_path(random_filters(6, seed=0), "local", 0.02, steps=30)
    nearest, uneven = geometry.toy_rows(path, {"mode": "local", "strength": 0.02}, seed=0, profile="test")
    assert (nearest.metric, nearest.unit, nearest.selection, nearest.epochs) == ("nearest_angle", "degrees", "last", 30)
    assert nearest.value == pytest.approx(nearest_angles(path[-1]).rad2deg().mean().item())
    assert uneven.value == pytest.approx(((gaps(path[-1]) - 60).square().mean().sqrt()).item())
    config = results.with_config(results.frame([nearest]))
    assert config.loc[0, ["filters", "mode", "steps", "strength"]].tolist() == [6, "local", 30, 0.02]


def test_toy_summary_names_starts_and_both_rules() -> None:
    rows = []
    for seed in (0, 1):
        for mode in MODES:
            path = toy_path(random_filters(6, seed), mode, 0.02, steps=100)
            rows += geometry.toy_rows(path, {"mode": mode, "strength": 0.02}, seed, "test")
    text = geometry.toy_summary(results.frame(rows))
    assert text.startswith("Over 2 random starts the mean nearest-neighbour angle ends at 5")
    assert text.count("±") == 4


@pytest.mark.parametrize(("locality", "stable", "unstable"), [(10.0, 16, 18), (30.0, 26, 30)])
def test_even_spacing_is_stable_down_to_the_angle_of_the_equation(locality: float, stable: int, unstable: int) -> None:
    limit = geometry.smallest_stable_angle(locality)
    assert 360 / unstable < limit < 360 / stable
    for count, stays in ((stable, True), (unstable, False)):
        around = torch.arange(count, dtype=torch.float64) * (2 * torch.pi / count)
        shaken = around + 1e-3 * torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        path = toy_path(torch.stack([shaken.cos(), shaken.sin()], 1), "local", 0.2 / locality, 2000, locality)
        before, after = gaps(path[0]).std(), gaps(path[-1]).std()
        assert (after < before) if stays else (after > 10 * before)


# ---------------------------------------------------------------- networks


def test_filter_banks_are_the_convolutions_of_the_published_shapes() -> None:
    shapes = {name: tuple(weight.shape) for name, weight in filter_banks("alexnet").items()}
    assert shapes == {
        "features.0.weight": (64, 3, 11, 11),
        "features.3.weight": (192, 64, 5, 5),
        "features.6.weight": (384, 192, 3, 3),
        "features.8.weight": (256, 384, 3, 3),
        "features.10.weight": (256, 256, 3, 3),
    }


def test_filter_banks_are_fixed_by_the_seed_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    first, same, other = (filter_banks("alexnet", seed)["features.0.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_filter_banks_leave_depthwise_convolutions_out() -> None:
    banks = filter_banks("efficientnet_lite0")
    assert len(banks) > 30
    assert all(weight.ndim == 4 and weight.shape[1] > 1 for weight in banks.values())
    assert not any("depthwise" in name for name in banks)
    assert any(weight.shape[0] > weight[0].numel() for weight in banks.values())  # expansions: more outputs than inputs


def test_filter_banks_of_an_unknown_network() -> None:
    with pytest.raises(ValueError, match=r"network must be one of 'alexnet', .* got 'lenet'"):
        filter_banks("lenet")


def test_convolutions_of_residual_networks_are_all_there() -> None:
    convolutions = [m for m in models.architecture("resnet50").modules() if isinstance(m, nn.Conv2d)]
    assert len(filter_banks("resnet50")) == len(convolutions) == 53


def test_angles_by_rule_are_those_of_the_weights_before_and_after() -> None:
    weights = {"crowded": banks()["crowded"]}
    found = geometry.angles_by_rule(weights, steps=5)
    assert list(found) == ["none", *MODES]
    torch.testing.assert_close(found["none"]["crowded"], nearest_angles(weights["crowded"]).rad2deg())
    for mode in MODES:
        expected = nearest_angles(regularize(weights, mode, steps=5)["crowded"]).rad2deg()
        torch.testing.assert_close(found[mode]["crowded"], expected)


def banks() -> dict[str, torch.Tensor]:
    """A roomy layer, a crowded one with more filters than inputs, and lengths that must not matter."""
    generator = torch.Generator().manual_seed(0)
    roomy, crowded = torch.randn(16, 8, 3, 3, generator=generator), torch.randn(48, 16, 1, 1, generator=generator)
    return {"roomy": 5 * roomy, "crowded": crowded * torch.linspace(0.1, 10, 48)[:, None, None, None]}


@each_mode
def test_regularize_raises_minimum_angles(mode: str) -> None:
    before = banks()
    kept = {name: weight.clone() for name, weight in before.items()}
    after = regularize(before, mode, steps=60)
    assert all(torch.equal(before[name], kept[name]) for name in before)  # the caller's weights are left alone
    means = {name: [nearest_angles(w).rad2deg().mean().item() for w in (before[name], after[name])] for name in before}
    assert means["roomy"][0] < 80 and means["roomy"][1] > 88  # there is room for a right angle between all
    assert means["crowded"][1] > means["crowded"][0] + 2
    for name, weight in after.items():
        assert weight.shape == (len(before[name]), before[name][0].numel())
        torch.testing.assert_close(weight.norm(dim=1), torch.ones(len(weight)))


def test_local_rule_reaches_larger_angles_where_filters_outnumber_inputs() -> None:
    angles = {mode: nearest_angles(regularize(banks(), mode, steps=60)["crowded"]).rad2deg().mean() for mode in MODES}
    assert angles["local"] > angles["global"] + 1


def test_no_steps_leave_the_angles() -> None:
    for weight, same in zip(banks().values(), regularize(banks(), "local", steps=0).values()):
        torch.testing.assert_close(nearest_angles(same), nearest_angles(weight))


@pytest.fixture(scope="module")
def alexnet() -> tuple[dict[str, torch.Tensor], list[results.Row]]:
    return geometry.angle_rows("alexnet", steps=1, seed=0, profile="test")


def test_angle_rows_are_means_of_the_angles_drawn(alexnet: tuple) -> None:
    angles, rows = alexnet
    assert list(angles) == ["none", *MODES] and all(len(values) == 1152 for values in angles.values())
    table = results.with_config(results.frame(rows))
    for rule, values in angles.items():
        of_all = table[(table["mode"] == rule) & (table["share"] == "all")]["value"].item()
        assert of_all == pytest.approx(values.mean().item(), abs=1e-3)
    assert set(table["share"]) == {"all", "others"}  # no convolution of AlexNet has more filters than inputs
    assert angles["local"].mean() > angles["none"].mean()


def test_angle_table_has_a_line_a_network_and_a_column_a_rule(alexnet: tuple) -> None:
    table = geometry.angle_table(results.frame(alexnet[1]))
    assert table.index.tolist() == [("alexnet", "all"), ("alexnet", "others")]
    assert table.columns.tolist() == ["none", "global", "local"] and table.notna().all(axis=None)
    empty = geometry.angle_table(results.frame([]))
    assert empty.empty and empty.columns.tolist() == ["architecture", "share", "none", "global", "local"]


def test_trained_angle_table_has_a_line_a_rule_and_says_what_was_not_run() -> None:
    run = results.Run("orthoreg", '{"mode": "local"}', "cifar10", 0, "test", "cpu")
    table = geometry.trained_angle_table(results.frame([run.row("nearest_angle", 75.0, "degrees", "none", "last", 1)]))
    assert table.to_numpy().tolist() == [["none", "not run", 0], ["global", "not run", 0], ["local", "75.0", 1]]
