"""Recurrent networks that read a window of frames and judge its last one (thesis section 2.2.2).

Sizes that the thesis leaves out are the released tool's defaults: 200 hidden units, one layer. The tool also defaults
to a dropout of 0.5, but its training script sets 0.
"""

from torch import Tensor, nn

from fgr.checks import check_positive, check_shape
from fgr.temporal.recurrent_batch_norm import BatchNormLSTM

INIT = 0.1  # the released tool draws every parameter from U(-0.1, 0.1)


class _LastStep(nn.Module):
    """LSTM layers, dropout after each, and a linear map of the last hidden state: (B, T, D) -> (B, outputs)."""

    def __init__(
        self, features: int, outputs: int, hidden: int, layers: int, dropout: float, batch_norm: bool, steps: int
    ) -> None:
        super().__init__()
        for name, value in (("features", features), ("outputs", outputs), ("hidden", hidden), ("layers", layers)):
            check_positive(value, name)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        self.features = features
        self.dropout = nn.Dropout(dropout)
        if batch_norm:
            sizes = [features, *[hidden] * layers]
            self.lstm = nn.ModuleList(BatchNormLSTM(d, hidden, steps, INIT) for d in sizes[:-1])
        else:
            self.lstm = nn.LSTM(features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
            for parameter in self.lstm.parameters():
                nn.init.uniform_(parameter, -INIT, INIT)
        self.linear = nn.Linear(hidden, outputs)
        for parameter in self.linear.parameters():
            nn.init.uniform_(parameter, -INIT, INIT)

    def _read(self, frames: Tensor) -> Tensor:
        check_shape(frames, f"B T {self.features}", "frames")
        if isinstance(self.lstm, nn.LSTM):
            last = self.dropout(self.lstm(frames)[0][:, -1])  # (B, H); between layers nn.LSTM drops out itself
        else:
            for layer in self.lstm:
                frames = self.dropout(layer(frames))
            last = frames[:, -1]
        return self.linear(last)  # (B, outputs)


class LSTMRegressor(_LastStep):
    """Predict one number for the last frame of a window, trained by the mean squared error (twice Eq. 2.3).

    Args:
        features: D of a frame, 4096 for fc6 and fc7 of VGG-16.
        hidden: units of a layer.
        layers: how many.
        dropout: after every layer.
        batch_norm: recurrent batch normalisation, as the released tool had it; the thesis's equations have none.
        steps: with `batch_norm`: time steps with statistics of their own; 1 shares them over time.

    Shapes: frames (B, T, D) -> (B,).

    Raises:
        ValueError: on sizes that are not positive, or frames of another number of features.

    Example:
        >>> import torch
        >>> LSTMRegressor(features=8, hidden=4)(torch.randn(3, 16, 8)).shape
        torch.Size([3])
    """

    def __init__(
        self,
        features: int,
        hidden: int = 200,
        layers: int = 1,
        dropout: float = 0.0,
        batch_norm: bool = False,
        steps: int = 1,
    ) -> None:
        super().__init__(features, 1, hidden, layers, dropout, batch_norm, steps)

    def forward(self, frames: Tensor) -> Tensor:
        return self._read(frames).squeeze(1)  # (B,)


class LSTMClassifier(_LastStep):
    """Predict the class of the last frame of a window, trained by cross-entropy (Eq. 2.12 with its sign corrected).

    Args:
        features, hidden, layers, dropout, batch_norm, steps: as in `LSTMRegressor`.
        num_classes: how many.

    Shapes: frames (B, T, D) -> logits (B, num_classes).

    Raises:
        ValueError: as `LSTMRegressor`.

    Example:
        >>> import torch
        >>> LSTMClassifier(features=8, num_classes=7, hidden=4)(torch.randn(3, 10, 8)).shape
        torch.Size([3, 7])
    """

    def __init__(
        self,
        features: int,
        num_classes: int,
        hidden: int = 200,
        layers: int = 1,
        dropout: float = 0.0,
        batch_norm: bool = False,
        steps: int = 1,
    ) -> None:
        super().__init__(features, num_classes, hidden, layers, dropout, batch_norm, steps)

    def forward(self, frames: Tensor) -> Tensor:
        return self._read(frames)
