"""What chapter 4 runs at each size: the notebook's parameters, and the cells behind every figure and table."""

from dataclasses import dataclass, replace

import pandas as pd

from fgr.config import check_lists
from fgr.experiments.attend import looking, robustness
from fgr.experiments.attend.kinds import WIDE, kind_of
from fgr.experiments.attend.runs import EXPERIMENT, Cell
from fgr.results.rows import with_config

MAY_BE_EMPTY = (
    "depth_seeds",
    "width_seeds",
    "parts_seeds",
    "clutter_seeds",
    "cifar_seeds",
    "looking_seeds",
    "tune_seeds",
)
CHOICE_SEED = 100  # of the runs that choose learning rates; no reported run uses it
DEPTHS = (0, 1, 2, 3, 4)  # AD of Fig. 4.4 b
WIDTHS = (1, 2, 4)  # AW of Fig. 4.4 c
DEEP = 4  # the best AD of the thesis
RELEASED, STRONG = 0.001, 1000.0  # weights of the inter-mask penalty: the released one, and one that matters

ALL = {"attention_depth": DEEP, "heads": WIDE, "penalty": RELEASED}
PARTS = {
    "all": ALL,
    "no penalty": {**ALL, "penalty": 0.0},
    "strong penalty": {**ALL, "penalty": STRONG},
    "sigmoid masks": {**ALL, "masks": "sigmoid"},
    "sigmoid gates": {**ALL, "gates": "sigmoid"},
    "no gates": {**ALL, "gates": "none"},
    "projection": {**ALL, "gates": "projection"},
}  # Fig. 4.4 d: name -> what differs from the network alone
WARN = {"network": "wrn", "attention_depth": 3, "heads": WIDE, "penalty": RELEASED}
CIFAR = {
    "WRN": {"network": "wrn"},
    "WARN": WARN,
    "WARN, gradients blocked": {**WARN, "block_gradients": True},
    "WARN, no gates": {**WARN, "gates": "none"},
    "WARN, sigmoid masks": {**WARN, "masks": "sigmoid"},
    "WARN, strong penalty": {**WARN, "penalty": STRONG},
    "att2": {"network": "att2"},
    "att2, gradients blocked": {"network": "att2", "block_gradients": True},
}


@dataclass(frozen=True)
class Config:
    """Parameters of the notebook; the defaults are the smoke profile. Empty lists of seeds: not trained.

    Raises:
        ParameterError: if another list is empty, for the page has nothing to show then.
    """

    seeds: tuple[int, ...] = (0,)  # of the live comparison; paired: same network weights and batches
    digits: str = "mnist_5k"  # mnist_5k | mnist: what cluttered digits are made of
    layout: str = "released"  # of the network for them: printed | released
    distractors: int = 4  # in training images
    train: int = 600  # cluttered digits of each split
    validation: int = 200
    test: int = 400
    epochs: int = 4
    batch_size: int = 25
    lrs: tuple[float, ...] = (0.03,)  # learning rates that each kind of network chooses from, on validation
    looked: int = 60  # test images that looks are measured on
    depth_seeds: tuple[int, ...] = ()  # of Fig. 4.4 b
    depth_layouts: tuple[str, ...] = ("printed", "released")
    width_seeds: tuple[int, ...] = ()  # of Fig. 4.4 c
    parts_seeds: tuple[int, ...] = ()  # of Fig. 4.4 d
    clutter_seeds: tuple[int, ...] = ()  # of Fig. 4.4 e
    test_distractors: tuple[int, ...] = (4, 8, 16, 32, 64)
    cifar_seeds: tuple[int, ...] = ()  # of the CIFAR-10 runs
    cifar_size: str = "10-1"  # depth and width of the wide residual networks, e.g. 28-10
    cifar_train: int = 0  # training images; 0 takes all 45,000
    cifar_epochs: int = 8
    looking_seeds: tuple[int, ...] = ()  # of the looks into recorded networks
    bird_classes: int = 20  # species, 20 to 200
    bird_size: int = 32  # pixels of a side
    bird_train: int = 200
    bird_test: int = 100
    bird_epochs: int = 2
    tune_seeds: tuple[int, ...] = ()  # of the fine-tuning of Tables 4.3 and 4.4
    tune_network: str = "efficientnet_lite0"  # or resnet18 | wide_resnet50_2, whose weights torchvision downloads
    tune_dataset: str = "synthetic_birds"  # or imagefolder | csv | cub_200_2011 | stanford_dogs | stanford_cars | ...
    tune_folder: str = ""  # of your own images, or where the set lies; "" is its place under FGR_DATA
    tune_classes: int = 20  # species of generated birds; this and the next three concern no other set
    tune_size: int = 64  # pixels of a side as they are drawn
    tune_train: int = 200
    tune_test: int = 100  # and as many for validation
    tune_read: int = 96  # pixels of a side that the network reads
    tune_frozen: bool = True  # only the classifier and the attention learn: minutes without a GPU
    tune_epochs: int = 2
    tune_lrs: tuple[float, ...] = (0.01,)  # that the network alone and with attention choose from, on validation
    precision: str = "float32"  # or bfloat16: mixed, several times as fast where the processor has it
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 1  # CPU threads; 0 leaves the choice to torch
    record: str = ""  # folder under the repository where finished runs are kept and found again
    rows: str = ""  # CSV file that receives every row of this run

    def __post_init__(self) -> None:
        check_lists(self, MAY_BE_EMPTY)


def baseline(config: Config, lr: float, **changes: object) -> Cell:
    """Return the cell of the network for cluttered digits alone, changed as asked."""
    base = Cell(
        layout=config.layout,
        digits=config.digits,
        distractors=config.distractors,
        train=config.train,
        validation=config.validation,
        test=config.test,
        epochs=config.epochs,
        batch_size=config.batch_size,
        lr=lr,
        precision=config.precision,
    )
    return replace(base, **changes)


def attention(config: Config, lr: float, **changes: object) -> Cell:
    """Return the cell of the same network with all of the attention, AD 4 and AW 4, changed as asked."""
    return replace(baseline(config, lr, **ALL), **changes)


def kinds(config: Config, lr: float, layout: str) -> dict[str, Cell]:
    """Return the three kinds of network that are compared, by name, each at its best depth and width."""
    return {
        "baseline": baseline(config, lr, layout=layout),
        "attention": attention(config, lr, layout=layout),
        "stn": baseline(config, lr, layout=layout, network="stn"),
    }


def choice_cells(config: Config, layout: str) -> list[Cell]:
    """Every kind at every learning rate: the runs that choose, as many for each kind."""
    return [cell for lr in config.lrs for cell in kinds(config, lr, layout).values()]


def projection_cells(config: Config) -> list[Cell]:
    """Attention whose gates are a linear map, at every learning rate: it diverges at rates that gates bear."""
    return [attention(config, lr, gates="projection") for lr in config.lrs]


def depth_choice_cells(config: Config, lrs: dict[str, float], layout: str) -> list[Cell]:
    """One head at each depth, at every learning rate from that of the network alone to that of all of the attention.

    At few depths the network diverges at rates that it bears with attention at four.
    """
    one = attention(config, 0.0, layout=layout, heads=1)
    return [replace(one, attention_depth=depth, lr=lr) for lr in _between(config, lrs) for depth in DEPTHS[1:]]


def _between(config: Config, lrs: dict[str, float]) -> list[float]:
    low, high = sorted((lrs["baseline"], lrs["attention"]))
    return [lr for lr in config.lrs if low <= lr <= high]


def depth_cells(config: Config, lrs: dict[str, float], layout: str) -> list[Cell]:
    """Fig. 4.4 b: no attention, then one head at one to four depths, each at a rate of its own."""
    one = attention(config, 0.0, layout=layout, heads=1)
    cells = [replace(one, attention_depth=depth) for depth in DEPTHS[1:]]
    alone = baseline(config, lrs["baseline"], layout=layout)
    return [alone, *(replace(cell, lr=lrs[kind_of(cell)]) for cell in cells)]


def same_rate_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """The network alone and with all of the attention, both at the rate that the network alone chose."""
    both = kinds(config, lrs["baseline"], config.layout)
    return [both["baseline"], both["attention"]]


def width_choice_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Fewer heads than all at four depths, at the same learning rates."""
    return [attention(config, lr, heads=heads) for lr in _between(config, lrs) for heads in WIDTHS[:-1]]


def width_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Fig. 4.4 c: more and more heads at four depths, each number of them at a rate of its own."""
    cells = [attention(config, 0.0, heads=heads) for heads in WIDTHS]
    return [replace(cell, lr=lrs[kind_of(cell)]) for cell in cells]


def parts_cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Fig. 4.4 d: all parts, and each left out or exchanged, at the rate of the whole; a projection at its own."""
    cells = [baseline(config, 0.0, **changes) for changes in PARTS.values()]
    return [replace(cell, lr=lrs[kind_of(cell)]) for cell in cells]


def clutter_cells(config: Config, lrs: dict[str, float]) -> list[robustness.Crowd]:
    """Fig. 4.4 e: three kinds of network among fewer and more distractors than they were trained with."""
    networks = [kinds(config, lrs[kind], config.layout)[kind] for kind in ("baseline", "attention", "stn")]
    return [robustness.crowd(cell, count) for cell in networks for count in config.test_distractors]


def cifar_cells(config: Config) -> list[Cell]:
    """Section 4.4.3: WRN, WARN and att2 by the recipe of the released runs, shortened; no learning rate is chosen."""
    base = Cell(
        dataset="cifar10",
        train=config.cifar_train,
        lr=0.1,
        weight_decay=5e-4,
        milestones=(0.3, 0.6, 0.8),
        batch_size=128,
        epochs=config.cifar_epochs,
        precision=config.precision,
    )
    cells = [replace(base, **changes) for changes in CIFAR.values()]
    return [replace(cell, network=f"{cell.network}-{config.cifar_size}") for cell in cells]


def birds(config: Config) -> Cell:
    """Return the cell of birds: a small VGG with attention after each of its four poolings."""
    return Cell(
        network="face_cnn",
        attention_depth=DEEP,
        heads=WIDE,
        penalty=RELEASED,
        dataset="synthetic_birds",
        num_classes=config.bird_classes,
        size=config.bird_size,
        train=config.bird_train,
        validation=config.bird_test,
        test=config.bird_test,
        lr=0.02,
        weight_decay=5e-4,
        batch_size=50,
        epochs=config.bird_epochs,
        precision=config.precision,
    )


def look_cells(config: Config, cell: Cell) -> list[looking.Look]:
    """Every method of looking into the network of a cell."""
    return [looking.look(cell, method, config.looked) for method in looking.METHODS]


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the few numbers by which a run of the notebook is judged, from its rows."""
    table = with_config(rows)
    table = table[(table.dataset == "cluttered_mnist") & (table.seed != CHOICE_SEED) & (table.selection == "last")]
    runs = table[(table.experiment == EXPERIMENT) & (table.metric == "error")]
    values = {}
    for name, depth in (("baseline", 0), ("attention", DEEP)):
        mine = runs[(runs.attention_depth == depth) & (runs.network == "cluttered_cnn")]
        for split in ("train", "test"):
            values[f"{split}_error_{name}"] = mine[mine.split == split]["value"].mean()
    looks = table[(table.experiment == looking.EXPERIMENT) & (table.method == "attention")]
    for measure in looking.MEASURES:
        values[f"{measure}_attention"] = looks[looks.metric == measure]["value"].mean()
    gates = table[table.experiment == looking.GATES]
    for metric in ("own_gate", "gate_deviation"):
        values[metric] = gates[gates.metric == metric]["value"].mean()
    return {name: float(value) for name, value in values.items()}
