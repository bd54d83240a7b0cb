"""Refresh the committed notebooks: pair each .py with its .ipynb, run it at the smoke profile, keep clean outputs.

usage: python tools/notebooks.py [name ...]

A pair is replaced when its run has ended well; a cell that fails leaves the committed one as it is.
"""

import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
import papermill
from nbformat import NotebookNode

from fgr.experiments import NOTEBOOKS
from fgr.paths import atomic_path, project_root

KEEP = ("tags", "mystnb")  # cell metadata that belongs to the source


def refresh(name: str) -> Path:
    """Write notebooks/<name>.ipynb from its .py with the outputs of a smoke run."""
    folder = project_root() / "notebooks"
    pair = folder / f"{name}.ipynb"
    source = jupytext.read(folder / f"{name}.py")
    executed = _run(source)
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
    with atomic_path(pair) as file:
        nbformat.write(executed, file)
    return pair


def _run(source: NotebookNode) -> NotebookNode:
    """Return a notebook executed at the smoke profile, in a folder that is gone afterwards with the rows it left."""
    with tempfile.TemporaryDirectory() as folder:
        written, executed = Path(folder, "source.ipynb"), Path(folder, "executed.ipynb")
        nbformat.write(source, written)
        papermill.execute_notebook(
            written,
            executed,
            parameters={"profile": "smoke", "rows": "rows.csv"},  # cells run in the folder
            kernel_name="python3",
            cwd=folder,
            progress_bar=sys.stderr.isatty(),
            log_output=False,
            extra_arguments=["--log-level=ERROR"],  # as `fgr run` does: no advice about sockets
        )
        return nbformat.read(executed, as_version=4)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(NOTEBOOKS):
        print(refresh(wanted))
