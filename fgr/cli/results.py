"""`fgr results` and `fgr claims`: what was measured, beside what is printed, and whether it still holds.

Torch and pandas are imported inside the commands, so that --help answers at once.
"""

import json
import math
import random
from typing import Annotated

import typer

from fgr.cli.errors import clear_errors
from fgr.paths import project_root

app = typer.Typer(no_args_is_help=True, help="Look at recorded results, or run one of them again.")


@app.command()
@clear_errors
def show(source: Annotated[str, typer.Argument(help='A place in the thesis, e.g. "T5.1" or "F5.4".')] = "") -> None:
    """Show the printed numbers of one place of the thesis, or count those of every place."""
    from fgr.results.published import published

    table = published(source or None)
    if source:
        typer.echo(table[["row", "column", "value", "deviation", "unit", "selection", "flag"]].to_string())
    else:
        typer.echo(table.groupby("source", sort=False).size().rename("numbers").to_string())


@app.command()
@clear_errors
def rerun(
    seed: Annotated[int | None, typer.Option(help="Draw the run with this seed; by default at random.")] = None,
    seconds: Annotated[float, typer.Option(help="Only draw among runs that took at most this long.")] = 600.0,
) -> None:
    """Repeat one recorded run, drawn at random, and compare its last test error.

    It runs on this machine's GPU if there is one. On another device or machine float32 training differs in detail, so
    the two errors may differ by three standard deviations of the difference of two samples of the test set's size.
    """
    from fgr.data import manifest
    from fgr.experiments import RERUNS
    from fgr.results import rows as results

    files = sorted((project_root() / "results" / "recorded").rglob("*.csv"))
    table = results.read(*files)
    chosen = table.experiment.isin(list(RERUNS)) & (table.metric == "error") & (table.split == "test")
    table = table[chosen & (table.selection == "last") & (table.seconds <= seconds)]
    if table.empty:
        raise ValueError(f"no recorded run took at most {seconds:g} s; raise --seconds")
    row = table.iloc[random.Random(seed).randrange(len(table))]
    typer.echo(f"run {row.run_id} of commit {row.commit}, {row.seconds:.0f} s then: {row.config} seed {row.seed}")
    made = RERUNS[row.experiment](row.config, int(row.seed), row.profile)
    (again,) = [r.value for r in made if (r.metric, r.split, r.selection) == ("error", "test", "last")]
    size = json.loads(row.config).get("test") or manifest(row.dataset).splits["test"]
    spread = 3 * math.sqrt(2 * max(row.value * (1 - row.value), 1 / size) / size)
    word = "holds" if abs(again - row.value) <= spread else "DIFFERS"
    typer.echo(f"test error then {row.value:.4f}, now {again:.4f}, allowed difference {spread:.4f}: {word}")
    if word != "holds":
        raise typer.Exit(1)


@clear_errors
def claims() -> None:
    """List the thesis's claims with our measured effect, its 95% interval over paired seeds, and the verdict."""
    from fgr.results.claims import judge_all, verdict_table

    table = verdict_table(judge_all(project_root() / "results"))
    typer.echo(table[["id", "effect", "95% interval", "smallest effect", "seeds", "verdict"]].to_string(index=False))
