"""Tables 4.3 and 4.4: which networks are fine-tuned, and what they reach, beside what is printed for other images."""

import pandas as pd

from fgr.experiments.attend.backbones import backbone
from fgr.experiments.attend.finetune import Cell
from fgr.experiments.attend.grids import Config
from fgr.experiments.attend.kinds import WIDE
from fgr.experiments.attend.photographs import BIRDS
from fgr.results.published import as_text, published
from fgr.results.rows import with_config
from fgr.results.statistics import interval

SIZES = ((0, 1), (1, 1), (1, WIDE), (2, WIDE))  # AD and AW of the networks that are compared; 0 is the network alone
NAMES = ("network alone", *(f"AD {depth}, AW {heads}" for depth, heads in SIZES[1:]))
PRINTED = ("dogs", "food", "cars", "gender", "age", "birds")  # columns of both tables


def cell(config: Config, lr: float, depth: int, heads: int) -> Cell:
    """Return the cell of a network with so much attention. What is drawn of birds does not concern other sets."""
    birds = config.tune_dataset == BIRDS
    return Cell(
        network=config.tune_network,
        taps=backbone(config.tune_network).taps,
        attention_depth=depth,
        heads=heads,
        frozen=config.tune_frozen,
        dataset=config.tune_dataset,
        folder=config.tune_folder,
        num_classes=config.tune_classes if birds else 0,
        size=config.tune_size if birds else 0,
        difficulty=Cell.difficulty if birds else 0.0,
        train=config.tune_train if birds else 0,
        validation=config.tune_test if birds else 0,
        test=config.tune_test if birds else 0,
        read=config.tune_read,
        lr=lr,
        epochs=config.tune_epochs,
        precision=config.precision,
    )


def choice_cells(config: Config) -> list[Cell]:
    """Return the network alone and with all of the attention, at every learning rate: the runs that choose."""
    return [cell(config, lr, *size) for lr in config.tune_lrs for size in (SIZES[0], SIZES[-1])]


def cells(config: Config, lrs: dict[str, float]) -> list[Cell]:
    """Return the networks that are compared, each at the learning rate of its kind, "baseline" or "attention"."""
    return [cell(config, lrs["attention" if depth else "baseline"], depth, heads) for depth, heads in SIZES]


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the name of their network, one of NAMES, as a further column `part`."""
    if rows.empty:
        return rows.assign(part="")
    sizes, names = with_config(rows)[["attention_depth", "heads"]], dict(zip(SIZES, NAMES))
    return rows.assign(part=[names.get(size, "") for size in sizes.itertuples(index=False, name=None)])


def ours(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what each network reached: means over seeds with 95% half-widths, gains of pairs of equal seed.

    As in Table 4.4 the efficiency of the network alone is its accuracy for every million of its parameters, and that of
    attention its gain for every million that it adds.
    """
    columns = ["network", "accuracy (%)", "gain (points)", "parameters (M)", "efficiency (% / M)"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = named(rows)
    last = table[(table["metric"] == "error") & (table["split"] == "test") & (table["selection"] == "last")]
    reached = 100 * (1 - last.pivot_table(index="seed", columns="part", values="value"))
    counts = table.pivot_table(index="part", columns="metric", values="value") / 1e6
    lines = []
    for name in (name for name in NAMES if name in reached):
        accuracy, gain = reached[name].dropna(), (reached[name] - reached[NAMES[0]]).dropna()
        if name == NAMES[0]:
            size = counts.loc[name, "parameters"]
            words = ["", f"{size:.2f}", _text(accuracy / size)]
        else:
            size = counts.loc[name, "added_parameters"]
            words = [_text(gain), f"+{size:.2f}", _text(gain / size)]
        lines.append([name, _text(accuracy), *words])
    return pd.DataFrame(lines, columns=columns)


def _text(values: pd.Series) -> str:
    return as_text(interval(values.tolist()) if len(values) else None)


def printed() -> pd.DataFrame:
    """Return both tables as printed, a line a data set: accuracies, gain, and both rows of efficiencies.

    Example:
        >>> printed().set_index("printed for").loc["Birds", "gain (points)"]
        '1.3'
    """
    table = pd.concat([published("T4.3"), published("T4.4")])
    lines = []
    for column in PRINTED:
        reached, efficiency = (
            [table.loc[f"{place}/{row}/{column}", "value"] for row in ("wrn", "warn")] for place in ("t4.3", "t4.4")
        )
        name = table.loc[f"t4.3/wrn/{column}", "column"]
        lines.append([name, *(f"{value:.1f}" for value in (*reached, reached[1] - reached[0], *efficiency))])
    columns = ["WRN (%)", "WARN (%)", "gain (points)", "WRN (% / M)", "attention (% / M)"]
    return pd.DataFrame(lines, columns=["printed for", *columns])
