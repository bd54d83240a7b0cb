"""`fgr sequence`: train, test and apply a recurrent network on features of video frames."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fgr.cli.errors import clear_errors

if TYPE_CHECKING:  # torch is imported inside the commands, so that --help answers at once
    from fgr.experiments.sequences import Predictions
    from fgr.training import Epoch

app = typer.Typer(no_args_is_help=True, help="Recurrent networks on features that `fgr features extract` wrote.")

Features = Annotated[Path, typer.Argument(help="Features (safetensors).")]
Run = Annotated[Path, typer.Argument(help="Folder of a run of `fgr sequence train`.")]
Out = Annotated[Path | None, typer.Option(help="CSV to write, a line for every frame with a full window.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]


@app.command()
@clear_errors
def train(
    training: Features,
    run: Annotated[Path, typer.Argument(help="Folder for model and checkpoint; a run there is resumed.")],
    validation: Annotated[Path | None, typer.Option(help="Features of other videos; chooses the best epoch.")] = None,
    task: Annotated[str, typer.Option(help="regression or classification.")] = "regression",
    window: Annotated[int, typer.Option(help="Frames that the network sees to judge the last of them.")] = 16,
    pad: Annotated[bool, typer.Option(help="Repeat the first frame, so that all frames are judged.")] = False,
    hidden: Annotated[int, typer.Option(help="Units of a layer.")] = 200,
    layers: Annotated[int, typer.Option(help="How many.")] = 1,
    dropout: Annotated[float, typer.Option(help="After every layer.")] = 0.0,
    batch_norm: Annotated[bool, typer.Option(help="Recurrent batch normalisation.")] = False,
    standardize: Annotated[
        bool, typer.Option(help="Features, and labels in regression, by training statistics.")
    ] = True,
    epochs: Annotated[int, typer.Option(help="At most.")] = 100,
    patience: Annotated[int, typer.Option(help="Epochs without a better validation loss; 0: never stop early.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Windows a step.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 0.01,
    clip: Annotated[float, typer.Option(help="Longest gradient.")] = 5.0,
    shuffle: Annotated[bool, typer.Option(help="--no-shuffle takes windows in the order of the file.")] = True,
    balance: Annotated[
        bool, typer.Option(help="Train on as many windows without a label of 1 or more as with.")
    ] = False,
    class_weights: Annotated[bool, typer.Option(help="Weigh classes by 1 - their share.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, order and dropout.")] = 0,
    device: Device = "auto",
) -> None:
    """Train an LSTM; the same command again resumes it.

    Example: fgr sequence train train.safetensors runs/pain --validation val.safetensors --window 16
    """
    from fgr.data.feature_files import load_features
    from fgr.experiments.sequences import SequenceSettings, fit

    settings = SequenceSettings(
        task=task,
        window=window,
        pad=pad,
        hidden=hidden,
        layers=layers,
        dropout=dropout,
        batch_norm=batch_norm,
        standardize=standardize,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        lr=lr,
        clip=clip,
        shuffle=shuffle,
        balance=balance,
        class_weights=class_weights,
        seed=seed,
    )
    judged = load_features(validation) if validation is not None else None
    _, history = fit(load_features(training), judged, settings, run, device=device, recorder=_live)
    if judged is None:
        typer.echo(f"{run}: {len(history)} epochs, training loss {history[-1].loss:.4g}")
    else:
        best = min(history, key=lambda epoch: next(iter(epoch.metrics.values())))
        typer.echo(f"{run}: best of {len(history)} epochs is {best.epoch}: {_say(best.metrics)}")


@app.command()
@clear_errors
def test(run: Run, features: Features, out: Out = None, device: Device = "auto") -> None:
    """Judge a trained network on labelled frames, and keep its outputs if --out is given."""
    from fgr.experiments.sequences import scores

    found = _apply(run, features, out, device)
    typer.echo(f"{features}: {len(found.frames)} frames judged: {_say(scores(found))}")


@app.command()
@clear_errors
def predict(
    run: Run, features: Features, out: Annotated[Path, typer.Argument(help="CSV to write.")], device: Device = "auto"
) -> None:
    """Write what a trained network says of every frame with a full window; labels are copied, not compared."""
    found = _apply(run, features, out, device)
    typer.echo(f"{out}: {len(found.frames)} frames")


def _apply(run: Path, features: Path, out: Path | None, device: str) -> "Predictions":
    from fgr.data.feature_files import load_features
    from fgr.experiments.sequences import load_model, write_predictions
    from fgr.experiments.sequences.fit import MODEL
    from fgr.training import local_device

    frames = load_features(features)
    found = load_model(run / MODEL).predict(frames, local_device(device))
    if out is not None:
        write_predictions(out, frames, found)
    return found


def _live(epoch: "Epoch") -> None:
    """Say what an epoch brought, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"epoch {epoch.epoch}: training loss {epoch.loss:.4g}, {_say(epoch.metrics)}", err=True)


def _say(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
