"""`fgr data`: what data there is, where it is, and whether it is what it should be.

The readers are imported inside the commands, so that --help answers at once.
"""

from typing import Annotated

import typer

from fgr.cli.errors import clear_errors
from fgr.paths import data_root

app = typer.Typer(no_args_is_help=True, help="Look at data sets, fetch and verify them. FGR_DATA names their folder.")

Names = Annotated[list[str], typer.Argument(help="Data sets, e.g. mnist cifar10; `fgr data list` shows them.")]


@app.command("list")
@clear_errors
def list_sets() -> None:
    """List every data set: kind, size, whether it is here, licence."""
    from fgr.data.manifests import manifest, names

    for name in names():
        entry = manifest(name)
        size = sum(file.bytes for file in entry.files) / 1e6
        here = all((data_root() / name / file.name).exists() for file in entry.files)
        typer.echo(
            f"{name:20} {entry.kind:10} {size:8.1f} MB  {'here' if here else '-':5} {entry.title}  [{entry.licence}]"
        )


@app.command()
@clear_errors
def show(name: Annotated[str, typer.Argument(help="A data set.")]) -> None:
    """Show one manifest: licence, citation, split protocol, files with their hashes, known faults."""
    from fgr.data.manifests import manifest

    entry = manifest(name)
    typer.echo(f"{entry.title} ({entry.name} {entry.version}, {entry.kind})\n{entry.url}\n\n{entry.description}\n")
    for label, text in (
        ("licence", entry.licence),
        ("cite", entry.citation),
        ("splits", ", ".join(f"{split} {count:,}" for split, count in entry.splits.items())),
        ("protocol", entry.protocol),
        ("obtain", entry.obtain),
        ("faults", " ".join(entry.faults)),
    ):
        if text:
            typer.echo(f"{label:9} {text}")
    for file in entry.files:
        typer.echo(f"{'file':9} {file.name}  {file.bytes:,} bytes  sha256 {file.sha256}")


@app.command()
@clear_errors
def fetch(sets: Names) -> None:
    """Fetch data sets and check them by hash; what is here already is not fetched again."""
    from fgr.data import fetch as files
    from fgr.data.manifests import manifest

    for name in sets:
        manifest(name)  # every name is checked before the first download
    for name in sets:
        typer.echo(f"{name}: {files.fetch(name)}")


@app.command()
@clear_errors
def verify(sets: Names) -> None:
    """Hash every file of a data set and report missing, changed and surplus ones; exit code 1 if there are any."""
    from fgr.data import fetch as files

    problems = {name: files.verify(name) for name in sets}
    for name, found in problems.items():
        typer.echo(f"{name}: ok" if not found else "\n".join(f"{name}: {problem}" for problem in found))
    if any(problems.values()):
        raise typer.Exit(1)


@app.command()
@clear_errors
def where() -> None:
    """Print the folder that holds the data."""
    typer.echo(str(data_root()))
