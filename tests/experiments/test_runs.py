"""One training run: variants are paired, a run repeats bit for bit, its rows tell its history, a sweep survives."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fgr.config import resolve
from fgr.data import TensorLoader
from fgr.experiments import classification
from fgr.experiments.attend import runs as attend
from fgr.experiments.classification import balanced_subset
from fgr.experiments.orthoreg import grids, runs
from fgr.experiments.orthoreg.runs import EXPERIMENT, Cell, cell_from_json, run_cell
from fgr.experiments.sweep import sweep
from fgr.results import rows as results
from fgr.training import Epoch, Step, train

PLAIN = Cell(dataset="mnist_5k", train_size=100, hidden=16, lr=0.2, batch_size=50, epochs=3)
LOCAL = replace(PLAIN, mode="local", strength=0.1)


class Stopped(Exception):
    """Stands for a power cut."""


def measured(rows: list[results.Row]) -> list[tuple]:
    """What a run measured, without when and how fast."""
    return [(r.run_id, r.metric, r.split, r.selection, r.epochs, r.value) for r in rows if r.unit != "seconds"]


def swept(cells: list[Cell], seeds: list[int], **options: object) -> list[results.Row]:
    """Every cell with every seed."""

    def run(cell: Cell, seed: int, checkpoint: Path | None) -> list[results.Row]:
        return run_cell(cell, seed, "test", checkpoint=checkpoint).rows

    return sweep(run, EXPERIMENT, cells, seeds, **options)


# ---------------------------------------------------------------- pairing


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, list[Tensor], Tensor]]:
    """Collect of every run: its first weights, its batches of two epochs, and the state that dropout draws from."""
    seen = []

    def watched(model: nn.Module, loader: TensorLoader, *args: object, **kwargs: object) -> list:
        weights = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        batches = []
        for epoch in (0, 1):
            loader.set_epoch(epoch)
            batches += [images.clone() for images, _ in loader]
        seen.append((weights, batches, torch.get_rng_state()))
        return train(model, loader, *args, **kwargs)

    monkeypatch.setattr(classification, "train", watched)
    return seen


def test_variants_of_a_seed_share_weights_batches_and_dropout(starts: list) -> None:
    for cell in (PLAIN, LOCAL, replace(LOCAL, mode="global", locality=3.0)):
        run_cell(cell, seed=4, profile="test")
    (weights, batches, state), *others = starts
    for other_weights, other_batches, other_state in others:
        assert torch.equal(weights, other_weights) and torch.equal(state, other_state)
        assert all(map(torch.equal, batches, other_batches))
    assert not torch.equal(batches[0], batches[2])  # an order of its own in every epoch


def test_another_seed_has_other_weights_and_another_order(starts: list) -> None:
    for seed in (0, 1):
        run_cell(PLAIN, seed, profile="test")
    (weights, batches, _), (other_weights, other_batches, _) = starts
    assert not torch.equal(weights, other_weights)
    assert not any(map(torch.equal, batches, other_batches))


def test_table_5_1_pairs_the_order_of_batches_across_its_columns(starts: list) -> None:
    base = replace(PLAIN, network="digit_cnn", epochs=1)
    for cell in (base, replace(base, dropout=0.5), replace(base, lsuv=True)):
        run_cell(cell, seed=0, profile="test")
    (weights, batches, state), (dropped, *_), (lsuv, *_) = starts
    assert torch.equal(weights, dropped) and not torch.equal(weights, lsuv)
    for _, other_batches, other_state in starts[1:]:
        assert all(map(torch.equal, batches, other_batches)) and torch.equal(state, other_state)


# ---------------------------------------------------------------- data of a run


@pytest.mark.parametrize("size", [0, 1, 7, 20, 33, 60])
def test_balanced_subset_is_even_distinct_and_fixed(size: int) -> None:
    targets = torch.arange(60) % 3
    chosen = balanced_subset(targets, size)
    counts = targets[chosen].bincount(minlength=3)
    assert len(chosen) == len(chosen.unique()) == size
    assert counts.max() - counts.min() <= 1
    assert torch.equal(chosen, balanced_subset(targets, size))
    assert size in (0, 1, 60) or not torch.equal(chosen, balanced_subset(targets, size, seed=1))


def test_balanced_subset_takes_all_of_a_rare_class_and_nests() -> None:
    targets = torch.tensor([0] * 50 + [1] * 3)
    assert targets[balanced_subset(targets, 20)].bincount().tolist() == [17, 3]
    small, large = (set(balanced_subset(targets, size).tolist()) for size in (4, 12))
    assert small <= large  # more data is the same data and some more


def test_balanced_subset_of_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="train_size 4 is more than the 3 images of the training part"):
        balanced_subset(torch.zeros(3, dtype=torch.long), 4)


def test_images_are_standardised_by_the_training_part() -> None:
    parts, classes = runs.tensors("mnist_5k", 100)
    images, targets = parts["train"]
    assert images.shape == (100, 1, 32, 32) and targets.bincount().tolist() == [10] * 10 and classes == 10
    assert abs(images.mean()) < 1e-4 and abs(images.std() - 1) < 1e-3
    assert {split: len(part[1]) for split, part in parts.items()} == {"train": 100, "validation": 500, "test": 1000}


# ---------------------------------------------------------------- one run and its rows


@pytest.fixture(scope="module")
def finished() -> runs.Trained:
    return run_cell(LOCAL, seed=0, profile="test")


def test_run_repeats_bit_for_bit_and_leaves_the_random_state_alone(finished: runs.Trained) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again = run_cell(LOCAL, seed=0, profile="test")
    assert torch.equal(torch.get_rng_state(), before)
    for name, weight in finished.model.state_dict().items():
        assert torch.equal(weight, again.model.state_dict()[name]), name
    assert measured(finished.rows) == measured(again.rows)


def test_regulariser_and_its_options_reach_the_weights(finished: runs.Trained) -> None:
    changes = [{"mode": "none"}, {"mode": "global"}, {"strength": 1.0}, {"locality": 1.0}, {"restore_norms": False}]
    changes.append({"normalize_gradients": True})
    for change in changes:
        other = run_cell(replace(LOCAL, **change), seed=0, profile="test").model
        assert not torch.equal(other[1].weight, finished.model[1].weight), change


def test_layers_option_reaches_the_hook() -> None:
    cell = replace(LOCAL, network="digit_cnn", layers="conv")
    model = runs.build_network(cell, 10, (1, 32, 32))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    (hook,) = runs.regularizer_hooks(model, cell)
    hook(Step(epoch=0, batch=0, lr=0.1))
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"0.weight", "3.weight"}
    assert runs.regularizer_hooks(model, PLAIN) == []


def test_rows_are_complete(finished: runs.Trained) -> None:
    found = [(row.metric, row.split, row.selection, row.epochs, row.unit) for row in finished.rows]
    splits = ("train", "validation", "test")
    assert found[:9] == [("error", split, "epoch", epoch, "fraction") for epoch in (1, 2, 3) for split in splits]
    val = min(finished.history, key=lambda epoch: epoch.metrics["validation"]).epoch
    test = min(finished.history, key=lambda epoch: epoch.metrics["test"]).epoch
    assert found[9:] == [
        *(("error", split, "last", 3, "fraction") for split in splits),
        ("error", "test", "best-val", val, "fraction"),
        ("error", "test", "best-test", test, "fraction"),
        ("overfitting", "test", "last", 3, "fraction"),
        ("training_loss", "train", "last", 3, "nats"),
        ("nearest_angle", "none", "last", 3, "degrees"),
        ("epoch_seconds", "train", "none", 3, "seconds"),
    ]
    assert {(row.seed, row.profile, row.dataset, row.device) for row in finished.rows} == {
        (0, "test", "mnist_5k", "cpu")
    }
    assert {row.run_id for row in finished.rows} == {results.run_id("orthoreg", finished.rows[0].config, 0)}
    assert cell_from_json(finished.rows[0].config) == LOCAL


def test_rows_agree_with_the_history_and_the_model(finished: runs.Trained) -> None:
    rows = {(row.metric, row.split, row.selection, row.epochs): row for row in finished.rows}
    value = {key: row.value for key, row in rows.items()}
    for entry in finished.history:
        for split, error in entry.metrics.items():
            assert value["error", split, "epoch", entry.epoch] == error
    last = finished.history[-1]
    assert value["overfitting", "test", "last", 3] == last.metrics["test"] - last.metrics["train"]
    assert value["training_loss", "train", "last", 3] == last.loss
    best = {row.selection: row.value for row in finished.rows if row.selection.startswith("best")}
    assert best["best-test"] == min(entry.metrics["test"] for entry in finished.history) <= best["best-val"]
    seconds = rows["error", "test", "last", 3].seconds
    assert 0 < value["epoch_seconds", "train", "none", 3] * 3 <= seconds + 1e-3
    images, targets = runs.tensors("mnist_5k", 100)[0]["test"]
    with torch.no_grad():
        wrong = (finished.model(images).argmax(1) != targets).double().mean().item()
    assert value["error", "test", "last", 3] == pytest.approx(wrong, abs=1e-12)


def test_best_validation_epoch_is_chosen_without_the_test_set() -> None:
    errors = {1: (0.3, 0.1), 2: (0.1, 0.4), 3: (0.2, 0.2)}  # epoch -> validation, test
    history = [Epoch(e, 0.1, 0.0, 1.0, {"train": 0.0, "validation": v, "test": t}) for e, (v, t) in errors.items()]
    run = results.Run("orthoreg", "{}", "mnist", 0, "test", "cpu")
    rows = {row.selection: row for row in runs.rows_of(run, nn.Linear(4, 3), history, 1.0) if row.split == "test"}
    assert (rows["best-val"].epochs, rows["best-val"].value) == (2, 0.4)
    assert (rows["best-test"].epochs, rows["best-test"].value) == (1, 0.1)
    assert (rows["last"].epochs, rows["epoch"].epochs) == (3, 3)


def test_long_curves_are_thinned_but_the_best_epochs_are_found_among_all() -> None:
    wrong = [0.5] * 101
    wrong[56] = 0.1  # epoch 57, which the curve leaves out
    errors = {"train": 0.0, "validation": 0.0, "test": 0.0}
    history = [Epoch(n, 0.1, 0.0, 1.0, {**errors, "test": value}) for n, value in enumerate(wrong, start=1)]
    run = results.Run("orthoreg", "{}", "mnist", 0, "test", "cpu")
    rows = [row for row in classification.history_rows(run, history, 1.0) if row.split == "test"]
    curve = [row.epochs for row in rows if row.selection == "epoch"]
    assert curve == [*range(3, 100, 3), 101] and len(curve) <= classification.CURVE
    (best,) = (row for row in rows if row.selection == "best-test")
    assert (best.epochs, best.value) == (57, 0.1)


def test_a_diverged_run_is_recorded_as_chance_and_does_not_stop_a_sweep() -> None:
    """At a learning rate of 1e30 the loss is NaN within an epoch; the test set has as many zeros as other digits."""
    rows = {(row.metric, row.split): row.value for row in swept([replace(PLAIN, lr=1e30)], [0])}
    assert rows["diverged", "train"] == 1.0
    assert rows["error", "test"] == pytest.approx(0.9) and ("overfitting", "test") not in rows


def test_error_rate_counts_over_batches() -> None:
    images, targets = torch.eye(3)[[0, 1, 2, 0, 1]], torch.tensor([0, 1, 2, 1, 2])
    assert classification.error_rate(nn.Identity(), images, targets, torch.device("cpu"), batch=2) == 0.4


def test_unknown_network() -> None:
    with pytest.raises(ValueError, match=r"network must be one of 'mlp', .* got 'lenet'"):
        run_cell(replace(PLAIN, network="lenet"), seed=0, profile="test")


# ---------------------------------------------------------------- sweeps


def test_sweep_is_seeds_outside_and_cells_inside_each_once() -> None:
    rows = swept([PLAIN, LOCAL, PLAIN], seeds=[1, 0])
    order = list(dict.fromkeys((row.seed, cell_from_json(row.config)) for row in rows))
    assert order == [(1, PLAIN), (1, LOCAL), (0, PLAIN), (0, LOCAL)]
    assert len(rows) == 4 * 18


def test_sweep_keeps_finished_runs_and_finds_them_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "new" / "record.csv"
    rows = swept([PLAIN, LOCAL], [0], record=record)
    assert results.read(record).to_dict("records") == [asdict(row) for row in rows]
    kept = record.read_bytes()
    assert not list(record.parent.glob(".checkpoints/*"))
    monkeypatch.setattr(classification, "train", _never)
    assert swept([LOCAL, PLAIN], [0], record=record) == rows[18:] + rows[:18]
    assert record.read_bytes() == kept
    with pytest.raises(Stopped):
        swept([LOCAL], [1], record=record)


def test_interrupted_sweep_resumes_to_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = swept([PLAIN, LOCAL], [0])
    record = tmp_path / "record.csv"
    hooks = runs.regularizer_hooks
    with monkeypatch.context() as patch:
        patch.setattr(runs, "regularizer_hooks", lambda model, cell: [*hooks(model, cell), *_stops(cell, LOCAL, 2)])
        with pytest.raises(Stopped):
            swept([PLAIN, LOCAL], [0], record=record)
    assert len(results.read(record)) == 18  # the first run is whole; of the second there is nothing yet
    (checkpoint,) = (tmp_path / ".checkpoints").iterdir()
    assert checkpoint.stem == f"{whole[-1].run_id}-{results.source_hash()}"
    epochs = []
    with monkeypatch.context() as patch:
        patch.setattr(runs, "regularizer_hooks", lambda m, c: [*hooks(m, c), lambda step: epochs.append(step.epoch)])
        resumed = swept([PLAIN, LOCAL], [0], record=record)
    assert set(epochs) == {2}  # only the epoch that was under way
    assert measured(resumed) == measured(whole)
    assert measured(results.Row(**row) for row in results.read(record).to_dict("records")) == measured(whole)
    assert not checkpoint.exists()


def test_a_run_that_other_source_began_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows would name the source of today."""
    checkpoints = []

    def run(cell: Cell, seed: int, checkpoint: Path | None) -> list[results.Row]:
        checkpoints.append(checkpoint)
        raise Stopped

    for source in ("before", "after"):
        monkeypatch.setattr(results, "source_hash", lambda source=source: source)
        with pytest.raises(Stopped):
            sweep(run, EXPERIMENT, [PLAIN], [0], tmp_path / "record.csv")
    assert len(set(checkpoints)) == 2


def test_errors_of_a_sorted_set_are_measured_all_over_it() -> None:
    targets = torch.arange(4).repeat_interleave(10)
    images = torch.arange(40.0).reshape(40, 1, 1, 1)
    some, labels = classification.evenly_spaced(images, targets, 8)
    assert labels.bincount().tolist() == [2, 2, 2, 2] and torch.equal(targets[some.flatten().long()], labels)
    assert len(classification.evenly_spaced(images, targets, 15)[1].unique()) == 4
    for most in (None, 40, 50):
        whole = classification.evenly_spaced(images, targets, most)
        assert torch.equal(whole[0], images) and torch.equal(whole[1], targets)


def test_a_test_set_is_never_cut() -> None:
    assert "test" not in classification.JUDGED and "test" not in attend.JUDGED


def test_rows_lent_by_another_sweep_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lent = swept([PLAIN, LOCAL], [0])
    monkeypatch.setattr(classification, "train", _never)
    record = tmp_path / "record.csv"
    assert swept([LOCAL], [0], record=record, lent=[*lent, *lent]) == lent[18:]  # counts once
    assert set(results.read(record)["run_id"]) == {lent[-1].run_id}  # a record is whole by itself
    with pytest.raises(Stopped):  # of another seed nothing is lent
        swept([LOCAL], [1], lent=lent)


def _never(*args: object, **kwargs: object) -> list:
    raise Stopped


def _stops(cell: Cell, victim: Cell, epoch: int) -> Iterator[Callable]:
    """Yield a hook that raises in the second step of `epoch` (from 0) if the cell is the victim."""
    if cell == victim:

        def stop(step: Step) -> None:
            if (step.epoch, step.batch) == (epoch, 1):
                raise Stopped

        yield stop


# ---------------------------------------------------------------- the thesis's own sizes


def paper_cell(network: str) -> Cell:
    """The cell that the paper profile runs with this network, cut to one epoch."""
    config = resolve(grids.Config, "ch05_orthoreg", "paper", {"cifar_network": network})
    if network == "mlp":
        cell = grids.strength_cells(config)[-1]
    elif network == "digit_cnn":
        cell = grids.table_5_1_cells(config, 0.1)[-1]  # all layers, from LSUV
    else:
        cell = grids.cifar_cells(config)[-1]
    assert cell.network == network and cell.mode == "local" and cell.epochs == 200
    return replace(cell, batch_size=2, epochs=1)


@pytest.mark.parametrize(
    ("network", "millions"),
    [("mlp", 3.2), ("digit_cnn", 0.4), ("wrn-28-10", 36.5), ("wrn-28-4", 5.8), ("resnet-110", 1.7)],
)
def test_paper_profile_starts(network: str, millions: float, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (1, 32, 32) if network in ("mlp", "digit_cnn") else (3, 8, 8)  # residual networks take any size
    parts = {split: (torch.randn(4, *shape), torch.arange(4)) for split in ("train", "validation", "test")}
    monkeypatch.setattr(runs, "tensors", lambda dataset, size: (parts, 10))
    cell = paper_cell(network)
    done = run_cell(cell, seed=0, profile="paper", device="cpu")
    assert sum(p.numel() for p in done.model.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)
    assert done.history[0].loss > 0 and all(p.isfinite().all() for p in done.model.parameters())
    assert len(done.rows) == 12
    if network == "mlp":
        assert done.model[1].weight.shape == (1024, 1024) and len(done.model) == 8
