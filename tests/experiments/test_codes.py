"""Chapter 6's runs: cells, codes, choices and meanings on results whose answer is known, and one real small run."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fgr.config import ParameterError, as_json, resolve
from fgr.data.synthetic.birds import taxonomy
from fgr.experiments.codes import bits, grids, runs, study, tables
from fgr.experiments.codes.features import Source, features, image_sets
from fgr.experiments.codes.runs import Cell
from fgr.paths import data_root
from fgr.results import rows as results
from fgr.results.published import published

LAPTOP = resolve(grids.Config, "ch06_output_codes", "laptop")
TINY = {"num_classes": 20, "size": 16, "train": 60, "validation": 20, "test": 20, "feature_epochs": 1}
CELL = Cell(**TINY, length=20, hidden=8, epochs=2, batch_size=20)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Birds and features are rendered and trained once for this module, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGR_DATA", str(tmp_path_factory.mktemp("data")))
        features.cache_clear()
        yield
    features.cache_clear()


# ---------------------------------------------------------------- features


def test_features_are_kept_and_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    birds = CELL.source
    first = features(birds)
    (file,) = (data_root() / "features").glob("*.pt")
    features.cache_clear()
    again = features(birds)
    assert first.parts["train"][0].shape == (60, 256) and (first.parts["train"][0] >= 0).all()
    assert all(torch.equal(first.parts[split][0], again.parts[split][0]) for split in first.parts)
    assert first.test_error == again.test_error
    capsys.readouterr()
    file.write_bytes(file.read_bytes()[:-100])
    features.cache_clear()
    assert torch.equal(features(birds).parts["test"][0], first.parts["test"][0])
    assert f"{file} is damaged and is made anew (" in capsys.readouterr().err


def test_the_cell_names_its_birds() -> None:
    assert CELL.source == Source(20, 16, 0.5, 60, 20, 20, epochs=1)


# ---------------------------------------------------------------- codes and networks


@pytest.mark.parametrize(
    ("code", "length"), [("gaussian", 7), ("dense_random", 12), ("hadamard", 16), ("spectral", 19)]
)
def test_code_matrices_have_the_length_asked_for(code: str, length: int) -> None:
    made = runs.code_matrix(code, "none", length, CELL.source, 0)
    assert made.shape == (20, length) and made.dtype == torch.float32


def test_random_codes_follow_the_seed_and_data_based_ones_the_data() -> None:
    def made(code: str, seed: int) -> torch.Tensor:
        return runs.code_matrix(code, "none", 10, CELL.source, seed)

    assert not torch.equal(made("gaussian", 0), made("gaussian", 1))
    assert torch.equal(made("spectral", 0), made("spectral", 1))


def test_thresholds_are_for_real_codes_only() -> None:
    assert runs.code_matrix("spectral", "zero", 5, CELL.source, 0).abs().unique().tolist() == [1.0]
    with pytest.raises(ValueError, match="hadamard is binary already: threshold 'zero' does not apply"):
        runs.code_matrix("hadamard", "zero", 16, CELL.source, 0)


def test_methods_share_their_first_layer_for_one_seed() -> None:
    one_hot = runs.build(CELL, 3, width=256)
    spectral = runs.build(dataclasses.replace(CELL, code="spectral", length=5), 3, width=256)
    assert torch.equal(one_hot[0][0].weight, spectral[0][0].weight)
    assert one_hot[1].out_features == 20 and spectral[1][0].out_features == 5
    assert one_hot(torch.rand(2, 256)).shape == spectral(torch.rand(2, 256)).shape == (2, 20)


@pytest.mark.parametrize("changes", [{"head": "cosine"}, {"head": "smooth"}, {"code": "learned", "length": 6}])
def test_later_heads_score_all_classes(changes: dict) -> None:
    assert runs.build(dataclasses.replace(CELL, **changes), 0, width=256)(torch.rand(2, 256)).shape == (2, 20)


def test_later_heads_need_all_of_one_hot() -> None:
    with pytest.raises(ValueError, match="head 'cosine' is for one_hot at full length"):
        runs.build(dataclasses.replace(CELL, head="cosine", length=10), 0, width=256)


@pytest.mark.parametrize(
    "changes", [{}, {"length": 5}, {"code": "spectral", "length": 6}, {"on": "images", "epochs": 1}]
)
def test_a_run_gives_rows_that_say_what_it_was(changes: dict) -> None:
    cell = dataclasses.replace(CELL, **changes)
    rows = results.frame(runs.run_cell(cell, 0, "test")[1])
    assert set(rows["config"]) == {as_json(cell)} and set(rows["dataset"]) == {"synthetic_birds"}
    error = rows[(rows.metric == "error") & (rows.split == "test")]
    area = rows[rows.metric == "mean_error"]["value"].item()
    assert area == pytest.approx(error[error.selection == "epoch"]["value"].mean())
    assert runs.cell_from_json(rows["config"].iloc[0]) == cell


def test_one_hot_without_some_bits_cannot_name_all_classes() -> None:
    """The linear decay of Fig. 6.3: classes whose bit is missing share the word of zeros."""
    model, _ = runs.run_cell(dataclasses.replace(CELL, length=5, epochs=1), 0, "test")
    inputs, _ = features(CELL.source).parts["test"]
    assert len(model.eval()(inputs).argmax(1).unique()) <= 6


def test_training_on_fewer_images_takes_equal_shares() -> None:
    inputs, targets = runs.parts_of(dataclasses.replace(CELL, train_size=20))["train"]
    assert len(inputs) == 20 and targets.bincount().tolist() == [1] * 20


# ---------------------------------------------------------------- grids


def choices(best: dict[str, float]) -> pd.DataFrame:
    """Rows of made-up runs: the error on validation grows with the distance from the best learning rate."""
    rows = []
    for cell in grids.choice_cells(LAPTOP, best, LAPTOP.lrs):
        run = results.Run("codes", as_json(cell), "synthetic_birds", grids.CHOICE_SEED, "test", "cpu")
        for epoch in (1, 2):
            wrong = 0.1 + abs(cell.lr - best[cell.code])
            rows.append(run.row("error", wrong, "fraction", "validation", "epoch", epoch))
            rows.append(run.row("error", 1 - wrong, "fraction", "test", "epoch", epoch))
    return results.frame(rows)


def test_learning_rates_are_chosen_on_validation_for_each_code() -> None:
    best = {"one_hot": 0.03, "spectral": 0.3}
    assert grids.chosen_lr(choices(best)) == {(code, LAPTOP.batch_size): lr for code, lr in best.items()}


def test_table_6_1_has_a_cell_for_each_printed_number_but_the_impossible_ones() -> None:
    printed = set(published("T6.1").index)
    cells = grids.table_6_1(100)
    assert set(cells) <= printed
    missing = {key for key in printed - set(cells) if "caption" not in key}
    assert missing == {f"t6.1/data-dependent/{threshold}/200" for threshold in ("none", "zero", "median")}
    assert cells["t6.1/data-dependent/zero/99"] == {"code": "spectral", "threshold": "zero", "length": 99}


def test_bits_stop_at_what_a_code_can_have() -> None:
    lrs = {(code, LAPTOP.batch_size): 0.1 for code in grids.METHODS}
    lengths: dict[str, list[int]] = {}
    for cell in grids.bits_cells(LAPTOP, lrs):
        lengths.setdefault(cell.code, []).append(cell.length)
    assert lengths["one_hot"] == [5, 10, 15, 25, 50, 75, 100]
    assert lengths["spectral"] == [5, 10, 15, 25, 50, 75, 99]
    assert lengths["gaussian"][-1] == 200 and min(lengths["dense_random"]) == 10


def test_convergence_pairs_codes_at_every_batch_size() -> None:
    lrs = {(code, size): size / 1000 for code in grids.METHODS for size in LAPTOP.batch_sizes}
    cells = grids.convergence_cells(LAPTOP, lrs)
    assert [(cell.code, cell.batch_size) for cell in cells] == list(
        (code, size) for size, code in itertools.product(LAPTOP.batch_sizes, study.SHOWN)
    )
    assert all(cell.lr == cell.batch_size / 1000 for cell in cells)


def test_end_to_end_random_codes_learn_at_the_rate_that_data_based_ones_chose() -> None:
    lrs = {("one_hot", LAPTOP.batch_size): 0.3, ("spectral", LAPTOP.batch_size): 0.4}
    cells = grids.end_cells(LAPTOP, lrs)
    assert [(cell.code, cell.lr) for cell in cells] == [("one_hot", 0.3), ("gaussian", 0.4), ("spectral", 0.4)]
    assert {(cell.on, cell.epochs) for cell in cells} == {("images", LAPTOP.end_epochs)}
    tried = grids.choice_cells(LAPTOP, ["one_hot"], LAPTOP.end_lrs, **grids.end_changes(LAPTOP))
    assert [cell.lr for cell in tried] == list(LAPTOP.end_lrs) and {cell.on for cell in tried} == {"images"}


def test_end_to_end_has_learning_rates_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made = study.Study(grids.Config(**TINY, batch_size=20, end_lrs=(0.7,), lrs=(0.1,)), "test")
    assert made.choice(("one_hot",)) == {("one_hot", 20): 0.1}
    monkeypatch.setattr(study.Study, "_sweep", lambda _, name, cells, seeds: [cell.lr for cell in cells])
    made = study.Study(dataclasses.replace(made.config, end_seeds=(0,)), "test")
    assert made.end_to_end() == [0.7] * 3


def test_gain_is_one_hot_less_gaussian() -> None:
    rows = []
    for code, value in (("one_hot", 0.5), ("gaussian", 0.3), ("spectral", 0.1)):
        cell = grids.cell(LAPTOP, code, batch_size=16)
        run = results.Run("codes", as_json(cell), "synthetic_birds", 2, "test", "cpu")
        rows.append(run.row("mean_error", value, "fraction", "test", "none", 20))
    (gain,) = grids.gain_rows(results.frame(rows), "test")
    assert (gain.metric, gain.seed) == ("gain", 2) and gain.value == pytest.approx(0.2)


def test_lists_that_must_hold_something_are_refused_empty() -> None:
    with pytest.raises(ParameterError, match="shares must hold one value at least"):
        grids.Config(shares=())


# ---------------------------------------------------------------- what bits mean


def test_correlations_are_pearsons() -> None:
    generator = torch.Generator().manual_seed(0)
    codes, attributes = torch.randn(30, 4, generator=generator), torch.rand(30, 3, generator=generator) > 0.5
    found = bits.correlations(codes, attributes)
    for bit, attribute in itertools.product(range(4), range(3)):
        by_hand = np.corrcoef(codes[:, bit].double(), attributes[:, attribute].double())[0, 1]
        assert found[bit, attribute].item() == pytest.approx(by_hand, abs=1e-12)


def test_codes_made_of_attributes_pass_the_permutation_test_and_noise_does_not() -> None:
    attributes = taxonomy(40).attributes
    varied = attributes[:, attributes.float().std(0) > 0.4]
    found, chance, p = bits.permutation_test(varied[:, :4].double(), attributes, 50)
    assert found == pytest.approx(1.0) and p == pytest.approx(1 / 51) and chance < 0.7
    noise = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    assert bits.permutation_test(noise, attributes, 50)[2] > 0.05


def test_path_ends_where_two_classes_part() -> None:
    codes = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
    assert list(bits.path(codes, 0, 1)) == [(1, 3), (2, 2), (3, 2)]
    assert list(bits.path(codes, 0, 3)) == [(1, 2)]
    with pytest.raises(ValueError, match="same sign in all 3 bits"):
        list(bits.path(codes, 2, 2))


def test_classes_part_at_the_first_bit_of_another_sign() -> None:
    codes = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    codes[3] = codes[2] * torch.tensor([0.5, 2, 1, 1, 3])  # of equal signs
    found = bits.parting_bits(codes)
    for a, b in itertools.product(range(7), range(7)):
        steps = [n for n in range(5) if (codes[a, n] > 0) != (codes[b, n] > 0)]
        assert found[a, b] == (steps[0] + 1 if steps else 6)
    distances = torch.full((7, 7), 4)
    distances[2, 3] = distances[3, 2] = 1
    table = bits.parting_table({"ours": codes, "other": codes[:, :1]}, distances).set_index("pairs of")
    assert table.loc["sister species", "pairs"] == 1 and table.loc["sister species", "ours"] == 6.0
    assert table.loc["sister species", "other"] == 2.0
    others = [int(found[a, b]) for a in range(7) for b in range(a) if {a, b} != {2, 3}]
    assert table.loc["other order", "pairs"] == 20
    assert table.loc["other order", "ours"] == pytest.approx(sum(others) / 20, abs=0.051)


# ---------------------------------------------------------------- the study


def test_study_runs_nothing_that_it_was_not_asked_for() -> None:
    made = study.Study(grids.Config(), "test")
    for part in (made.table_6_1, made.bits, made.convergence, made.modern, made.end_to_end):
        assert part().empty
    assert made.rows == []


def test_study_keeps_runs_and_finds_them_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = grids.Config(**TINY, epochs=1, batch_size=20, modern_seeds=(0,), record=str(tmp_path))
    first = study.Study(config, "test").modern()
    assert first["run_id"].nunique() == 6
    monkeypatch.setattr(runs, "run_cell", lambda *_: pytest.fail("a recorded run was run again"))
    pd.testing.assert_frame_equal(study.Study(config, "test").modern(), first)


def test_learning_rates_are_chosen_once_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    made = study.Study(grids.Config(**TINY, epochs=1, batch_size=20, lrs=(0.1, 0.001)), "test")
    first = made.choice(study.SHOWN)
    assert set(first) == {(code, 20) for code in study.SHOWN}
    monkeypatch.setattr(runs, "run_cell", lambda *_: pytest.fail("a learning rate was chosen again"))
    assert made.choice(study.SHOWN) == first
    with pytest.raises(pytest.fail.Exception, match="chosen again"):
        made.choice(study.SHOWN, batch_size=10)  # another question


def test_confusable_family_is_the_one_with_most_confusions_inside() -> None:
    tree = taxonomy(20)
    targets = torch.arange(20)
    predicted = targets.clone()
    first, second, *_ = (tree.family == tree.family[6]).nonzero().flatten().tolist()
    predicted[first] = second
    classes = study.confusable_family(predicted, targets, 20)
    assert first in classes.tolist() and (tree.family[classes] == tree.family[6]).all()
    matrix = study.confusion_of(classes, predicted, targets)
    place = {label: n for n, label in enumerate(classes.tolist())}
    assert matrix[place[first], place[second]] == 1 and matrix.sum() == len(classes)


def test_samples_are_test_images_of_the_classes_asked_for() -> None:
    made = study.Study(grids.Config(**TINY), "test")
    test = image_sets(grids.cell(made.config, "one_hot").source)["test"]
    found = made.samples([int(test.targets[7]), int(test.targets[0])])
    assert found.dtype == torch.uint8 and torch.equal(found[1], test.images[0])
    alike = (test.images == found[0]).flatten(1).all(1)
    assert (test.targets[alike] == test.targets[7]).all() and alike.any()


def test_embedding_measures_separation_before_it_flattens() -> None:
    targets = torch.arange(4).repeat(6)
    outputs = torch.eye(4)[targets] + 0.01 * torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
    flat, separation = study.embed(outputs, targets)
    assert flat.shape == (24, 2) and separation > 0.95


# ---------------------------------------------------------------- equal words, and photographs


def test_thresholded_cuts_may_leave_equal_words_and_the_rows_say_so() -> None:
    cell = dataclasses.replace(CELL, code="spectral", threshold="zero", length=2)
    _, rows = runs.run_cell(cell, 0, "test")
    table = results.frame(rows)
    words = table[table["metric"] == "distinct_words"]["value"].item()
    assert words == len(runs.code_matrix("spectral", "zero", 2, CELL.source, 0).unique(dim=0)) <= 4
    assert tables.words_table(table).to_numpy().tolist() == [["spectral", "zero", 2, 20, words]]
    assert tables.words_table(results.frame([])).empty


def test_the_imagenet_network_reads_birds_too() -> None:
    cell = dataclasses.replace(CELL, network="efficientnet_lite0", code="spectral", length=19)
    found = features(cell.source)
    assert found.parts["test"][0].shape == (20, 1280) and found.parts["test"][0].std() > 0.1
    assert found.test_error != found.test_error  # nothing was trained here
    _, rows = runs.run_cell(cell, 0, "test")
    assert {row.dataset for row in rows} == {"synthetic_birds"}
    table = tables.real_table(results.frame(rows))
    assert table.iloc[5].tolist()[:2] == ["synthetic_birds", "spectral"] and table.iloc[5]["seeds"] == 1
    assert (table.iloc[:3]["at the end (%)"] == "not run").all()


def test_photographs_have_no_tree_and_a_size_of_their_own() -> None:
    with pytest.raises(ValueError, match="cifar10 comes without a tree and attributes: code 'taxonomy' needs birds"):
        runs.code_matrix("taxonomy", "none", 9, Source(10, 32, dataset="cifar10"), 0)
    with pytest.raises(ValueError, match="dataset"):
        Source(dataset="cifar100")


def test_real_cells_have_the_classes_of_their_images() -> None:
    lrs = {(code, LAPTOP.batch_size): 0.1 for code in ("one_hot", "gaussian", "spectral")}
    lengths = {name: [cell.length for cell in grids.real_cells(LAPTOP, name, lrs)] for name in grids.REAL}
    assert lengths == {"cifar10": [10, 10, 9], "synthetic_birds": [100, 100, 99]}
    chosen = grids.choice_cells(LAPTOP, ["spectral"], LAPTOP.lrs, **grids.real_changes("cifar10"))
    assert {(cell.length, cell.dataset, cell.network) for cell in chosen} == {(9, "cifar10", "efficientnet_lite0")}


def test_rates_table_has_a_line_a_code_and_a_column_a_rate() -> None:
    table = tables.rates_table(choices({"one_hot": 0.03, "spectral": 0.3}))
    assert table["code"].tolist() == ["one_hot", "spectral"]
    assert table.columns.tolist() == ["code", "batch size", *(f"rate {lr:g}" for lr in LAPTOP.lrs)]
    assert table.set_index("code").loc["one_hot"].drop("batch size").astype(float).idxmin() == "rate 0.03"
    assert tables.rates_table(results.frame([])).empty


def costs(step: dict[int, float]) -> pd.DataFrame:
    """Return a benchmark in which a step with codes takes so many times a step with one-hot, by classes."""
    lines = []
    for classes, times in step.items():
        for task in ("predict", "step"):
            lines.append((classes, task, "one-hot", classes, 2.0, 4.0))
            lines.append((classes, task, "code", 10, 2 * times, 1.0))
        lines.append((classes, "build", "random", 10, 9.0, 9.0))
    return pd.DataFrame(lines, columns=["classes", "task", "variant", "length", "seconds", "peak_mb"])


def test_cost_of_codes_is_a_multiple_of_the_one_hot_layer() -> None:
    table = tables.cost_table(costs({100: 3.0, 1000: 0.5}))
    assert table.to_numpy().tolist() == [
        [100, 10, "code", 3.0, 0.25, 3.0, 0.25],
        [1000, 10, "code", 0.5, 0.25, 0.5, 0.25],
    ]
    assert tables.cost_table(pd.DataFrame()).empty


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({100: 3.0, 1000: 0.5}, "a training step takes less time than with one-hot from 1,000 classes on, and"),
        ({100: 0.5, 1000: 3.0, 10_000: 0.5}, "less time than with one-hot from 10,000 classes on, and less memory"),
        ({100: 1.0}, "a training step takes less time than with one-hot at none of the sizes measured, and"),
    ],
)
def test_codes_pay_from_the_size_after_which_they_always_do(step: dict[int, float], expected: str) -> None:
    assert expected in tables.pays(costs(step))
    assert tables.pays(costs(step)).endswith("and less memory at every size measured.")


def test_codes_that_always_pay_are_said_to_in_one_breath() -> None:
    words = "With codes, a training step and a prediction take less time and memory than with one-hot"
    assert tables.pays(costs({100: 0.5, 1000: 0.5})) == f"{words} at every size measured."


def test_what_was_not_measured_is_said() -> None:
    assert tables.pays(pd.DataFrame()).startswith("Not measured yet")
