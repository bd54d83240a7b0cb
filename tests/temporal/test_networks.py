"""Eq. 2.4 to 2.9 by loops and against torch's LSTM; recurrent batch normalisation by its definition; the networks."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.temporal import BatchNormLSTM, LSTMClassifier, LSTMRegressor, LSTMState, StepBatchNorm, lstm_step

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def step_by_loops(x: list, h: list, c: list, W: list, U: list, b: list) -> tuple[list, list]:
    """Eq. 2.4 to 2.9 for one sample, number by number; W, U and b hold the gates i, f, candidate, o."""
    hidden = len(h)

    def gate(which: int, unit: int) -> float:
        row = which * hidden + unit
        return sum(w * v for w, v in zip(W[row], x)) + sum(u * v for u, v in zip(U[row], h)) + b[row]

    new_h, new_c = [], []
    for unit in range(hidden):
        i = sigmoid(gate(0, unit))  # Eq. 2.4
        candidate = math.tanh(gate(2, unit))  # Eq. 2.5
        f = sigmoid(gate(1, unit))  # Eq. 2.6
        cell = f * c[unit] + i * candidate  # Eq. 2.7
        o = sigmoid(gate(3, unit))  # Eq. 2.8
        new_c.append(cell)
        new_h.append(o * math.tanh(cell))  # Eq. 2.9
    return new_h, new_c


def test_eq_2_4_to_2_9_one_step_by_loops() -> None:
    x, h, c = torch.randn(3, 4).double(), torch.randn(3, 2).double(), torch.randn(3, 2).double()
    W, U, b = torch.randn(8, 4).double(), torch.randn(8, 2).double(), torch.randn(8).double()
    after = lstm_step(x, LSTMState(h, c), W, U, b)
    for sample in range(3):
        hidden, cell = step_by_loops(*(t.tolist() for t in (x[sample], h[sample], c[sample], W, U, b)))
        torch.testing.assert_close(after.hidden[sample], torch.tensor(hidden, dtype=torch.float64), **EXACT)
        torch.testing.assert_close(after.cell[sample], torch.tensor(cell, dtype=torch.float64), **EXACT)


def test_eq_2_4_to_2_9_over_time_equal_torch_and_its_gradients() -> None:
    lstm, frames = nn.LSTM(5, 3).double(), torch.randn(7, 2, 5, dtype=torch.float64)
    state = LSTMState(torch.zeros(2, 3).double(), torch.zeros(2, 3).double())
    outputs = []
    for x in frames:
        state = lstm_step(x, state, lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)
        outputs.append(state.hidden)
    expected, (hidden, cell) = lstm(frames)
    torch.testing.assert_close(torch.stack(outputs), expected, **EXACT)
    torch.testing.assert_close((state.hidden, state.cell), (hidden[0], cell[0]), **EXACT)
    ours = torch.autograd.grad(state.hidden.sum(), list(lstm.parameters()))
    torchs = torch.autograd.grad(lstm(frames)[0][-1].sum(), list(lstm.parameters()))
    torch.testing.assert_close(ours, torchs, **EXACT)


def test_eq_2_3_is_half_the_mean_squared_error() -> None:
    predicted, true = torch.randn(9).double(), torch.randn(9).double()
    printed = sum((p - t) ** 2 for p, t in zip(predicted.tolist(), true.tolist())) / (2 * 9)
    assert F.mse_loss(predicted, true).item() == pytest.approx(2 * printed, rel=1e-12)


def test_eq_2_12_as_printed_is_minus_the_cross_entropy() -> None:
    logits, classes = torch.randn(4, 7).double(), torch.tensor([0, 3, 6, 3])
    for row, true in zip(logits.tolist(), classes.tolist()):
        total = sum(math.exp(value) for value in row)
        printed = sum((n == true) * math.log(math.exp(value) / total) for n, value in enumerate(row))
        assert printed < 0  # a loss that falls without end as the prediction gets worse
        assert F.cross_entropy(torch.tensor([row]), torch.tensor([true])).item() == pytest.approx(-printed, rel=1e-6)


def test_gradcheck_and_extreme_inputs_of_a_step() -> None:
    given = [torch.randn(shape).double().requires_grad_() for shape in ((2, 3), (2, 2), (2, 2), (8, 3), (8, 2), (8,))]
    assert torch.autograd.gradcheck(lambda x, h, c, W, U, b: lstm_step(x, LSTMState(h, c), W, U, b), given)
    extreme = lstm_step(
        torch.full((1, 1), 1e30), LSTMState(torch.zeros(1, 1), torch.zeros(1, 1)), torch.ones(4, 1), torch.ones(4, 1)
    )
    assert extreme.hidden.item() == pytest.approx(math.tanh(1)) and extreme.cell.item() == 1


# ---------------------------------------------------------------- recurrent batch normalisation


def normalised(values: Tensor, gamma: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * (values - values.mean(0)) / (values.var(0, correction=0) + eps).sqrt()


def test_recurrent_batch_norm_by_its_definition() -> None:
    layer, frames = BatchNormLSTM(4, 3, steps=5).double(), torch.randn(6, 5, 4, dtype=torch.float64)
    with torch.no_grad():
        for norm in (layer.norm_x, layer.norm_h, layer.norm_c):
            norm.weight.uniform_(0.1, 1)
        layer.norm_c.bias.normal_()
    h, c, expected = torch.zeros(6, 3).double(), torch.zeros(6, 3).double(), []
    for t in range(5):
        gates = normalised(frames[:, t] @ layer.W.T, layer.norm_x.weight)
        gates = gates + normalised(h @ layer.U.T, layer.norm_h.weight) + layer.bias
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(normalised(c, layer.norm_c.weight) + layer.norm_c.bias)
        expected.append(h)
    torch.testing.assert_close(layer.train()(frames), torch.stack(expected, 1), rtol=1e-10, atol=1e-10)


def test_statistics_are_kept_for_each_step_or_for_all() -> None:
    frames = torch.randn(400, 3, 2) * torch.tensor([1.0, 10.0, 100.0])[:, None]  # louder at every step
    own, shared = BatchNormLSTM(2, 2, steps=3), BatchNormLSTM(2, 2, steps=1)
    shared.load_state_dict({k: v[:1] if "running" in k else v for k, v in own.state_dict().items()})
    for _ in range(200):
        own(frames), shared(frames)
    spread = own.norm_x.running_var.mean(1).sqrt()
    assert (spread[1] / spread[0]).item() == pytest.approx(10, rel=0.3)
    assert (spread[2] / spread[1]).item() == pytest.approx(10, rel=0.3)
    assert shared.norm_x.running_var.shape == (1, 8)
    with torch.no_grad():
        torch.testing.assert_close(own.eval()(frames), own.train()(frames), rtol=0, atol=2e-2)
        assert not torch.allclose(shared.eval()(frames)[:, 0], own.eval()(frames)[:, 0], atol=2e-2)


def test_a_window_longer_than_the_steps_uses_the_last_statistics() -> None:
    norm, values = StepBatchNorm(2, steps=2).eval(), torch.randn(5, 2)
    norm.running_mean[1] = 3.0
    assert torch.equal(norm(values, 7), norm(values, 1)) and not torch.equal(norm(values, 1), norm(values, 0))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        StepBatchNorm(2, steps=0)


# ---------------------------------------------------------------- the networks

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "regressor": lambda: LSTMRegressor(6, hidden=5),
    "classifier": lambda: LSTMClassifier(6, num_classes=4, hidden=5),
    "two layers": lambda: LSTMRegressor(6, hidden=5, layers=2, dropout=0.3),
    "batch norm": lambda: LSTMRegressor(6, hidden=5, layers=2, dropout=0.3, batch_norm=True, steps=3),
}
each_network = pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)


def loss(output: Tensor) -> Tensor:
    return output.square().mean() if output.ndim == 1 else F.cross_entropy(output, torch.arange(len(output)) % 4)


@each_network
def test_shape_and_a_gradient_for_every_parameter(build: Callable[[], nn.Module]) -> None:
    model, frames = build(), torch.randn(8, 3, 6)
    output = model(frames)
    assert output.shape in ((8,), (8, 4))
    loss(output).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@each_network
def test_evaluation_is_deterministic_and_one_window_at_a_time_agrees(build: Callable[[], nn.Module]) -> None:
    model, frames = build(), torch.randn(4, 3, 6)
    model(frames)
    model.eval()
    with torch.no_grad():
        together = model(frames)
        assert torch.equal(together, model(frames))
        torch.testing.assert_close(torch.cat([model(one[None]) for one in frames]), together, rtol=1e-5, atol=1e-6)


@each_network
def test_weights_survive_a_file(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    model, other, frames = build(), build(), torch.randn(4, 3, 6)
    model(frames)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other.eval()(frames), model.eval()(frames))


@GPU
@each_network
def test_a_gpu_agrees(build: Callable[[], nn.Module]) -> None:
    model, frames = build().eval(), torch.randn(4, 3, 6)
    expected = model(frames)
    torch.testing.assert_close(model.cuda()(frames.cuda()).cpu(), expected, rtol=1e-4, atol=1e-5)


def test_only_the_last_hidden_state_is_read() -> None:
    model, frames = LSTMRegressor(6, hidden=5).eval(), torch.randn(2, 4, 6)
    hidden = model.lstm(frames)[0][:, -1]
    torch.testing.assert_close(model(frames), hidden @ model.linear.weight[0] + model.linear.bias)
    other = frames.clone()
    other[:, 0] += 1  # the past matters
    assert not torch.equal(model(other), model(frames))


def test_parameters_are_drawn_from_the_released_range() -> None:
    values = torch.cat([p.flatten() for p in LSTMRegressor(50, hidden=40).parameters()])
    assert values.abs().max() <= 0.1
    assert values.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.03)


def test_dropout_draws_in_training_mode_only() -> None:
    model, frames = LSTMRegressor(6, hidden=50, dropout=0.5), torch.randn(8, 3, 6)
    assert not torch.equal(model(frames), model(frames))
    assert torch.equal(model.eval()(frames), model(frames))


def test_a_regressor_learns_what_happened_two_frames_ago() -> None:
    frames = torch.randn(128, 3, 2)
    target, model = frames[:, 0, 0], LSTMRegressor(2, hidden=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        F.mse_loss(model(frames), target).backward()
        optimizer.step()
    assert F.mse_loss(model(frames), target) < 0.1 * target.var()


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames must have shape \(B, T, 6\), got \(2, 3, 7\)"):
        LSTMRegressor(6)(torch.zeros(2, 3, 7))
    with pytest.raises(ValueError, match="hidden must be a finite number above 0, got 0"):
        LSTMRegressor(6, hidden=0)
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\), got 1"):
        LSTMClassifier(6, num_classes=2, dropout=1)
