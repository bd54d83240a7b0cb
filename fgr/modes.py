"""Training and evaluation mode: lent for a while, and given back to every layer as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put `model` in evaluation mode inside a `with` block, and every module back in its own mode after it.

    `model.train(model.training)` would not do: it also wakes the layers that their owner froze in evaluation mode, such
    as the batch normalisation of a network that is fine-tuned.

    Args:
        model: any torch model; given back also if the block raises.

    Example:
        >>> model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
        >>> with evaluating(model):
        ...     model[0].training, model[1].training
        (False, False)
        >>> model[0].training, model[1].training
        (True, False)
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
