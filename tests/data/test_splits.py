"""Splits: no subject on both sides, all images tested once, folds even; and the leaking ones leak."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from fgr.data.splits import (
    Split,
    by_fold,
    check_exclusive,
    frame_folds,
    leave_one_subject_out,
    sequence_folds,
    shared_groups,
    subject_folds,
)


def generator(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


@st.composite
def people(draw):
    """Images of 2 to 12 people, whose numbers have gaps, with up to 4 classes."""
    subjects = draw(st.lists(st.integers(0, 11), min_size=2, max_size=60).filter(lambda names: len(set(names)) > 1))
    targets = draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    return 7 * torch.tensor(subjects), torch.tensor(targets)


def check_partition(splits, count):
    """Every image tests once, and trains exactly where it does not test."""
    assert sorted(torch.cat([split.test for split in splits]).tolist()) == list(range(count))
    for split in splits:
        assert len(split.train) and len(split.test)
        assert sorted(torch.cat(list(split)).tolist()) == list(range(count))
        assert all(part.tolist() == sorted(part.tolist()) for part in split)


@settings(deadline=None, max_examples=150)
@given(people(), st.data())
def test_subjects_never_leak(images, data):
    """Whatever subjects, classes, number of folds and seed: exclusive, complete, no fold empty."""
    subjects, targets = images
    folds = data.draw(st.integers(2, len(subjects.unique())))
    fold = subject_folds(subjects, targets, folds, generator(data.draw(st.integers(0, 2**32))))
    assert fold.unique().tolist() == list(range(folds))
    splits = by_fold(fold, subjects)
    check_partition(splits, len(subjects))
    for split in splits:
        assert not set(subjects[split.train].tolist()) & set(subjects[split.test].tolist())


@settings(deadline=None, max_examples=50)
@given(people())
def test_one_subject_is_left_out_at_a_time(images):
    """As many splits as subjects; the test part is all of one subject."""
    subjects, _ = images
    splits = leave_one_subject_out(subjects)
    check_partition(splits, len(subjects))
    assert [subjects[split.test].unique().tolist() for split in splits] == [[s] for s in subjects.unique().tolist()]
    assert all(not len(shared_groups(split, subjects)) for split in splits)


@settings(deadline=None, max_examples=50)
@given(people(), st.integers(0, 2**32))
def test_frames_are_spread_evenly(images, seed):
    """Sizes of folds, and of every class in them, differ by at most one."""
    _, targets = images
    fold = frame_folds(targets, 2, generator(seed))
    check_partition(by_fold(fold), len(targets))
    for chosen in (targets >= 0, *(targets == label for label in targets.unique())):
        counts = torch.bincount(fold[chosen], minlength=2)
        assert counts.max() - counts.min() <= 1


def emotions(seed=0):
    """Like CK+: 118 people with 1 to 6 videos of three frames, of seven classes as uneven as there."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(7), [45, 18, 59, 25, 69, 28, 83])
    videos = np.concatenate([np.arange(118), rng.integers(0, 118, len(targets) - 118)])
    return tuple(torch.from_numpy(np.repeat(part, 3)) for part in (videos, rng.permutation(targets)))


def unevenness(fold, targets, folds):
    """The mean over classes of the standard deviation of their shares in the folds."""
    counts = torch.zeros(folds, 7, dtype=torch.float64)
    counts.index_put_((fold, targets), torch.ones(1, dtype=torch.float64), accumulate=True)
    return (counts / counts.sum(0)).std(0).mean().item()


def test_classes_are_balanced_as_well_as_scikit_learn_does():
    """Ten folds of 327 videos: far more even than subjects dealt at random, and like StratifiedGroupKFold."""
    ours, theirs, dealt = [], [], []
    for seed in range(5):
        subjects, targets = emotions(seed)
        fold = subject_folds(subjects, targets, 10, generator(seed))
        ours.append(unevenness(fold, targets, 10))
        theirs.append(unevenness(scikit(subjects, targets, seed), targets, 10))
        at_random = (torch.randperm(118, generator=generator(seed)) % 10)[subjects]
        dealt.append(unevenness(at_random, targets, 10))
        sizes = torch.bincount(fold)
        assert sizes.max() - sizes.min() <= 9  # three videos
    assert np.mean(ours) < 1.1 * np.mean(theirs)
    assert np.mean(ours) < 0.4 * np.mean(dealt)


def scikit(subjects, targets, seed):
    """The folds of scikit-learn."""
    fold = torch.empty(len(subjects), dtype=torch.int64)
    parts = StratifiedGroupKFold(10, shuffle=True, random_state=seed).split(targets, targets, subjects)
    for number, (_, test) in enumerate(parts):
        fold[test] = number
    return fold


def test_the_seed_alone_decides():
    """Equal seeds give equal folds, other seeds others; the global state of torch plays no part."""
    subjects, targets = emotions()
    first = subject_folds(subjects, targets, 10, generator(1))
    torch.rand(3)
    assert torch.equal(first, subject_folds(subjects, targets, 10, generator(1)))
    assert not torch.equal(first, subject_folds(subjects, targets, 10, generator(2)))


def test_videos_leak_people_and_frames_leak_both():
    """Two people with four videos each, of ten frames: what is on both sides of the split."""
    subjects = torch.arange(2).repeat_interleave(40)
    videos = torch.arange(8).repeat_interleave(10)
    targets = torch.zeros(80, dtype=torch.int64)
    for split in by_fold(sequence_folds(videos, targets, 4, generator())):
        assert shared_groups(split, videos).tolist() == []
        assert shared_groups(split, subjects).tolist()
    for split in by_fold(frame_folds(targets, 4, generator())):
        assert len(shared_groups(split, videos)) > 4
        with pytest.raises(ValueError, match="2 subjects are in training and in test: 0, 1"):
            check_exclusive(split, subjects)


def test_official_folds_are_checked():
    """A subject in two official folds is named."""
    folds, subjects = torch.tensor([0, 0, 1, 1]), torch.tensor([5, 6, 6, 7])
    assert [split.test.tolist() for split in by_fold(folds)] == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="1 subjects are in training and in test: 6"):
        by_fold(folds, subjects)


def test_bad_arguments_are_refused():
    """Unknown subjects, too few of them, one fold, other types."""
    subjects, targets = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0])
    unknown = torch.tensor([0, -1, 1])
    for call, complaint in [
        (lambda: subject_folds(unknown, targets, 2, generator()), "1 images have none, the first is image 1"),
        (lambda: subject_folds(subjects, unknown, 2, generator()), "targets must be known"),
        (lambda: subject_folds(subjects, targets, 3, generator()), "number of subjects, 2; got 3"),
        (lambda: sequence_folds(subjects, targets, 3, generator()), "number of sequences, 2; got 3"),
        (lambda: subject_folds(subjects, targets, 1, generator()), "got 1"),
        (lambda: subject_folds(subjects, targets[:2], 2, generator()), "targets must have shape"),
        (lambda: subject_folds(subjects.float(), targets, 2, generator()), "int64, got torch.float32"),
        (lambda: frame_folds(targets, 4, generator()), "number of images, 3; got 4"),
        (lambda: leave_one_subject_out(unknown), "subjects must be known"),
        (lambda: leave_one_subject_out(torch.zeros(3, dtype=torch.int64)), "two folds or more, got 1"),
        (lambda: check_exclusive(Split(subjects[:1], subjects[1:]), unknown), "subjects must be known"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            call()
