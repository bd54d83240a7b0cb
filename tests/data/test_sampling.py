"""Balanced samples: counts, whole sequences, chance, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgr.data.sampling import skew_normalized_sets, undersample_frames, undersample_sequences


def generator(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([0, 1, 5]), min_size=1, max_size=40), st.integers(0, 2**32))
def test_frames_of_every_class_are_equally_many(labels, seed):
    """As many as the rarest class has, each once, in rising order."""
    targets = torch.tensor(labels)
    chosen = undersample_frames(targets, generator(seed))
    rarest = min(labels.count(label) for label in set(labels))
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert sorted(targets[chosen].tolist()) == sorted(list(set(labels)) * rarest)


def test_frames_per_class():
    """A chosen number, up to what the rarest class has."""
    targets = torch.tensor([3] * 10 + [4] * 6)
    assert targets[undersample_frames(targets, generator(), per_class=2)].tolist() == [3, 3, 4, 4]
    assert len(undersample_frames(targets, generator(), per_class=6)) == 12
    with pytest.raises(ValueError, match="class 4 has 6 images, fewer than per_class=7"):
        undersample_frames(targets, generator(), per_class=7)


def test_every_frame_is_drawn_equally_often():
    """2,000 draws of 2 of 5: each about 800 times; four standard deviations are 88."""
    targets, draws = torch.tensor([0, 0, 0, 0, 0, 1, 1]), generator()
    counts = sum(torch.bincount(undersample_frames(targets, draws), minlength=7) for _ in range(2000))
    assert counts[5:].tolist() == [2000, 2000]
    assert ((counts[:5] - 800).abs() < 88).all()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40), st.integers(0, 2**32))
def test_sequences_stay_whole(frames, seed):
    """Sequences with pain all stay, as many without, and every one kept has all its frames in order."""
    sequences = torch.tensor([3 * number for number, _ in frames])
    positive = torch.tensor([pain for _, pain in frames])
    loud = set(sequences[positive].tolist())
    quiet = set(sequences.tolist()) - loud
    if not loud:
        with pytest.raises(ValueError, match="has a positive frame"):
            undersample_sequences(sequences, positive, generator(seed))
        return
    chosen = undersample_sequences(sequences, positive, generator(seed))
    kept = set(sequences[chosen].tolist())
    assert loud <= kept
    assert len(kept - loud) == min(len(loud), len(quiet))
    assert chosen.tolist() == [row for row, number in enumerate(sequences.tolist()) if number in kept]


def test_quiet_sequences_are_drawn_equally_often():
    """1,000 draws of 1 of 4: each about 250 times; four standard deviations are 55."""
    sequences, draws = torch.arange(5).repeat_interleave(2), generator()
    positive = sequences == 2
    counts = sum(
        torch.bincount(sequences[undersample_sequences(sequences, positive, draws)], minlength=5) for _ in range(1000)
    )
    assert counts[2] == 2000
    assert ((counts[[0, 1, 3, 4]] / 2 - 250).abs() < 55).all()


def test_skew_normalized_sets_are_half_positive():
    """All of the rarer side, whichever it is; sets differ by the draw."""
    positive = torch.zeros(100, dtype=torch.bool)
    positive[10:25] = True
    sets = skew_normalized_sets(positive, generator(), repeats=3)
    for chosen in sets:
        assert chosen[positive[chosen]].tolist() == list(range(10, 25))
        assert len(chosen.unique()) == len(chosen) == 30
    assert not torch.equal(sets[0], sets[1])
    assert all((~positive)[chosen].sum() == 15 for chosen in skew_normalized_sets(~positive, generator()))


def test_the_seed_alone_decides():
    """Equal seeds, equal samples, whatever the global state."""
    targets, sequences = torch.arange(60) % 7 // 5, torch.arange(60) // 3
    for draw in (
        lambda seed: undersample_frames(targets, generator(seed)),
        lambda seed: undersample_sequences(sequences, sequences < 5, generator(seed)),
        lambda seed: skew_normalized_sets(targets == 1, generator(seed))[0],
    ):
        first = draw(1)
        torch.rand(1)
        assert torch.equal(first, draw(1))
        assert not torch.equal(first, draw(2))


def test_bad_arguments_are_refused():
    """Nothing to draw from, wrong types and shapes, counts below one."""
    targets = torch.tensor([0, 1])
    for call, complaint in [
        (lambda: undersample_frames(targets[:0], generator()), "no images"),
        (lambda: undersample_frames(targets, generator(), per_class=0), "at least 1, got 0"),
        (lambda: undersample_sequences(targets, targets, generator()), "bool, got torch.int64"),
        (lambda: undersample_sequences(targets, targets[:1].bool(), generator()), "positive must have shape"),
        (lambda: skew_normalized_sets(targets > 5, generator()), "one class is absent"),
        (lambda: skew_normalized_sets(targets > 0, generator(), repeats=0), "repeats must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            call()
