"""What any layer of any network computes for images: the features that other models are trained on."""

import difflib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn


class _Found(Exception):
    """Ends a forward pass at the layer that was asked for; what follows it is not computed."""


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """Return the layer of a name as in `named_modules`.

    Raises:
        ValueError: if there is none; names the nearest.

    Example:
        >>> find_layer(nn.Sequential(nn.Linear(2, 3)), "0")
        Linear(in_features=2, out_features=3, bias=True)
    """
    layers = {name: module for name, module in model.named_modules() if name}
    if layer not in layers:
        near = difflib.get_close_matches(layer, layers, n=5) or list(layers)[-5:]
        raise ValueError(f"the model has no layer {layer!r}; there are, among {len(layers)}: {', '.join(near)}")
    return layers[layer]


@torch.no_grad()
def extract_features(
    model: nn.Module, batches: Iterable[Tensor], layer: str, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """Yield what `layer` gives for each batch of images, in evaluation mode, and compute nothing behind that layer.

    Args:
        model: any network; moved to `device` and left in evaluation mode.
        batches: images (B, C, H, W), prepared as the network wants them.
        layer: its name in `named_modules`. Where a layer is used several times, its first output counts.

    Yields:
        (B, D) on the CPU; a feature map (B, C, H, W) is flattened to D = C H W.

    Raises:
        ValueError: if there is no such layer, it is not reached, or its output is not one tensor.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(5))
        >>> [tuple(x.shape) for x in extract_features(net, [torch.zeros(4, 1, 3, 3)], layer="0")]
        [(4, 2)]
    """
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: object) -> None:
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {layer!r} gives {type(output).__name__}, not a tensor; name a layer inside it")
        found.append(output.flatten(1).cpu())
        raise _Found

    handle = find_layer(model, layer).register_forward_hook(keep)
    model.to(device).eval()
    try:
        for images in batches:
            found.clear()
            try:
                model(images.to(device))
            except _Found:
                yield found[0]
            else:
                raise ValueError(f"layer {layer!r} is not reached when the model reads images")
    finally:
        handle.remove()
