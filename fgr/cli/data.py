"""`fgr data`: what data there is, where it is, and whether it is what it should be.

The readers are imported inside the commands, so that --help answers at once.
"""

import inspect
import shutil
import textwrap
from typing import Annotated

import typer

from fgr.cli.errors import clear_errors
from fgr.paths import data_root

app = typer.Typer(no_args_is_help=True, help="Look at data sets, fetch and verify them. FGR_DATA names their folder.")

Names = Annotated[list[str], typer.Argument(help="Data sets, e.g. mnist cifar10; `fgr data list` shows them.")]
KINDS = {
    "real": "real: fetched and verified by hash, or unpacked by hand where no hash is published",
    "generated": "generated: drawn here, with the truth known",
    "restricted": "restricted: to be asked for; `fgr data show NAME` says where",
    "weights": "weights: of networks trained by others",
}
INDENT = 12


@app.command("list")
@clear_errors
def list_sets() -> None:
    """List every data set by kind: what this machine has of it, its size, its number of images."""
    from fgr.data.fetch import state
    from fgr.data.manifests import manifest, names

    entries = [manifest(name) for name in names()]
    for kind, heading in KINDS.items():
        typer.echo(f"{heading}\n  {'name':20}{'here':11}{'download':>10}{'images':>11}  title")
        for entry in entries:
            if entry.kind == kind:
                size, images = _size([file.bytes for file in entry.files]), _images(entry.splits)
                typer.echo(f"  {entry.name:20}{state(entry.name):11}{size:>10}{images:>11}  {entry.title}")
        typer.echo()
    typer.echo(
        f"here, that is in {data_root()}: verified by hash, unverified (not all of it), unchecked (no hash is known), "
        "drawn, - (nothing)"
    )


@app.command()
@clear_errors
def show(name: Annotated[str, typer.Argument(help="A data set.")]) -> None:
    """Show one manifest: licence, citation, splits, options, files with their hashes, known faults, card."""
    from fgr.data import readers
    from fgr.data.fetch import folder_of, state
    from fgr.data.manifests import manifest

    entry = manifest(name)
    typer.echo(f"{entry.title} ({entry.name} {entry.version}, {entry.kind})\n{entry.url}\n")
    typer.echo(textwrap.fill(entry.description, _width()) + "\n")
    _say("here", f"{state(name)}: {folder_of(name)}")
    _say("licence", entry.licence)
    _say("cite", entry.citation)
    _say("splits", ", ".join(f"{split} {_count(count)}" for split, count in entry.splits.items()))
    _say("protocol", entry.protocol)
    if name in readers.names():
        options = list(inspect.signature(readers.reader(name)).parameters.values())[2:]
        said = ", ".join(str(option).replace("'", '"') for option in options) or "none"
        _say("options", f"{said}; e.g. load({name!r}, split={next(iter(entry.splits))!r})")
    _say("obtain", entry.obtain)
    for fault in entry.faults:
        _say("fault", fault)
    if entry.card:
        _say("consent", entry.card.consent)
        _say("people", entry.card.people)
        _say("use", entry.card.use)
        _say("never", entry.card.never)
    for file in entry.files:
        what = f"{file.name}  {_count(file.bytes)} bytes  {' '.join(file.checksum)}"
        _say("archive" if file.unpack else "file", what + (f" ({file.stated_by})" if file.stated_by else ""))


@app.command()
@clear_errors
def fetch(sets: Names) -> None:
    """Fetch data sets and check them by hash; what is here already is not fetched again.

    A set that cannot be had does not keep the others from being fetched.
    """
    from fgr.data import fetch as files
    from fgr.data.manifests import manifest

    for name in sets:
        manifest(name)  # every name is checked before the first download
    failed = []
    for name in sets:
        try:
            typer.echo(f"{name}: {files.fetch(name)}")
        except files.FetchError as error:
            failed.append(str(error))
    if failed:
        raise files.FetchError("\nfgr: ".join(failed))


@app.command()
@clear_errors
def verify(
    sets: Annotated[list[str] | None, typer.Argument(help="Data sets; without any, all that this machine has.")] = None,
) -> None:
    """Hash every file of data sets and report missing, changed and surplus ones; exit code 1 if there are any."""
    from fgr.data import fetch as files
    from fgr.data.manifests import manifest, names

    chosen = sets or [name for name in names() if files.state(name) != "-"]
    for name in chosen:
        manifest(name)
    if not chosen:
        typer.echo(f"{data_root()} holds no data set; get one with: fgr data fetch mnist")
    bad = False
    for name in chosen:
        found = files.verify(name)
        bad |= bool(found)
        for problem in found:
            typer.echo(f"{name}: {problem}")
        if not found:
            entry = manifest(name)
            unhashed = "drawn here, nothing to compare with" if entry.kind == "generated" else "no hash is published"
            typer.echo(f"{name}: {'ok' if entry.files else unhashed}")
    if bad:
        raise typer.Exit(1)


@app.command()
@clear_errors
def where(
    name: Annotated[str | None, typer.Argument(help="A data set; without it, the folder of all.")] = None,
) -> None:
    """Print the folder that holds the data, or that of one set; it need not exist yet."""
    if name is None:
        typer.echo(str(data_root()))
        return
    from fgr.data.fetch import folder_of
    from fgr.data.manifests import manifest

    typer.echo(str(folder_of(manifest(name).name)))


def _say(label: str, text: str) -> None:
    """Print a labelled paragraph, its lines below each other."""
    if text:
        hanging = textwrap.fill(text, _width() - INDENT, break_long_words=False, break_on_hyphens=False)
        typer.echo(f"{label:{INDENT}}" + hanging.replace("\n", "\n" + " " * INDENT))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 120)


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _size(sizes: list[int | None]) -> str:
    if not sizes:
        return "-"
    return "?" if None in sizes else f"{sum(sizes) / 1e6:,.1f} MB"


def _images(splits: dict[str, int | None]) -> str:
    """Return the number of images in all splits; trainval is train and validation."""
    if "all" in splits:
        return "" if splits["all"] is None else f"{splits['all']:,}"
    parts = [count for split, count in splits.items() if split != "trainval"]
    if None in parts and "trainval" in splits:
        parts = [splits["trainval"], splits.get("test", 0)]
    return "" if not parts or None in parts else f"{sum(parts):,}"
