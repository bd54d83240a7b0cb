"""An LSTM whose gates and cell are batch-normalised.

T. Cooijmans, N. Ballas, C. Laurent, C. Gulcehre, A. Courville: Recurrent Batch Normalization, ICLR 2017, Eq. 6 to 8.
The released tool had it on, the thesis does not mention it. Two departures: the paper keeps statistics for each time
step, the tool one set for all (`steps=1`); and the tool drew all parameters, gamma included, from one distribution,
whereas gamma starts at 0.1 here as in the paper.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.temporal.cell import next_cell

GAMMA = 0.1  # larger ones saturate tanh at the start, and gradients vanish


class StepBatchNorm(nn.Module):
    """Batch normalisation with statistics of its own for every time step, and one scale for all.

    Args:
        features: D, how many there are.
        steps: time steps with statistics of their own; later ones use the last.
        shift: learn a shift too; the gates have a bias already.

    Shapes: values (B, D) and their time step -> (B, D).

    Raises:
        ValueError: if `steps` is below 1; in training on a batch of one, which has no deviation.

    Example:
        >>> norm = StepBatchNorm(3, steps=2)
        >>> norm(torch.randn(64, 3), step=0).std(0, correction=0)
        tensor([0.1000, 0.1000, 0.1000], grad_fn=<StdBackward0>)
    """

    def __init__(
        self, features: int, steps: int, shift: bool = False, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        self.weight = nn.Parameter(torch.full((features,), GAMMA))
        self.bias = nn.Parameter(torch.zeros(features)) if shift else None
        self.eps, self.momentum = eps, momentum
        self.register_buffer("running_mean", torch.zeros(steps, features))
        self.register_buffer("running_var", torch.ones(steps, features))

    def forward(self, values: Tensor, step: int) -> Tensor:
        row = min(step, len(self.running_mean) - 1)
        mean, var = self.running_mean[row], self.running_var[row]
        return F.batch_norm(values, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)


class BatchNormLSTM(nn.Module):
    """One LSTM layer with recurrent batch normalisation.

    Args:
        features: D of the input.
        hidden: H, units of the layer.
        steps: time steps with statistics of their own (the window's length), or 1 for one set, as in the released tool.
        init: weights and bias are drawn from U(-init, init).

    Shapes: (B, T, D) -> (B, T, H).

    Example:
        >>> BatchNormLSTM(4, 6, steps=3)(torch.randn(5, 3, 4)).shape
        torch.Size([5, 3, 6])
    """

    def __init__(self, features: int, hidden: int, steps: int, init: float = 0.1) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(4 * hidden, features).uniform_(-init, init))
        self.U = nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-init, init))
        self.bias = nn.Parameter(torch.empty(4 * hidden).uniform_(-init, init))
        self.norm_x = StepBatchNorm(4 * hidden, steps)
        self.norm_h = StepBatchNorm(4 * hidden, steps)
        self.norm_c = StepBatchNorm(hidden, steps, shift=True)

    def forward(self, frames: Tensor) -> Tensor:
        batch, hidden = len(frames), self.U.shape[1]
        h, c = frames.new_zeros(batch, hidden), frames.new_zeros(batch, hidden)
        inputs, outputs = F.linear(frames, self.W).unbind(1), []  # T times (B, 4 H)
        for step, x in enumerate(inputs):
            gates = self.norm_x(x, step) + self.norm_h(F.linear(h, self.U), step) + self.bias
            c = next_cell(gates, c)
            h = gates.chunk(4, 1)[3].sigmoid() * self.norm_c(c, step).tanh()
            outputs.append(h)
        return torch.stack(outputs, 1)  # (B, T, H)
