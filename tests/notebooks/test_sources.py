"""Notebooks as they are committed: pairs in sync, parameters as promised, and no more code than a page should show."""

import ast
import dataclasses
import re

import jupytext
import nbformat
import papermill
import pytest

from fgr.config import PROFILES, profile_path, profile_values, resolve
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root

FOLDER = project_root() / "notebooks"
LINES = 15  # of code in a cell at most: more belongs into the library
KEPT = {"tags", "mystnb"}  # cell metadata that is source; the rest is a trace of some run
ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|Users|work|usr|opt|var|mnt|private)/|\b[A-Z]:\\\\?Users")
every_notebook = pytest.mark.parametrize("name", sorted(NOTEBOOKS))


def source(name: str) -> nbformat.NotebookNode:
    return jupytext.read(FOLDER / f"{name}.py")


def committed(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in source(name).cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def test_every_notebook_is_a_pair_and_registered() -> None:
    for suffix in (".py", ".ipynb"):
        assert {path.stem for path in FOLDER.glob(f"*{suffix}")} == set(NOTEBOOKS)


# ---------------------------------------------------------------- the pair


@every_notebook
def test_pair_is_in_sync(name: str) -> None:
    cells = [
        [(cell.cell_type, cell.source, {key: cell.metadata.get(key) for key in KEPT}) for cell in notebook.cells]
        for notebook in (source(name), committed(name))
    ]
    assert cells[0] == cells[1], f"{name}: run `make notebooks`"


@every_notebook
def test_pair_holds_no_trace_of_a_run(name: str) -> None:
    notebook = committed(name)
    assert set(notebook.metadata) <= {"kernelspec", "jupytext"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= KEPT
        assert "injected-parameters" not in tags(cell)
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert not output.metadata if "metadata" in output else True
    assert "papermill" not in (FOLDER / f"{name}.py").read_text().split("# %%")[0]


@every_notebook
def test_pair_holds_neither_pictures_nor_absolute_paths(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text()
    assert "image/png" not in text  # a change of one pixel would be a change of the repository
    found = ABSOLUTE.search(text)
    assert not found, text[max(0, found.start() - 80) : found.end() + 80]


@every_notebook
def test_code_cells_are_numbered_in_order(name: str) -> None:
    numbers = [cell.execution_count for cell in committed(name).cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))


# ---------------------------------------------------------------- parameters and profiles


@every_notebook
def test_parameters_are_profile_and_the_fields_of_the_config(name: str) -> None:
    found = papermill.inspect_notebook(str(FOLDER / f"{name}.ipynb"))
    fields = [field.name for field in dataclasses.fields(NOTEBOOKS[name].config)]
    assert list(found) == ["profile", *fields]
    assert found.pop("profile")["default"] == '"smoke"'
    assert {parameter["default"] for parameter in found.values()} == {"None"}


@every_notebook
def test_one_cell_has_the_parameters_and_it_is_the_first(name: str) -> None:
    tagged = ["parameters" in tags(cell) for cell in code_cells(name)]
    assert tagged == [True] + [False] * (len(tagged) - 1)


@every_notebook
@pytest.mark.parametrize("profile", PROFILES)
def test_profile_resolves_and_its_header_says_what_to_expect(name: str, profile: str) -> None:
    config = resolve(NOTEBOOKS[name].config, name, profile)
    lines = profile_path(name, profile).read_text().splitlines()
    header = lines[: next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    for word in ("Command", "Data", "Time", "Expect"):
        assert any(re.match(rf"# {word}: +\S", line) for line in header), f"{profile}: no line `# {word}: ...`"
    assert any(f"--profile {profile}" in line for line in header)
    if profile == "smoke":
        assert profile_values(name, "smoke") == {} and config == NOTEBOOKS[name].config()


@every_notebook
def test_no_profile_belongs_to_nobody(name: str) -> None:
    known = {profile_path(name, profile) for name in NOTEBOOKS for profile in PROFILES}
    assert set((FOLDER / "params").glob("*")) == known


# ---------------------------------------------------------------- code: little, and none that is the library's


@every_notebook
def test_cells_are_short(name: str) -> None:
    for cell in code_cells(name):
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(lines) <= LINES or "parameters" in tags(cell), cell.source


@every_notebook
def test_no_definitions_and_no_training_in_a_notebook(name: str) -> None:
    for cell in code_cells(name):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)), node.name
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                assert not isinstance(node.value, ast.Lambda), ast.unparse(node)
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("backward", "zero_grad", "pyplot"), ast.unparse(node)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                assert not any(module.split(".")[0] in ("matplotlib", "seaborn") for module in modules)


@every_notebook
def test_no_magics_and_no_installation(name: str) -> None:
    for cell in code_cells(name):
        assert not re.search(r"^\s*[%!]|get_ipython|\bpip\b|\bconda\b|sys\.path", cell.source, re.MULTILINE)


# ---------------------------------------------------------------- figures and verdict


@every_notebook
def test_every_figure_has_a_name_a_caption_and_words_for_who_cannot_see_it(name: str) -> None:
    names = []
    for cell in code_cells(name):
        draws = ast.unparse(ast.parse(cell.source).body[-1]).startswith(("draw.", "draw_"))
        assert draws == ("mystnb" in cell.metadata), cell.source
        if draws:
            figure, image = cell.metadata["mystnb"]["figure"], cell.metadata["mystnb"]["image"]
            assert re.fullmatch(r"fig-[a-z0-9-]+", figure["name"])
            assert len(figure["caption"]) > 30 and len(image["alt"]) > 30
            names.append(figure["name"])
    assert len(names) == len(set(names)) > 0


@every_notebook
def test_prose_refers_to_figures_that_exist(name: str) -> None:
    names = {cell.metadata["mystnb"]["figure"]["name"] for cell in code_cells(name) if "mystnb" in cell.metadata}
    prose = "\n".join(cell.source for cell in source(name).cells if cell.cell_type == "markdown")
    assert set(re.findall(r"\{numref\}`(fig-[^`]+)`", prose)) <= names


@every_notebook
def test_the_last_cell_gives_the_verdict_and_it_is_replayed(name: str) -> None:
    last = code_cells(name)[-1]
    assert f'page.finish("{name}"' in last.source
    assert "nbval-ignore-output" not in tags(last)
