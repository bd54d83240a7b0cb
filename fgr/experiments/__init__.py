"""What the notebooks call: one package a chapter, wiring only.

`NOTEBOOKS` names every notebook, the parameters it takes and the numbers by which a run of it is judged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from fgr.experiments.orthoreg import grids as orthoreg


@dataclass(frozen=True)
class Notebook:
    """A chapter's notebook: the class of its parameters, and what it measures, name -> value, from its rows."""

    title: str
    config: type
    headline: Callable[[pd.DataFrame], dict[str, float]]


NOTEBOOKS = {
    "ch05_orthoreg": Notebook("Chapter 5: OrthoReg", orthoreg.Config, orthoreg.headline),
}
