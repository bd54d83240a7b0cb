"""The library's layers: imports point strictly downward, heavy packages stay where they belong, public names explain
themselves. Read from the source by `ast`, so that an import inside a function counts like one on top."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fgr"

# Lowest first. A module imports from lower layers only, never from its own, except for files of one package.
# `results` has a layer of its own below the rest of the second: figures draw result rows and must show the very
# interval that tables and claims state, so they use its `interval` and `with_config` instead of a second copy.
# Nobody else of that layer may: models, data and training know nothing of results (FORBIDDEN).
LAYERS = {
    "0": {"paths", "checks", "modes"},
    "1": {
        *("alignment", "temporal", "glimpse", "attention", "orthoreg", "output_codes", "metrics", "config"),
        "initialization",
    },
    "2a": {"results"},
    "2b": {"training", "models", "data", "figures", "attribution"},
    "3": {"experiments"},
    "4": {"cli"},
}
ORDER = {name: number for number, names in enumerate(LAYERS.values()) for name in names}
FORBIDDEN = {(name, "results") for name in ("training", "models", "data", "attribution")}

# package -> where alone it may be imported
ONLY_IN = {
    "matplotlib": {"figures"},
    "seaborn": {"figures"},
    "pandas": {"results", "figures", "experiments", "cli"},
    "captum": {"attribution"},
    "torchvision": {"models", "data"},
}
# Layer 1 is the thesis: tensors in, tensors out, so that anyone can lift one file into another project.
NOT_IN_LAYER_1 = {"glob", "io", "os", "pathlib", "pooch", "requests", "shutil", "socket", "subprocess", "tempfile"}
NOT_IN_LAYER_1 |= {"tqdm", "urllib", "yaml"}
NOT_CALLED_IN_LAYER_1 = {"open", "manual_seed", "seed", "set_rng_state", "save", "load", "print"}
READS_PROFILES = {"config"}  # the one module of layer 1 that reads files: notebooks/params/*.yaml


def modules(package: Path = PACKAGE) -> list[Path]:
    return sorted(package.rglob("*.py"))


def unit(path: Path, package: Path = PACKAGE) -> str:
    """Return the module or package right under fgr that a file belongs to; "" for fgr/__init__.py."""
    first = path.relative_to(package).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write the full name"
            for alias in node.names:  # `from fgr import data` imports fgr.data
                yield node.lineno, f"{node.module}.{alias.name}" if node.module == "fgr" else str(node.module)


def wrong_imports(package: Path = PACKAGE) -> list[str]:
    """Return every import that points sideways or upward, or brings a package where it does not belong."""
    found = []
    for path in modules(package):
        here = unit(path, package)
        for line, name in imports(path):
            where = f"{path.relative_to(package)}:{line}"
            root, _, rest = name.partition(".")
            there = rest.split(".")[0]
            if root == "fgr" and there != here:
                if there not in ORDER:
                    found.append(f"{where}: imports {name}, which is in no layer")
                elif not here or ORDER[there] >= ORDER[here] or (here, there) in FORBIDDEN:
                    found.append(f"{where}: {here or 'fgr itself'} may not import {there}")
            elif here not in ONLY_IN.get(root, {here}):
                found.append(f"{where}: {root} belongs in {', '.join(sorted(ONLY_IN[root]))} only")
    return found


def impurities(path: Path) -> list[str]:
    """Return what a file of layer 1 does that is not tensors in, tensors out."""
    found = [
        f"{path.name}:{line}: imports {name}" for line, name in imports(path) if name.split(".")[0] in NOT_IN_LAYER_1
    ]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in NOT_CALLED_IN_LAYER_1:
                found.append(f"{path.name}:{node.lineno}: calls {name}")
    return found


def public(path: Path) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield the public functions and classes on top of a file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node


def untyped(function: ast.FunctionDef, method: bool) -> list[str]:
    """Return the parameters of a function that have no type, and "return" if it does not say what it returns."""
    given = function.args
    named = [*given.posonlyargs, *given.args][method:] + given.kwonlyargs
    named += [argument for argument in (given.vararg, given.kwarg) if argument]
    return [a.arg for a in named if a.annotation is None] + ["return"] * (function.returns is None)


def of_layers(*wanted: str) -> list[Path]:
    names = set().union(*(LAYERS[layer] for layer in wanted))
    return [path for path in modules() if unit(path) in names]


def test_every_module_has_a_layer() -> None:
    assert {unit(path) for path in modules()} - {""} <= set(ORDER)


def test_imports_point_downward_and_packages_stay_where_they_belong() -> None:
    assert wrong_imports() == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("models/net.py", "from fgr.data import load", "models/net.py:1: models may not import data"),
        ("models/net.py", "from fgr import data", "models/net.py:1: models may not import data"),
        ("orthoreg.py", "def f():\n    import fgr.metrics", "orthoreg.py:2: orthoreg may not import metrics"),
        ("paths.py", "from fgr.config import resolve", "paths.py:1: paths may not import config"),
        ("training/loop.py", "from fgr.results import rows", "training/loop.py:1: training may not import results"),
        ("results/rows.py", "from fgr.figures import style", "results/rows.py:1: results may not import figures"),
        ("__init__.py", "from fgr.orthoreg import OrthoReg", "__init__.py:1: fgr itself may not import orthoreg"),
        ("cli/run.py", "from fgr.helpers import x", "cli/run.py:1: imports fgr.helpers, which is in no layer"),
        ("results/rows.py", "import matplotlib.pyplot", "results/rows.py:1: matplotlib belongs in figures only"),
        ("models/net.py", "import pandas as pd", "belongs in cli, experiments, figures, results only"),
        ("orthoreg.py", "from torchvision import models", "orthoreg.py:1: torchvision belongs in data, models only"),
    ],
)
def test_a_planted_violation_is_found(file: str, line: str, complaint: str, tmp_path: Path) -> None:
    target = tmp_path / "fgr" / file
    target.parent.mkdir(parents=True)
    target.write_text(line)
    (found,) = wrong_imports(tmp_path / "fgr")
    assert complaint in found


def test_what_is_allowed_is_not_found(tmp_path: Path) -> None:
    for file, line in {
        "figures/curves.py": "import pandas\nfrom fgr.figures.style import x\nfrom fgr.results import y",
        "models/net.py": "import torchvision\nfrom fgr.models.blocks import x\nfrom fgr.attention import y",
        "experiments/orthoreg.py": "from fgr import data, models\nfrom fgr.training import train",
    }.items():
        target = tmp_path / "fgr" / file
        target.parent.mkdir(parents=True)
        target.write_text(line)
    assert wrong_imports(tmp_path / "fgr") == []


@pytest.mark.parametrize("path", of_layers("1"), ids=lambda path: path.name)
def test_methods_touch_no_files_network_or_global_seeds(path: Path) -> None:
    if unit(path) in READS_PROFILES:
        network = {"requests", "urllib", "socket", "pooch"}
        assert not {name.split(".")[0] for _, name in imports(path)} & network
    else:
        assert impurities(path) == []


def test_planted_impurities_are_found(tmp_path: Path) -> None:
    planted = tmp_path / "method.py"
    planted.write_text("from pathlib import Path\nimport torch\ntorch.manual_seed(0)\nopen('x')\ntorch.load('x')")
    assert [text.partition(": ")[2] for text in impurities(planted)] == [
        "imports pathlib", "calls manual_seed", "calls open", "calls load",
    ]  # fmt: skip


def test_library_names_are_concepts_not_chapters() -> None:
    chapter = re.compile(r"(^|_)ch(apter)?_?\d|Chapter\d|Ch\d")
    for path in modules():
        if unit(path) != "experiments":
            names = [path.stem, *(node.name for node in public(path))]
            assert not [name for name in names if chapter.search(name)], path


@pytest.mark.parametrize("path", of_layers("0", "1", "2a", "2b"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_are_documented_and_typed(path: Path) -> None:
    missing = []
    for node in public(path):
        if not ast.get_docstring(node):
            missing.append(f"{node.name} has no docstring")
        methods = [part for part in getattr(node, "body", []) if isinstance(part, ast.FunctionDef)]
        if isinstance(node, ast.FunctionDef):
            missing += [f"{node.name}: no type of {name}" for name in untyped(node, method=False)]
        else:
            for method in methods:
                bound = not any(getattr(mark, "id", "") == "staticmethod" for mark in method.decorator_list)
                missing += [f"{node.name}.{method.name}: no type of {name}" for name in untyped(method, bound)]
    assert missing == [], path


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_are_and_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300, "split it: one idea a file"
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module starts by saying what it is"
