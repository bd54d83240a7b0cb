"""TensorLoader: every batch follows from (seed, epoch, batch) alone, whatever the start, the process or the history."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgr.data.loader import TensorLoader
from fgr.data.transforms import crop_and_flip


def rows(loader_or_batches) -> list[list[int]]:
    return [targets.tolist() for _, targets in loader_or_batches]


def loader(count=23, batch_size=4, **options) -> TensorLoader:
    return TensorLoader(torch.arange(count) * 2.0, torch.arange(count), batch_size, **options)


def noisy(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return images + torch.rand(images.shape, generator=generator)


def equal(first, second) -> bool:
    return all(
        torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(list(first), list(second), strict=True)
    )


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 2**63), epoch=st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch_alone(count, batch_size, seed, epoch):
    one, other = loader(count, batch_size, seed=seed), loader(count, batch_size, seed=seed)
    one.set_epoch(epoch + 1)
    list(one)  # a history that must not matter
    one.set_epoch(epoch)
    other.set_epoch(epoch)
    assert rows(one) == rows(other)
    assert len(rows(one)) == len(one)
    assert sorted(row for batch in rows(one) for row in batch) == list(range(count))
    assert all(torch.equal(images, 2.0 * targets) for images, targets in one)


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), data=st.data())
@settings(max_examples=100, deadline=None)
def test_start_gives_the_tail_with_its_augmentation(count, batch_size, data):
    whole = loader(count, batch_size, augment=noisy)
    start = data.draw(st.integers(0, len(whole)))
    assert equal(list(whole)[start:], whole.batches(start))


@given(world_size=st.sampled_from([1, 2, 3, 4]), shares=st.integers(1, 5), count=st.integers(12, 60))
@settings(max_examples=60, deadline=None)
def test_ranks_partition_every_batch_of_one_process(world_size, shares, count):
    batch_size = world_size * shares
    options = {"batch_size": batch_size, "augment": noisy, "drop_last": True}
    if count < batch_size:
        return
    alone = list(loader(count, **options))
    together = [list(loader(count, rank=rank, world_size=world_size, **options)) for rank in range(world_size)]
    for batch, (images, targets) in enumerate(alone):
        parts = [rank[batch] for rank in together]
        assert {len(part[1]) for part in parts} == {shares}
        assert torch.equal(torch.cat([part[0] for part in parts]), images)
        assert torch.equal(torch.cat([part[1] for part in parts]), targets)


def test_orders_differ_between_seeds_and_epochs():
    orders = set()
    for seed in range(5):
        for epoch in range(5):
            one = loader(seed=seed)
            one.set_epoch(epoch)
            orders.add(str(rows(one)))
    assert len(orders) == 25


def test_augmentation_differs_between_seeds_epochs_and_batches():
    draws = []
    for seed in range(3):
        for epoch in range(3):
            flat = TensorLoader(torch.zeros(12), torch.arange(12), 4, seed=seed, augment=noisy)
            flat.set_epoch(epoch)
            draws += [images for images, _ in flat]
    assert len({tuple(draw.tolist()) for draw in draws}) == 27


def test_order_is_the_same_on_every_machine():
    assert rows(loader(count=10, batch_size=10, seed=3)) == [[0, 4, 9, 7, 1, 5, 6, 3, 8, 2]]


def test_without_shuffle_the_order_is_the_given_one():
    assert rows(loader(count=5, batch_size=2, shuffle=False)) == [[0, 1], [2, 3], [4]]
    assert rows(loader(count=5, batch_size=2, shuffle=False, drop_last=True)) == [[0, 1], [2, 3]]


def test_global_random_state_is_neither_read_nor_moved():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = list(loader(augment=noisy))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert equal(first, loader(augment=noisy))


def test_an_iteration_keeps_its_epoch():
    one = loader()
    batches = iter(one)
    one.set_epoch(5)
    assert rows(batches) == rows(loader())


def test_batches_are_copies():
    one = loader(shuffle=False)
    next(iter(one))[0].fill_(-1)
    assert one.images[0] == 0


def test_crops_through_the_loader():
    images = torch.randn(6, 3, 8, 8)
    got = list(TensorLoader(images, torch.arange(6), 4, augment=crop_and_flip))
    assert [batch.shape for batch, _ in got] == [(4, 3, 8, 8), (2, 3, 8, 8)]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"batch_size": 5, "world_size": 2}, "a batch of 5 has no equal shares for world_size=2"),
        ({"world_size": 4}, "a batch of 3 has no equal shares for world_size=4"),
        ({"batch_size": 24, "drop_last": True}, "23 images make no batch of 24"),
        ({"count": 0}, "0 images make no batch"),
    ],
)
def test_bad_arguments_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        loader(**options)


def test_bad_positions_are_refused():
    with pytest.raises(ValueError, match="equal lengths, got 3 and 2"):
        TensorLoader(torch.zeros(3), torch.zeros(2), 1)
    with pytest.raises(ValueError, match=r"start must lie in \[0, 6\], got 7"):
        loader().batches(7)
    with pytest.raises(ValueError, match="epoch must be 0 or more"):
        loader().set_epoch(-1)
