"""What is said of a benchmark's table."""

import pandas as pd

from fgr.experiments.benchmarks import measured_on


def test_all_machines_and_versions_are_named() -> None:
    lines = [("cpu, 2 threads", "2.8", "abc"), ("cpu, 1 threads", "2.8", "def"), ("cpu, 2 threads", "2.8", "def")]
    table = pd.DataFrame(lines, columns=["device", "torch", "commit"])
    assert measured_on(table) == "Measured on cpu, 1 threads; cpu, 2 threads, torch 2.8, commit abc; def."


def test_what_was_not_measured_is_said() -> None:
    assert measured_on(pd.DataFrame()) == "Not measured yet."
