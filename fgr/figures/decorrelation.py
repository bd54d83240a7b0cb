"""Pictures of decorrelated filters: the two losses, the two-dimensional toy, angles in networks, error curves."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import NullLocator
from torch import Tensor

from fgr.figures.runs import chosen, curves, not_run
from fgr.figures.style import BLACK, CYCLE, RULES, Figure, panels, style
from fgr.orthoreg import orthoreg_direction, orthoreg_loss
from fgr.results.statistics import interval


def losses_over_angle(localities: Sequence[float]) -> Figure:
    """Fig. 5.1 a, b: the loss of one pair of filters over their angle, global and local."""
    angles = torch.linspace(0, torch.pi, 181, dtype=torch.float64)
    pairs = [torch.tensor([[1.0, 0.0], [a.cos(), a.sin()]], dtype=torch.float64) for a in angles]
    degrees = angles.rad2deg().numpy()
    with style():
        figure, (left, right) = panels(2)
        left.plot(degrees, [orthoreg_loss(p, mode="global").item() for p in pairs], color=RULES["global"])
        left.set(title="global loss (Eq. 5.2)", ylabel="loss of the pair")
        for color, locality in zip(cycle(CYCLE), localities):
            right.plot(degrees, [orthoreg_loss(p, locality).item() for p in pairs], color=color, label=f"{locality:g}")
        right.set(title="local loss (Eq. 5.7)")
        right.legend(title="locality λ")
        for axes in (left, right):
            axes.set(xlabel="angle between the filters (degrees)", xticks=range(0, 181, 45), xlim=(0, 180))
            axes.axvline(90, color=BLACK, linewidth=0.8, linestyle=":")
    return figure


def push_directions(angles_degrees: Sequence[float], locality: float) -> Figure:
    """Fig. 5.1 c, d: where every rule pushes unit vectors on the circle; an arrow is the step's tangent part."""
    angles = torch.tensor(angles_degrees, dtype=torch.float64).deg2rad()
    points = torch.stack([angles.cos(), angles.sin()], 1)  # (N, 2)
    with style():
        figure, axes = panels(2)
        for ax, mode in zip(axes, ("global", "local")):
            push = -orthoreg_direction(points, locality, mode)
            push = push - (push * points).sum(1, keepdim=True) * points
            push = push / push.norm(dim=1).max()  # the longest arrow has length 1
            _circle(ax)
            ax.quiver(
                *points.T.numpy(),
                *push.T.numpy(),
                color=RULES[mode],
                angles="xy",
                scale_units="xy",
                scale=1.6,
                width=0.012,
            )
            ax.plot(*points.T.numpy(), "o", color=BLACK, markersize=5)
            ax.set(title=f"{mode} rule" + (f", λ = {locality:g}" if mode == "local" else ""))
    return figure


def _circle(axes) -> None:
    around = np.linspace(0, 2 * np.pi, 181)
    axes.plot(np.cos(around), np.sin(around), color=BLACK, linewidth=0.6, alpha=0.4)
    axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xlabel="weight 1", ylabel="weight 2")


def toy_panels(paths: Mapping[str, Tensor]) -> Figure:
    """Fig. 5.2 a-c, e, f: filters in the plane before and after; `paths` maps a title to (steps + 1, N, 2)."""
    first = next(iter(paths.values()))
    with style():
        figure, axes = panels(3, 2)
        _rays(axes[0], first[0], "at the start", BLACK)
        for ax, (title, path) in zip(axes[1:], paths.items()):
            _rays(ax, path[-1], title, RULES["global" if "global" in title else "local"])
        for ax in axes[len(paths) + 1 :]:
            ax.set_visible(False)
    return figure


def _rays(axes, points: Tensor, title: str, color: str) -> None:
    _circle(axes)
    for x, y in points.tolist():
        axes.plot([0, x], [0, y], color=color, linewidth=1)
    axes.plot(*points.T.numpy(), "o", color=color, markersize=4)
    axes.set_title(title)


def angle_over_steps(angles: Mapping[str, Sequence[float]], even_spacing: float) -> Figure:
    """Fig. 5.2 d: mean angle to the nearest filter over the steps, in degrees, with that of even spacing."""
    with style():
        figure, (axes,) = panels(1, width=5.2)
        for rule, values in angles.items():
            axes.plot(values, color=RULES[rule], label=rule)
        axes.axhline(even_spacing, color=BLACK, linestyle=":", linewidth=1, label="evenly spaced")
        axes.set(xlabel="regularisation step", ylabel="mean nearest-neighbour\nangle (degrees)")
        axes.legend()
    return figure


def crowding(rows: pd.DataFrame, limits: Mapping[float, float]) -> Figure:
    """Nearest-neighbour angle over the number of filters, as a share of even spacing, mean and range of the starts.

    `limits` maps a locality to the smallest angle at which its even spacing is stable, in degrees; a vertical line with
    the locality on top stands at the largest number of filters that it allows.
    """
    table = chosen(rows, "nearest_angle", "none", "last")
    with style():
        figure, (axes,) = panels(1, width=5.6, height=3.6)
        lines = table.groupby(["mode", "locality"])
        for (mode, locality), color, mark in zip(lines.groups, (RULES["global"], RULES["local"], CYCLE[2]), "s^D"):
            group = lines.get_group((mode, locality))
            share = (group["value"] * group["filters"] / 360).groupby(group["filters"])
            name = "global" if mode == "global" else f"local, λ = {locality:g}"
            axes.plot(share.mean().index, share.mean(), color=color, marker=mark, markersize=5, label=name)
            axes.fill_between(share.mean().index, share.min(), share.max(), color=color, alpha=0.12, linewidth=0)
            if mode == "local":
                most = 360 / limits[locality]
                axes.axvline(most, color=color, linestyle="--", linewidth=1.2)
                on_top = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
                axes.text(most, 1.01, f"λ = {locality:g}", color=color, **on_top)
        axes.set(xlabel="number of filters in the plane", ylabel="nearest-neighbour angle\n(share of even spacing)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def angle_histograms(angles: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Fig. 5.3: distribution of the minimum angle of filters; network -> rule -> angles in degrees."""
    with style():
        figure, axes = panels(len(angles), width=3.4)
        bins = np.linspace(0, 120, 121)
        least = min(float(values.nan_to_num(90.0).min()) for by_rule in angles.values() for values in by_rule.values())
        for ax, (network, by_rule) in zip(axes, angles.items()):
            for rule, values in by_rule.items():
                name = "as it is" if rule == "none" else f"{rule} rule"
                ax.hist(
                    values.numpy(), bins, density=True, histtype="step", color=RULES[rule], label=name, linewidth=1.5
                )
            ax.axvline(90, color=BLACK, linestyle=":", linewidth=0.8)
            ax.set(title=network, xlabel="minimum angle (degrees)", xlim=(5 * (least // 5), 95))
        axes[0].set_ylabel("density of filters (per degree)")
        axes[0].legend(loc="upper left")
    return figure


def error_over_strength(rows: pd.DataFrame) -> Figure:
    """Section 5.3.2: validation error of several networks over the strength, without and with normalised gradients."""
    table = chosen(rows, "error", "validation", "last")
    with style():
        if table.empty:
            figure, (axes,) = panels(1, width=5.2)
            axes.set(xlabel="strength γ", ylabel="validation error (%)")
            return not_run(figure)
        figure, both = panels(2, width=3.8)
        ticks = [1, 2, 5, 10, 20, 50, 100]
        if 100 * table["value"].min() < 1:
            ticks = [0.1, 0.2, 0.5, *ticks]
        networks = table[["network", "hidden"]].drop_duplicates().sort_values(["network", "hidden"])
        for axes, normalized in zip(both, (False, True)):
            for color, (network, hidden) in zip(CYCLE, networks.itertuples(index=False)):
                of = table[(table.network == network) & (table.hidden == hidden)]
                of = of[of.normalize_gradients == normalized]
                spread = {x: interval((100 * part["value"]).tolist()) for x, part in of.groupby("strength")}
                half = [0.0 if of_x.n < 2 else of_x.high - of_x.mean for of_x in spread.values()]
                name = f"MLP, {hidden} units" if network == "mlp" else "CNN"
                means = [of_x.mean for of_x in spread.values()]
                axes.errorbar(list(spread), means, half, color=color, marker="o", markersize=4, capsize=3, label=name)
            axes.set(xscale="log", yscale="log", xlabel="strength γ", ylim=(ticks[0], 100))
            axes.set_title("normalised gradients" if normalized else "gradients as they are")
            axes.set_yticks(ticks, ticks)
            axes.yaxis.set_minor_locator(NullLocator())
        both[0].set_ylabel("validation error (%)")
        figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def rules_over_epochs(rows: pd.DataFrame) -> Figure:
    """Fig. 5.6: test error over the epochs, a line a rule, on a linear axis: the errors are of one order."""
    figure = curves(rows, "mode", label="rule:")
    if figure.axes[0].get_yscale() == "log":  # with nothing to show, the picture says so instead
        figure.axes[0].set_yscale("linear")
    return figure
