"""The finished book: it builds without a warning, needs no network to be read, and its pages say what the rows say."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import build_book
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup, Tag

from fgr.data.manifests import manifest, names
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root
from fgr.results.claims import read_claims

pytestmark = pytest.mark.book

ROOT = project_root()
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
REPOSITORY, BRANCH = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
VERDICTS = {"supported", "not supported", "undecided"}

OUTSIDE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
# The theme always writes where Thebe would be; it is data, and nothing calls for it while `thebe` is off.
THEBE = re.compile(r'const THEBE_JS_URL = "https://unpkg\.com/thebe@[\d.]+/lib/index\.js";')
FETCHES = re.compile(r"https?://|fetch\s*\(|XMLHttpRequest|importScripts|import\s*\(|WebSocket|EventSource|sendBeacon")
CSS_OUTSIDE = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*(?:https?:)?//""", re.IGNORECASE)
LOADING = {  # attributes through which a page loads something
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "input": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "base": ("href",),
}


def loads(page: BeautifulSoup) -> Iterator[tuple[Tag, str]]:
    """Yield every address from which a page loads something, with its element."""
    for element in page.find_all(list(LOADING)):
        for attribute in LOADING[element.name]:
            if element.get(attribute):
                yield element, element[attribute]


def loaded_from_outside(page: BeautifulSoup) -> list[str]:
    """Return what a page would fetch from another host when it is opened."""
    found = [str(element)[:200] for element, address in loads(page) if OUTSIDE.match(address)]
    styles = [style.text for style in page.find_all("style")] + [part["style"] for part in page.find_all(style=True)]
    found += [style[:200] for style in styles if CSS_OUTSIDE.search(style)]
    for script in page.find_all("script"):
        if not script.get("src") and FETCHES.search(THEBE.sub("", script.text)):
            found.append(script.text[:200])
    return found


def internal(html: Path, page: str, address: str) -> tuple[str, str] | None:
    """Return file (relative to the book) and anchor that an address inside the book leads to; None for others."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = (html / page).parent / unquote(parts.path) if parts.path else html / page
    return str(target.resolve().relative_to(html.resolve())), unquote(parts.fragment)


def plain(text: str) -> str:
    """Return a cell's text with single spaces and straight quotes, which the build makes round."""
    return " ".join(text.translate(str.maketrans("‘’“”", "''\"\"")).split())


def test_build_says_what_it_ran_and_ends_well(book) -> None:
    for name in NOTEBOOKS:
        assert re.search(rf"^{name} +smoke +(\d+|reused) +ok$", book.done.stdout, re.MULTILINE), book.done.stdout
    assert f"The book is ready: {book.html / 'index.html'}" in book.done.stdout
    assert book.done.returncode == 0


def test_every_page_of_the_contents_is_there(book) -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    wanted = {contents["root"], *(page["file"] for part in contents["parts"] for page in part["chapters"])}
    assert {f"{page}.html" for page in wanted} <= set(book.pages)
    assert {f"notebooks/{name}" for name in NOTEBOOKS} <= wanted
    assert {str(path.relative_to(ROOT).with_suffix("")) for path in (ROOT / "book").glob("*.md")} <= wanted


def test_nothing_is_loaded_from_outside(book) -> None:
    assert {name: found for name, page in book.pages.items() if (found := loaded_from_outside(page))} == {}
    for path in book.html.rglob("*.css"):
        assert not CSS_OUTSIDE.search(path.read_text()), path


@pytest.mark.parametrize(
    "snippet",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img alt="x" srcset="https://cdn.example/x.png 2x">',
        '<p style="background: url(http://cdn.example/x.png)"></p>',
        "<style>@import 'https://cdn.example/x.css';</style>",
        '<script>const a = "https://cdn.example/data.json"; get(a)</script>',
        '<script>fetch("/data.json")</script>',
    ],
)
def test_a_planted_outside_resource_is_found(snippet: str) -> None:
    assert loaded_from_outside(BeautifulSoup(snippet, "html.parser"))


def test_mathjax_is_here(book) -> None:
    pages_with_math = [name for name, page in book.pages.items() if page.select(".math")]
    assert len(pages_with_math) >= 3
    for name in pages_with_math:
        (address,) = [address for _, address in loads(book.pages[name]) if "mathjax" in address]
        file, _ = internal(book.html, name, address)
        assert file == "_static/mathjax/tex-chtml.js"
        assert (book.html / file).stat().st_size > 500_000
    assert len(list((book.html / "_static/mathjax/output/chtml/fonts").rglob("*.woff"))) > 20


def test_every_internal_link_and_image_exists(book) -> None:
    anchors = {
        name: {part.get("id") or part.get("name") for part in page.find_all(lambda p: p.get("id") or p.get("name"))}
        for name, page in book.pages.items()
    }
    dead, followed = [], 0
    for name, page in book.pages.items():
        addresses = [link["href"] for link in page.find_all("a", href=True)] + [address for _, address in loads(page)]
        for address in addresses:
            found = internal(book.html, name, address)
            if found is None or address == "#":
                continue
            file, anchor = found
            followed += 1
            if not (book.html / file).is_file() or (anchor and anchor not in anchors.get(file, ())):
                dead.append(f"{name}: {address}")
    assert dead == []
    assert followed > 500


def test_every_image_has_words_for_those_who_do_not_see_it(book) -> None:
    for name, page in book.pages.items():
        assert [str(image)[:200] for image in page.find_all("img") if not image.get("alt", "").strip()] == [], name
        for drawing in page.find_all("svg", role="img"):
            assert drawing.get("aria-label", "").strip(), name


def test_every_figure_is_shown_with_number_and_caption(book) -> None:
    for notebook in NOTEBOOKS:
        page = book.pages[f"notebooks/{notebook}.html"]
        cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
        wanted = [cell["metadata"]["mystnb"]["figure"]["name"] for cell in cells if "mystnb" in cell["metadata"]]
        figures = [
            figure for figure in page.article.find_all("figure") if not figure.find_parent(class_="step-browser")
        ]
        assert [figure["id"] for figure in figures] == wanted
        numbers = [figure.select_one(".caption-number").text.strip() for figure in figures]
        assert all(re.fullmatch(r"Fig\. [\d.]+", number) for number in numbers)
        assert len(set(numbers)) == len(numbers)
        assert all(len(figure.select_one(".caption-text").text) > 20 for figure in figures)
        loose = [image["src"] for image in page.article.find_all("img") if not image.find_parent("figure")]
        assert loose == [], "a picture without a caption"


def test_buttons_lead_to_files_of_the_repository(book) -> None:
    project = urlsplit(REPOSITORY).path.strip("/")
    for notebook in NOTEBOOKS:
        file = f"notebooks/{notebook}.ipynb"
        links = {link["href"] for link in book.pages[f"notebooks/{notebook}.html"].find_all("a", href=True)}
        assert f"https://mybinder.org/v2/gh/{project}/{BRANCH}?urlpath=lab/tree/{file}" in links
        assert f"https://colab.research.google.com/github/{project}/blob/{BRANCH}/{file}" in links
        assert (ROOT / file).is_file()
    edits = 0
    for name, page in book.pages.items():
        for link in page.select("a.btn-source-edit-button"):
            start = f"{REPOSITORY}/edit/{BRANCH}/"
            assert link["href"].startswith(start), name
            assert (ROOT / link["href"].removeprefix(start)).is_file(), f"{name}: edits {link['href']}"
            edits += 1
    assert edits >= 10


def test_no_page_shows_a_failure_or_a_path_of_the_machine(book) -> None:
    local = [f"{folder}/" for folder in (ROOT, Path.home(), tempfile.gettempdir()) if len(str(folder)) > 1]
    for name, page in book.pages.items():
        words = page.get_text(" ")
        assert not re.search(r"not found|WARNING|Traceback \(most recent|<IPython\.core|<Figure size", words), name
        raw = (book.html / name).read_text()
        assert [path for path in local if path in raw] == [], name


def test_claims_page_has_every_claim_with_one_verdict(book) -> None:
    page = book.pages["book/claims.html"]
    sections = {section.h3.find(string=True).strip(): section for section in page.select("section section section")}
    claims = read_claims(ROOT / "results" / "claims.yaml")
    assert len(sections) == len(claims)
    for claim in claims:
        section = sections[claim.statement]
        (badge,) = section.select(".sd-badge")
        words = " ".join(section.get_text(" ").split()).replace("\u2019", "'")  # the page has typographic apostrophes
        assert badge.text in VERDICTS
        assert claim.source in words
        assert claim.data in words
        assert ("Not run yet" in words) != ("95% interval" in words)


def test_page_of_printed_numbers_has_every_number_of_the_file(book) -> None:
    printed = pd.read_csv(ROOT / "results" / "published.csv", dtype=str, keep_default_na=False)
    shown = {
        details.summary.get_text().split(":")[0].strip(): [
            [plain(cell.get_text()) for cell in row.find_all("td")] for row in details.tbody.find_all("tr")
        ]
        for details in book.pages["book/published.html"].find_all("details")
    }
    assert list(shown) == list(printed["source"].unique())
    for source, part in printed.groupby("source"):
        for line, (row, column, value, deviation, *rest) in zip(part.itertuples(), shown[source], strict=True):
            assert float(value) == float(line.value), line.key
            assert (deviation and float(deviation)) == (line.deviation and float(line.deviation)), line.key
            texts = [line.row, line.column, line.unit, line.selection, line.flag]
            assert [row, column, *rest] == [plain(text) for text in texts], line.key
    # two numbers as they stand in the thesis
    assert any(cells[2:5] == ["3.69", "0.01", "percent"] for cells in shown["T5.2"])
    assert any(cells[2] == "87.3" and cells[1] == "Dogs" for cells in shown["T4.3"])


def test_page_of_data_sets_has_every_manifest(book) -> None:
    words = book.text("book/datasets.html")
    for name in names():
        entry = manifest(name)
        facts = [entry.title, entry.licence, entry.obtain, *entry.faults]
        facts += [f"{split} {count:,}" if count else split for split, count in entry.splits.items()]
        if entry.card:
            facts += [entry.card.consent, entry.card.people, entry.card.use, entry.card.never]
        for fact in facts:
            assert plain(fact) in plain(words), f"{name}: {fact}"


def test_page_of_runs_has_every_run_and_version(book) -> None:
    cells = [
        [cell.get_text().strip() for cell in row.find_all("td")]
        for row in book.pages["book/runs.html"].article.find_all("tr")
    ]
    for notebook in NOTEBOOKS:
        assert any(row[:2] == [notebook, "smoke"] for row in cells)
    assert ["torch", version("torch")] in cells
    assert re.search(r"Commit [0-9a-f]{12} |Commit unknown ", book.text("book/runs.html"))


def test_a_bad_reference_fails_the_build(book, tmp_path: Path) -> None:
    """One page of the staged book alone, so that its only fault is the planted one."""
    source = shutil.copytree(
        book.html.parent / "source", tmp_path / "source", ignore=shutil.ignore_patterns("mathjax", "notebooks")
    )
    (source / "_toc.yml").write_text("format: jb-book\nroot: book/bibliography\n")
    with (source / "book" / "bibliography.md").open("a") as page:
        page.write("\nSee [](nowhere.md).\n")
    with pytest.raises(SystemExit) as failure:
        build_book.build(source, tmp_path)
    complaint = str(failure.value)
    assert "bibliography.md" in complaint
    assert "nowhere.md" in complaint
    assert complaint.count("WARNING") == 1, complaint
