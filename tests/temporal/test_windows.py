"""Windows by loops, limiting cases, no window across sequences; standardisation by training statistics."""

import math
import re

import pytest
import torch

from fgr.temporal import fit_standardization, sequence_windows, windows


def windows_by_loops(sequences: list[int], length: int, pad: bool) -> list[list[int]]:
    found = []
    for last, name in enumerate(sequences):
        first = sequences.index(name)
        steps = range(last - length + 1, last + 1)
        if pad or steps[0] >= first:
            found.append([max(step, first) for step in steps])
    return found


@pytest.mark.parametrize("pad", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("sequences", [[7] * 20, [3, 3, 3, 1, 2, 2, 2, 2, 9, 9], [5], [1, 2, 3]])
def test_windows_by_loops(sequences: list[int], length: int, pad: bool) -> None:
    found = sequence_windows(torch.tensor(sequences), length, pad)
    assert found.dtype == torch.int64 and found.shape[1] == length
    assert found.tolist() == windows_by_loops(sequences, length, pad)


@pytest.mark.parametrize(("frames", "length"), [(0, 3), (2, 3), (3, 3), (40, 16), (5, 1)])
def test_number_of_windows(frames: int, length: int) -> None:
    assert windows(frames, length).shape == (max(0, frames - length + 1), length)
    assert windows(frames, length, pad=True).shape == (frames, length)


def test_every_frame_is_the_last_of_one_window_but_the_first_ones() -> None:
    assert windows(40, 16)[:, -1].tolist() == list(range(15, 40))
    assert windows(40, 16, pad=True)[:, -1].tolist() == list(range(40))


def test_windows_of_a_short_ck_plus_video_repeat_its_first_frame() -> None:
    last_three = windows(8, 10, pad=True)[-3:]
    assert last_three.tolist() == [
        [0, 0, 0, 0, 0, 1, 2, 3, 4, 5],
        [0, 0, 0, 0, 1, 2, 3, 4, 5, 6],
        [0, 0, 0, 1, 2, 3, 4, 5, 6, 7],
    ]


def test_windows_refuse() -> None:
    with pytest.raises(ValueError, match="n_frames must be at least 0, got -1"):
        windows(-1, 3)
    with pytest.raises(ValueError, match="length must be at least 1 frame, got 0"):
        windows(5, 0)
    with pytest.raises(ValueError, match="sequence 1 begins a second time"):
        sequence_windows(torch.tensor([1, 1, 2, 1]), 2)
    with pytest.raises(ValueError, match=r"sequences must be int64, got torch\.float32"):
        sequence_windows(torch.zeros(3), 2)


# ---------------------------------------------------------------- standardisation


def test_one_mean_and_deviation_for_all_by_loops() -> None:
    train, other = 3 * torch.randn(50, 4, dtype=torch.float64) + 2, torch.randn(5, 4, dtype=torch.float64)
    scale = fit_standardization(train)
    values = [value for row in train.tolist() for value in row]
    mean = sum(values) / 200
    std = math.sqrt(sum((value - mean) ** 2 for value in values) / 200)
    torch.testing.assert_close(scale.apply(other), (other - mean) / std, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(scale.invert(scale.apply(other)), other, rtol=1e-12, atol=1e-12)


def test_one_pair_a_feature_and_a_dead_feature_becomes_zero() -> None:
    train = torch.randn(50, 3, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.0]) + 4
    scaled = fit_standardization(train, per_feature=True).apply(train)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))


@pytest.mark.parametrize("constant", [0.0, 0.1, 7.7, 7.8, -1e10])
def test_a_constant_is_one_whatever_rounding_leaves_of_its_deviation(constant: float) -> None:
    flat = torch.full((7,), constant, dtype=torch.float64)
    with pytest.raises(ValueError, match=re.escape(f"all training values are {constant:g}; there is nothing")):
        fit_standardization(flat)
    scale = fit_standardization(torch.stack([flat, torch.arange(7.0).double()], 1), per_feature=True)
    assert scale.std.tolist() == [1, 2]
    assert (scale.apply(flat[:, None].expand(-1, 2))[:, 0] == 0).all()


def test_float32_values_far_from_zero_keep_their_deviation() -> None:
    values = torch.randn(100_000) + 4096
    assert fit_standardization(values).std.item() == pytest.approx(values.double().std(correction=0).item(), rel=1e-9)
    assert fit_standardization(values).apply(values).dtype == torch.float32


def test_standardisation_refuses() -> None:
    with pytest.raises(ValueError, match="there are no training values"):
        fit_standardization(torch.empty(0, 3))
    with pytest.raises(ValueError, match="all training values are 2; there is nothing to standardise or to learn"):
        fit_standardization(torch.full((4,), 2.0))
    for values in (torch.tensor([1.0, 2.0, torch.nan]), torch.tensor([[1.0, 2.0], [1.0, 2.0], [torch.inf, 0.0]])):
        with pytest.raises(ValueError, match="training value 2 is not finite"):
            fit_standardization(values)
