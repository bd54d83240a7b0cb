"""Random numbers by counting: against the published SplitMix64, a loop over Python integers, their distributions."""

import pytest
import torch
from scipy import stats

from fgr.data.synthetic import hashing
from fgr.data.synthetic.hashing import bits, integers, normal, uniform

WORD = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
FROZEN_BITS = [7527856448306442457, 8537222174046350748, -8373944631626999030]
FROZEN_UNIFORM = [180390, 13456892, 4232931]
FROZEN_INTEGERS = [[449, 198], [654, 899], [355, 154]]
FROZEN_NORMAL = [-2.2990119, 0.849122, -0.6672621]


def crc32(text: str) -> int:
    """The checksum of a name, bit by bit."""
    state = 0xFFFFFFFF
    for byte in text.encode():
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0xEDB88320 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def mix(word: int) -> int:
    """The finaliser of SplitMix64 on an unsigned integer."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


def bits_by_loop(seed: int, index: list[int], stream: str, count: int) -> list[list[int]]:
    """Every number on its own, in unsigned Python integers."""
    key = mix((mix(seed & WORD) + crc32(stream)) & WORD)
    words = [mix((i * GAMMA + key) & WORD) for i in index]
    return [[mix((word + step * GAMMA) & WORD) for step in range(1, count + 1)] for word in words]


def test_finaliser_gives_the_published_numbers_of_splitmix64() -> None:
    """The first numbers of the reference generator started at 0 and at 1234567."""
    for start, expected in {
        0: [16294208416658607535, 7960286522194355700, 487617019471545679],
        1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423],
    }.items():
        states = [(start + step * GAMMA) & WORD for step in (1, 2, 3)]
        found = hashing._mix_tensor(torch.tensor([hashing._signed(state) for state in states]))
        assert [value & WORD for value in found.tolist()] == expected
        assert [hashing._mix(state) for state in states] == expected


@pytest.mark.parametrize("seed", [0, 7, -1, 2**63 + 5, 2**70 + 7])
def test_bits_equal_a_loop_over_python_integers(seed: int) -> None:
    """Wrapping and logical shifts come out right in int64, for any seed and large indices."""
    index = [0, 1, 2, 1000, 2**31, 2**45 + 3]
    found = bits(seed, torch.tensor(index), "yaw", 4)
    assert [[value & WORD for value in row] for row in found.tolist()] == bits_by_loop(seed, index, "yaw", 4)


def test_numbers_are_frozen() -> None:
    """A change of the hash would change every generated set: these values must stay."""
    index = torch.tensor([0, 1, 123456789])
    assert bits(0, index, "yaw").tolist() == FROZEN_BITS
    assert (uniform(3, index, "age") * 2**24).tolist() == FROZEN_UNIFORM
    assert integers(3, index, "age", 1000, 2).tolist() == FROZEN_INTEGERS
    torch.testing.assert_close(normal(3, index, "age"), torch.tensor(FROZEN_NORMAL), rtol=0, atol=1e-6)


@pytest.mark.parametrize("draw", [bits, uniform, normal, lambda *key: integers(*key[:3], 10, *key[3:])])
def test_numbers_do_not_depend_on_batch_or_order(draw) -> None:
    """Any subset in any order gives the very same numbers, one by one too."""
    index = torch.randint(0, 10**9, (257,))
    whole = draw(5, index, "pose", 3)
    order = torch.randperm(257)
    assert torch.equal(draw(5, index[order], "pose", 3), whole[order])
    assert torch.equal(torch.cat([draw(5, i[None], "pose", 3) for i in index]), whole)
    assert torch.equal(draw(5, index, "pose", 2), whole[:, :2])  # more numbers a sample leave the first alone
    assert torch.equal(draw(5, index.int(), "pose", 3), whole)
    assert draw(5, index, "pose").shape == (257,)


def test_streams_seeds_and_samples_are_uncorrelated() -> None:
    """No correlation between any two of 12 neighbouring streams, seeds, columns and shifted samples."""
    index = torch.arange(20_000)
    columns = [uniform(0, index, name) for name in ("a", "b", "aa", 1, 2)]
    columns += [uniform(seed, index, "a") for seed in (1, 2, -1)]
    columns += [uniform(0, index + 1, "a"), *uniform(0, index, "a", 3).T]
    correlation = torch.corrcoef(torch.stack(columns)).fill_diagonal_(0)
    assert correlation.abs().max() < 4.5 / 20_000**0.5


@pytest.mark.parametrize("index", [torch.arange(20_000), torch.arange(20_000) * 4096], ids=["all", "strided"])
def test_distributions(index: torch.Tensor) -> None:
    """Kolmogorov-Smirnov for uniform and normal, chi-square for integers."""
    assert stats.kstest(uniform(1, index, "x").numpy(), "uniform").pvalue > 0.01
    assert stats.kstest(normal(1, index, "x").numpy(), "norm").pvalue > 0.01
    assert stats.chisquare(integers(1, index, "x", 7).bincount(minlength=7).numpy()).pvalue > 0.01


def test_ranges_at_the_ends_of_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bits 0 and all bits 1 stay below 1, below `high`, and finite."""
    monkeypatch.setattr(hashing, "bits", lambda *key: torch.tensor([0, -1]))
    index = torch.zeros(2, dtype=torch.int64)
    assert uniform(0, index, "").tolist() == [0, 1 - 2**-24]
    assert integers(0, index, "", 1 << 20).tolist() == [0, (1 << 20) - 1]
    assert integers(0, index, "", 1).tolist() == [0, 0]
    low, high = normal(0, index, "").tolist()
    assert -8.3 < low < -8 and 8 < high < 8.3


@pytest.mark.parametrize("index", [torch.tensor([0.5]), torch.tensor([True]), torch.tensor([3, -1])])
def test_index_must_count(index: torch.Tensor) -> None:
    """Fractions, booleans and negative numbers are no sample."""
    with pytest.raises(ValueError, match="index must"):
        uniform(0, index, "x")


@pytest.mark.parametrize("high", [0, -1, (1 << 20) + 1])
def test_high_is_checked(high: int) -> None:
    """Beyond 2^20 the 24 bits would be uneven."""
    with pytest.raises(ValueError, match="high must lie in"):
        integers(0, torch.arange(2), "x", high)


def test_no_samples_give_no_numbers() -> None:
    """An empty batch is fine."""
    assert uniform(0, torch.arange(0), "x", 3).shape == (0, 3)
