"""Readers of generated sets: what they promise about splits, labels and annotations, and that drawings are kept."""

from pathlib import Path

import pytest
import torch

from fgr.data.readers import synthetic_birds, synthetic_emotions, synthetic_faces, synthetic_pain
from fgr.data.synthetic import cache
from fgr.data.synthetic.birds import render_birds
from fgr.data.synthetic.faces import pspi, render_faces


def test_birds_are_those_of_the_renderer(tmp_path: Path) -> None:
    birds = synthetic_birds.read(tmp_path, "validation", count=21, size=16, num_species=20, difficulty=0.2, seed=3)
    drawn = render_birds(10_000_000 + torch.arange(21), 16, 20, 0.2, 3)
    assert torch.equal(birds.images, drawn.images) and torch.equal(birds.targets, drawn.species)
    assert torch.equal(birds.annotations["part_labels"] > 0, drawn.masks)
    assert birds.annotations["attributes"].shape == (21, len(birds.labels["attributes"]))


def test_faces_are_those_of_the_renderer_and_splits_share_nobody(tmp_path: Path) -> None:
    faces = {split: synthetic_faces.read(tmp_path, split, count=12, size=16, per_subject=4) for split in cache.SPLITS}
    people = [set(part.annotations["subject"].tolist()) for part in faces.values()]
    assert [len(one) for one in people] == [3] * 3 and not set.intersection(*people)
    drawn = render_faces(torch.arange(12), 16, per_subject=4)
    assert torch.equal(faces["train"].images, drawn.images)
    assert torch.equal(faces["train"].annotations["age"], drawn.age)


def test_faces_are_labelled_by_age_group_or_gender(tmp_path: Path) -> None:
    by_age = synthetic_faces.read(tmp_path, "test", count=8, size=16, per_subject=1)
    by_gender = synthetic_faces.read(tmp_path, "test", labels="gender", count=8, size=16, per_subject=1)
    assert len(by_age.classes) == 8 and by_gender.classes == ("female", "male")
    assert torch.equal(by_gender.targets, by_gender.annotations["gender"])
    for age, target in zip(by_age.annotations["age"].tolist(), by_age.targets.tolist(), strict=True):
        low = int(by_age.classes[target].split("-")[0].rstrip("+"))
        assert low - 4 <= age  # at most the middle of a gap below


def test_people_in_two_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="per_subject must divide 10000000"):
        synthetic_faces.read(tmp_path, "train", count=3, size=16, per_subject=3)


def test_pain_is_coded_as_in_unbc(tmp_path: Path) -> None:
    frames = synthetic_pain.read(tmp_path, "all", size=16, subjects=2, sequences=1, length=32)
    known = frames.annotations
    assert torch.equal(known["pspi"].long(), pspi(known["aus"]))
    assert torch.equal(frames.targets, (known["pspi"] >= 1).long())
    assert set(known["subject"].tolist()) == {0, 1}
    for video in known["sequence"].unique():
        order = known["frame"][known["sequence"] == video].tolist()
        assert order == list(range(len(order)))
    levels = synthetic_pain.read(tmp_path, "all", labels="level", size=16, subjects=2, sequences=1, length=32)
    assert levels.targets.max() < len(levels.classes) == 6


def test_emotions_end_at_their_apex(tmp_path: Path) -> None:
    whole = synthetic_emotions.read(tmp_path, "all", last=None, size=16, sequences=3)
    end = synthetic_emotions.read(tmp_path, "all", last=2, size=16, sequences=3)
    for video in range(3):
        frames = whole.annotations["frame"][whole.annotations["sequence"] == video]
        kept = end.annotations["frame"][end.annotations["sequence"] == video]
        assert kept.tolist() == frames[-2:].tolist()
        assert whole.targets[whole.annotations["sequence"] == video].unique().numel() == 1
    with pytest.raises(ValueError, match="last must be at least 1"):
        synthetic_emotions.read(tmp_path, "all", last=0)


def test_what_was_drawn_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = synthetic_birds.read(tmp_path, "train", count=5, size=16, num_species=20)
    monkeypatch.setattr(synthetic_birds, "render_birds", lambda *_, **__: pytest.fail("drawn twice"))
    again = synthetic_birds.read(tmp_path, "train", count=5, size=16, num_species=20)
    assert torch.equal(first.images, again.images)


def test_another_source_draws_another_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic_birds.read(tmp_path, "train", count=5, size=16, num_species=20)
    monkeypatch.setattr(cache, "source_hash", lambda kind: "another")
    synthetic_birds.read(tmp_path, "train", count=5, size=16, num_species=20)
    assert len(list(tmp_path.glob("*.pt"))) == 2


def test_splits_have_indices_of_their_own() -> None:
    parts = [set(cache.split_indices(split, 100).tolist()) for split in cache.SPLITS]
    assert [len(part) for part in parts] == [100] * 3 and len(set.union(*parts)) == 300
    with pytest.raises(ValueError, match="split must be one of"):
        cache.split_indices("all", 1)
    with pytest.raises(ValueError, match="count must be 1 to"):
        cache.split_indices("train", 0)
