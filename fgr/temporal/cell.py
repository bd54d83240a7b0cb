"""One step of an LSTM, written out (thesis Eq. 2.4 to 2.9).

S. Hochreiter, J. Schmidhuber: Long Short-Term Memory, 1997; with the forget gate of F. Gers et al., 2000. The networks
here use `torch.nn.LSTM`, which computes the same faster.
"""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F


class LSTMState(NamedTuple):
    """What an LSTM carries from one step to the next."""

    hidden: Tensor  # (B, H) h_t, in (-1, 1)
    cell: Tensor  # (B, H) C_t


def lstm_step(x: Tensor, state: LSTMState, W: Tensor, U: Tensor, bias: Tensor | None = None) -> LSTMState:
    """Return the state after one more input.

    Args:
        x: (B, D) the input x_t.
        state: of the step before; zeros at the start.
        W: (4 H, D) the rows of W_i, W_f, W_c, W_o, one under the other: torch's order and its `weight_ih_l0`.
        U: (4 H, H) likewise, `weight_hh_l0`.
        bias: (4 H) likewise: the thesis has one, torch the sum of `bias_ih_l0` and `bias_hh_l0`.

    Example:
        >>> import torch
        >>> lstm, x = torch.nn.LSTM(3, 5), torch.randn(1, 2, 3)
        >>> start = LSTMState(torch.zeros(2, 5), torch.zeros(2, 5))
        >>> after = lstm_step(x[0], start, lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)
        >>> torch.allclose(after.hidden, lstm(x)[0][0], atol=1e-6)
        True
    """
    return gates_to_state(F.linear(x, W, bias) + F.linear(state.hidden, U), state.cell)


def gates_to_state(gates: Tensor, cell: Tensor) -> LSTMState:
    """Return the state after the gates' summed inputs (B, 4 H), in the order of `lstm_step`, and a cell (B, H)."""
    cell = next_cell(gates, cell)
    output = gates.chunk(4, 1)[3].sigmoid()  # Eq. 2.8
    return LSTMState(output * cell.tanh(), cell)  # Eq. 2.9


def next_cell(gates: Tensor, cell: Tensor) -> Tensor:
    """Return C_t (B, H): what the input gate lets in beside what the forget gate keeps."""
    write, keep, candidate, _ = gates.chunk(4, 1)
    return keep.sigmoid() * cell + write.sigmoid() * candidate.tanh()  # Eq. 2.4 to 2.7
