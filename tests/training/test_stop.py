"""Early stopping: what is asked, when, and that a restart does not go on."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD

from fgr.training import Epoch, train


def run(checkpoint: Path | None, epochs: int, last: int, asked: list[int]) -> list[Epoch]:
    """Train until `last` epochs are done; `asked` collects how many there were whenever that was asked."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    batches = [(torch.randn(4, 3), torch.randint(2, (4,)))]

    def stop(history: Sequence[Epoch]) -> bool:
        asked.append(len(history))
        return len(history) >= last

    return train(
        model, batches, F.cross_entropy, SGD(model.parameters(), 0.1), epochs, stop=stop, checkpoint=checkpoint
    )


def test_training_ends_when_told_and_is_asked_after_each_epoch() -> None:
    asked: list[int] = []
    assert [epoch.epoch for epoch in run(None, epochs=9, last=3, asked=asked)] == [1, 2, 3]
    assert asked == [1, 2, 3]


def test_a_run_that_stopped_stays_stopped_when_it_is_resumed(tmp_path: Path) -> None:
    first = run(tmp_path / "c.pt", epochs=9, last=3, asked=[])
    asked: list[int] = []
    assert run(tmp_path / "c.pt", epochs=9, last=3, asked=asked) == first
    assert asked == [3]
    assert len(run(tmp_path / "c.pt", epochs=9, last=5, asked=[])) == 5  # more patience goes on


def test_without_a_reason_to_stop_all_epochs_are_done() -> None:
    assert len(run(None, epochs=4, last=99, asked=[])) == 4
