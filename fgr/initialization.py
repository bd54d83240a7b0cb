"""LSUV: layer-sequential unit-variance initialisation.

D. Mishkin, J. Matas: All You Need Is a Good Init, ICLR 2016. Orthonormal weights, then every layer in turn is
rescaled until its output on one batch of data has unit variance. Table 5.1 combines it with OrthoReg.
"""

import torch
from torch import Tensor, nn

from fgr.checks import check_positive
from fgr.modes import evaluating

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.no_grad()
def lsuv_(model: nn.Module, inputs: Tensor, tolerance: float = 0.02, max_passes: int = 10) -> nn.Module:
    """Initialise `model` in place so that every Linear and convolution layer puts out unit variance on `inputs`.

    Args:
        model: any model that runs on `inputs`; layers are treated in the order in which they run. It is put in
            evaluation mode for the passes (no dropout) and back afterwards. Of any floating point type.
        inputs: (B, ...) one batch of training data, as the model expects it; a few hundred samples suffice.
        tolerance: stop when the variance is within this of 1.
        max_passes: forward passes a layer at most.

    Returns:
        The same model.

    Raises:
        ValueError: if a layer's output does not vary on `inputs`, so that no scale gives unit variance.

    Example:
        >>> model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        >>> x = torch.randn(256, 8)
        >>> round(lsuv_(model, x)(x).var(correction=0).item(), 1)
        1.0
    """
    check_positive(tolerance, "tolerance")
    with evaluating(model):
        for module in model.modules():
            if isinstance(module, LAYERS):
                _orthonormal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for name, layer in _layers_in_running_order(model, inputs):
            for _ in range(max_passes):
                variance = _output_variance(model, layer, inputs)
                if not variance > 1e-12:
                    raise ValueError(f"layer {name!r} puts out a constant on this batch; give varied `inputs`")
                if abs(variance - 1) < tolerance:
                    break
                layer.weight.div_(variance**0.5)
    return model


def _orthonormal_(weight: Tensor) -> None:
    """Fill a weight of any floating point type; torch decomposes matrices in float32 and float64 only."""
    exact = torch.empty(weight.shape, dtype=torch.promote_types(weight.dtype, torch.float32), device=weight.device)
    weight.copy_(nn.init.orthogonal_(exact))


def _layers_in_running_order(model: nn.Module, inputs: Tensor) -> list[tuple[str, nn.Module]]:
    names = {module: name for name, module in model.named_modules() if isinstance(module, LAYERS)}
    order: dict[nn.Module, str] = {}

    def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        order.setdefault(module, names[module])

    hooks = [module.register_forward_hook(note) for module in names]
    try:
        model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [(name, module) for module, name in order.items()]


def _output_variance(model: nn.Module, layer: nn.Module, inputs: Tensor) -> float:
    seen: list[float] = []

    def note(_: nn.Module, __: tuple, output: Tensor) -> None:
        seen.append(output.to(torch.promote_types(output.dtype, torch.float32)).var(correction=0).item())

    hook = layer.register_forward_hook(note)
    try:
        model(inputs)
    finally:
        hook.remove()
    return seen[0]
