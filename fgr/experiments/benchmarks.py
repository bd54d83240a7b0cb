"""What is shown and said of any table that a script of benchmarks/ wrote."""

from collections.abc import Mapping

import pandas as pd


def measured_on(benchmark: pd.DataFrame) -> str:
    """Say in one line on which machine and by which code a benchmark was measured.

    Example:
        >>> measured_on(pd.DataFrame({"device": ["cpu, 2 threads"], "torch": ["2.8"], "commit": ["abc"]}))
        'Measured on cpu, 2 threads, torch 2.8, commit abc.'
    """
    if benchmark.empty:
        return "Not measured yet."
    device, torch, commit = ("; ".join(sorted(set(benchmark[name]))) for name in ("device", "torch", "commit"))
    return f"Measured on {device}, torch {torch}, commit {commit}."


def renamed(benchmark: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that `names` has, in its order and under its words; empty ones of a table without them.

    Example:
        >>> renamed(pd.DataFrame({"commit": ["abc"], "seconds": [0.5]}), {"seconds": "time (s)"}).to_dict("list")
        {'time (s)': [0.5]}
    """
    return benchmark.reindex(columns=list(names)).rename(columns=dict(names))
