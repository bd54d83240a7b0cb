"""Filters without data: the two-dimensional toy of Fig. 5.2 and the minimum angles of real networks of Fig. 5.3."""

import json
import math
from collections.abc import Mapping

import pandas as pd
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from fgr import data, models
from fgr.checks import check_choice
from fgr.orthoreg import OrthoReg, nearest_angles
from fgr.results.published import as_text, measured
from fgr.results.rows import Row, Run, with_config
from fgr.results.statistics import interval

NETWORKS = ("alexnet", "vgg16", "resnet50", "efficientnet_lite0")
TRAINED = ("efficientnet_lite0",)  # these have one set of weights, not one a seed
RULES = ("none", "global", "local")


def random_filters(count: int, seed: int) -> Tensor:
    """Return `count` random directions in the plane, (count, 2) of unit length in float64."""
    points = torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(points, dim=1)


def toy_path(points: Tensor, mode: str, strength: float, steps: int, locality: float = 10.0) -> Tensor:
    """Regularise filters alone, without data, and return where they are at every step, (steps + 1, N, d).

    Negative strengths attract (gradient ascent, Fig. 5.2 e and f). The learning rate is 1.
    """
    layer = nn.Linear(points.shape[1], points.shape[0], bias=False, dtype=points.dtype)
    layer.weight.data.copy_(points)
    orthoreg = OrthoReg(layer, strength, locality, mode)
    path = [points]
    for _ in range(steps):
        orthoreg.step(lr=1.0)
        path.append(layer.weight.detach().clone())
    return torch.stack(path)


def angles_over_steps(paths: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Return rule -> mean nearest-neighbour angle in degrees at every step of its descent, from `Study.toy_paths`."""
    return {
        mode: [nearest_angles(points).rad2deg().mean().item() for points in paths[f"{mode} rule, descent"]]
        for mode in RULES[1:]
    }


def smallest_stable_angle(locality: float) -> float:
    """Return the angle in degrees below which neighbours push each other less the closer they come.

    The local loss of a pair is convex in their angle only where locality (1 - sigmoid(locality (cos - 1))) sin^2 > cos.
    Evenly spaced filters closer than that are an unstable balance: they gather in groups instead of keeping apart.

    Example:
        >>> round(smallest_stable_angle(10.0), 1), round(smallest_stable_angle(30.0), 1)
        (21.8, 12.7)
    """

    def curvature(angle: float) -> float:
        push = 1 / (1 + math.exp(-locality * (math.cos(angle) - 1)))
        return locality * (1 - push) * math.sin(angle) ** 2 - math.cos(angle)

    return math.degrees(brentq(curvature, 1e-6, math.pi / 2))


def gaps(points: Tensor) -> Tensor:
    """Return the N angles between neighbouring directions around the circle, in degrees; they sum to 360."""
    around = torch.atan2(points[:, 1], points[:, 0]).sort().values
    return torch.cat([around.diff(), around[:1] + 2 * torch.pi - around[-1:]]).rad2deg()


def toy_rows(path: Tensor, rule: Mapping[str, object], seed: int, profile: str, experiment: str = "toy") -> list[Row]:
    """Measure the end of a path: the mean nearest-neighbour angle, and how uneven the gaps around the circle are.

    `rule` holds mode, strength and locality, and goes into the rows' configuration.
    """
    count, steps = path.shape[1], len(path) - 1
    config = {"filters": count, "steps": steps, **rule}
    run = Run(experiment, json.dumps(config, sort_keys=True), "none", seed, profile, "cpu")
    nearest = nearest_angles(path[-1]).rad2deg()
    return [
        run.row("nearest_angle", nearest.mean().item(), "degrees", "none", "last", steps),
        run.row("gap_deviation", gaps(path[-1]).std(correction=0).item(), "degrees", "none", "last", steps),
    ]


def filter_banks(network: str, seed: int = 0) -> dict[str, Tensor]:
    """Return the convolution weights of a network by layer name, but for depthwise ones: each sees its own input.

    AlexNet, VGG-16 and ResNet-50 have their shapes and a random initialisation; EfficientNet-Lite0 has the weights
    that were trained on ImageNet.
    """
    check_choice(network, NETWORKS, "network")
    if network in TRAINED:
        state: Mapping[str, Tensor] = data.weights(network)
    else:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            state = models.architecture(network).state_dict()
    return {name: weight for name, weight in state.items() if weight.ndim == 4 and weight.shape[1] > 1}


def regularize(banks: Mapping[str, Tensor], mode: str, steps: int, first_step: float = 0.1) -> dict[str, Tensor]:
    """Turn the filters of every bank apart for `steps` steps of equal mean size, which shrink linearly to zero.

    The directions are normalised, so that the global and the local rule turn filters by equally much: their own
    scales differ by orders of magnitude near a right angle.
    """
    turned = {}
    for name, weight in banks.items():
        layer = nn.Linear(weight[0].numel(), weight.shape[0], bias=False)
        layer.weight.data.copy_(nn.functional.normalize(weight.flatten(1), dim=1))
        orthoreg = OrthoReg(layer, 1.0, mode=mode, normalize_gradients=True)
        for step in range(steps):
            orthoreg.step(lr=first_step * (1 - step / steps))
        turned[name] = layer.weight.detach()
    return turned


def angles_by_rule(banks: Mapping[str, Tensor], steps: int) -> dict[str, dict[str, Tensor]]:
    """Return rule -> layer -> minimum angle of every filter in degrees, before and after either rule (Fig. 5.3)."""
    after = {"none": banks} | {mode: regularize(banks, mode, steps) for mode in ("global", "local")}
    return {
        rule: {name: nearest_angles(weight).rad2deg() for name, weight in turned.items()}
        for rule, turned in after.items()
    }


def angle_rows(network: str, steps: int, seed: int, profile: str) -> tuple[dict[str, Tensor], list[Row]]:
    """Return all minimum angles by rule, and rows of their means: over all layers, and over those with n > d."""
    banks = filter_banks(network, seed)
    by_rule = angles_by_rule(banks, steps)
    crowded = {name for name, weight in banks.items() if weight.shape[0] > weight[0].numel()}
    rows = []
    for rule, layers in by_rule.items():
        for share, names in (
            ("all", set(layers)),
            ("more outputs than inputs", crowded),
            ("others", set(layers) - crowded),
        ):
            if not names:
                continue
            config = {"architecture": network, "mode": rule, "share": share, "steps": steps}
            run = Run("filter_angles", json.dumps(config, sort_keys=True), "none", seed, profile, "cpu")
            mean = torch.cat([layers[name] for name in sorted(names)]).nanmean().item()
            rows.append(run.row("nearest_angle", mean, "degrees", "none", "last", steps))
    return {rule: torch.cat(list(layers.values())) for rule, layers in by_rule.items()}, rows


def toy_summary(rows: pd.DataFrame) -> str:
    """Say in a sentence how evenly either rule spaced the filters."""
    table = with_config(rows)
    angle, uneven = (
        {
            mode: interval(table[(table.metric == metric) & (table["mode"] == mode)]["value"].tolist())
            for mode in RULES[1:]
        }
        for metric in ("nearest_angle", "gap_deviation")
    )
    return (
        f"Over {angle['local'].n} random starts the mean nearest-neighbour angle ends at {as_text(angle['local'])} "
        f"degrees under the local and {as_text(angle['global'])} degrees under the global rule; the gaps around the "
        f"circle deviate by {as_text(uneven['local'])} and {as_text(uneven['global'])} degrees from their mean."
    )


def angle_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean minimum angle in degrees, one line a network and share of its layers, one column a rule."""
    if rows.empty:
        return pd.DataFrame(columns=["architecture", "share", *RULES])
    table = with_config(rows)
    return table.pivot_table(index=["architecture", "share"], columns="mode", values="value")[list(RULES)].round(1)


def trained_angle_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean minimum angle in degrees of networks after training, with a 95% half-width, one line a rule."""
    found = [measured(rows, "nearest_angle", "none", "last", mode=mode) for mode in RULES]
    lines = [[mode, as_text(of, 1), of.n if of else 0] for mode, of in zip(RULES, found)]
    return pd.DataFrame(lines, columns=["rule", "mean minimum angle (degrees)", "seeds"])
