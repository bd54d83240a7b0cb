"""A recurrent network on features: learns, stops early, resumes to the bit, refuses other data, and is applied."""

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from fgr.data.feature_files import FrameFeatures
from fgr.experiments.sequences import SequenceSettings, fit, load_model, scores, write_predictions
from fgr.experiments.sequences.model import Predictions
from fgr.training import Epoch

SMALL = SequenceSettings(window=3, hidden=8, epochs=4, batch_size=16)
CLASSES = replace(SMALL, task="classification")


def videos(count: int, length: int = 20, seed: int = 0, classes: bool = False) -> FrameFeatures:
    """Videos whose label is what the first feature was one frame ago, far from zero and small."""
    draw = torch.Generator().manual_seed(seed)
    features = torch.randn(count, length, 5, generator=draw)
    labels = features[:, :, 0].roll(1, 1).double()
    labels = (labels > 0).double() if classes else 0.2 * labels + 6
    sequences = torch.arange(count).repeat_interleave(length)
    paths = tuple(f"v{v}/{f}.png" for v in range(count) for f in range(length))
    return FrameFeatures(3 * features.flatten(0, 1) - 9, labels.flatten(), sequences, paths, {"layer": "fc6"})


def weights(folder: Path) -> dict[str, Tensor]:
    return load_model(folder / "model.safetensors").network.state_dict()


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"layers": 2, "dropout": 0.1}, {"shuffle": False}])
def test_a_regression_learns_and_answers_in_the_unit_of_the_labels(tmp_path: Path, options: dict) -> None:
    settings = replace(SMALL, epochs=12, **options)
    model, history = fit(videos(20), videos(6, seed=1), settings, tmp_path)
    best = min(history, key=lambda epoch: epoch.metrics["mse"])
    assert best.metrics["mse"] < 0.5 * 0.2**2 and best.metrics["pcc"] > 0.75
    found = scores(model.predict(videos(6, seed=1)))
    assert found == pytest.approx(best.metrics, abs=1e-9, nan_ok=True)  # the best epoch was kept, not the last one
    assert abs(model.predict(videos(6, seed=1)).outputs.mean().item() - 6) < 0.2


def test_a_classification_learns(tmp_path: Path) -> None:
    settings = replace(CLASSES, epochs=12, class_weights=True)
    model, history = fit(videos(20, classes=True), videos(6, seed=1, classes=True), settings, tmp_path)
    assert model.num_classes == 2 and max(epoch.metrics["accuracy"] for epoch in history) > 0.8
    outputs = model.predict(videos(2, classes=True)).outputs
    torch.testing.assert_close(outputs.exp().sum(1), torch.ones(2 * 18))


def test_statistics_are_those_of_the_training_frames(tmp_path: Path) -> None:
    training = videos(4)
    model, _ = fit(training, videos(3, seed=1), replace(SMALL, epochs=1), tmp_path)
    assert model.feature_scale.mean.item() == pytest.approx(training.features.double().mean().item(), rel=1e-6)
    assert model.label_scale.std.item() == pytest.approx(training.labels.std(correction=0).item(), rel=1e-9)
    plain, _ = fit(training, None, replace(SMALL, epochs=1, standardize=False), tmp_path / "plain")
    assert plain.feature_scale is plain.label_scale is None


def test_balanced_training_sees_as_many_windows_without_pain_as_with(tmp_path: Path) -> None:
    frames = videos(10, length=12)
    frames.labels[:] = torch.linspace(0, 0.9, 120, dtype=torch.float64)
    frames.labels[[5, 30]] = 2.0  # in three windows each, of 100
    fit(frames, None, replace(SMALL, balance=True, epochs=1, batch_size=12), tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["optimizer"]["state"]
    assert state[0]["step"] == 1  # one batch of 12 windows, where all would be 8 batches
    with pytest.raises(ValueError, match="one class is absent: 0 of 100 samples are positive"):
        fit(replace(frames, labels=frames.labels / 3), None, replace(SMALL, balance=True), tmp_path / "none")


def test_gradients_are_clipped_before_the_step(tmp_path: Path) -> None:
    norms = []

    def measure(optimizer: torch.optim.Optimizer, *_: object) -> None:
        grads = [p.grad.flatten() for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.cat(grads).norm().item())

    handle = register_optimizer_step_post_hook(measure)
    try:
        fit(videos(4), None, replace(SMALL, epochs=1, clip=0.01), tmp_path)
        clipped, norms[:] = list(norms), []
        fit(videos(4), None, replace(SMALL, epochs=1, clip=1e9), tmp_path / "free")
    finally:
        handle.remove()
    assert max(clipped) <= 0.01 * 1.001 and min(norms) > 0.01


def test_it_stops_without_improvement_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    noise = replace(videos(3, seed=1), labels=torch.randn(60).double())
    _, history = fit(videos(3), noise, replace(SMALL, epochs=60, patience=3), tmp_path)
    losses = [epoch.metrics["mse"] for epoch in history]
    assert len(losses) < 60 and losses.index(min(losses)) == len(losses) - 4
    again = scores(load_model(tmp_path / "model.safetensors").predict(noise))
    assert again["mse"] == pytest.approx(min(losses), rel=1e-9)


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path) -> None:
    seen: list[int] = []
    _, history = fit(videos(3), None, SMALL, tmp_path, recorder=lambda epoch: seen.append(epoch.epoch))
    assert seen == [1, 2, 3, 4] and not history[-1].metrics
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]
    assert same(state, weights(tmp_path))


@pytest.mark.parametrize("options", [{}, {"dropout": 0.5, "batch_norm": True}])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path: Path, options: dict) -> None:
    settings = replace(SMALL, **options)

    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    data = videos(4), videos(3, seed=1)
    _, whole = fit(*data, settings, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(*data, settings, tmp_path / "halved", recorder=interrupt)
    torch.manual_seed(99)
    _, resumed = fit(*data, settings, tmp_path / "halved")
    assert [epoch.loss for epoch in resumed] == [epoch.loss for epoch in whole]
    assert same(weights(tmp_path / "halved"), weights(tmp_path / "whole"))


def test_seeds_differ(tmp_path: Path) -> None:
    for seed in (0, 1):
        fit(videos(3), None, replace(SMALL, epochs=1, seed=seed), tmp_path / str(seed))
    assert not same(weights(tmp_path / "0"), weights(tmp_path / "1"))


# ---------------------------------------------------------------- what is refused


def test_another_run_in_the_same_folder(tmp_path: Path) -> None:
    fit(videos(3), None, SMALL, tmp_path)
    kept = weights(tmp_path)
    with pytest.raises(ValueError, match=r"holds a run with other settings: hidden was 8, lr was 0.01; name another"):
        fit(videos(3), None, replace(SMALL, hidden=9, lr=0.1), tmp_path)
    with pytest.raises(ValueError, match="the training data were others"):
        fit(videos(3, seed=5), None, SMALL, tmp_path)
    with pytest.raises(ValueError, match="the validation data were others"):
        fit(videos(3), videos(2, seed=1), SMALL, tmp_path)
    assert same(weights(tmp_path), kept)
    _, longer = fit(videos(3), None, replace(SMALL, epochs=6), tmp_path)  # more epochs go on
    assert len(longer) == 6


def other_network(frames: FrameFeatures) -> FrameFeatures:
    return replace(frames, made={"layer": "fc7"})


def narrow(frames: FrameFeatures) -> FrameFeatures:
    return replace(frames, features=frames.features[:, :4].clone(), made={})


def numbered_frames(frames: FrameFeatures) -> FrameFeatures:
    return replace(frames, sequences=torch.arange(len(frames)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_network, "features differ in layer: 'fc6' and 'fc7'; extract both alike"),
        (narrow, "the model reads 5 features a frame, there are 4"),
        (numbered_frames, "no sequence is as long as a window of 3 frames, the longest has 1; .*number the videos"),
    ],
)
def test_frames_that_cannot_be_judged(tmp_path: Path, change: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(videos(3), change(videos(2, seed=1)), SMALL, tmp_path)
    assert list(tmp_path.iterdir()) == []  # refused before anything was written
    model, _ = fit(videos(3), None, replace(SMALL, epochs=1), tmp_path)
    with pytest.raises(ValueError, match=message):
        model.predict(change(videos(2, seed=1)))


def test_labels_that_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"classes are whole numbers from 0 on; frame 0 has the label 6\.\d+"):
        fit(videos(3), None, CLASSES, tmp_path)
    training, validation = videos(3, classes=True), videos(2, classes=True)
    validation.labels[7] = 2
    with pytest.raises(ValueError, match="from 0 to 1, those of the training frames; frame 7 has the label 2"):
        fit(training, validation, CLASSES, tmp_path)


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_labels_that_never_change(tmp_path: Path, constant: float) -> None:
    flat = replace(videos(1, length=23), labels=torch.full((23,), constant, dtype=torch.float64))
    with pytest.raises(ValueError, match=f"all training values are {constant:g}; there is nothing to standardise"):
        fit(flat, None, SMALL, tmp_path)


@pytest.mark.parametrize("only", [0, 2])
def test_weights_of_one_class(tmp_path: Path, only: int) -> None:
    """Frames without a full window do not count: the network is never asked about them."""
    frames = replace(videos(3), labels=torch.full((60,), only).double())
    frames.labels[[0, 1, 20, 41]] = 1
    with pytest.raises(ValueError, match=f"all training frames are of class {only} .* or leave class_weights out"):
        fit(frames, None, replace(CLASSES, class_weights=True), tmp_path)
    assert list(tmp_path.iterdir()) == []  # refused before anything was written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "ranking"}, "task must be one of 'regression', 'classification', got 'ranking'"),
        ({"window": 0}, "window must be a finite number above 0, got 0"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1\.0"),
        ({"patience": -1}, "patience must be at least 0, got -1"),
        ({"class_weights": True}, "class_weights is for task='classification'"),
    ],
)
def test_wrong_settings(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


# ---------------------------------------------------------------- outputs


@pytest.mark.parametrize("pad", [False, True])
def test_only_frames_with_a_full_window_are_judged_unless_padded(tmp_path: Path, pad: bool) -> None:
    model, _ = fit(videos(3), None, replace(SMALL, epochs=1, pad=pad), tmp_path)
    found = model.predict(videos(2, length=5))
    assert found.frames.tolist() == ([*range(10)] if pad else [2, 3, 4, 7, 8, 9])
    torch.testing.assert_close(found.labels, videos(2, length=5).labels[found.frames])


def test_a_table_of_predictions(tmp_path: Path) -> None:
    frames = videos(2, length=4)
    write_predictions(
        tmp_path / "r.csv", frames, Predictions(torch.tensor([3, 7]), torch.tensor([0.5, 2.0]), frames.labels[[3, 7]])
    )
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [(row["path"], row["sequence"], float(row["prediction"])) for row in rows] == [
        ("v0/3.png", "0", 0.5),
        ("v1/3.png", "1", 2.0),
    ]
    assert float(rows[1]["label"]) == frames.labels[7].item()
    shares = torch.tensor([[0.2, 0.8]]).log()
    write_predictions(tmp_path / "c.csv", frames, Predictions(torch.tensor([3]), shares, frames.labels[[3]]))
    (row,) = csv.DictReader((tmp_path / "c.csv").open())
    assert row["prediction"] == "1" and float(row["p1"]) == pytest.approx(0.8)


def test_scores_by_hand() -> None:
    found = scores(Predictions(torch.arange(3), torch.tensor([0.0, 1.0, 4.0]), torch.tensor([0.0, 1.0, 2.0]).double()))
    assert found["mse"] == pytest.approx(4 / 3) and found["mae"] == pytest.approx(2 / 3) and found["auc"] == 1
    assert list(found) == ["mse", "mae", "pcc", "icc", "auc"]
    outputs = torch.tensor([[0.9, 0.1], [0.6, 0.4]]).log()
    found = scores(Predictions(torch.arange(2), outputs, torch.tensor([0.0, 1.0]).double()))
    assert found["cross_entropy"] == pytest.approx(-(math.log(0.9) + math.log(0.4)) / 2) and found["accuracy"] == 0.5


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    fit(videos(3), None, replace(SMALL, epochs=1), tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"model\.safetensors holds no model of sequences .*`fgr sequence train`"):
        load_model(file)
