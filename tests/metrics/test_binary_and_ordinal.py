"""AUC against scikit-learn, scores freed from imbalance, Table 2.5 by hand, near misses and merged levels."""

import math

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from fgr.metrics import accuracy, auc, merge_pain_levels, one_off_accuracy, skew_normalized, subject_counts, undersample


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def frames(n: int = 500, share: float = 0.17) -> tuple[Tensor, Tensor]:
    positive = torch.arange(n) < share * n
    return (torch.randn(n) + positive).mul(2).round().div(2), positive  # many ties


# ---------------------------------------------------------------- AUC and accuracy


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64])
def test_auc_agrees_with_scikit_learn_and_with_all_pairs(dtype: torch.dtype) -> None:
    scores, positive = frames()
    scores = scores.to(dtype)
    pairs = [float(p > n) + 0.5 * float(p == n) for p in scores[positive].tolist() for n in scores[~positive].tolist()]
    assert auc(scores, positive) == pytest.approx(sum(pairs) / len(pairs), abs=1e-13)
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-13)


def test_auc_at_its_limits() -> None:
    positive = torch.tensor([False, True, False, True])
    assert auc(positive.float(), positive) == 1 and auc(-positive.float(), positive) == 0
    assert auc(torch.zeros(4), positive) == 0.5
    assert auc(torch.tensor([-math.inf, math.inf, 0, 1]), positive) == 1
    assert math.isnan(auc(torch.randn(4), torch.ones(4, dtype=torch.bool)))
    assert math.isnan(auc(torch.randn(4), torch.zeros(4, dtype=torch.bool)))


def test_accuracy_calls_a_score_at_the_threshold_positive() -> None:
    scores, positive = torch.tensor([0.99, 1.0, 1.01, -3.0]), torch.tensor([False, True, False, True])
    assert accuracy(scores, positive) == 0.5
    assert accuracy(scores, positive, threshold=2.0) == 0.5
    assert accuracy(scores, positive, threshold=-5.0) == 0.5 and accuracy(scores, positive, threshold=1.005) == 0.25


def test_always_saying_no_pain_is_right_as_often_as_there_is_none() -> None:
    positive = torch.arange(48398) >= 40029  # UNBC-McMaster
    none = torch.zeros(48398)
    assert accuracy(none, positive) == pytest.approx(0.8271, abs=1e-4)  # the text says 83.6%
    assert skew_normalized(accuracy, none, positive, generator(), repeats=1) == 0.5


# ---------------------------------------------------------------- freed from imbalance


def test_normalised_accuracy_is_the_mean_of_both_rates_and_auc_stays() -> None:
    scores, positive = frames(4000)
    rates = [accuracy(scores[positive], positive[positive]), accuracy(scores[~positive], positive[~positive])]
    assert abs(accuracy(scores, positive) - sum(rates) / 2) > 0.05
    assert skew_normalized(accuracy, scores, positive, generator()) == pytest.approx(sum(rates) / 2, abs=0.005)
    assert skew_normalized(auc, scores, positive, generator()) == pytest.approx(auc(scores, positive), abs=0.005)


def test_normalised_scores_repeat_with_the_generator_and_need_both_classes() -> None:
    scores, positive = frames()
    first = skew_normalized(accuracy, scores, positive, generator(1), repeats=2)
    assert first == skew_normalized(accuracy, scores, positive, generator(1), repeats=2)
    assert first != skew_normalized(accuracy, scores, positive, generator(2), repeats=2)
    assert math.isnan(skew_normalized(accuracy, scores, torch.zeros(500, dtype=torch.bool), generator()))
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        skew_normalized(accuracy, scores, positive, generator(), repeats=0)


@pytest.mark.parametrize("flip", [False, True])
def test_undersampling_keeps_the_rare_and_draws_evenly_from_the_frequent(flip: bool) -> None:
    positive = torch.tensor([False] * 8 + [True] * 2) ^ flip
    counts = torch.zeros(10)
    for seed in range(400):
        chosen = undersample(positive, generator(seed))
        assert chosen.tolist() == sorted(set(chosen.tolist())) and len(chosen) == 4
        counts[chosen] += 1
    assert (counts[8:] == 400).all()
    assert (counts[:8] - 100).abs().max() < 4 * math.sqrt(400 * 0.25 * 0.75)
    with pytest.raises(ValueError, match="one class is absent: 0 of 4 samples are positive"):
        undersample(torch.zeros(4, dtype=torch.bool), generator())


# ---------------------------------------------------------------- subject by subject


def test_subject_counts_by_loops_and_their_sums() -> None:
    scores, positive = frames()
    subjects = torch.randint(5, (500,)) * 3
    counts = subject_counts(scores, positive, subjects, threshold=0.5)
    assert counts.subject.tolist() == [0, 3, 6, 9, 12]
    for row, name in enumerate(counts.subject.tolist()):
        mine = [
            (s >= 0.5, p) for s, p, who in zip(scores.tolist(), positive.tolist(), subjects.tolist()) if who == name
        ]
        assert counts.positive[row] == sum(p for _, p in mine)
        assert counts.negative[row] == sum(not p for _, p in mine)
        assert counts.positive_correct[row] == sum(s and p for s, p in mine)
        assert counts.negative_correct[row] == sum(not s and not p for s, p in mine)
    right = counts.positive_correct.sum() + counts.negative_correct.sum()
    assert right.item() / 500 == pytest.approx(accuracy(scores, positive, 0.5))


@pytest.mark.parametrize("metric", [accuracy, auc, lambda s, p: subject_counts(s, p, torch.zeros(len(s)).long())])
def test_wrong_input_is_refused(metric: object) -> None:
    with pytest.raises(ValueError, match=r"positive must have shape \(3\), got \(4,\)"):
        metric(torch.zeros(3), torch.zeros(4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"positive must be bool, got torch\.float32"):
        metric(torch.zeros(3), torch.zeros(3))
    with pytest.raises(ValueError, match="score 1 is not a number"):
        metric(torch.tensor([0.0, math.nan]), torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match="scores must not be empty"):
        metric(torch.zeros(0), torch.zeros(0, dtype=torch.bool))


# ---------------------------------------------------------------- ordered classes


def test_one_off_accuracy_by_hand() -> None:
    true = torch.tensor([0, 0, 0, 3, 3, 7])
    assert one_off_accuracy(torch.tensor([0, 1, 2, 2, 5, 7]), true) == pytest.approx(4 / 6)
    assert one_off_accuracy(true, true) == 1 and one_off_accuracy(true + 2, true) == 0
    assert one_off_accuracy(torch.tensor([255], dtype=torch.uint8), torch.tensor([0], dtype=torch.uint8)) == 0


def test_one_off_accuracy_refuses() -> None:
    with pytest.raises(ValueError, match=r"predicted must be whole numbers, got torch\.float32"):
        one_off_accuracy(torch.zeros(2), torch.zeros(2).long())
    with pytest.raises(ValueError, match="must not be empty"):
        one_off_accuracy(torch.zeros(0).long(), torch.zeros(0).long())


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32])
def test_all_17_pain_levels_become_six(dtype: torch.dtype) -> None:
    merged = merge_pain_levels(torch.arange(17).to(dtype))
    assert merged.dtype == dtype and merged.tolist() == [0, 1, 2, 3, 4, 4] + [5] * 11


@pytest.mark.parametrize("level", [-1.0, 17.0, 2.5, math.nan])
def test_what_is_no_pain_level(level: float) -> None:
    with pytest.raises(ValueError, match="PSPI levels are whole numbers from 0 to 16, got"):
        merge_pain_levels(torch.tensor([0.0, level]))
