"""What the notebooks call: one package a chapter, wiring only.

`NOTEBOOKS` names every notebook, the parameters it takes and the numbers by which a run of it is judged; `RERUNS` says
how a recorded row of any experiment is measured again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from fgr.experiments.attend import finetune as attend_finetune
from fgr.experiments.attend import grids as attend
from fgr.experiments.attend import looking as attend_looking
from fgr.experiments.attend import robustness as attend_robustness
from fgr.experiments.attend import runs as attend_runs
from fgr.experiments.codes import grids as codes
from fgr.experiments.codes import runs as codes_runs
from fgr.experiments.generated import grids as generated
from fgr.experiments.glimpses import details as glimpses_details
from fgr.experiments.glimpses import grids as glimpses
from fgr.experiments.glimpses import runs as glimpses_runs
from fgr.experiments.orthoreg import grids as orthoreg
from fgr.experiments.orthoreg import runs as orthoreg_runs
from fgr.experiments.pain import grids as pain
from fgr.experiments.pain import runs as pain_runs
from fgr.results.rows import Row


@dataclass(frozen=True)
class Notebook:
    """A chapter's notebook: the class of its parameters, what it measures, and how its recorded runs are repeated.

    Args:
        headline: its rows -> name -> value, the few numbers by which a run of it is judged.
        runs: name of an experiment in recorded rows -> (configuration, seed, profile) -> the rows of that run anew.
    """

    title: str
    config: type
    headline: Callable[[pd.DataFrame], dict[str, float]]
    runs: Mapping[str, Callable[[str, int, str], list[Row]]]


NOTEBOOKS = {
    "ch02_pain": Notebook(
        "Chapter 2: pain from faces", pain.Config, pain.headline, {pain_runs.EXPERIMENT: pain_runs.rerun}
    ),
    "ch03_age_gender": Notebook(
        "Chapter 3: age and gender",
        glimpses.Config,
        glimpses.headline,
        {part.EXPERIMENT: part.rerun for part in (glimpses_runs, glimpses_details)},
    ),
    "ch04_attend_and_rectify": Notebook(
        "Chapter 4: attend and rectify",
        attend.Config,
        attend.headline,
        {part.EXPERIMENT: part.rerun for part in (attend_runs, attend_looking, attend_robustness, attend_finetune)},
    ),
    "ch05_orthoreg": Notebook(
        "Chapter 5: OrthoReg", orthoreg.Config, orthoreg.headline, {orthoreg_runs.EXPERIMENT: orthoreg_runs.rerun}
    ),
    "ch06_output_codes": Notebook(
        "Chapter 6: output codes", codes.Config, codes.headline, {codes_runs.EXPERIMENT: codes_runs.rerun}
    ),
}

RERUNS: dict[str, Callable[[str, int, str], list[Row]]] = {  # what generated sets show belongs to no notebook
    **{name: run for notebook in NOTEBOOKS.values() for name, run in notebook.runs.items()},
    **{part.experiment: part.rerun for part in generated.PARTS.values()},
}
