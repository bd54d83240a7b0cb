"""What chapter 6 runs at each size: the notebook's parameters, and the cells behind every figure and table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fgr.config import check_lists
from fgr.experiments.codes.runs import Cell
from fgr.results.rows import Row, Run, with_config

MAY_BE_EMPTY = ("table_seeds", "bits_seeds", "convergence_seeds", "end_seeds", "modern_seeds", "real_seeds")
METHODS = ("one_hot", "gaussian", "dense_random", "hadamard", "spectral")
CHOICE_SEED = 100  # of the runs that choose learning rates; no reported run uses it


@dataclass(frozen=True)
class Config:
    """Parameters of the notebook; the defaults are the smoke profile. Empty lists of seeds: not trained.

    Raises:
        ParameterError: if another list is empty, for the page has nothing to show then.
    """

    seeds: tuple[int, ...] = (0,)  # of the live comparison; paired: same fc7 and same batches
    num_classes: int = 20  # species, 20 to 200
    size: int = 32  # pixels of a side
    difficulty: float = 0.3
    train: int = 400  # images of each split
    validation: int = 100
    test: int = 200
    feature_epochs: int = 4  # of the network that makes the features
    epochs: int = 8  # of the new layers
    batch_size: int = 32
    lrs: tuple[float, ...] = (0.1,)  # learning rates that each method chooses from, on validation
    table_seeds: tuple[int, ...] = ()  # of Table 6.1
    bits_seeds: tuple[int, ...] = ()  # of Fig. 6.3
    shares: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)  # code length over the number of classes
    convergence_seeds: tuple[int, ...] = ()  # of Fig. 6.2 and 6.5
    batch_sizes: tuple[int, ...] = (16, 64, 256)
    end_seeds: tuple[int, ...] = ()  # of the runs end to end
    end_epochs: int = 15
    end_lrs: tuple[float, ...] = (0.02,)  # that one-hot, and both other codes together, choose from there
    end_precision: str = "float32"  # or bfloat16: mixed, several times as fast where the processor has it
    modern_seeds: tuple[int, ...] = ()  # of the comparison with later heads
    real_seeds: tuple[int, ...] = ()  # of the runs on features of an ImageNet network: CIFAR-10, and birds
    permutations: int = 200  # of classes, for the null distribution of Table 6.2
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 1  # CPU threads; 0 leaves the choice to torch
    record: str = ""  # folder under the repository where finished runs are kept and found again
    rows: str = ""  # CSV file that receives every row of this run

    def __post_init__(self) -> None:
        check_lists(self, MAY_BE_EMPTY)


def whole(code: str, num_classes: int) -> int:
    """Return the full length of a code: n, but n - 1 for spectral codes, since a graph has no more cuts."""
    return num_classes - 1 if code == "spectral" else num_classes


def cell(config: Config, code: str, lr: float = 0.1, **changes: object) -> Cell:
    """Return the cell of a code at full length, changed as asked."""
    base = Cell(
        code=code,
        length=whole(code, config.num_classes),
        lr=lr,
        batch_size=config.batch_size,
        epochs=config.epochs,
        num_classes=config.num_classes,
        size=config.size,
        difficulty=config.difficulty,
        train=config.train,
        validation=config.validation,
        test=config.test,
        feature_epochs=config.feature_epochs,
    )
    return replace(base, **changes)


def choice_cells(config: Config, codes: Iterable[str], lrs: Sequence[float], **changes: object) -> list[Cell]:
    """Every code, at full length, at every learning rate: the runs that choose."""
    classes = int(changes.get("num_classes", config.num_classes))
    return [cell(config, code, lr, length=whole(code, classes), **changes) for code in codes for lr in lrs]


def chosen_lr(rows: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Return (code, batch size) -> the learning rate with the lowest mean validation error over the epochs.

    The mean, not the last: the claims are about how fast a code learns, so every method may choose the rate at which
    it is fastest.
    """
    table = with_config(rows)
    table = table[(table.metric == "error") & (table.split == "validation") & (table.selection == "epoch")]
    means = table.groupby(["code", "batch_size", "lr"])["value"].mean()
    return {(code, int(size)): float(part.idxmin()[2]) for (code, size), part in means.groupby(["code", "batch_size"])}


def table_6_1(num_classes: int) -> dict[str, dict[str, object]]:
    """Return printed number -> the fields of our cell; lengths are the thesis's shares of the number of classes.

    The 200 bits of data-dependent codes are missing: 100 classes have 99 cuts.
    """
    lengths = {"66": 0.66, "100": 1.0, "200": 2.0}
    cells: dict[str, dict[str, object]] = {}
    for printed, share in lengths.items():
        length = round(share * num_classes)
        if share <= 1:
            cells[f"t6.1/one-hot/none/{printed}"] = {"code": "one_hot", "length": length}
        for threshold in ("none", "zero", "median"):
            cells[f"t6.1/gaussian/{threshold}/{printed}"] = {
                "code": "gaussian",
                "threshold": threshold,
                "length": length,
            }
        cells[f"t6.1/dense-random/none/{printed}"] = {"code": "dense_random", "length": length}
        if share <= 1:
            cuts = min(length, num_classes - 1)
            for threshold in ("none", "zero", "median"):
                name = f"t6.1/data-dependent/{threshold}/{'99' if share == 1 else printed}"
                cells[name] = {"code": "spectral", "threshold": threshold, "length": cuts}
    return cells


def table_cells(config: Config, lrs: dict[tuple[str, int], float]) -> list[Cell]:
    """Table 6.1, and Hadamard codes beside it."""
    found = []
    for fields in table_6_1(config.num_classes).values():
        found.append(cell(config, lr=lrs[fields["code"], config.batch_size], **fields))
    return [*found, cell(config, "hadamard", lrs["hadamard", config.batch_size])]


def bits_cells(config: Config, lrs: dict[tuple[str, int], float]) -> list[Cell]:
    """Fig. 6.3: one-hot with bits left out, random and data-based codes, from few bits to twice the classes."""
    found = []
    for code in ("one_hot", "gaussian", "dense_random", "spectral"):
        lr, most = lrs[code, config.batch_size], whole(code, config.num_classes)
        for share in config.shares:
            length = max(2, round(share * config.num_classes))
            if length > most and code in ("one_hot", "spectral"):
                if share > 1:
                    continue
                length = most
            if code == "dense_random" and 2**length < 8 * config.num_classes:
                continue  # too few words to choose from
            found.append(cell(config, code, lr, length=length))
    return found


def convergence_cells(config: Config, lrs: dict[tuple[str, int], float]) -> list[Cell]:
    """Fig. 6.2 and 6.5: learning curves over batch sizes, each code at the learning rate that it chose there."""
    return [
        cell(config, code, lrs[code, size], batch_size=size)
        for size in config.batch_sizes
        for code in ("one_hot", "gaussian", "spectral")
    ]


def gain_rows(rows: pd.DataFrame, profile: str) -> list[Row]:
    """Return what Gaussian codes gain on one-hot at each batch size: mean error over the epochs, by seed."""
    table = with_config(rows)
    wide = table[table.metric == "mean_error"].pivot_table(index=["batch_size", "seed"], columns="code", values="value")
    made = []
    for (size, seed), line in wide.iterrows():
        settings = {"batch_size": int(size), "ours": "gaussian", "other": "one_hot"}
        run = Run("code_gain", json.dumps(settings, sort_keys=True), "synthetic_birds", int(seed), profile, "cpu")
        made.append(run.row("gain", line["one_hot"] - line["gaussian"], "fraction", "test", "none", 0))
    return made


def end_changes(config: Config) -> dict[str, object]:
    """Return what differs where the whole network is trained."""
    return {
        "on": "images",
        "epochs": config.end_epochs,
        "weight_decay": 5e-4,
        "precision": config.end_precision,
    }


def end_cells(config: Config, lrs: Mapping[tuple[str, int], float]) -> list[Cell]:
    """One-hot, random and data-based codes end to end; random codes at the rate that data-based ones chose."""
    of = {"one_hot": "one_hot", "gaussian": "spectral", "spectral": "spectral"}  # code -> whose rate
    return [cell(config, code, lrs[chose, config.batch_size], **end_changes(config)) for code, chose in of.items()]


REAL = {  # what an ImageNet network reads: CIFAR-10, in full, and the chapter's birds
    "cifar10": {"num_classes": 10, "size": 32, "train": 20_000, "validation": 2_000, "test": 10_000},
    "synthetic_birds": {},
}
PRETRAINED = "efficientnet_lite0"


def real_changes(dataset: str) -> dict[str, object]:
    """Return what a cell on features of the ImageNet network differs in."""
    return {"dataset": dataset, "network": PRETRAINED, **REAL[dataset]}


def real_cells(config: Config, dataset: str, lrs: dict[tuple[str, int], float]) -> list[Cell]:
    """One-hot, random and data-based codes on features that nobody trained on these images."""
    found = []
    for code in ("one_hot", "gaussian", "spectral"):
        changes = real_changes(dataset)
        length = whole(code, int(changes.get("num_classes", config.num_classes)))
        found.append(cell(config, code, lrs[code, config.batch_size], length=length, **changes))
    return found


def modern_cells(config: Config, lrs: dict[tuple[str, int], float]) -> list[Cell]:
    """Beyond the thesis: smoothed labels, a cosine head, learned, taxonomy- and attribute-given codes."""
    one_hot = cell(config, "one_hot", lrs["one_hot", config.batch_size])
    spectral = lrs["spectral", config.batch_size]
    others = [cell(config, code, spectral) for code in ("learned", "taxonomy", "attributes")]
    return [one_hot, *(replace(one_hot, head=head) for head in ("smooth", "cosine")), *others]


def last_errors(rows: pd.DataFrame, by: list[str], split: str = "test") -> pd.DataFrame:
    """Return the error of the last epoch, one row a cell of `by` and a column a seed."""
    table = with_config(rows)
    table = table[(table.metric == "error") & (table.split == split) & (table.selection == "last")]
    return table.pivot_table(index=by, columns="seed", values="value")


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the few numbers by which a run of the notebook is judged, from its rows."""
    table = with_config(rows)
    runs = table[(table.experiment == "codes") & (table.seed != CHOICE_SEED)]
    values = {}
    for code in ("one_hot", "gaussian", "spectral"):
        part = runs[
            (runs.code == code) & (runs.on == "features") & (runs.threshold == "none") & (runs["head"] == "code")
        ]
        part = part[part.length >= part.num_classes - 1]
        last = part[(part.metric == "error") & (part.split == "test") & (part.selection == "last")]
        values[f"test_error_{code}"] = last["value"].mean()
        values[f"mean_error_{code}"] = part[part.metric == "mean_error"]["value"].mean()
    bits = table[(table.experiment == "code_bits") & (table.metric == "correlation")]
    for code in ("gaussian", "spectral"):
        values[f"correlation_{code}"] = bits[bits.code == code]["value"].mean()
    return {name: float(value) for name, value in values.items()}
