"""The training loop: what a step does, what hooks and records are told, what it refuses."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR

from fgr.training import Epoch, Step, train

Batches = list[tuple[Tensor, Tensor]]


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.fixture
def batches() -> Batches:
    return [(torch.randn(size, 4), torch.randint(3, (size,))) for size in (8, 8, 3)]


def no_loss(output: Tensor, targets: Tensor) -> Tensor:
    return 0 * output.sum()


# ---------------------------------------------------------------- what a step does


def test_equals_a_loop_written_by_hand(batches: Batches) -> None:
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(ours.state_dict())
    ours.weight.grad = torch.ones(3, 4)  # a stale gradient must not count
    history = train(ours, batches, F.cross_entropy, SGD(ours.parameters(), 0.5, momentum=0.9), epochs=2)
    optimizer = SGD(theirs.parameters(), 0.5, momentum=0.9)
    for epoch in range(2):
        total = 0.0
        for inputs, targets in batches:
            loss = F.cross_entropy(theirs(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(targets)
        assert history[epoch].loss == pytest.approx(total / 19, rel=1e-6)  # a sample, not a batch, counts once
    assert torch.equal(ours.weight, theirs.weight)


def test_penalty_reaches_the_gradient_and_the_recorded_loss(batches: Batches) -> None:
    model = nn.Linear(4, 3, bias=False)
    before = model.weight.detach().clone()
    history = train(
        model, batches[:1], no_loss, SGD(model.parameters(), 0.1), 1, penalty=lambda m: m.weight.square().sum() / 2
    )
    torch.testing.assert_close(model.weight.data, 0.9 * before)
    assert history[0].loss == pytest.approx(before.square().sum().item() / 2)


def test_several_inputs_go_to_the_model_together(batches: Batches) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
            return self.linear(pair[0] + pair[1])

    model = Two()
    pairs = [((inputs, inputs), targets) for inputs, targets in batches]
    assert train(model, pairs, F.cross_entropy, SGD(model.parameters(), 0.1), 1)[0].loss > 0


def test_bfloat16_autocast_keeps_the_weights_in_float32(model: nn.Module, batches: Batches) -> None:
    seen = set()

    def loss(output: Tensor, targets: Tensor) -> Tensor:
        seen.add(output.dtype)
        return F.cross_entropy(output, targets)

    history = train(model, batches, loss, SGD(model.parameters(), 0.1), 2, autocast=torch.bfloat16)
    assert seen == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(math.isfinite(entry.loss) for entry in history)


def test_channels_last_changes_the_layout_of_weights_and_images_only() -> None:
    batches = [(torch.randn(4, 3, 8, 8), torch.randint(5, (4,))) for _ in range(2)]
    weights, layouts = [], []
    for channels_last in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
        hook = model.register_forward_pre_hook(
            lambda _, args: layouts.append(args[0].is_contiguous(memory_format=torch.channels_last))
        )
        train(model, batches, F.cross_entropy, SGD(model.parameters(), 0.1), 1, channels_last=channels_last)
        hook.remove()
        weights.append(model[0].weight)
    assert layouts == [False, False, True, True]
    assert weights[1].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(weights[0], weights[1])


def test_compiled_model_trains_the_same_weights(batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or nn.Sequential(model))
    model = nn.Linear(4, 3)
    before = model.weight.detach().clone()
    train(model, batches, F.cross_entropy, SGD(model.parameters(), 0.1), 1, compile=True)
    assert compiled == [model]
    assert not torch.equal(model.weight, before)


# ---------------------------------------------------------------- what hooks and records are told


def test_recorded_learning_rates_are_those_the_optimizer_used(model: nn.Module, batches: Batches) -> None:
    optimizer = SGD(model.parameters(), 0.5)
    used: list[float] = []
    optimizer.register_step_pre_hook(lambda opt, args, kwargs: used.append(opt.param_groups[0]["lr"]))
    steps: list[Step] = []
    schedule = MultiStepLR(optimizer, [1, 2], gamma=0.1)
    history = train(model, batches, F.cross_entropy, optimizer, 3, schedule=schedule, hooks=[steps.append])
    assert [step.lr for step in steps] == used == pytest.approx([0.5] * 3 + [0.05] * 3 + [0.005] * 3)
    assert [entry.lr for entry in history] == used[::3]
    assert [(step.epoch, step.batch) for step in steps] == [(e, b) for e in range(3) for b in range(3)]


def test_hooks_run_in_order_after_the_optimizer_step(batches: Batches) -> None:
    model = nn.Linear(4, 3)
    before = model.weight.detach().clone()
    calls = []
    hooks = [
        lambda step: calls.append(("first", torch.equal(model.weight, before))),
        lambda step: calls.append(("second", torch.equal(model.weight, before))),
    ]
    train(model, batches[:1], F.cross_entropy, SGD(model.parameters(), 0.1), 1, hooks=hooks)
    assert calls == [("first", False), ("second", False)]


def test_metrics_are_measured_in_evaluation_mode_and_training_goes_on(model: nn.Module, batches: Batches) -> None:
    modes, recorded = [], []

    def evaluate(evaluated: nn.Module) -> dict[str, float]:
        assert evaluated is model
        return {"dropping": float(any(module.training for module in evaluated.modules()))}

    history = train(
        model,
        batches,
        F.cross_entropy,
        SGD(model.parameters(), 0.1),
        2,
        hooks=[lambda step: modes.append(model[2].training)],
        evaluate=evaluate,
        recorder=lambda entry: recorded.append((entry.epoch, entry.metrics)),
    )
    assert modes == [True] * 6
    assert recorded == [(1, {"dropping": 0.0}), (2, {"dropping": 0.0})]
    assert all(isinstance(entry, Epoch) and entry.seconds > 0 for entry in history)


def test_numpy_metrics_do_not_spoil_the_checkpoint(tmp_path: Path, model: nn.Module, batches: Batches) -> None:
    def run(epochs: int) -> list[Epoch]:
        sgd = SGD(model.parameters(), 0.1)
        file = tmp_path / "c.pt"
        return train(
            model, batches, F.cross_entropy, sgd, epochs, evaluate=lambda _: {"e": np.float64(0.5)}, checkpoint=file
        )

    run(1)
    assert [entry.metrics for entry in run(2)] == [{"e": 0.5}] * 2


def test_a_schedule_that_waits_for_a_metric_is_refused_before_training(model: nn.Module, batches: Batches) -> None:
    sgd = SGD(model.parameters(), 0.1)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match="ReduceLROnPlateau waits for a metric"):
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd)
        train(model, batches, F.cross_entropy, sgd, 1, schedule=schedule)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("evaluate", [None, lambda model: {}])
def test_model_comes_back_in_evaluation_mode(epochs: int, evaluate, model: nn.Module, batches: Batches) -> None:
    assert (
        len(train(model, batches, F.cross_entropy, SGD(model.parameters(), 0.1), epochs, evaluate=evaluate)) == epochs
    )
    assert not any(module.training for module in model.modules())


def test_loader_or_its_sampler_is_told_the_epoch(model: nn.Module, batches: Batches) -> None:
    class Told(list):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            self.epochs: list[int] = []

        def set_epoch(self, epoch: int) -> None:
            self.epochs.append(epoch)

    class Holder(list):
        sampler = Told()

    loader, holder = Told(batches), Holder(batches)
    for given, told in ((loader, loader), (holder, holder.sampler)):
        train(model, given, F.cross_entropy, SGD(model.parameters(), 0.1), 3)
        assert told.epochs == [0, 1, 2]


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverging_loss_names_epoch_and_learning_rate(value: float, batches: Batches) -> None:
    model = nn.Linear(4, 3)
    calls = iter([1.0] * 3 + [value] * 3)
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) in epoch 2 at learning rate 0.25; lower it$"):
        train(model, batches, lambda out, _: out.sum() * 0 + next(calls), SGD(model.parameters(), 0.25), 2)


def test_diverged_state_is_never_kept(tmp_path: Path, batches: Batches) -> None:
    model, path = nn.Linear(4, 3), tmp_path / "run.pt"
    calls = iter([1.0, 1.0, 1.0, 1.0, math.nan, 1.0])
    with pytest.raises(FloatingPointError, match=rf"lower it and delete {path}, which holds it"):
        train(
            model,
            batches,
            lambda out, _: out.sum() * next(calls),
            SGD(model.parameters(), 0.25),
            2,
            checkpoint=path,
            checkpoint_every=1,
        )
    state = torch.load(path, weights_only=True)
    assert (state["epoch"], state["batch"]) == (1, 1)
    assert all(weight.isfinite().all() for weight in state["model"].values())


def test_empty_loader_is_an_error(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="the loader gave no batch"):
        train(model, [], F.cross_entropy, SGD(model.parameters(), 0.1), 1)


def test_float16_is_refused_before_anything_happens(model: nn.Module, batches: Batches) -> None:
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=r"float16 needs loss scaling, which this loop has not; use torch.bfloat16"):
        train(model, batches, F.cross_entropy, SGD(model.parameters(), 0.1), 1, autocast=torch.float16)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))
