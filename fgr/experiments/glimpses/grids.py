"""What chapter 3 runs at each size: the notebook's parameters, and the cells behind every figure and table."""

import functools
import itertools
from dataclasses import dataclass, replace

import pandas as pd
import torch

from fgr.config import ParameterError, as_json, check_lists
from fgr.experiments.glimpses.faces import GENERATED
from fgr.experiments.glimpses.runs import EXPERIMENT, NETWORKS, Cell, Shrunk, network
from fgr.models.costs import costs
from fgr.results.rows import with_config

MAY_BE_EMPTY = ("design_seeds", "grid_seeds", "high_seeds", "fold_seeds", "years_seeds", "looking_seeds")
CHOICE_SEED = 100  # of the runs that choose learning rates; no reported run uses it
CLASSES = 8  # age groups
STEP = 8  # pixels between sizes that are tried for a small view of equal cost

WEIGHTINGS = {"none": "no-grid", "sum": "project", "hadamard": "eltwise"}  # ours -> the thesis's word in Table 3.5
VGG16 = {"depth": 3, "hidden": 4096, "dropout": 0.5}  # what the thesis's network has and the small one has not
DESIGN = {"weighting": tuple(WEIGHTINGS), "shared": (True, False), "merge": ("concat", "add")}

LOOKS = {"weight_read": "age_weight_read", "weight: face": "age_weight_on_face"}  # metric -> headline number
FIXED = {"network": "glimpse", "weighting": "hadamard", "shared": True, "merge": "concat"}  # as the thesis fixed it


@dataclass(frozen=True)
class Config:
    """Parameters of the notebook; the defaults are the smoke profile. Empty lists of seeds: not trained.

    Raises:
        ParameterError: if another list is empty, for the page has nothing to show then, or if one's own faces have
            no folds.
    """

    seeds: tuple[int, ...] = (0,)  # of the live comparison; paired: same batches
    dataset: str = GENERATED  # or utkface | adience | morph2 | csv: your own folder
    folder: str = ""  # of your own faces
    folds: int = 0  # of the live comparison: 0 for the generated splits; your own faces need 3 or more
    train: int = 320  # generated faces of each split
    validation: int = 40
    test: int = 200
    per_subject: int = 1  # photographs of each generated person
    low_size: int = 16  # pixels of a side of the small view
    high_size: int = 48  # and of the large image
    margin: float = 0.25  # share of the side of generated photographs that is cut off around faces
    backbone: str = "small"  # small | vgg16: convolutions of all networks
    weights: str = ""  # file of weights of VGG-Face that vgg16 starts from; empty: random
    grid: int = 4  # k
    patches: int = 4  # n
    epochs: int = 8
    batch_size: int = 10
    lrs: tuple[float, ...] = (0.01,)  # learning rates that each kind of network chooses from, on validation
    design_seeds: tuple[int, ...] = ()  # of Table 3.5
    grid_seeds: tuple[int, ...] = ()  # of Fig. 3.3
    grids: tuple[int, ...] = (4, 8, 16)  # k of Fig. 3.3
    patch_counts: tuple[int, ...] = (1, 2, 5, 10)  # n of Fig. 3.3
    high_seeds: tuple[int, ...] = ()  # of the network that reads the whole large image
    fold_seeds: tuple[int, ...] = ()  # folds of Tables 3.6, 3.7, 3.8 and 3.10: 0 to 4
    years_seeds: tuple[int, ...] = ()  # of Table 3.9
    years_epochs: int = 20
    looking_seeds: tuple[int, ...] = ()  # of the measured looks
    precision: str = "float32"  # or bfloat16: mixed, faster where the processor has it
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 1  # CPU threads; 0 leaves the choice to torch
    record: str = ""  # folder under the repository where finished runs are kept and found again
    rows: str = ""  # CSV file that receives every row of this run

    def __post_init__(self) -> None:
        check_lists(self, MAY_BE_EMPTY)
        if self.dataset != GENERATED and self.folds < 3:
            raise ParameterError(f"dataset {self.dataset} needs folds of 3 or more, e.g. 5; got {self.folds}")


def cell(config: Config, lr: float, **changes: object) -> Cell:
    """Return the cell of the network with glimpses, as the thesis fixed it, changed as asked."""
    names = ("dataset", "folder", "folds", "train", "validation", "test", "per_subject", "low_size", "high_size")
    names += ("margin", "grid", "patches", "epochs", "batch_size", "backbone", "weights", "precision")
    ours = Cell(**{name: getattr(config, name) for name in names}, lr=lr)
    return replace(ours, **(VGG16 if config.backbone == "vgg16" else {}) | changes)


def kinds(config: Config) -> dict[str, dict[str, object]]:
    """Return the kinds of network that choose a learning rate each -> how they differ from the one with glimpses."""
    found: dict[str, dict[str, object]] = {"low": {"network": "low"}, "glimpse": {}}
    if config.design_seeds:
        found["add"] = {"merge": "add"}
    if config.grid_seeds:
        found["equal"] = {"network": "low", "low_size": equal_cost(config)}
    if config.high_seeds:
        found["high"] = {"network": "high"}
    return found


def choice_cells(config: Config) -> list[Cell]:
    """Every kind of network that is run at every learning rate: the runs that choose."""
    return [cell(config, lr, **changes) for changes in kinds(config).values() for lr in config.lrs]


def chosen_lrs(config: Config, rows: pd.DataFrame) -> dict[str, float]:
    """Return kind of network -> the learning rate with the best accuracy on validation after the last epoch."""
    table = rows[(rows.metric == "accuracy") & (rows.split == "validation")]
    reached = dict(zip(table["config"], table["value"]))
    return {
        kind: max(config.lrs, key=lambda lr, changes=changes: reached[as_json(cell(config, lr, **changes))])
        for kind, changes in kinds(config).items()
    }


def design_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Table 3.5: every combination of weighting, sharing and merge; what the small view alone reaches; pool3."""
    combinations = [dict(zip(DESIGN, values)) for values in itertools.product(*DESIGN.values())]
    ours = cell(config, lrs["glimpse"])
    return [
        cell(config, lrs["low"], network="low"),
        *(replace(ours, lr=lrs["glimpse" if one["merge"] == "concat" else "add"], **one) for one in combinations),
        replace(ours, choice="sample"),
        replace(ours, depth=ours.depth + 1),
    ]


def table_3_5(depth: int) -> dict[str, dict[str, object]]:
    """Return printed number -> the fields of our cells; averaged over all combinations of the other choices.

    Args:
        depth: poolings of the what network in these.
    """
    found: dict[str, dict[str, object]] = {"t3.5/baseline": {"network": "low"}}
    base = {"network": "glimpse", "choice": "top", "depth": depth}
    for ours, printed in WEIGHTINGS.items():
        found[f"t3.5/attention-mode/{printed}"] = {**base, "weighting": ours}
    for shared, printed in ((False, "no"), (True, "yes")):
        found[f"t3.5/weight-sharing/{printed}"] = {**base, "shared": shared}
    for merge in ("add", "concat"):
        found[f"t3.5/merge-mode/{merge}"] = {**base, "merge": merge}
    return found


@functools.cache
def macs(cell: Cell) -> int:
    """Return the multiply-accumulates of Conv2d and Linear for one face, by the network of a cell.

    Example:
        >>> macs(Cell(network="low")) < macs(Cell()) < macs(Cell(network="high"))
        True
    """
    net = torch.device("meta")
    with net:
        built = network(cell, CLASSES)
    inside = built.net if isinstance(built, Shrunk) else built  # shrinking an image is no convolution
    size = built.size if isinstance(built, Shrunk) else cell.high_size
    return costs(lambda: inside, 3, size, size).macs


def equal_cost(config: Config) -> int:
    """Return the side of the small view whose plain network costs at least as much as the network with glimpses."""
    ours = cell(config, 0.1)
    sizes = range(config.low_size, config.high_size + 1, STEP)
    dear = (size for size in sizes if macs(replace(ours, network="low", low_size=size)) >= macs(ours))
    return next(dear, config.high_size)


def grid_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Fig. 3.3: every k with every n that it has; beside them the small view, and a larger one at equal cost."""
    pairs = [(k, n) for k in config.grids for n in config.patch_counts if n <= k**2]
    views = [cell(config, lrs[kind], **kinds(config)[kind]) for kind in ("low", "equal")]
    return views + [cell(config, lrs["glimpse"], grid=k, patches=n) for k, n in pairs]


def fold_cells(config: Config, lrs: dict[str, float], labels: str) -> list[Cell]:
    """Table 3.6: the small view alone and the network with glimpses, in subject-exclusive folds."""
    folds = config.folds or max(3, len(config.fold_seeds))
    return [cell(config, lrs[kind], network=kind, labels=labels, folds=folds) for kind in ("low", "glimpse")]


def years_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Table 3.9: ages in years by DEX, from the small view alone and with glimpses."""
    return [
        cell(config, lrs[kind], network=kind, labels="years", epochs=config.years_epochs) for kind in ("low", "glimpse")
    ]


def live_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """What is trained in front of the reader: both networks, for age and for gender."""
    return [
        cell(config, lrs[kind], network=kind, labels=labels)
        for labels in ("age", "gender")
        for kind in ("low", "glimpse")
    ]


def is_measured(config: Config, cell: Cell) -> bool:
    """Return whether more than its accuracy is measured on the network of a cell, so that its weights are kept."""
    any_rate = dict.fromkeys(NETWORKS, cell.lr)
    folds = [one for labels in ("age", "gender") for one in fold_cells(config, any_rate, labels)]
    return cell in [*live_cells(config, any_rate), *folds]


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the few numbers by which a run of the notebook is judged, from its rows.

    Of ages the correlation of the expected with the true group is taken, which small runs show more surely than the
    accuracy.
    """
    table = with_config(rows)
    table = table[(table.selection == "last") & (table.seed != CHOICE_SEED)]
    tested = table[(table.split == "test") & (table.experiment == EXPERIMENT)]
    values = {}
    for labels, metric in (("age", "correlation"), ("gender", "accuracy")):
        for kind in ("low", "glimpse"):
            mine = tested[(tested.network == kind) & (tested.labels == labels) & (tested.metric == metric)]
            values[f"{labels}_{metric}_{kind}"] = mine["value"].mean()
    looks = table[(table.labels == "age") & (table.part == "looks")]
    for metric, name in LOOKS.items():
        values[name] = looks[looks.metric == metric]["value"].mean()
    return {name: float(value) for name, value in values.items()}
