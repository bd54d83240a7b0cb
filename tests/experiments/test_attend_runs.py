"""Runs of chapter 4: what is built and trained for a cell, pairing of variants, and rows that can be repeated."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from fgr.attention import AttendAndRectify
from fgr.config import as_json
from fgr.experiments.attend import robustness, runs
from fgr.experiments.attend.runs import Cell, build, from_json, run_cell, training_of
from fgr.models import WARN, SpatialTransformer, WideResNet, WRNAtt2
from fgr.results import rows as results

SMALL = {"digits": "mnist_5k", "layout": "released", "distractors": 2, "train": 40, "validation": 10, "test": 20}
PLAIN = Cell(**SMALL, lr=0.01, batch_size=20, epochs=1)
ATTENDING = replace(PLAIN, attention_depth=2, heads=2, penalty=0.001)


@pytest.fixture(scope="module")
def finished() -> runs.Trained:
    """A network with attention, trained for an epoch on forty digits."""
    return run_cell(ATTENDING, seed=3, profile="test", device="cpu")


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, nn.Sequential),
        ({"attention_depth": 5, "heads": 2}, AttendAndRectify),
        ({"network": "stn"}, SpatialTransformer),
        ({"network": "wrn-10-1"}, WideResNet),
        ({"network": "wrn-10-1", "attention_depth": 3, "heads": 2}, WARN),
        ({"network": "att2-10-1"}, WRNAtt2),
        ({"network": "face_cnn", "attention_depth": 4, "size": 16, "num_classes": 20}, AttendAndRectify),
    ],
)
def test_a_cell_names_its_network(changes: dict, kind: type) -> None:
    """Every network gives scores for a batch, by `scores_of`."""
    cell = replace(PLAIN, **changes)
    model = build(cell, seed=0).eval()
    assert isinstance(model, kind)
    shape = {"wrn": (3, 32, 32), "att2": (3, 32, 32), "face_cnn": (3, 16, 16)}
    images = torch.rand(2, *shape.get(cell.network.split("-")[0], (1, 40, 40)))
    assert runs.scores_of(model(images)).shape == (2, cell.num_classes)


def test_options_of_attention_reach_the_network() -> None:
    """Gates, masks and blocked gradients are those of the cell."""
    cell = replace(ATTENDING, gates="projection", masks="sigmoid", block_gradients=True)
    rectifier = build(cell, seed=0).rectifier
    assert rectifier.projection is not None and rectifier.gates is None
    assert rectifier.block_gradients and {module.masks for module in rectifier.attention} == {"sigmoid"}
    assert [module.heads for module in rectifier.attention] == [2, 2]
    assert build(replace(cell, network="wrn-10-1"), seed=0).rectifier.block_gradients
    assert build(replace(PLAIN, network="att2-10-1", block_gradients=True), seed=0).block_gradients


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"network": "lenet"}, "network must be one of"), ({"attention_depth": 6}, "attention_depth of cluttered_cnn")],
)
def test_what_does_not_exist_is_named(changes: dict, message: str) -> None:
    """An unknown network, and more attention than there are layers."""
    with pytest.raises(ValueError, match=message):
        build(replace(PLAIN, **changes), seed=0)


@pytest.mark.parametrize(
    ("plain", "variants"),
    [
        (PLAIN, [("base", {"attention_depth": 4, "heads": 4}), ("classifier", {"network": "stn"})]),
        (
            replace(PLAIN, network="wrn-10-1"),
            [("base", {"attention_depth": 3, "heads": 4}), ("base", {"network": "att2-10-1"})],
        ),
    ],
)
def test_variants_start_from_the_same_weights(plain: Cell, variants: list) -> None:
    """For one seed the network inside is the network alone; another seed starts elsewhere."""
    start = build(plain, seed=1).state_dict()
    for inside, changes in variants:
        other = getattr(build(replace(plain, **changes), seed=1), inside).state_dict()
        shared = [name for name in start if name in other]
        assert len(shared) > 10 and all(torch.equal(start[name], other[name]) for name in shared)
    weights = [name for name in start if name.endswith("conv1.weight") or name == "stage1.0.weight"]
    elsewhere = build(plain, seed=2).state_dict()
    assert weights and not any(torch.equal(start[name], elsewhere[name]) for name in weights)


def test_loss_of_attention_is_its_own_and_the_transformer_learns_slowly() -> None:
    """The penalty of the cell is in the loss, and the localization has a hundredth of the learning rate."""
    model = build(ATTENDING, seed=0)
    images, targets = torch.rand(4, 1, 40, 40), torch.arange(4)
    output = model(images)
    weak, strong = (
        training_of(replace(ATTENDING, penalty=weight), model)["loss"](output, targets) for weight in (0.0, 1e4)
    )
    assert torch.equal(weak, nn.functional.nll_loss(output.log_scores, targets)) and strong > weak
    cell = replace(PLAIN, network="stn", lr=0.5)
    groups = training_of(cell, build(cell, seed=0))["parameters"]
    assert [group["lr"] for group in groups] == pytest.approx([0.005, 0.5])
    assert training_of(PLAIN, build(PLAIN, seed=0))["loss"] is nn.functional.cross_entropy


# ---------------------------------------------------------------- data and rows


def test_digits_stay_between_zero_and_one_and_test_digits_have_masks() -> None:
    """As in the released program nothing is standardised; where the digit is, is known of the test part."""
    parts = runs.parts_of(PLAIN)
    assert {split: len(targets) for split, (_, targets) in parts.items()} == {"train": 40, "validation": 10, "test": 20}
    images = parts["train"][0]
    assert images.shape[1:] == (1, 40, 40) and images.min() == 0 and images.max() == 1
    assert runs.image_sets(PLAIN)["test"].annotations["mask"].any()
    assert runs.parts_of(ATTENDING) is parts  # cells of the same data share it


def test_a_run_is_described_by_its_cell_and_can_be_repeated(finished: runs.Trained) -> None:
    """The rows carry the cell, and running that again gives the same numbers."""
    (config,) = {row.config for row in finished.rows}
    assert from_json(config) == ATTENDING
    again = {row.metric + row.split: row.value for row in runs.rerun(config, 3, "test") if row.selection == "last"}
    first = {row.metric + row.split: row.value for row in finished.rows if row.selection == "last"}
    assert again == first and set(first) >= {"errortrain", "errortest", "errorvalidation", "training_losstrain"}


def test_a_run_that_diverges_is_a_result() -> None:
    """Its rows say so, and it has no history."""
    done = run_cell(replace(PLAIN, lr=1e12), seed=0, profile="test", device="cpu")
    assert done.history == [] and [row.value for row in done.rows if row.metric == "diverged"] == [1.0]


# ---------------------------------------------------------------- more distractors


def test_crowd_is_the_same_network_among_other_distractors(finished: runs.Trained) -> None:
    """Tested as it was trained it has the error of its run; its cell holds that run."""
    crowd = robustness.crowd(ATTENDING, PLAIN.distractors)
    assert runs.cell_of(crowd) == ATTENDING
    (row,) = robustness.crowd_rows(crowd, 3, "test", finished.model)
    (last,) = [r for r in finished.rows if (r.metric, r.split, r.selection) == ("error", "test", "last")]
    assert row.value == last.value and row.experiment == "attend_clutter"
    assert json.loads(row.config)["test_distractors"] == 2
    assert row.run_id == results.run_id("attend_clutter", as_json(crowd), 3)
    assert [again.value for again in robustness.rerun(row.config, 3, "test")] == [row.value]
