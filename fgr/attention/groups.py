"""Parameter groups for fine-tuning: part of a network learns more slowly than what is new."""

from typing import Any

from torch import nn

from fgr.checks import check_positive


def parameter_groups(model: nn.Module, base: nn.Module, lr: float, scale: float = 0.1) -> list[dict[str, Any]]:
    """Return an optimiser's parameter groups: those of `base` at `lr` times `scale`, all others of `model` at `lr`.

    The thesis says that gradients of the base network are multiplied by 0.1; its code lowers the learning rate, which
    for plain SGD is the same but scales the weight decay along.

    Args:
        model: the whole network, e.g. of `augment`.
        base: the part of it that is pre-trained, e.g. `model.base` or the localization of a spatial transformer.
        lr: learning rate of the rest; 0.01 in the thesis's fine-tuning.
        scale: above 0; to freeze the base instead, stop its gradients, then it is left out.

    Returns:
        Two groups with "params", "lr" and a "name", which is "base", then "new". One without parameters is left out.

    Raises:
        ValueError: on a rate or scale that is not above 0, a base that is no part of the model, or nothing to train.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
        >>> [(group["name"], group["lr"]) for group in parameter_groups(model, model[0], lr=1.0)]
        [('base', 0.1), ('new', 1.0)]
    """
    check_positive(lr, "lr")
    check_positive(scale, "scale")
    inside = {id(parameter) for parameter in base.parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not inside <= {id(parameter) for parameter in model.parameters()}:
        raise ValueError(f"base, a {type(base).__name__}, must be a part of the model, {type(model).__name__}")
    groups = [
        {"params": [p for p in trained if id(p) in inside], "lr": lr * scale, "name": "base"},
        {"params": [p for p in trained if id(p) not in inside], "lr": lr, "name": "new"},
    ]
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise ValueError(f"no parameter of {type(model).__name__} requires a gradient")
    return groups
