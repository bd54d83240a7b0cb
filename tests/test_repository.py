"""What the repository promises to its readers: the files of the design, small and clean, and references that lead
somewhere. The strict build checks links between pages; here are those that only GitHub's readers follow."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml

from fgr.cli import app
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root
from fgr.results.rows import read

ROOT = project_root()
GUIDES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "book").glob("*.md"))
MEGABYTE = 1_000_000
NAMES = [
    *GUIDES,
    *("CITATION.cff", "LICENSE", "Makefile", "pyproject.toml", "requirements.lock", "environment.yml", "codecheck.yml"),
    *("_config.yml", "_toc.yml", ".ci/run", ".github/workflows/ci.yml", "book/references.bib", "book/_static"),
    *("notebooks/params", "fgr", "data_manifests", "results/published.csv", "results/claims.yaml", "results/README.md"),
    *("results/expected", "results/recorded", "workflow/Snakefile", "workflow/profiles/local"),
    *("workflow/profiles/slurm", "benchmarks", "tests"),
]


@cache
def committed() -> list[str]:
    """Return the files that git holds."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def prose(name: str) -> str:
    """Return a Markdown file without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", (ROOT / name).read_text(), flags=re.DOTALL)


def code(name: str) -> str:
    """Return the code of a Markdown file, one piece a line; comments of shell lines are dropped."""
    pieces = re.findall(r"```[^\n]*\n(.*?)```|(?<!`)`([^`\n]+)`(?!`)", (ROOT / name).read_text(), flags=re.DOTALL)
    return re.sub(r" +#.*", "", "\n".join(block or span for block, span in pieces))


@pytest.mark.parametrize("name", NAMES)
def test_the_house_stands(name: str) -> None:
    assert (ROOT / name).exists()


def test_committed_files_are_small_and_none_is_a_leftover() -> None:
    assert [name for name in committed() if (ROOT / name).stat().st_size > MEGABYTE] == []
    leftovers = (".part", ".csv.lock", ".pt", ".pyc", ".orig", ".rej", "~", ".DS_Store")
    assert [name for name in committed() if name.endswith(leftovers)] == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Files come from whichever registry a machine is set up for."""
    hosts = [
        host + "." + domain for host, domain in (("pypi", "org"), ("registry.npmjs", "org"), ("deb.debian", "org"))
    ]
    hosts += ["files." + "pythonhosted.org", "registry." + "yarnpkg.com"]
    found = [
        f"{name}: {host}"
        for name in committed()
        for host in hosts
        if host.encode() in (ROOT / name).read_bytes().lower()
    ]
    assert found == []


def test_codecheck_lists_files_that_exist() -> None:
    config = yaml.safe_load((ROOT / "codecheck.yml").read_text())
    listed = [entry["file"] for entry in config["manifest"]]
    assert listed
    assert len(set(listed)) == len(listed)
    assert [name for name in listed if not (ROOT / name).is_file()] == []
    recorded = {str(path.relative_to(ROOT)) for path in (ROOT / "results" / "recorded").rglob("*.csv")}
    assert recorded <= set(listed), "recorded rows that the manifest leaves out"
    assert all(entry["comment"] for entry in config["manifest"])
    assert config["version"].startswith("https://codecheck.org.uk/spec/config/")
    assert config["paper"]["title"] and config["paper"]["authors"][0]["name"] and config["paper"]["reference"]


def test_citation_puts_the_thesis_first() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "type", "version", "license"} <= set(citation)
    thesis = citation["preferred-citation"]
    assert thesis["type"] == "thesis"
    assert thesis["year"] == 2019
    assert thesis["authors"][0]["family-names"] == "Rodríguez López"
    bibliography = (ROOT / "book" / "references.bib").read_text()
    assert f"title = {{{thesis['title']}}}" in bibliography
    assert citation["repository-code"] == yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]


def made_at_build() -> set[Path]:
    """Return the pages of the contents that the build writes."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [
        page["file"] for part in contents["parts"] for page in part["chapters"] if page["file"].startswith("book/")
    ]
    return {ROOT / f"{file}.md" for file in files} - {ROOT / page for page in PAGES}


@pytest.mark.parametrize("name", [*GUIDES, *PAGES])
def test_relative_links_lead_to_files(name: str) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(name)):
        path = (ROOT / name).parent / target.partition("#")[0]
        if not re.match(r"[a-z]+:|#", target) and not path.exists() and path not in made_at_build():
            dead.append(target)
    assert dead == []


def cited() -> set[str]:
    """Return every key that a page or notebook cites."""
    files = [ROOT / page for page in PAGES] + sorted((ROOT / "notebooks").glob("*.py"))
    found = [keys for file in files for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", file.read_text())]
    return {key.strip() for keys in found for key in keys.split(",")}


def test_citations_and_bibliography_agree() -> None:
    text = (ROOT / "book" / "references.bib").read_text()
    entries = dict(re.findall(r"^@\w+\{([^,]+),(.*?)^\}", text, flags=re.DOTALL | re.MULTILINE))
    assert len(entries) == text.count("\n@")
    assert cited() <= set(entries)
    page = (ROOT / "book" / "bibliography.md").read_text()
    listed = set(re.findall(r':filter: keywords % "(\w+)"', page))
    unlisted = [
        key
        for key, entry in entries.items()
        if not listed & set(re.findall(r"\w+", "".join(re.findall(r"keywords = \{(.*?)\}", entry))))
    ]
    assert unlisted == [], "entries that no list of the bibliography shows"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results" / "recorded").rglob("*.csv")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_recorded_rows_follow_the_schema(path: Path) -> None:
    rows = read(path)
    assert len(rows) > 0
    keys = ["run_id", "metric", "split", "selection", "epochs", "config"]
    assert not rows.duplicated(keys).any(), "a number stands twice"


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("name", [*GUIDES, *PAGES, ".ci/run", ".github/workflows/ci.yml"])
def test_make_targets_that_are_mentioned_exist(name: str) -> None:
    text = code(name) if name.endswith(".md") else (ROOT / name).read_text()
    mentioned = set(re.findall(r"(?:^|[\s;&(:])make ([a-z][a-z-]*)", text, flags=re.MULTILINE))
    assert mentioned <= targets()


def test_guides_mention_what_a_newcomer_needs() -> None:
    assert {"make book", "make test"} <= set(re.findall(r"make \w+", code("README.md")))


def commands(group: object = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command of the command line as its words, e.g. ("data", "list")."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        yield (*words, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))


@pytest.mark.parametrize("name", [*GUIDES, *PAGES])
def test_commands_that_are_mentioned_exist(name: str) -> None:
    known = set(commands())
    groups = {words[:-1] for words in known}
    for line in re.findall(r"(?:^|[\s/(])fgr ((?:[a-z]+ ?)+)", code(name), flags=re.MULTILINE):
        words = tuple(line.split())
        first = words[:1]
        assert first in known, f"fgr {line}"
        if first in groups and len(words) > 1:
            assert words[:2] in known, f"fgr {line}"


@pytest.mark.parametrize("name", [*GUIDES, *PAGES])
def test_notebooks_that_are_mentioned_exist(name: str) -> None:
    mentioned = set(re.findall(r"\bch\d\d_[a-z_]+\b", (ROOT / name).read_text()))
    assert mentioned <= set(NOTEBOOKS)


def test_workflow_runs_what_a_newcomer_runs() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    steps = {name: job["steps"] for name, job in jobs.items()}
    runs = [step["run"] for step in steps["book"] if "run" in step]
    assert runs == ["make test", "make book PROFILE=quick"]
    used = [step["uses"] for job in steps.values() for step in job if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)
