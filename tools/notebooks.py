"""Refresh the committed notebooks: pair each .py with its .ipynb, run it at the smoke profile, keep clean outputs.

usage: python tools/notebooks.py [name ...]
"""

import sys
from pathlib import Path

import jupytext
import nbformat

from fgr.cli.runner import run_notebook
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root

KEEP = ("tags", "mystnb")  # cell metadata that belongs to the source


def refresh(name: str) -> Path:
    """Write notebooks/<name>.ipynb from its .py with the outputs of a smoke run."""
    folder = project_root() / "notebooks"
    pair = folder / f"{name}.ipynb"
    source = jupytext.read(folder / f"{name}.py")
    nbformat.write(source, pair)  # papermill reads the pair
    report = run_notebook(name, "smoke")
    executed = nbformat.read(project_root() / report.output, as_version=4)
    executed.cells = [cell for cell in executed.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    count = 0
    for number, (cell, clean) in enumerate(zip(executed.cells, source.cells, strict=True)):
        cell.metadata, cell.id = clean.metadata, f"cell-{number}"
        if cell.cell_type == "code":
            count += 1  # as if it had run without the cell that papermill injects; nbval refuses unnumbered cells
            cell.execution_count = count
            for output in cell.outputs:
                output.get("data", {}).pop("image/png", None)  # the book has the pictures; git need not
                if output.output_type == "execute_result":
                    output.execution_count = count
    executed.metadata = {key: source.metadata[key] for key in ("kernelspec", "jupytext") if key in source.metadata}
    nbformat.write(executed, pair)
    return pair


if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(NOTEBOOKS):
        print(refresh(wanted))
