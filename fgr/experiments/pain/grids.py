"""What chapter 2 runs at each size: the notebook's parameters, and the cells behind every figure and table."""

import json
from dataclasses import dataclass, fields, replace

import pandas as pd

from fgr.config import check_lists
from fgr.experiments.pain.cells import EXPERIMENT, JUDGES, Cell
from fgr.experiments.pain.looking import PLACES
from fgr.experiments.pain.preprocess import VARIANTS
from fgr.results.rows import Row, Run, with_config

MAY_BE_EMPTY = ("variant_seeds", "main_seeds", "choice_seeds", "leak_seeds", "emotion_seeds")
LIVE = ("crop", "frontal")  # the two preparations that the page compares while it is built
SIZES = ("subjects", "sequences", "length")  # of the generated pain videos
LEAKS = ("frame", "sequence", "subject")  # what is kept apart, from the split that leaks most


@dataclass(frozen=True)
class Config:
    """Parameters of the notebook; the defaults are the smoke profile. Empty lists of seeds: not trained.

    Raises:
        ParameterError: if another list is empty, for the page has nothing to show then.
    """

    seeds: tuple[int, ...] = (0,)  # of the live comparison; paired: same start, folds and frames
    dataset: str = "synthetic_pain"  # or unbc_mcmaster
    emotions: str = "synthetic_emotions"  # or ck_plus
    size: int = 32  # pixels of a side of what the network sees
    frame: int = 40  # pixels of a side of the frames
    subjects: int = 24  # of the generated videos
    sequences: int = 1  # videos of each
    length: int = 32  # frames of a video on average
    folds: int = 2  # of subjects, of the live comparison and of all but Table 2.3
    network: str = "face_cnn"  # or vgg16
    weights: str = ""  # file of weights to start from
    pretraining: int = 0  # or: raw generated faces to learn who is who on; 0 for none
    pretraining_epochs: int = 6
    epochs: int = 8
    lr: float = 0.001
    batch_size: int = 16
    window: int = 16  # frames that an LSTM sees
    hidden: int = 32  # units of the LSTM
    lstm_epochs: int = 3
    looked: int = 40  # frames with pain of each fold whose saliency is measured
    variant_seeds: tuple[int, ...] = ()  # of Table 2.2
    main_seeds: tuple[int, ...] = ()  # of Tables 2.3, 2.4 and 2.5: one subject left out at a time
    choice_seeds: tuple[int, ...] = ()  # of loss, mean and pretraining
    leak_seeds: tuple[int, ...] = ()  # of the splits
    emotion_seeds: tuple[int, ...] = ()  # of Table 2.6
    emotion_folds: int = 10
    emotion_epochs: int = 8
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 1  # CPU threads; 0 leaves the choice to torch
    record: str = ""  # folder under the repository where finished runs are kept and found again
    rows: str = ""  # CSV file that receives every row of this run

    def __post_init__(self) -> None:
        check_lists(self, MAY_BE_EMPTY)


def cell(config: Config, **changes: object) -> Cell:
    """Return the cell of an aligned crop under subject-exclusive folds, changed as asked."""
    shared = {field.name for field in fields(Cell)} & {field.name for field in fields(Config)}
    base = Cell(**{name: getattr(config, name) for name in shared})
    return replace(base, **changes)


def live_cells(config: Config) -> list[Cell]:
    """Two preparations; an LSTM on the first; and the first again, tested on people whom it has seen.

    Saliency is measured where the data say what a pixel shows.
    """
    first, second = (cell(config, variant=variant, looked=0) for variant in LIVE)
    watched = replace(first, lstms=True, looked=_looked(config))
    return [watched, replace(watched, judge="lstm_fc6"), second, replace(first, apart=LEAKS[0])]


def _looked(config: Config) -> int:
    return config.looked if config.dataset.startswith("synthetic") else 0


def variant_cells(config: Config) -> list[Cell]:
    """Table 2.2: every way to bring a frame into shape, under the same subject-exclusive folds."""
    return [cell(config, variant=variant, looked=0) for variant in VARIANTS]


def main_cells(config: Config) -> list[Cell]:
    """Tables 2.3 to 2.5: the two main preparations and LSTMs on fc6 and fc7, one subject left out at a time."""
    crop = cell(config, apart="one_subject", lstms=True, looked=_looked(config))
    frontal = cell(config, apart="one_subject", variant="frontal_deformed", looked=_looked(config))
    return [*(replace(crop, judge=judge) for judge in JUDGES), frontal]


def choice_cells(config: Config) -> list[Cell]:
    """What the thesis says it chose: the loss, the mean, and inputs like those of pretraining."""
    crop, frontal = (cell(config, variant=variant, looked=0) for variant in LIVE)
    cells = [crop, frontal, replace(crop, loss="binary"), replace(frontal, mean="global")]
    if config.pretraining or config.weights:
        cells += [replace(one, pretraining=0, weights="") for one in (crop, frontal)]
    return cells


def leak_cells(config: Config) -> list[Cell]:
    """The same network where frames, videos, or subjects are kept apart."""
    return [cell(config, apart=apart, looked=0) for apart in LEAKS]


def emotion_cells(config: Config) -> list[Cell]:
    """Table 2.6: seven emotions by the CNN on three frames a video, and by an LSTM on windows of ten."""
    cnn = emotion_cell(config)
    return [replace(cnn, judge=judge) for judge in JUDGES]


def emotion_cell(config: Config) -> Cell:
    """Return the cell of the emotion network; what generated pain videos are like is no part of it."""
    return cell(
        config,
        loss="emotion",
        dataset=config.emotions,
        folds=config.emotion_folds,
        epochs=config.emotion_epochs,
        window=10,
        lstms=True,
        balance=False,
        looked=0,
        **dict.fromkeys(SIZES, 0),
    )


def look_rows(rows: pd.DataFrame, profile: str) -> list[Row]:
    """Return where saliency lies, and where an even map would, from the runs that measured it."""
    table = with_config(rows)
    table = table[table["metric"].str.startswith(("saliency_", "area_"))]
    made = []
    for (variant, dataset, seed), part in table.groupby(["variant", "dataset", "seed"]):
        values = part.groupby("metric")["value"].mean()
        for name, prefix in (("saliency", "saliency"), ("even", "area")):
            settings = json.dumps({"map": name, "variant": variant}, sort_keys=True)
            run = Run("pain_looking", settings, dataset, int(seed), profile, "cpu")
            made += [
                run.row(place, values[f"{prefix}_{place}"], "fraction", "test", "last", int(part["epochs"].max()))
                for place in PLACES
            ]
    return made


def gain_rows(rows: pd.DataFrame, profile: str) -> list[Row]:
    """Return by how much pretraining raises the AUC of a preparation, by seed."""
    table = with_config(rows)
    table = table[(table.metric == "auc") & (table.loss == "regression") & (table["mean"] == "pixel")]
    table = table.assign(started=(table["pretraining"] > 0) | (table["weights"] != ""))
    wide = table.pivot_table(index=["variant", "dataset", "seed"], columns="started", values="value")
    made = []
    for (variant, dataset, seed), line in wide.dropna().iterrows():
        settings = json.dumps({"gain_of": "pretraining", "variant": variant}, sort_keys=True)
        run = Run("pain_gain", settings, dataset, int(seed), profile, "cpu")
        made.append(run.row("gain", line[True] - line[False], "fraction", "test", "last", 0))
    return made


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the few numbers by which a run of the notebook is judged, from its rows."""
    table = with_config(rows)
    runs = table[(table.experiment == EXPERIMENT) & (table.judge == "cnn") & (table.loss == "regression")]
    unseen = runs[runs.apart == "subject"]
    wanted = {f"auc_{variant}": unseen[(unseen.variant == variant) & (unseen.metric == "auc")] for variant in LIVE}
    wanted["auc_of_people_seen"] = runs[(runs.apart == LEAKS[0]) & (runs.metric == "auc")]
    crop = unseen[unseen.variant == LIVE[0]]
    wanted |= {f"{name}_{LIVE[0]}": crop[crop.metric == name] for name in ("pcc", "saliency_face")}
    return {name: float(part["value"].mean()) for name, part in wanted.items() if len(part)}
