"""Fine-tuning: whose images, what is frozen, that packed rows stand for images, and both tables by hand."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

from fgr import data
from fgr.attention import AttendAndRectify
from fgr.config import as_json, resolve
from fgr.data.transforms import standardize
from fgr.experiments.attend import backbones, finetune, grids, packed, photographs, tuned
from fgr.experiments.attend.finetune import Cell, build, frozen_task, run_cell, whole_task
from fgr.experiments.attend.photographs import images_of
from fgr.experiments.attend.study import Study
from fgr.models import EfficientNetLite0, efficientnet_lite
from fgr.results import rows as results

NAME = "ch04_attend_and_rectify"
TINY = {"num_classes": 20, "size": 16, "train": 40, "validation": 20, "test": 20, "read": 32}
CELL = Cell(**TINY, lr=0.02, batch_size=20, epochs=1)
ATTENDING = replace(CELL, attention_depth=2, heads=2)
COLOURS = {"finch": (200, 40, 40), "gull": (220, 220, 220), "tit": (40, 60, 200)}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Birds and features of this module lie apart from the user's; the weights are the user's."""
    weights = data.fetch.fetch(backbones.LITE)
    root = tmp_path_factory.mktemp("data")
    (root / backbones.LITE).symlink_to(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGR_DATA", str(root))
        images_of.cache_clear()
        finetune._packed.cache_clear()
        yield
    images_of.cache_clear()
    finetune._packed.cache_clear()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty photographs of three kinds of bird, each kind of a colour, and a list of them."""
    root, noise = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    lines = ["path,label,subject"]
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for number in range(10):
            pixels = np.clip(noise.normal(colour, 20, (20, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
            lines.append(f"{name}/{number}.png,{name},{name}{number}")
    (root / "images.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def finished() -> finetune.Trained:
    """A network with two modules, tuned for an epoch while its layers were frozen."""
    return run_cell(ATTENDING, seed=3, profile="test", device="cpu")


def ready(cell: Cell, split: str = "test") -> torch.Tensor:
    """Images of a cell as its network takes them."""
    return standardize(images_of(cell.source).parts[split][0], efficientnet_lite.MEAN, efficientnet_lite.STD)


def last(rows: list[results.Row], metric: str = "error", split: str = "test") -> float:
    (value,) = [r.value for r in rows if (r.metric, r.split, r.selection) == (metric, split, "last")]
    return value


# ---------------------------------------------------------------- networks


def test_networks_of_one_seed_start_alike_and_know_imagenet() -> None:
    """The same new classifier with attention and without; another seed has another."""
    published = data.weights(backbones.LITE)
    alone, attending, other = build(CELL, 1, 5), build(ATTENDING, 1, 5), build(CELL, 2, 5)
    assert isinstance(alone, EfficientNetLite0) and isinstance(attending, AttendAndRectify)
    start, inside = alone.state_dict(), attending.base.state_dict()
    assert all(torch.equal(start[name], inside[name]) for name in start)
    assert torch.equal(alone.stem.conv.weight, published["_conv_stem.weight"])
    assert not torch.equal(alone.classifier.weight, other.classifier.weight)
    assert attending.taps == ("blocks.15", "blocks.10") and attending.classifier == "classifier"
    assert build(replace(ATTENDING, attention_depth=1), 1, 5).taps == ("blocks.15",)
    norms = [type(module.norm[0]).__name__ for module in attending.rectifier.attention]
    assert norms == ["BatchNorm2d"] * 2  # what blocks put out is neither normalised nor rectified


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match=r"no layer 'blocks\.99'; it has 'blocks\.9'"):
        build(replace(ATTENDING, taps=("blocks.99", "blocks.10")), 0, 5)
    with pytest.raises(ValueError, match="attention_depth must be 0 to 2, the taps, got 3"):
        build(replace(CELL, attention_depth=3), 0, 5)
    with pytest.raises(ValueError, match="dataset must be one of"):
        run_cell(replace(CELL, dataset="birds"), 0, "test", "cpu")
    with pytest.raises(ValueError, match="network must be one of"):
        Cell(network="wrn-50-2")


def test_parameters_are_counted_by_hand() -> None:
    """A module has its normalisation and one 3 x 3 convolution; gates have a row a hypothesis and a normalisation."""
    found = finetune.parameters(build(ATTENDING, 0, 5))
    assert found["parameters"] == 4_652_008 - 1281 * 995
    modules = sum(2 * channels + 9 * channels * 2 * (5 + 2) for channels in (320, 112))
    assert found["added_parameters"] == modules + 1280 * 3 + 2 * 3
    assert finetune.parameters(build(CELL, 0, 5))["added_parameters"] == 0


# ---------------------------------------------------------------- frozen


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_packed_rows_stand_for_images(depth: int) -> None:
    """The end of the network on packed rows says what the whole network says of the images."""
    cell = replace(ATTENDING, attention_depth=depth)
    network = build(cell, 0, 20)
    learner, parts, _ = frozen_task(cell, network)
    learner.train()(parts["train"][0])  # its normalisations have seen something
    with torch.no_grad():
        ours, whole = learner.eval()(parts["test"][0]), network.eval()(ready(cell))
    flat = [(ours, whole)] if depth == 0 else [*zip([ours[0], ours[2], *ours[1]], [whole[0], whole[2], *whole[1]])]
    assert len(flat) == (1 if depth == 0 else 2 + depth)
    for mine, its in flat:
        torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-5)


def test_frozen_layers_are_left_as_they_were(finished: finetune.Trained) -> None:
    """Weights and running statistics; the classifier and the attention have learnt, and the network is whole again."""
    before, after = build(ATTENDING, 3, 20).state_dict(), finished.model.state_dict()
    for name, value in after.items():
        learns = name.startswith(("rectifier.", "base.classifier."))
        if not learns:
            assert torch.equal(value, before[name]), name
        elif value.is_floating_point():
            assert not torch.equal(value, before[name]), name
    wrong = (
        finished.model(ready(ATTENDING)).log_scores.argmax(1) != images_of(ATTENDING.source).parts["test"][1]
    ).float()
    assert wrong.mean().item() == pytest.approx(last(finished.rows))


def test_features_are_found_again_by_what_is_in_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same images and taps are not computed twice; one other pixel or tap is, and what a damaged file held."""
    images = {split: part for split, (part, _) in images_of(CELL.source).parts.items()}
    monkeypatch.setattr(packed, "data_root", lambda: tmp_path)
    first = packed.packed(images, backbones.LITE, CELL.taps)
    assert first.shapes == ((320, 1, 1), (112, 2, 2)) and first.rows["train"].shape == (40, 1280 + 320 + 448)
    assert [first.width(depth) for depth in (0, 1, 2)] == [1280, 1600, 2048]
    computed = []
    monkeypatch.setattr(packed, "_computed", lambda *what: computed.append(what) or {"rows": {}, "shapes": []})
    again = packed.packed(images, backbones.LITE, CELL.taps)
    assert again.shapes == first.shapes and all(map(torch.equal, again.rows.values(), first.rows.values()))
    assert not computed
    packed.packed(images, backbones.LITE, CELL.taps[:1])
    changed = images["test"].clone()
    changed[0, 0, 0, 0] += 1
    packed.packed({**images, "test": changed}, backbones.LITE, CELL.taps)
    assert len(computed) == 2
    file = max((tmp_path / "features").glob("*.pt"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-100])
    packed.packed(images, backbones.LITE, CELL.taps)
    assert len(computed) == 3 and f"{file} is damaged and is made anew (" in capsys.readouterr().err


def test_a_run_is_described_by_its_cell_and_can_be_repeated(finished: finetune.Trained) -> None:
    (config,) = {row.config for row in finished.rows}
    assert finetune.from_json(config) == ATTENDING and json.loads(config)["taps"] == ["blocks.15", "blocks.10"]
    counts = {row.metric: row.value for row in finished.rows if row.unit == "count"}
    assert counts == finetune.parameters(finished.model)
    again = finetune.rerun(config, 3, "test")
    for split in ("train", "validation", "test"):
        assert last(again, split=split) == last(finished.rows, split=split)
    assert {row.experiment for row in again} == {"attend_finetune"}


def test_a_run_that_diverges_is_a_result() -> None:
    done = run_cell(replace(CELL, lr=1e38, epochs=2), 0, "test", "cpu")
    assert done.history == [] and last(done.rows, "diverged", "train") == 1.0


# ---------------------------------------------------------------- networks of torchvision


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where torchvision keeps its weights, on a machine without a connection."""

    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no connection")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setattr("torch.hub.urlopen", offline)
    monkeypatch.setattr("torch.hub._hub_dir", str(tmp_path))
    return tmp_path


def test_weights_that_cannot_be_had_are_named(hub: Path) -> None:
    with pytest.raises(OSError, match=r"wide_resnet50_2-\w+\.pth \(.*no connection.*put that file at .*checkpoints"):
        build(Cell(network="wide_resnet50_2"), 0, 5)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_network_of_torchvision_is_tuned(frozen: bool, hub: Path) -> None:
    """Weights put where torchvision looks for them (here random ones) are loaded, and packed rows stand for images."""
    torch.manual_seed(0)
    published = torchvision.models.resnet18().state_dict()
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    (hub / "checkpoints").mkdir()
    torch.save(published, hub / "checkpoints" / url.rsplit("/", 1)[1])
    name = "resnet18"
    cell = replace(ATTENDING, network=name, taps=backbones.backbone(name).taps, frozen=frozen)
    network = build(cell, 1, 20)
    assert torch.equal(network.base.conv1.weight, published["conv1.weight"]) and network.base.fc.out_features == 20
    norms = [type(module.norm).__name__ for module in network.rectifier.attention]
    assert norms == ["Identity"] * 2  # what these blocks put out is rectified
    inputs = standardize(images_of(cell.source).parts["test"][0], *backbones.scale(name))
    task = (frozen_task if frozen else whole_task)(cell, network)
    with torch.no_grad():
        ours, whole = task.learner.eval()(task.parts["test"][0]), network.eval()(inputs)
    torch.testing.assert_close(ours.log_scores, whole.log_scores, rtol=1e-5, atol=1e-5)
    done = run_cell(cell, 1, "test", "cpu")
    moved = not torch.equal(done.model.base.conv1.weight, published["conv1.weight"])
    assert moved is not frozen and not torch.equal(done.model.base.fc.weight, build(cell, 1, 20).base.fc.weight)


# ---------------------------------------------------------------- everything learns


def test_whole_network_learns_what_is_old_slowly() -> None:
    """Two steps: every layer moves, statistics too; classifier and attention have ten times the rate of the rest."""
    cell = replace(ATTENDING, frozen=False)
    network = build(cell, 0, 20)
    learner, parts, options = whole_task(cell, network)
    assert parts["train"][0].dtype == torch.uint8
    (old, slow), (new, fast) = [(group["params"], group["lr"]) for group in options["parameters"]]
    assert (slow, fast) == pytest.approx((0.002, 0.02))
    classifier = {id(p) for p in network.base.classifier.parameters()}
    assert classifier <= {id(p) for p in new} and len(old) + len(new) == len(list(learner.parameters()))
    with torch.no_grad():
        bytes_ = parts["test"][0]
        assert torch.equal(learner.eval()(bytes_).log_scores, network.eval()(ready(cell)).log_scores)
    before = {name: value.clone() for name, value in build(cell, 0, 20).state_dict().items()}
    done = run_cell(cell, 0, "test", "cpu")
    moved = {name for name, value in done.model.state_dict().items() if not torch.equal(value, before[name])}
    for name in ("base.stem.conv.weight", "base.blocks.3.project.norm.running_mean", "base.classifier.weight"):
        assert name in moved
    assert len(done.history) == 1 and 0 <= last(done.rows) <= 1


def test_images_are_shifted_and_mirrored_where_everything_learns() -> None:
    augment = whole_task(replace(CELL, frozen=False), build(CELL, 0, 20)).options["augment"]
    images = images_of(CELL.source).parts["train"][0]
    other = augment(images, torch.Generator().manual_seed(0))
    assert other.shape == images.shape and other.dtype == images.dtype and not torch.equal(other, images)
    assert augment.keywords == {"padding": 2}  # 16 of 224, in proportion


# ---------------------------------------------------------------- images of one's own


@pytest.mark.parametrize("dataset", photographs.OWN)
def test_own_photographs_are_learnt(dataset: str, tree: Path) -> None:
    """Red, white and blue birds, from folders or a list: no image in two splits, and few errors on the test part."""
    none = dict.fromkeys(("num_classes", "size", "train", "validation", "test"), 0)
    cell = replace(ATTENDING, **none, difficulty=0.0, dataset=dataset, folder=str(tree), batch_size=10, epochs=6)
    parts, classes = images_of(cell.source)
    assert classes == ("finch", "gull", "tit") and sum(len(targets) for _, targets in parts.values()) == 30
    shown = torch.cat([images for images, _ in parts.values()])
    assert shown.shape == (30, 3, 32, 32) and len(shown.flatten(1).unique(dim=0)) == 30
    done = run_cell(cell, 0, "test", "cpu")
    assert last(done.rows) < 0.3 and {row.dataset for row in done.rows} == {dataset}
    assert [epoch.lr for epoch in done.history] == pytest.approx([0.02, 0.02, 2e-3, 2e-3, 2e-4, 2e-5])


def test_samples_are_one_a_class(tree: Path) -> None:
    """Birds as their set has them, however few are drawn; of one's own photographs, each in the colour of its class."""
    images, names = photographs.samples(CELL.source)
    parts, classes = images_of(CELL.source)
    assert names == list(classes[:8]) and torch.equal(images, parts["test"][0][:8])
    images, names = photographs.samples(photographs.Source("imagefolder", str(tree), read=32), count=2)
    assert names == ["finch", "gull"] and images.shape == (2, 3, 32, 32)
    for name, picture in zip(names, images.float()):
        assert picture.mean((1, 2)).tolist() == pytest.approx(COLOURS[name], abs=12)


def test_birds_of_cub_come_in_the_official_split(tree: Path, tmp_path: Path) -> None:
    """Two species in the official layout: what is said to train is cut into training and validation, the rest tests."""
    photos = [f"{name}/{number}.png" for name in ("finch", "gull") for number in range(8)]
    tables = {
        "images": [f"{n} {place}" for n, place in enumerate(photos, 1)],
        "classes": ["1 001.Finch", "2 002.Gull"],
        "image_class_labels": [f"{n} {1 + (n > 8)}" for n in range(1, 17)],
        "train_test_split": [f"{n} {int(n % 4 > 0)}" for n in range(1, 17)],
        "bounding_boxes": [f"{n} 1.0 1.0 9.0 9.0" for n in range(1, 17)],
        "parts/parts": ["1 back"],
        "parts/part_locs": [f"{n} 1 5.0 5.0 1" for n in range(1, 17)],
    }
    (tmp_path / "parts").mkdir()
    (tmp_path / "images").symlink_to(tree)
    for name, lines in tables.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    parts, classes = images_of(photographs.Source("cub_200_2011", str(tmp_path), read=32))
    assert classes == ("Finch", "Gull")
    assert {split: len(targets) for split, (_, targets) in parts.items()} == {"train": 10, "validation": 2, "test": 4}
    assert parts["test"][0].shape == (4, 3, 32, 32) and parts["test"][1].tolist() == [0, 0, 1, 1]


def test_what_is_wrong_with_ones_images_is_said(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="imagefolder needs a folder, the place of your images: tune_folder"):
        photographs.Source(dataset="imagefolder")
    with pytest.raises(ValueError, match=r"the folder of csv, .*nowhere, does not exist"):
        images_of(photographs.Source(dataset="csv", folder=str(tmp_path / "nowhere")))
    with pytest.raises(ValueError, match=r"the folder of cub_200_2011, .*nowhere, does not exist"):
        images_of(photographs.Source(dataset="cub_200_2011", folder=str(tmp_path / "nowhere")))
    tested = data.load("csv", "test", folder=tree).images.paths[0].relative_to(tree).as_posix()
    lines = (tree / "images.csv").read_text().splitlines()
    rare = [line.replace(",", ",rare", 1) if line.startswith(f"{tested},") else line for line in lines]
    (tmp_path / "images.csv").write_text("\n".join(rare))
    for name in COLOURS:
        (tmp_path / name).symlink_to(tree / name)
    with pytest.raises(ValueError, match=r"class 'rare\w+' of csv has no training image: add some or drop it"):
        images_of(photographs.Source(dataset="csv", folder=str(tmp_path)))


# ---------------------------------------------------------------- cells, choices and tables


def test_cells_differ_in_attention_and_in_the_rate_of_their_kind() -> None:
    laptop, paper = (resolve(grids.Config, NAME, profile) for profile in ("laptop", "paper"))
    cells = tuned.cells(laptop, {"baseline": 0.1, "attention": 0.2})
    assert [(cell.attention_depth, cell.heads, cell.lr) for cell in cells] == [
        (0, 1, 0.1),
        (1, 1, 0.2),
        (1, 4, 0.2),
        (2, 4, 0.2),
    ]
    assert len({replace(cell, attention_depth=0, heads=1, lr=0.0) for cell in cells}) == 1
    assert all(cell.frozen and cell.num_classes == 50 and cell.read == 96 for cell in cells)
    assert len(laptop.tune_seeds) == 5 and len(laptop.tune_lrs) > 1
    theirs = tuned.cells(paper, {"baseline": 0.01, "attention": 0.01})[-1]
    assert (theirs.dataset, theirs.read, theirs.frozen, theirs.epochs) == ("cub_200_2011", 224, False, 100)
    assert (theirs.network, theirs.taps) == ("wide_resnet50_2", ("layer4", "layer3"))
    assert (theirs.num_classes, theirs.size, theirs.train, theirs.test) == (0, 0, 0, 0)  # as the set is
    choice = tuned.choice_cells(laptop)
    assert len(choice) == 2 * len(laptop.tune_lrs) and {cell.attention_depth for cell in choice} == {0, 2}


def made_up(cell: Cell, seed: int, error: float, own: int, added: int) -> list[results.Row]:
    run = results.Run(finetune.EXPERIMENT, as_json(cell), cell.dataset, seed, "test", "cpu")
    counts = [
        run.row(name, n, "count", "none", "none", 0) for name, n in (("parameters", own), ("added_parameters", added))
    ]
    return [*counts, run.row("error", error, "fraction", "test", "last", 1)]


def test_tables_by_hand() -> None:
    """Two seeds: gains are by seed; efficiency is accuracy, or gain, for a million parameters."""
    rows = []
    for seed, (alone, attends) in enumerate([(0.50, 0.45), (0.40, 0.33)]):
        rows += made_up(CELL, seed, alone, 2_000_000, 0)
        rows += made_up(replace(CELL, attention_depth=2, heads=4, lr=0.1), seed, attends, 2_000_000, 500_000)
    table = results.frame(rows)
    ours = tuned.ours(table).set_index("network")
    assert list(ours.index) == ["network alone", "AD 2, AW 4"]
    alone, attends = ours.loc["network alone"], ours.loc["AD 2, AW 4"]
    assert alone["accuracy (%)"].startswith("55.00 ± ") and alone["gain (points)"] == ""
    assert alone["parameters (M)"] == "2.00" and alone["efficiency (% / M)"].startswith("27.50 ± ")
    assert attends["accuracy (%)"].startswith("61.00 ± ") and attends["gain (points)"].startswith("6.00 ± 12.7")
    assert attends["parameters (M)"] == "+0.50" and attends["efficiency (% / M)"].startswith("12.00 ± ")
    assert tuned.named(table)["part"].unique().tolist() == ["network alone", "AD 2, AW 4"]


def test_tables_without_rows() -> None:
    nothing = results.frame([])
    assert tuned.ours(nothing).empty and tuned.named(nothing).empty and "part" in tuned.named(nothing)


def test_printed_tables_side_by_side() -> None:
    table = tuned.printed().set_index("printed for")
    assert table.loc["Dogs"].tolist() == ["89.6", "92.9", "3.3", "1.3", "6.9"] and len(table) == 6
    assert (table["gain (points)"].astype(float) > 0).all()


def test_study_chooses_then_tunes_and_finds_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four choosing runs and four networks; nothing is run twice, and nothing without seeds."""
    sizes = {"tune_size": 16, "tune_train": 40, "tune_test": 20, "tune_read": 32, "tune_epochs": 1}
    config = grids.Config(**sizes, tune_seeds=(0,), tune_lrs=(0.01, 0.03), record=str(tmp_path))
    rows = Study(config, "test").finetune()
    assert rows["run_id"].nunique() == 4 and set(tuned.named(rows)["part"]) == set(tuned.NAMES)
    assert len(tuned.ours(rows)) == 4
    assert {path.name for path in tmp_path.glob("*.csv")} == {"finetune.csv", "finetune_choice.csv"}
    chosen = results.read(tmp_path / "finetune_choice.csv")
    assert chosen["run_id"].nunique() == 4 and set(chosen["seed"]) == {grids.CHOICE_SEED}
    monkeypatch.setattr(finetune, "run_cell", lambda *_: pytest.fail("a recorded run was run again"))
    pd.testing.assert_frame_equal(Study(config, "test").finetune(), rows)
    assert Study(grids.Config(), "test").finetune().empty
