"""The command line: `fgr run`, `results`, `claims`, `data`, `features`, `sequence`. `fgr --help` explains."""

import sys
from typing import Annotated

import typer
import yaml

from fgr.cli import data, features, results, sequence
from fgr.cli.errors import clear_errors
from fgr.config import ParameterError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run the companion of the thesis: its notebooks, results, claims and data.",
    epilog="Start with: fgr run ch05_orthoreg --profile quick. FGR_DEBUG=1 prints where an error was raised.",
)


def parse_settings(settings: list[str]) -> dict[str, object]:
    """Parse key=value pairs with values in YAML.

    Raises:
        ParameterError: on what is no such pair, or a pair without a value.

    Example:
        >>> parse_settings(["epochs=3", "seeds=[0, 1]", "dataset=mnist"])
        {'epochs': 3, 'seeds': [0, 1], 'dataset': 'mnist'}
    """
    parsed = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set takes key=value, got {setting!r}; e.g. --set epochs=3 --set 'seeds=[0, 1]'")
        try:
            parsed[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            reason = getattr(error, "problem", None) or "not YAML"
            raise ParameterError(f"--set {name}: {value!r} is not a value ({reason})") from error
        if parsed[name] is None:  # it would leave the profile's, which nobody asks for by naming it
            raise ParameterError(
                f"--set {setting} gives no value; write one behind the =, or leave it out for the profile's"
            )
    return parsed


@app.command()
@clear_errors
def run(
    notebook: Annotated[str, typer.Argument(help="Name without suffix, e.g. ch05_orthoreg.")],
    profile: Annotated[str, typer.Option(help="Size: smoke, quick, laptop or paper.")] = "quick",
    settings: Annotated[list[str], typer.Option("--set", help="A parameter, key=value in YAML; repeatable.")] = (),
    reuse: Annotated[bool, typer.Option(help="Keep a finished run of equal parameters, library and notebook.")] = False,
) -> None:
    """Run one notebook through papermill.

    The executed notebook, its rows and a report land in runs/<notebook>/<profile>/. An explicit --set wins over the
    profile, the profile over the defaults (the smoke profile). Example:

    fgr run ch05_orthoreg --profile quick --set 'seeds=[0, 1, 2]' --set epochs=20
    """
    from fgr.cli.runner import run_notebook  # torch and all experiments: not for --help

    report = run_notebook(notebook, profile, parse_settings(list(settings)), reuse)
    what = "reused: parameters, library and notebook are unchanged" if report.reused else f"{report.seconds:.0f} s"
    typer.echo(f"{report.notebook} {report.profile}: {report.verdict} ({what})\n{report.output}")
    if report.verdict not in ("ok", f"no band for profile {profile}"):
        sys.exit(1)


app.add_typer(results.app, name="results")
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(sequence.app, name="sequence")
app.command("claims")(results.claims)
