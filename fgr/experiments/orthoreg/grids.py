"""What chapter 5 runs at each size: the notebook's parameters, and the cells behind every figure and table."""

from dataclasses import dataclass, replace

import pandas as pd

from fgr.config import check_lists
from fgr.experiments.orthoreg.runs import Cell
from fgr.results.rows import with_config

MAY_BE_EMPTY = ("milestones", "long_seeds", "long_strengths", "cnn_seeds", "cifar_seeds", "shared_seeds")


@dataclass(frozen=True)
class Config:
    """Parameters of the notebook; the defaults are the smoke profile. Empty lists of seeds: not trained.

    Raises:
        ParameterError: if another list is empty, for the page has nothing to show then.
    """

    seeds: tuple[int, ...] = (0,)  # of the MLP sweeps; paired: variants share initialisation and data order
    dataset: str = "mnist_5k"  # mnist_5k | mnist: digits for the MLP and the small CNN
    train_size: int = 600  # images, in equal shares of the classes; 0: all of the training part
    hidden: int = 96  # units of each of the three hidden layers
    epochs: int = 15
    lr: float = 0.1
    milestones: tuple[float, ...] = (0.75,)  # of the MLP runs: fractions at which lr falls to a fifth; [] for never
    batch_size: int = 50
    strengths: tuple[float, ...] = (0.1, 1.0)  # gamma > 0, beside 0
    long_seeds: tuple[int, ...] = ()  # of the runs as long as the thesis's, on few images
    long_epochs: int = 200
    long_strengths: tuple[float, ...] = (0.1,)
    localities: tuple[float, ...] = (1.0, 10.0)  # lambda
    cnn_seeds: tuple[int, ...] = ()  # of Table 5.1
    cnn_train_size: int = 0
    cnn_epochs: int = 5
    shared_seeds: tuple[int, ...] = ()  # of the search for one strength for several networks
    cifar_network: str = "wrn-10-1"  # wrn-10-1 | wrn-28-10 | wrn-28-4 | resnet-110
    cifar_dataset: str = "cifar10"
    cifar_seeds: tuple[int, ...] = ()
    cifar_epochs: int = 10
    cifar_strength: float = 0.1  # gamma; the released CIFAR-10 log used 0.1
    cifar_dropout: float = 0.0
    toy_seeds: tuple[int, ...] = (0, 1, 2)
    toy_filters: int = 10
    toy_crowds: tuple[int, ...] = (12, 24)  # numbers of filters of the crowding experiment
    toy_steps: int = 200  # the thesis ran 300
    architectures: tuple[str, ...] = ("alexnet",)  # for Fig. 5.3; see geometry.NETWORKS
    architecture_seeds: tuple[int, ...] = (0,)  # of their random initialisation
    architecture_steps: int = 4
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 1  # CPU threads; 0 leaves the choice to torch
    record: str = ""  # folder under the repository where finished runs are kept and found again
    rows: str = ""  # CSV file that receives every row of this run

    def __post_init__(self) -> None:
        check_lists(self, MAY_BE_EMPTY)


def digits(config: Config, **changes: object) -> Cell:
    """Return the MLP cell of a configuration, changed as asked."""
    base = Cell(
        dataset=config.dataset,
        train_size=config.train_size,
        hidden=config.hidden,
        lr=config.lr,
        milestones=config.milestones,
        batch_size=config.batch_size,
        epochs=config.epochs,
    )
    return replace(base, **changes)


def strength_cells(config: Config) -> list[Cell]:
    """Fig. 5.4: no regularisation, then the local rule at every strength."""
    return [digits(config)] + [digits(config, mode="local", strength=s) for s in config.strengths]


def long_cells(config: Config) -> list[Cell]:
    """Fig. 5.4 at the thesis's number of epochs, which we can afford on few images only; a constant learning rate."""
    size = {"dataset": "mnist_5k", "train_size": 0, "hidden": 512, "epochs": config.long_epochs}
    base = digits(config, **size, lr=0.1, milestones=(), batch_size=100)
    return [base] + [replace(base, mode="local", strength=strength) for strength in config.long_strengths]


def locality_cells(config: Config, strength: float) -> list[Cell]:
    """Fig. 5.5: none, global, and the local rule at every locality, at one strength."""
    local = [digits(config, mode="local", strength=strength, locality=value) for value in config.localities]
    return [digits(config), digits(config, mode="global", strength=strength), *local]


FIGURE_5_4 = {"f5.4/gamma-0/error": {"strength": 0.0}, "f5.4/gamma-1/error": {"strength": 1.0}}

TABLE_5_1 = {
    f"t5.1/{row}/{column}": {**row_changes, **column_changes}
    for row, row_changes in {
        "none": {"mode": "none"},
        "conv": {"mode": "local", "layers": "conv"},
        "all": {"mode": "local", "layers": "all"},
    }.items()
    for column, column_changes in {
        "base": {"dropout": 0.0, "lsuv": False},
        "base+dropout": {"dropout": 0.5, "lsuv": False},
        "base+lsuv": {"dropout": 0.0, "lsuv": True},
    }.items()
}  # printed number -> the fields of our cell


TABLE_5_2 = {
    "t5.2/wrn-28-10/cifar10": {"mode": "none"},
    "t5.2/wrn-28-10+orthoreg/cifar10": {"mode": "local"},
}  # printed number of WRN-28-10 -> the fields of our cell


def small_cnn(config: Config, **changes: object) -> Cell:
    """Return the cell of the small CNN of Table 5.1, changed as asked."""
    size = {"train_size": config.cnn_train_size, "epochs": config.cnn_epochs}
    return digits(config, network="digit_cnn", **size, lr=0.1, milestones=(), batch_size=200, **changes)


def cnn_strength_cells(config: Config) -> list[Cell]:
    """The runs that choose gamma for Table 5.1 on validation; their seed is none of the table's."""
    return [small_cnn(config, mode="local", strength=strength) for strength in config.strengths]


def table_5_1_cells(config: Config, strength: float) -> list[Cell]:
    """Table 5.1: no OrthoReg, on convolutions, on all layers; each alone, with dropout, with LSUV."""
    return [
        small_cnn(config, **changes, strength=0.0 if changes["mode"] == "none" else strength)
        for changes in TABLE_5_1.values()
    ]


def cifar_cells(config: Config) -> list[Cell]:
    """Fig. 5.6, Tables 5.2 and 5.3: none, global and local on a residual network, by the wide-ResNet recipe."""
    base = Cell(
        network=config.cifar_network,
        dataset=config.cifar_dataset,
        dropout=config.cifar_dropout,
        layers="conv",
        lr=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        milestones=(0.3, 0.6, 0.8),
        augment=config.cifar_dataset.startswith("cifar"),
        batch_size=128,
        epochs=config.cifar_epochs,
    )
    rules = [replace(base, mode=mode, strength=config.cifar_strength) for mode in ("global", "local")]
    return [base, *rules]


def best_by_validation(rows: pd.DataFrame, by: str) -> float:
    """Return the value of configuration field `by` with the lowest mean validation error at the last epoch."""
    table = with_config(rows)
    chosen = table[(table.metric == "error") & (table.split == "validation") & (table.selection == "last")]
    return float(chosen.groupby(by)["value"].mean().idxmin())


def local(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of runs with the local rule."""
    return rows[with_config(rows)["mode"] == "local"] if len(rows) else rows


def at_locality(rows: pd.DataFrame, locality: float) -> pd.DataFrame:
    """Return the rows of runs at one locality, and of those whose rule has none."""
    if rows.empty:
        return rows
    table = with_config(rows)
    return rows[(table["mode"] != "local") | (table["locality"] == locality)]


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the few numbers by which a run of the notebook is judged, from its rows.

    Errors and overfitting are means over the seeds of the MLP without and with the local rule at the largest strength;
    angles are means over the seeds of the toy.
    """
    table = with_config(rows)
    last = table[table.selection == "last"]
    mlp = last[(last.experiment == "orthoreg") & (last.network == "mlp")]
    local = mlp[(mlp["mode"] == "local") & (mlp.locality == 10.0)]
    strongest = local[local.strength == local.strength.max()]
    values = {}
    for name, part in (("none", mlp[mlp["mode"] == "none"]), ("local", strongest)):
        errors = part[part.metric == "error"]
        values[f"test_error_{name}"] = errors[errors.split == "test"]["value"].mean()
        values[f"train_error_{name}"] = errors[errors.split == "train"]["value"].mean()
        values[f"filter_angle_{name}"] = part[part.metric == "nearest_angle"]["value"].mean()
    toy = last[(last.experiment == "toy") & (last.metric == "gap_deviation")]
    for mode in ("global", "local"):
        values[f"toy_unevenness_{mode}"] = toy[toy["mode"] == mode]["value"].mean()
    return {name: float(value) for name, value in values.items()}
