"""Run the notebooks, stage them with the prose, build the HTML book, and say what was run.

usage: python tools/build_book.py [--profile quick] [--chapter 5] [--output FOLDER]

The build itself never trains: it shows the notebooks that papermill executed into runs/. With --chapter only that
chapter runs at the profile; the others keep their finished quick runs or get one.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from pages import write_pages
from tqdm import tqdm

from fgr.cli.errors import NotebookFailed
from fgr.cli.runner import Report, run_notebook
from fgr.config import PROFILES, ParameterError
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root

MATHJAX = "mathjax@3.2.2"
MATHJAX_SHA256 = "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09"
MATHJAX_PARTS = ("package/es5/tex-chtml.js", "package/es5/output/chtml/fonts/")


def vendor_mathjax(cache: Path) -> Path:
    """Return a folder with the parts of MathJax that pages load; the package is fetched once and checked by hash."""
    folder = cache / f"mathjax-{MATHJAX_SHA256[:12]}"  # another version is another folder
    if (folder / "tex-chtml.js").exists():
        return folder
    if shutil.which("npm") is None:
        sys.exit("building the book needs npm, to fetch MathJax once: install Node.js (Debian: apt-get install npm)")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        command = ["npm", "pack", MATHJAX, "--silent", "--pack-destination", scratch]
        done = subprocess.run(command, capture_output=True, text=True)
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or not archives:
            sys.exit(f"npm could not fetch {MATHJAX}: {done.stderr.strip() or 'no archive'}; check the network")
        found = hashlib.sha256(archives[0].read_bytes()).hexdigest()
        if found != MATHJAX_SHA256:
            sys.exit(f"{MATHJAX} has sha256 {found}, expected {MATHJAX_SHA256}; nothing was installed")
        partial = Path(scratch) / "mathjax"
        with tarfile.open(archives[0]) as archive:
            for member in archive.getmembers():
                if member.isfile() and member.name.startswith(MATHJAX_PARTS):
                    target = partial / member.name.removeprefix("package/es5/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
        partial.rename(folder)
    return folder


def stage(root: Path, output: Path, reports: list[Report]) -> Path:
    """Lay out what the book is built from in <output>/_build/source, and return that folder."""
    source = output / "_build" / "source"
    shutil.rmtree(source, ignore_errors=True)
    (source / "notebooks").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, source)
    shutil.copytree(root / "book", source / "book")
    shutil.copytree(vendor_mathjax(root / "_build" / "cache"), source / "book" / "_static" / "mathjax")
    for report in reports:
        shutil.copy(root / report.output, source / "notebooks" / f"{report.notebook}.ipynb")
    write_pages(source / "book", reports)
    return source


def run_all(profile: str, chapter: int | None) -> list[Report]:
    """Run what is asked for and not finished, with a progress bar; stop at the first notebook that fails."""
    jobs = []
    for name in NOTEBOOKS:
        asked = chapter is None or name.startswith(f"ch{chapter:02}_")
        jobs.append((name, profile if asked else "quick"))
    if chapter is not None and not any(name.startswith(f"ch{chapter:02}_") for name, _ in jobs):
        sys.exit(f"there is no notebook of chapter {chapter}; there are {', '.join(NOTEBOOKS)}")
    reports = []
    for name, size in tqdm(jobs, desc="notebooks", disable=not sys.stderr.isatty()):
        print(f"{name}: running the {size} profile", flush=True)
        try:
            reports.append(run_notebook(name, size, reuse=True))
        except (NotebookFailed, ParameterError) as error:
            sys.exit(f"book: {error}")
        if reports[-1].reused:
            print(f"{name}: reused the finished run, as parameters, library and notebook are unchanged", flush=True)
    return reports


def build(source: Path, output: Path) -> Path:
    """Build <output>/_build/html anew and return it; a warning is an error, and every one of them is listed."""
    made = output / "_build"
    for old in ("html", ".doctrees", "jupyter_execute"):
        shutil.rmtree(made / old, ignore_errors=True)  # no page of an earlier build stays
    made.mkdir(parents=True, exist_ok=True)
    log = made / "build.log"
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [str(jupyter_book), "build", str(source), "--path-output", str(output), "-W", "--keep-going", "-n"]
    with log.open("w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = log.read_text().splitlines()
        wrong = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-20:]
        sys.exit("\n".join(["the book does not build without warnings:", *wrong[:40], f"see {log}"]))
    return made / "html"


def run_table(reports: list[Report]) -> str:
    """Return what was run, one line a notebook."""
    width = max(len(report.notebook) for report in reports)
    lines = [f"{'notebook':{width}}  profile  seconds  verdict"]
    for report in reports:
        seconds = "reused" if report.reused else f"{report.seconds:.0f}"
        lines.append(f"{report.notebook:{width}}  {report.profile:7}  {seconds:>7}  {report.verdict}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="quick", choices=PROFILES)
    parser.add_argument("--chapter", type=int)
    parser.add_argument("--output", type=Path, help="folder that gets _build/html; by default the repository")
    asked = parser.parse_args()
    root = project_root()
    output = (asked.output or root).resolve()
    reports = run_all(asked.profile, asked.chapter)
    html = build(stage(root, output, reports), output)
    print(f"\n{run_table(reports)}\n\nThe book is ready: {html / 'index.html'}")
    if any(report.verdict not in ("ok", f"no band for profile {report.profile}") for report in reports):
        sys.exit(1)


if __name__ == "__main__":
    main()
