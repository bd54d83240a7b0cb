"""Tables 4.1 and 4.2: what the networks cost, counted for 10 and for 100 classes, beside what is printed."""

from collections.abc import Callable
from functools import cache, partial

import pandas as pd
from torch import nn

from fgr.models import WARN, DenseNetBC, ResNeXt, WideResNet, WRNAtt2
from fgr.models.costs import Costs, costs
from fgr.results.published import published

NETWORKS: dict[str, Callable[[int], nn.Module]] = {  # as the keys of printed numbers name them, for a number of classes
    "resnext-29": lambda n: ResNeXt(29, 16, 64, n),
    "densenet-250": lambda n: DenseNetBC(250, 24, n),
    "densenet-190": lambda n: DenseNetBC(190, 40, n),
    "wrn-28": lambda n: WideResNet(28, 10, n),
    "wrn-40": lambda n: WideResNet(40, 10, n),
    "wrn-att2-28": lambda n: WRNAtt2(28, 10, n),
    "wrn-att2-40": lambda n: WRNAtt2(40, 10, n, projection="local"),
    "warn-28-ad2-aw4": lambda n: WARN(28, 10, n, attention_depth=2, heads=4),
    "warn-28-ad3-aw4": lambda n: WARN(28, 10, n, attention_depth=3, heads=4),
    "warn-40-ad3-aw4": lambda n: WARN(40, 10, n, attention_depth=3, heads=4),
}
IN_TABLE_4_2 = {"warn-28": "warn-28-ad3-aw4", "warn-40": "warn-40-ad3-aw4"}  # printed name -> ours, where they differ
PEAK = 11.3e12  # float32 operations a second of the graphics card that the thesis names, from memory
WINOGRAD = 2.25  # by so much at best a fast algorithm lowers the multiplications of 3 x 3 convolutions
TEST_IMAGES = 10_000


@cache
def cost(name: str, num_classes: int) -> Costs:
    """Return the costs of a network of the tables for one 32 x 32 image.

    Example:
        >>> cost("wrn-28", 10).parameters
        36479194
    """
    return costs(lambda: NETWORKS[name](num_classes), 3, 32, 32)


def _printed(table: pd.DataFrame, row: str, column: str) -> float | None:
    key = f"{row}/{column}"
    return table.loc[key, "value"] if key in table.index else None


def _selections(table: pd.DataFrame, row: str) -> list[str]:
    """Return which epoch each printed error of a row is of: one word for both, or one for each data set."""
    sets = [name for name in ("cifar10", "cifar100") if f"{row}/{name}" in table.index]
    words = [table.loc[f"{row}/{name}", "selection"] for name in sets]
    return words if len(set(words)) < 2 else [f"{name}: {word}" for name, word in zip(sets, words)]


def table_4_1() -> pd.DataFrame:
    """Return Table 4.1: printed errors, and the printed cost beside multiply-accumulates counted here."""
    table = published("T4.1")
    lines = []
    for row in dict.fromkeys(key.rsplit("/", 1)[0] for key in table.index):
        name = row.removeprefix("t4.1/").removesuffix("-dropout")
        lines.append(
            {
                "network": row.removeprefix("t4.1/"),
                "printed GFlop": _printed(table, row, "gflop"),
                "GMAC, 10 classes": cost(name, 10).macs / 1e9,
                "GMAC, 100 classes": cost(name, 100).macs / 1e9,
                "CIFAR-10 error": _printed(table, row, "cifar10"),
                "CIFAR-100 error": _printed(table, row, "cifar100"),
                "selection": ", ".join(dict.fromkeys(_selections(table, row))),
            }
        )
    return pd.DataFrame(lines)


def table_4_2() -> pd.DataFrame:
    """Return Table 4.2: printed parameters and times, beside counts and the least time that the card would need.

    The bound is of two operations a multiply-accumulate for the 10,000 test images at the card's peak rate, and, to
    be generous, again of 2.25 times fewer.
    """
    table = published("T4.2")
    lines = []
    for row in dict.fromkeys(key.rsplit("/", 1)[0] for key in table.index):
        name = row.removeprefix("t4.2/")
        ten, hundred = (cost(IN_TABLE_4_2.get(name, name), n) for n in (10, 100))
        seconds = 2 * ten.macs * TEST_IMAGES / PEAK
        lines.append(
            {
                "network": name,
                "printed params (M)": _printed(table, row, "params"),
                "params, 10 classes": f"{ten.parameters:,}",
                "params, 100 classes": f"{hundred.parameters:,}",
                "printed time (s)": _printed(table, row, "time"),
                "least time at peak (s)": round(seconds, 1),
                "with Winograd (s)": round(seconds / WINOGRAD, 1),
            }
        )
    return pd.DataFrame(lines)


def overheads(num_classes: tuple[int, ...] = (10, 100, 1000)) -> pd.DataFrame:
    """Return what the attention of WARN-28-10 (AD 3, AW 4) adds to its network, in percent, over the classes.

    "looking first" is the same attention computed by `attend_first`, all of its products counted.
    """
    lines = []
    for n in num_classes:
        own, base = (costs(partial(build, n), 3, 32, 32) for build in (_warn, _base))
        first = costs(partial(_warn, n, look_first=True), 3, 32, 32, products=True)
        lines.append(
            {
                "classes": n,
                "parameters added": f"{own.parameters - base.parameters:,}",
                "parameters (%)": 100 * (own.parameters / base.parameters - 1),
                "multiply-accumulates (%)": 100 * (own.macs / base.macs - 1),
                "looking first (%)": 100 * (first.macs / base.macs - 1),
            }
        )
    return pd.DataFrame(lines)


def _warn(n: int, look_first: bool = False) -> nn.Module:
    return WARN(28, 10, n, attention_depth=3, heads=4, look_first=look_first)


def _base(n: int) -> nn.Module:
    return WideResNet(28, 10, n, shortcut="raw", stem_bn=True)


def accuracy_over_macs() -> pd.DataFrame:
    """Return Fig. 4.5 from the printed numbers: network, data set, printed accuracy, multiply-accumulates counted.

    Costs are those of the classes of the data set: with 100, WARN is dearer than the thesis's table says.
    """
    table, lines = published("T4.2"), []
    for row in dict.fromkeys(key.rsplit("/", 1)[0] for key in table.index):
        name = row.removeprefix("t4.2/")
        for dataset, classes in (("cifar10", 10), ("cifar100", 100)):
            lines.append(
                {
                    "network": name,
                    "dataset": dataset,
                    "accuracy": 100 - _printed(table, row, dataset),
                    "gmac": cost(IN_TABLE_4_2.get(name, name), classes).macs / 1e9,
                    "printed": _printed(table, row, "gflop"),
                }
            )
    return pd.DataFrame(lines)


def flagged(source: str) -> pd.DataFrame:
    """Return printed numbers of a table with what is known to be wrong with them."""
    table = published(source)[["row", "column", "value", "flag"]]
    return table.rename(columns={"value": "printed", "flag": "note"})
