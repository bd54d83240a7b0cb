"""Chapter 2's runs: who is in which fold, what the network sees, what is measured, and what is found again."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch

from fgr import metrics
from fgr.config import as_json
from fgr.data.splits import Split
from fgr.data.synthetic.faces import ACTION_REGIONS, FACE_REGIONS, REGIONS
from fgr.experiments.pain import cells, looking, network, preprocess, recurrent, runs
from fgr.experiments.pain.cells import Cell, splits_of, targets_of
from fgr.experiments.pain.preprocess import fit_intensity, frames, landmarks_of, prepared, shaper

TINY = {"size": 16, "frame": 24, "subjects": 4, "sequences": 2, "length": 32, "folds": 2, "epochs": 1}
CELL = Cell(**TINY, batch_size=8, hidden=4, lstm_epochs=1, window=4)
EMOTION = Cell(
    loss="emotion",
    dataset="synthetic_emotions",
    **TINY | {"subjects": 0, "sequences": 0, "length": 0},
    videos=14,
    balance=False,
    hidden=4,
    lstm_epochs=1,
    window=10,
    lstms=True,
)
pytestmark = pytest.mark.usefixtures("own_faces")


def who(cell: Cell, rows: torch.Tensor, name: str = "subject") -> set[int]:
    return set(frames(cell.source).annotations[name][rows].tolist())


@pytest.fixture(scope="module")
def trained(own_faces: None) -> tuple[network.Trained, Split]:
    """The network of the first fold."""
    split = splits_of(CELL)[0]
    return network.train_network(CELL, split, 0), split


# ---------------------------------------------------------------- folds


@pytest.mark.parametrize("apart", ["subject", "one_subject"])
def test_no_subject_is_in_training_and_test(apart: str) -> None:
    cell = dataclasses.replace(CELL, apart=apart)
    splits = splits_of(cell)
    assert len(splits) == (4 if apart == "one_subject" else 2)
    for split in splits:
        assert not who(cell, split.train) & who(cell, split.test)
    tested = torch.cat([split.test for split in splits])
    assert tested.sort().values.tolist() == list(range(len(frames(cell.source))))  # each frame once


def test_folds_of_videos_share_people_and_folds_of_frames_share_videos() -> None:
    """That is what chapter 2's warning is about: they leak."""
    by_video, by_frame = (splits_of(dataclasses.replace(CELL, apart=apart)) for apart in ("sequence", "frame"))
    for split in by_video:
        assert who(CELL, split.train) & who(CELL, split.test)
        assert not who(CELL, split.train, "sequence") & who(CELL, split.test, "sequence")
    for split in by_frame:
        assert who(CELL, split.train, "sequence") == who(CELL, split.test, "sequence")


def test_folds_that_share_a_subject_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever made them."""
    wrong = torch.arange(len(frames(CELL.source))) % 2
    monkeypatch.setattr(cells, "subject_folds", lambda *_: wrong)
    with pytest.raises(ValueError, match="subject"):
        splits_of(CELL)


def test_emotions_count_in_the_last_three_frames_of_a_video_only() -> None:
    whole = frames(EMOTION.source)
    sequence = whole.annotations["sequence"].tolist()
    counts = cells.judged_frames(EMOTION, whole).tolist()
    for video in set(sequence):
        mine = [counts[row] for row in range(len(sequence)) if sequence[row] == video]
        assert sum(mine) == 3 and all(mine[-3:])
    for split in splits_of(EMOTION):
        assert all(counts[row] for row in [*split.train.tolist(), *split.test.tolist()])


def test_cells_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="judge 'lstm_fc6' needs lstms=True"):
        Cell(judge="lstm_fc6")
    with pytest.raises(ValueError, match="apart must be one of"):
        Cell(apart="hair")
    assert cells.from_json(as_json(EMOTION)) == EMOTION
    assert dataclasses.replace(EMOTION, judge="lstm_fc7").base == EMOTION


# ---------------------------------------------------------------- preparation


def test_landmarks_stay_inside_and_ck_loses_the_inner_corners_of_the_mouth() -> None:
    whole = frames(CELL.source)
    points = whole.annotations["landmarks"]
    wide = dataclasses.replace(whole, annotations={"landmarks": torch.cat([points, points[:, :2]], 1) + 20})
    found = landmarks_of(wide)
    assert found.shape == points.shape and found.max() == 23 and landmarks_of(whole).min() >= 0
    numbers = torch.arange(68.0).view(1, 68, 1).expand(1, 68, 2) / 10
    ck = dataclasses.replace(whole.select([0]), annotations={"landmarks": numbers})
    assert (10 * landmarks_of(ck)[0, :, 0]).round().tolist() == [n for n in range(68) if n not in (60, 64)]


@pytest.mark.parametrize("variant", preprocess.VARIANTS)
def test_every_preparation_gives_the_size_and_shows_nothing_outside_its_mask(variant: str) -> None:
    images, mask = prepared(CELL.source, variant)
    assert images.shape == (len(frames(CELL.source)), 3, 16, 16) and images.dtype == torch.uint8
    assert bool(mask.all()) == (variant in ("raw", "crop"))
    assert not images[..., ~mask].any() and images.float().std() > 10


def test_aligned_faces_have_their_landmarks_where_the_mean_face_has_them() -> None:
    """A light at the tip of each nose lies on one pixel after alignment, on many before; the crop shows more around."""
    whole, tip = frames(CELL.source), 30
    points = landmarks_of(whole)[::20]
    grid = torch.arange(24.0)
    x, y = points[:, tip, 0, None, None], points[:, tip, 1, None, None]
    lights = torch.exp(-((grid - x) ** 2 + (grid[:, None] - y) ** 2) / 4)[:, None].expand(-1, 3, -1, -1)
    for variant in ("frontal", "frontal_all"):
        peaks = shaper(CELL.source, variant)(lights, points)[:, 0].flatten(1).argmax(1)
        assert len(peaks.unique()) <= 2
    assert len(lights[:, 0].flatten(1).argmax(1).unique()) > 5
    spans = [shaper(CELL.source, name).reference.diff(dim=0).abs().sum() for name in ("crop", "align")]
    assert spans[0] < 0.9 * spans[1]


def test_only_deformed_faces_vary_in_training() -> None:
    whole = frames(CELL.source)
    images, points = whole.images[:6].float() / 255, landmarks_of(whole)[:6]
    for variant in ("crop", "frontal", "frontal_deformed"):
        shape = shaper(CELL.source, variant)
        made = [shape.train(images, points, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
        assert torch.equal(made[0], made[1])
        assert torch.equal(made[0], made[2]) == torch.equal(made[0], shape(images, points))
        assert torch.equal(made[0], made[2]) == (variant != "frontal_deformed")
    with pytest.raises(ValueError, match="variant must be one of"):
        shaper(CELL.source, "upside down")


def test_mean_face_leaves_zeros_behind_the_mask_and_one_mean_does_not() -> None:
    images, mask = prepared(CELL.source, "frontal")
    pixel, number = (fit_intensity(images, mask, mean) for mean in ("pixel", "global"))
    assert not pixel.apply(images[:5])[..., ~mask].any()
    assert number.apply(images[:5])[..., ~mask].abs().min() > 0.1
    torch.testing.assert_close(pixel.apply(images[:5]), pixel.apply(images[:5].float() / 255))
    by_hand = (images.double() / 255).mean(0) * mask
    torch.testing.assert_close(pixel.mean.double(), by_hand, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- networks


def seen_in_training(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> tuple[list, network.Trained]:
    """Return what two epochs of a fold's training would see, [(images, goals)], in place of training."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def look_only(model: object, loader: object, *_: object, **__: object) -> None:
        for epoch in (0, 1):
            loader.set_epoch(epoch)
            parts = list(loader)
            seen.append(tuple(torch.cat(column) for column in zip(*parts)))

    monkeypatch.setattr(network, "train", look_only)
    return seen, network.train_network(cell, splits_of(cell)[0], 0)


def test_training_sees_as_much_pain_as_none_and_other_frames_without_pain_each_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ((images, goals), (later, again)), made = seen_in_training(dataclasses.replace(CELL, batch_size=1), monkeypatch)
    levels = made.levels.invert(goals.double())
    pain = levels >= 0.999
    assert pain.sum() == (~pain).sum() and levels[~pain].abs().max() < 1e-5
    assert goals.mean().abs() < 1e-5 and goals.std(unbiased=False) == pytest.approx(1, abs=1e-3)  # as they are seen
    before, after = (shown[target < goals.mean()].flatten(1) for shown, target in ((images, goals), (later, again)))
    same = torch.cdist(before, after).amin(1) < 1e-4
    assert not same.all()


def test_without_balancing_every_training_frame_is_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = dataclasses.replace(CELL, balance=False, loss="binary", batch_size=1)
    ((_, goals), _), made = seen_in_training(cell, monkeypatch)
    split = splits_of(cell)[0]
    assert made.levels is None and len(goals) == len(split.train)
    assert goals.sum() == (targets_of(cell, frames(cell.source))[split.train] >= 1).sum()


def test_balancing_needs_both_kinds_of_frames() -> None:
    split = splits_of(CELL)[0]
    calm = split.train[targets_of(CELL, frames(CELL.source))[split.train] < 1]
    with pytest.raises(ValueError, match=r"0 of \d+ training frames show pain; balancing needs both kinds"):
        network.train_network(CELL, Split(calm, split.test), 0)


def test_all_preparations_of_a_seed_start_alike() -> None:
    """And starting moves no other random state."""
    state = torch.get_rng_state()
    first, other = (network.start(dataclasses.replace(CELL, variant=name), 1, 3) for name in ("crop", "frontal"))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), other.state_dict().values()))
    assert not torch.equal(first.fc6.weight, network.start(CELL, 1, 4).fc6.weight)
    assert torch.equal(state, torch.get_rng_state())


def test_pretraining_is_kept_and_all_but_the_last_layer_starts_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = dataclasses.replace(CELL, pretraining=40, pretraining_epochs=1)  # two people
    first = network.start(cell, 1, 0)
    weights, error = network.pretrained(network._pretraining(cell))
    assert 0 <= error <= 1 and weights["fc8.weight"].shape[0] == 2
    assert torch.equal(first.fc7.weight, weights["fc7.weight"]) and first.fc8.weight.shape[0] == 1
    network.pretrained.cache_clear()
    monkeypatch.setattr(network, "train", None)
    again = network.start(dataclasses.replace(cell, variant="frontal", epochs=9), 1, 1)
    assert torch.equal(again.conv1_1.weight, weights["conv1_1.weight"])


def test_outputs_are_levels_and_features_are_those_of_the_layers(trained: tuple) -> None:
    made, split = trained
    images = prepared(CELL.source, "crop").images[split.test[:5]]
    seen = {}
    for name in ("relu6", "relu7"):
        made.model.get_submodule(name).register_forward_hook(lambda *a, name=name: seen.update({name: a[2]}))
    with torch.no_grad():
        raw = made.model(made.intensity.apply(images))[:, 0]
    torch.testing.assert_close(made.outputs(images), raw * made.levels.std + made.levels.mean, check_dtype=False)
    features = made.features(images)
    torch.testing.assert_close(features["fc6"], seen["relu6"], check_stride=False)
    torch.testing.assert_close(features["fc7"], seen["relu7"], check_stride=False)


# ---------------------------------------------------------------- LSTMs


def test_an_lstm_judges_every_test_frame_and_refuses_folds_of_frames(trained: tuple) -> None:
    made, split = trained
    found = recurrent.lstm_outputs(CELL, made, split, 0)
    assert set(found) == {"lstm_fc6", "lstm_fc7"}
    assert all(outputs.shape == split.test.shape and outputs.isfinite().all() for outputs in found.values())
    with pytest.raises(ValueError, match="split by sequence or subject"):
        recurrent.lstm_outputs(dataclasses.replace(CELL, apart="frame"), made, split, 0)


def test_windows_of_emotions_end_in_the_frames_that_count_and_repeat_the_first() -> None:
    split = splits_of(EMOTION)[0]
    train, _ = recurrent.windows_of(EMOTION, split)
    sequence = frames(EMOTION.source).annotations["sequence"].tolist()
    for window, last in zip(train.view(-1, 10).tolist(), split.train.tolist()):
        first = sequence.index(sequence[last])
        assert window == [max(first, last - 9 + k) for k in range(10)]
    gathered = recurrent.gather(EMOTION, torch.zeros(len(sequence), 3), train)
    assert gathered.sequences.unique_consecutive(return_counts=True)[1].unique().tolist() == [10]


# ---------------------------------------------------------------- looking


def test_places_are_those_of_active_muscles_with_loops() -> None:
    whole = frames(CELL.source)
    rows = (targets_of(CELL, whole) >= 1).nonzero()[:4, 0]
    found = looking.places(whole, rows)
    for row, (face, muscles, rest) in zip(rows.tolist(), found):
        active = {u for u in looking.SCORED if whole.annotations["aus"][row, whole.labels["aus"].index(f"AU{u}")] >= 1}
        moved = set().union(*(ACTION_REGIONS[unit] for unit in active)) & set(FACE_REGIONS)
        for y in range(24):
            for x in range(24):
                name = REGIONS[int(whole.annotations["regions"][row, y, x])]
                expected = (name in FACE_REGIONS, name in moved, name not in FACE_REGIONS)
                assert (bool(face[y, x]), bool(muscles[y, x]), bool(rest[y, x])) == expected
    assert found[:, 1].any()


def test_looks_are_shares_of_saliency_beside_shares_of_area(trained: tuple) -> None:
    made, split = trained
    looks = looking.look(dataclasses.replace(CELL, looked=3), made, split)
    assert looks.saliency.shape == (16, 16) and looks.saliency.sum().item() == pytest.approx(1, abs=1e-5)
    assert looks.shares.shape == looks.areas.shape == (3, 3)
    for values in (looks.shares, looks.areas):
        torch.testing.assert_close(values[:, 0] + values[:, 2], torch.ones(3), check_dtype=False)
        assert (values[:, 1] <= values[:, 0] + 1e-6).all()
    assert 0.2 < looks.areas[:, 0].mean() < 0.8


def test_looks_need_to_know_what_a_pixel_shows(trained: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = frames(CELL.source)
    known = {name: values for name, values in whole.annotations.items() if name != "regions"}
    monkeypatch.setattr(looking, "frames", lambda _: dataclasses.replace(whole, annotations=known))
    with pytest.raises(ValueError, match="does not say what each pixel shows; set looked=0"):
        looking.look(dataclasses.replace(CELL, looked=3), *trained)


def test_frames_without_saliency_count_in_no_mean(trained: tuple) -> None:
    """As when all units of fc7 are off: then the level depends on no pixel, and shares are zero by zero."""
    made, split = trained
    silent = copy.deepcopy(made.model)
    with torch.no_grad():
        silent.fc7.bias.fill_(-1e9)
    cell = dataclasses.replace(CELL, looked=3)
    without = looking.look(cell, made._replace(model=silent), split)
    assert not without.seen.any() and without.shares.isnan().all()
    some = looking.look(cell, made, split)
    assert some.seen.all()
    both = looking.joined([some, without])
    assert torch.equal(both.saliency, some.saliency) and both.seen.tolist() == [True] * 3 + [False] * 3
    for mean, values in zip(both.means(), (some.shares, some.areas)):
        torch.testing.assert_close(mean, values.double().mean(0))
    everything = judged(CELL, targets_of(CELL, frames(CELL.source)).float())._replace(looks=[some, without])
    found = runs.measure(CELL, everything, 0)
    assert found["with_saliency"] == (0.5, "fraction")
    assert found["saliency_face"][0] == pytest.approx(some.shares[:, 0].double().mean().item())


# ---------------------------------------------------------------- runs


def test_judges_share_their_networks_and_finished_folds_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three judges train one network a fold; another process finds them on the disk, looks included."""
    cell = dataclasses.replace(CELL, lstms=True, looked=3)
    numbers: list[int] = []
    once = runs.run_fold
    monkeypatch.setattr(runs, "run_fold", lambda *args: numbers.append(args[2]) or once(*args))
    three = [dataclasses.replace(cell, judge=judge) for judge in cells.JUDGES]
    first = [runs.judge(one, 0, "cpu", tmp_path) for one in three]
    assert numbers == [0, 1] and len({tuple(judged.rows.tolist()) for judged in first}) == 1
    runs._fold.cache_clear()
    again = runs.judge(three[1], 0, "cpu", tmp_path)
    assert numbers == [0, 1] and torch.equal(again.outputs, first[1].outputs)
    assert len(again.looks) == len(first[1].looks) > 0
    assert torch.equal(again.looks[0].shares, first[1].looks[0].shares)
    next(tmp_path.glob("fold-*.pt")).unlink()  # an interrupted run lacks some
    runs._fold.cache_clear()
    runs.judge(cell, 0, "cpu", tmp_path)
    assert len(numbers) == 3
    monkeypatch.setattr(runs.results, "source_hash", lambda: "changed since")
    runs._fold.cache_clear()
    runs.judge(cell, 0, "cpu", tmp_path)
    assert len(numbers) == 5  # what other code made is not taken for this code's


def judged(cell: Cell, outputs: torch.Tensor) -> runs.Judged:
    whole = frames(cell.source)
    return runs.Judged(torch.arange(len(whole)), outputs, whole.annotations["subject"] % 2, [])


def test_perfect_levels_are_perfect_by_every_metric_and_subject() -> None:
    cell = dataclasses.replace(CELL, apart="one_subject", judge="lstm_fc6", lstms=True)
    whole = frames(cell.source)
    levels = targets_of(cell, whole)
    found = runs.measure(cell, judged(cell, levels.float()), 0)
    value = {name: number for name, (number, _) in found.items()}
    for name in ("auc", "accuracy", "auc_normalized", "accuracy_normalized", "icc", "pcc"):
        assert value[name] == pytest.approx(1), name
    assert value["mae"] == value["mse"] == 0
    assert value["no_pain_share"] == pytest.approx(float((levels < 1).double().mean()))
    for subject in range(4):
        mine = levels[whole.annotations["subject"] == subject]
        assert value[f"subject_{subject}_positive"] == (mine >= 1).sum() == value[f"subject_{subject}_positive_correct"]
        assert value[f"subject_{subject}_negative"] == (mine < 1).sum()
    assert found["subject_0_positive"][1] == "count" and found["mae"][1] == "none"
    other = runs.measure(dataclasses.replace(cell, judge="cnn"), judged(cell, levels.float()), 0)
    assert {name.removeprefix("subject_0_") for name in found.keys() - other.keys() if "_0_" in name} == {
        *("positive", "positive_correct", "negative", "negative_correct")
    }


def test_pain_is_a_level_of_one_or_a_logit_of_zero() -> None:
    """0.9 of a level is no pain, and half a logit is."""
    level = runs.measure(CELL, judged(CELL, torch.full((len(frames(CELL.source)),), 0.9)), 0)
    binary = dataclasses.replace(CELL, loss="binary")
    logit = runs.measure(binary, judged(binary, torch.full((len(frames(CELL.source)),), 0.5)), 0)
    share = level["no_pain_share"][0]
    assert level["accuracy"][0] == pytest.approx(share) and logit["accuracy"][0] == pytest.approx(1 - share)
    assert level["accuracy_normalized"][0] == pytest.approx(0.5) and level["auc"][0] == pytest.approx(0.5)
    assert "mae" not in logit and "pcc" not in level  # a constant correlates with nothing


def test_emotions_are_counted_and_averaged_over_folds() -> None:
    whole = frames(EMOTION.source)
    rows = cells.judged_frames(EMOTION, whole).nonzero()[:, 0]
    outputs = torch.zeros(len(rows), 7)
    outputs[:, 0] = 1  # everybody is angry
    fold = (torch.arange(len(rows)) >= 6).long()
    found = runs.measure(EMOTION, runs.Judged(rows, outputs, fold, []), 0)
    right = (whole.targets[rows] == 0).double()
    assert found["accuracy"][0] == pytest.approx(right.mean().item())
    assert found["accuracy_of_folds"][0] == pytest.approx(((right[:6].mean() + right[6:].mean()) / 2).item())
    assert sum(value for name, (value, _) in found.items() if name.startswith("confusion_")) == len(rows)
    assert found["confusion_0_0"][0] == right.sum()


@pytest.mark.parametrize("changes", [{}, {"loss": "binary", "mean": "global", "variant": "frontal_deformed"}])
def test_a_run_gives_rows_that_say_what_it_was_and_can_be_repeated(changes: dict) -> None:
    cell = dataclasses.replace(CELL, **changes)
    rows = runs.run_cell(cell, 1, "test", "cpu")
    assert {row.config for row in rows} == {as_json(cell)} and {row.dataset for row in rows} == {"synthetic_pain"}
    assert {row.seed for row in rows} == {1} and all(row.epochs == 1 for row in rows)
    runs._fold.cache_clear()
    again = runs.rerun(rows[0].config, 1, "test")
    assert [(row.metric, row.value) for row in again] == [(row.metric, row.value) for row in rows]


def test_emotions_run_from_start_to_end() -> None:
    rows = {row.metric: row.value for row in runs.run_cell(dataclasses.replace(EMOTION, judge="lstm_fc6"), 0, "test")}
    assert 0 <= rows["accuracy_of_folds"] <= 1 and len(rows) == 2 + 49


def test_skew_normalised_numbers_are_those_of_the_library() -> None:
    outputs = torch.rand(len(frames(CELL.source)), generator=torch.Generator().manual_seed(0)) * 2
    found = runs.measure(CELL, judged(CELL, outputs), 5)
    pain = targets_of(CELL, frames(CELL.source)) >= 1
    draws = torch.Generator().manual_seed(5)
    assert found["auc_normalized"][0] == metrics.skew_normalized(metrics.auc, outputs, pain, draws, runs.REPEATS)
