"""What is said of any table that a script of benchmarks/ wrote."""

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
