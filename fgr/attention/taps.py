"""Read what layers of a network see and put out, without touching the network.

Forward hooks would do, but they live on the network: two threads (or the replicas of DataParallel) that run it at the
same time fill each other's records, and registering one inside the call stops `torch.compile`. Instead the call runs on
a view: shallow copies of the named layers and of the modules that contain them, which share every parameter, buffer,
hook and other layer with the original, carry one hook more, and are forgotten afterwards. It exports and compiles.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from math import isqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

LISTED = 20  # layers named in an error


class Seen(NamedTuple):
    """What one layer was given first and what it put out, in one forward pass, as the layer's own hooks left them."""

    input: Any
    output: Any


def run_with_taps(model: nn.Module, names: Sequence[str], *inputs: Tensor) -> tuple[Any, dict[str, Seen]]:
    """Run a network and also return the input and output of some of its layers.

    Args:
        model: any torch model that reaches its layers as submodules.
        names: layers as in `model.named_modules()`; one that is registered several times, by any of its names.
        inputs: what the model takes.

    Returns:
        The model's own output, and a `Seen` for each name.

    Raises:
        ValueError: on a name that does not exist (with those that do) or lies inside TorchScript, or a layer that did
            not run exactly once.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> output, seen = run_with_taps(model, ["1"], torch.ones(5, 4))
        >>> output.shape, seen["1"].output.shape
        (torch.Size([5, 2]), torch.Size([5, 3]))
    """
    for name in names:
        check_layer(model, name)
    layers = {name: model.get_submodule(name) for name in names}
    views = _views(model, layers.values())
    seen: dict[int, Seen] = {}
    for name, layer in layers.items():
        view = views[id(layer)]
        view._forward_hooks = OrderedDict(view._forward_hooks)  # its own: until here it shares the layer's
        view._forward_hooks["tap"] = _recording(name, id(layer), seen)  # the last one: it is given what others made
    output = views[id(model)](*inputs)
    missing = [name for name, layer in layers.items() if id(layer) not in seen]
    if missing:
        raise ValueError(f"layer {missing[0]!r} did not run in the forward pass of {type(model).__name__}")
    return output, {name: seen[id(layer)] for name, layer in layers.items()}


def _views(model: nn.Module, layers: Iterable[nn.Module]) -> dict[int, nn.Module]:
    """Return the id of a module -> its view, for the model, some of its layers, and all between by whatever names."""
    wanted = {id(layer) for layer in layers}
    views = {id(model): _view(model)}
    for path, module in model.named_modules(remove_duplicate=False):
        if id(module) in wanted:
            outer = model
            for name in path.split("."):
                inner = outer._modules[name]
                if id(inner) not in views:
                    views[id(inner)] = _view(inner)
                views[id(outer)]._modules[name] = views[id(inner)]
                outer = inner
    return views


def _view(module: nn.Module) -> nn.Module:
    """Return a shallow copy of a module that shares all it holds but may be given other children."""
    view = object.__new__(type(module))  # not the class's own: a GraphModule's makes another class, without forward
    view.__dict__ = module.__dict__.copy()
    view._modules = module._modules.copy()
    return view


def _recording(name: str, key: int, seen: dict[int, Seen]) -> Callable[..., None]:
    def record(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if key in seen:
            raise ValueError(f"layer {name!r} runs more than once in a forward pass: name one that runs once")
        seen[key] = Seen(args[0] if args else None, output)

    return record


def check_layer(model: nn.Module, name: str) -> None:
    """Raise ValueError unless `name` is a layer of `model` that can be tapped; names those that are, the closest first.

    Listed are similar names at any depth, then the layers beside the missing one. TorchScript runs its layers where
    none can be seen.

    Example:
        >>> check_layer(nn.Sequential(nn.ReLU()), "1")
        Traceback (most recent call last):
            ...
        ValueError: Sequential has no layer '1'; it has '0'
    """
    layers = dict(model.named_modules(remove_duplicate=False))
    if name and name in layers:
        steps = name.split(".")
        for path in (".".join(steps[:depth]) for depth in range(len(steps) + 1)):
            if isinstance(layers[path], torch.jit.ScriptModule):
                raise ValueError(
                    f"layer {name!r} cannot be tapped, for {repr(path) if path else 'the network'} is TorchScript: "
                    "augment the network before scripting or tracing it"
                )
        return
    names = [known for known in layers if known]
    inside = name
    while inside and not any(known.startswith(f"{inside}.") for known in names):
        inside = inside.rpartition(".")[0]
    prefix = f"{inside}." if inside else ""
    beside = [known for known in names if known.startswith(prefix) and "." not in known[len(prefix) :]]
    beside = get_close_matches(name, beside, n=len(beside) + 1, cutoff=0)  # sorted
    listed = list(dict.fromkeys([*get_close_matches(name, names, n=5, cutoff=0.7), *beside]))
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    raise ValueError(
        f"{type(model).__name__} has no layer {name!r}; it has "
        + (", ".join(map(repr, listed[:LISTED])) or "no layers")
        + more
    )


def to_grid(features: Tensor, name: str, token_grid: tuple[int, int] | None = None) -> Tensor:
    """Return features as a map (B, C, H, W): unchanged, or from tokens (B, T, C) of a transformer.

    Args:
        features: (B, C, H, W), or (B, T, C) with T = H W tokens in rows, after any class tokens.
        name: of the layer, for the error message.
        token_grid: (H, W) of the tokens; by default a square, with at most one class token before it.

    Raises:
        ValueError: on anything else.

    Example:
        >>> import torch
        >>> to_grid(torch.zeros(2, 1 + 49, 8), "encoder").shape
        torch.Size([2, 8, 7, 7])
    """
    if not isinstance(features, Tensor):
        raise ValueError(f"layer {name!r} puts out a {type(features).__name__}, not one tensor: tap a layer inside it")
    if features.ndim == 4:
        return features
    if features.ndim != 3:
        raise ValueError(
            f"layer {name!r} puts out {tuple(features.shape)}: a tap must be a map (B, C, H, W) or tokens (B, T, C)"
        )
    T = features.shape[1]
    H, W = token_grid or (isqrt(T), isqrt(T))
    if T < H * W or (not token_grid and T - H * W > 1):
        raise ValueError(
            f"layer {name!r} puts out {T} tokens, which is no {f'{H} x {W}' if token_grid else 'square'} grid with "
            "class tokens before it: give token_grid=(H, W)"
        )
    return features[:, T - H * W :].transpose(1, 2).unflatten(2, (H, W))  # (B, C, H, W)
