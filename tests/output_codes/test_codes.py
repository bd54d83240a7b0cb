"""Codes that need no data: one-hot, Gaussian, dense random, Hadamard, thresholds, and what a code matrix must be."""

import math

import pytest
import torch
from torch import Tensor

from fgr.output_codes import binarize, check_codes, dense_random, gaussian, hadamard, one_hot, separation
from fgr.output_codes.dense import ALL_PAIRS, distinct_words
from fgr.output_codes.thresholds import THRESHOLDS
from fgr.output_codes.validation import equal_rows


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def row_separation_by_loops(codes: Tensor) -> int:
    rows = codes.tolist()
    return min(
        sum(a != b for a, b in zip(rows[i], rows[j])) for i in range(len(rows)) for j in range(len(rows)) if i != j
    )


def column_separation_by_loops(codes: Tensor) -> int:
    n = len(codes)
    columns = [*codes.T.tolist(), [1.0] * n]
    distances = [
        sum(a != b for a, b in zip(columns[i], columns[j]))
        for i in range(len(columns))
        for j in range(len(columns))
        if i != j
    ]
    return min(min(d, n - d) for d in distances)


# ---------------------------------------------------------------- one-hot and Gaussian


def test_one_hot_is_the_identity_and_truncation_leaves_words_of_zeros() -> None:
    assert torch.equal(one_hot(4), torch.eye(4))
    short = one_hot(100, 66)
    assert short.shape == (100, 66)
    assert torch.equal(short[:66], torch.eye(66))
    assert (short[66:] == 0).all()
    with pytest.raises(ValueError, match="at most 5 bits, got length 6"):
        one_hot(5, 6)


def test_gaussian_has_the_moments_of_a_normal_distribution_and_repeats() -> None:
    codes = gaussian(400, 250, seed())
    assert abs(codes.mean()) < 0.02  # six standard errors
    assert abs(codes.var() - 1) < 0.03
    assert torch.equal(codes, gaussian(400, 250, seed()))
    assert not torch.equal(codes, gaussian(400, 250, seed(1)))


@pytest.mark.parametrize("make", [gaussian, dense_random, hadamard])
def test_impossible_sizes_are_refused(make) -> None:
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        make(1, 4, seed())
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        make(3, 0, seed())


@pytest.mark.parametrize("make", [dense_random, hadamard])
def test_too_few_words_are_refused(make) -> None:
    with pytest.raises(ValueError, match="17 classes need at least 5 bits, got length 4"):
        make(17, 4, seed())


@pytest.mark.parametrize("make", [dense_random, hadamard])
def test_two_classes_and_one_bit(make) -> None:
    assert sorted(make(2, 1, seed()).flatten().tolist()) == [-1.0, 1.0]


# ---------------------------------------------------------------- dense random


@pytest.mark.parametrize(("n", "k"), [(2, 3), (5, 9), (12, 20), (30, 7)])
def test_separation_counts_flipped_bits(n: int, k: int) -> None:
    codes = torch.randint(2, (n, k)) * 2.0 - 1
    assert separation(codes) == (row_separation_by_loops(codes), column_separation_by_loops(codes))


def test_separation_needs_bits() -> None:
    with pytest.raises(ValueError, match="-1 and \\+1 only"):
        separation(torch.randn(4, 4))


def test_dense_random_is_the_best_of_its_candidates() -> None:
    n, k, tries = 6, 10, 50
    drawn = torch.randint(2, (tries, n, k), generator=seed()).float() * 2 - 1  # the same numbers that it draws
    scores = [(row_separation_by_loops(c), column_separation_by_loops(c)) for c in drawn]
    codes = dense_random(n, k, seed(), candidates=tries)
    assert separation(codes) == max(scores)
    assert torch.equal(codes, drawn[scores.index(max(scores))])


def test_more_candidates_never_separate_worse() -> None:
    few, many = (dense_random(10, 34, seed(), candidates=c) for c in (1, 300))
    assert separation(many).rows > separation(few).rows
    assert separation(many).columns > 0  # no bit twice


def test_dense_random_of_many_classes_is_one_draw_with_distinct_words() -> None:
    n = ALL_PAIRS + 1
    with pytest.raises(ValueError, match="pass candidates=1"):
        dense_random(n, 20, seed())
    codes = dense_random(n, 16, seed(), candidates=1)  # 5,001 of 65,536 words: some draws collide
    assert len(codes.unique(dim=0)) == n


def test_words_are_distinct_inside_a_group_only() -> None:
    groups = torch.tensor([0, 0, 1, 1, 0, 1, 1, 0])
    words = distinct_words(8, 2, seed(), groups)  # four words for four members each
    for group in (0, 1):
        assert len(words[groups == group].unique(dim=0)) == 4


def test_hopeless_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="too crowded"):
        distinct_words(5, 2, seed())
    with pytest.raises(ValueError, match="none of 1 random codes of 4 bits gave 16 classes"):
        dense_random(16, 4, seed(), candidates=1)


# ---------------------------------------------------------------- Hadamard


def test_whole_hadamard_matrix_is_orthogonal() -> None:
    codes = hadamard(16, 15, seed())
    full = torch.cat([torch.ones(16, 1), codes], 1)
    assert torch.equal(full @ full.T, 16 * torch.eye(16))
    assert separation(codes).rows == 8


@pytest.mark.parametrize(("n", "k"), [(100, 64), (128, 64), (100, 127), (60, 100), (20, 9), (5, 3)])
def test_hadamard_separates_rows_as_well_as_columns_allow(n: int, k: int) -> None:
    codes = hadamard(n, k, seed())
    assert codes.shape == (n, k)
    assert separation(codes) == (row_separation_by_loops(codes), column_separation_by_loops(codes))
    if k in (64, 127):
        assert separation(codes).rows == {64: 32, 127: 64}[k]
    assert separation(codes).rows >= 1
    assert separation(codes).columns >= 1


def test_short_hadamard_codes_are_the_best_of_the_sets_of_columns_that_were_drawn() -> None:
    with pytest.raises(ValueError, match="no set of 10 Hadamard columns gave 100 classes distinct words"):
        hadamard(100, 10, seed(), candidates=0)  # the last columns alone repeat words
    with pytest.raises(ValueError, match="candidates must be at least 0, got -1"):
        hadamard(100, 10, seed(), candidates=-1)
    rows = [separation(hadamard(60, 12, seed(), candidates)).rows for candidates in (1, 10, 300)]
    assert rows == sorted(rows)
    assert rows[-1] > rows[0]
    assert separation(hadamard(40, 20, seed())).rows > separation(hadamard(40, 20, seed(), candidates=0)).rows


# ---------------------------------------------------------------- thresholds


def test_thresholds() -> None:
    codes = torch.tensor([[0.5, -0.5, 0.1, 0.2], [-3.0, -1.0, -2.0, -4.0]])
    assert binarize(codes, "none") is codes
    assert binarize(codes, "zero").tolist() == [[1, -1, 1, 1], [-1, -1, -1, -1]]
    assert binarize(codes, "median").tolist() == [[1, -1, -1, 1], [-1, 1, 1, -1]]
    with pytest.raises(ValueError, match="threshold must be one of 'none', 'zero', 'median', got 'mean'"):
        binarize(codes, "mean")
    with pytest.raises(ValueError, match="at least 2 bits"):
        binarize(codes[:, :1], "median")


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_what_cannot_be_thresholded_is_named(threshold: str) -> None:
    codes = torch.randn(5, 3)
    for value in (math.nan, -math.inf):
        codes[3, 1] = value
        with pytest.raises(ValueError, match=rf"codes\[3, 1\] is {value}; codes must be finite"):
            binarize(codes, threshold)
    with pytest.raises(ValueError, match=r"codes must be floating point, got torch\.int64; use codes\.float\(\)"):
        binarize(torch.eye(3, dtype=torch.long), threshold)


@pytest.mark.parametrize(("k", "ones"), [(8, 4), (9, 4)])
def test_row_median_balances_every_word(k: int, ones: int) -> None:
    assert ((binarize(torch.randn(20, k), "median") > 0).sum(1) == ones).all()


def test_rounding_noise_does_not_decide_a_bit() -> None:
    noise = torch.tensor([[1.0, 1e-17], [1.0, -1e-17]], dtype=torch.float64)
    assert binarize(noise, "zero").tolist() == [[1, -1], [1, -1]]


# ---------------------------------------------------------------- what a code must be


def test_wrong_codes_are_named() -> None:
    check_codes(torch.randn(5, 3))
    with pytest.raises(ValueError, match=r"codes must have shape \(n, k\), got \(3,\)"):
        check_codes(torch.randn(3))
    with pytest.raises(ValueError, match=r"floating point, got torch\.int64"):
        check_codes(torch.eye(3, dtype=torch.long))
    codes = torch.randn(5, 3)
    codes[3, 1] = math.inf
    with pytest.raises(ValueError, match=r"codes\[3, 1\] is inf"):
        check_codes(codes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_rows_are_found_among_many(dtype: torch.dtype) -> None:
    codes = torch.randn(500, 6, dtype=dtype)
    assert equal_rows(codes) is None
    codes[437] = codes[12] * (1 + 1e-7)  # equal up to rounding
    assert equal_rows(codes) == (12, 437)
    with pytest.raises(ValueError, match="classes 12 and 437 have the same codeword"):
        check_codes(codes)
    check_codes(codes, allow_duplicates=True)


def test_rows_with_one_projection_are_not_taken_for_equal() -> None:
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 6)
    assert equal_rows(signs) is None  # all 64 words of 6 bits
    assert equal_rows(torch.cat([signs, signs[40:41]])) == (40, 64)
    assert equal_rows(torch.zeros(3, 2)) == (0, 1)
