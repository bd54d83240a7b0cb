"""A run that is killed at any step and resumed ends bit for bit where it would have ended."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import MultiStepLR
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from fgr.data.loader import TensorLoader
from fgr.orthoreg import OrthoReg
from fgr.training import Epoch, Step, train

EPOCHS, BATCHES, EVERY = 3, 5, 2  # 22 images in batches of 5: the last one holds 2
IMAGES, TARGETS = torch.randn(22, 1, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(22) % 3


class Killed(Exception):
    """What stops a run here."""


class Noisy(Dataset):
    """Images whose augmentation draws from torch's global random numbers, as torchvision's does."""

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return IMAGES[index] + 0.1 * torch.randn(1, 6, 6), TARGETS[index]


def tensor_loader() -> TensorLoader:
    def noise(images: Tensor, generator: torch.Generator) -> Tensor:
        return images + 0.1 * torch.randn(images.shape, generator=generator)

    return TensorLoader(IMAGES, TARGETS, batch_size=5, seed=3, augment=noise)


def data_loader() -> DataLoader:
    dataset = Noisy()
    return DataLoader(dataset, batch_size=5, sampler=DistributedSampler(dataset, num_replicas=1, rank=0, seed=3))


class Outcome(NamedTuple):
    weights: dict[str, Tensor]
    momentum: dict
    history: list[dict]
    random: Tensor
    recorded: list[int]


def run(loader: Iterable, checkpoint: Path | None = None, kill_at: int = -1, seed: int = 0, **options) -> Outcome:
    """Train with everything that has a state: batch norm, dropout, momentum, a schedule, random augmentation."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 3)
    )
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    orthoreg = OrthoReg(model, strength=0.1)

    def kill(step: Step) -> None:
        if step.epoch * BATCHES + step.batch == kill_at:
            raise Killed

    recorded: list[int] = []
    history = train(
        model,
        loader,
        F.cross_entropy,
        optimizer,
        EPOCHS,
        schedule=MultiStepLR(optimizer, [1, 2], gamma=0.2),
        hooks=[lambda step: orthoreg.step(step.lr), kill],
        evaluate=lambda m: {"logit": m(IMAGES[:1]).sum().item()},
        recorder=options.get("recorder", lambda entry: recorded.append(entry.epoch)),
        checkpoint=checkpoint,
        checkpoint_every=EVERY,
    )
    entries = [asdict(entry) for entry in history]
    assert all(entry.pop("seconds") > 0 for entry in entries)  # the clock is the one thing that may differ
    return Outcome(model.state_dict(), optimizer.state_dict(), entries, torch.get_rng_state(), recorded)


def assert_same(outcome: Outcome, other: Outcome) -> None:
    assert outcome.weights.keys() == other.weights.keys()
    assert all(torch.equal(outcome.weights[name], other.weights[name]) for name in outcome.weights)
    torch.testing.assert_close(outcome.momentum, other.momentum, rtol=0, atol=0)
    assert outcome.history == other.history
    assert torch.equal(outcome.random, other.random)
    assert outcome.recorded == other.recorded


class Case(NamedTuple):
    make_loader: Callable[[], Iterable]
    whole: Outcome  # of the run that nobody stops


@pytest.fixture(scope="module", params=[tensor_loader, data_loader])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param, run(request.param()))


def test_writing_checkpoints_changes_nothing(case: Case, tmp_path: Path) -> None:
    assert_same(run(case.make_loader(), tmp_path / "run.pt"), case.whole)
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize("kill_at", range(EVERY, EPOCHS * BATCHES))  # before step EVERY nothing is written yet
def test_killed_at_any_step_and_resumed(case: Case, kill_at: int, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    with pytest.raises(Killed):
        run(case.make_loader(), checkpoint, kill_at)
    resumed = run(case.make_loader(), checkpoint, seed=99)  # other weights and random numbers to start with
    assert_same(resumed, case.whole)


def test_killed_again_and_again(case: Case, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    for seed, kill_at in enumerate((3, 4, 8, 12, 14)):
        with pytest.raises(Killed):
            run(case.make_loader(), checkpoint, kill_at, seed)
    assert_same(run(case.make_loader(), checkpoint, seed=99), case.whole)


def test_batches_before_the_restart_are_not_made_again(tmp_path: Path) -> None:
    checkpoint, loader = tmp_path / "run.pt", tensor_loader()
    with pytest.raises(Killed):
        run(loader, checkpoint, kill_at=4)
    made: list[int] = []
    loader.augment = lambda images, generator: made.append(len(images)) or images
    run(loader, checkpoint)
    assert made == [2, *[5, 5, 5, 5, 2] * 2]  # the last batch of epoch 1, then two whole epochs


def test_killed_before_the_first_checkpoint_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tensor_loader(), tmp_path / "run.pt", kill_at=EVERY - 1)
    assert list(tmp_path.iterdir()) == []


def test_killed_while_an_epoch_is_recorded(tmp_path: Path) -> None:
    def kill(entry: Epoch) -> None:
        if entry.epoch == 2:
            raise Killed

    checkpoint = tmp_path / "run.pt"
    with pytest.raises(Killed):
        run(tensor_loader(), checkpoint, recorder=kill)
    assert_same(run(tensor_loader(), checkpoint, seed=99), run(tensor_loader()))


def test_finished_run_is_read_back_without_a_step(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    whole = run(tensor_loader(), checkpoint)
    assert_same(run([], checkpoint, seed=99), whole)


def test_seconds_are_summed_over_restarts(tmp_path: Path) -> None:
    model, checkpoint = nn.Linear(36, 3), tmp_path / "run.pt"
    batches = [(IMAGES[:4].flatten(1), TARGETS[:4])] * 4
    optimizer = SGD(model.parameters(), 0.1)
    train(model, batches, F.cross_entropy, optimizer, 1, checkpoint=checkpoint)
    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "epoch": 0, "batch": 2, "elapsed": 1000.0, "history": []}, checkpoint)
    assert 1000 < train(model, batches, F.cross_entropy, optimizer, 1, checkpoint=checkpoint)[0].seconds < 1100


# ---------------------------------------------------------------- checkpoints of something else


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    run(tensor_loader(), tmp_path / "run.pt")
    return tmp_path / "run.pt"


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize("foreign", ["model", "optimizer", "groups", "schedule"])
def test_foreign_checkpoint_is_refused_by_name(foreign: str, checkpoint: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)) if foreign == "model" else small()
    groups = [{"params": [p]} for p in model.parameters()] if foreign == "groups" else model.parameters()
    optimizer = Adam(groups) if foreign == "optimizer" else SGD(groups, 0.1)
    schedule = None if foreign == "schedule" else MultiStepLR(optimizer, [1])
    with pytest.raises(ValueError, match=r"run\.pt belongs to another model, optimiser or schedule; delete it"):
        train(model, tensor_loader(), F.cross_entropy, optimizer, 9, schedule=schedule, checkpoint=checkpoint)


def test_truncated_checkpoint_is_refused_by_name(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"run\.pt is damaged"):
        run(tensor_loader(), checkpoint)
