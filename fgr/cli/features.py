"""`fgr features`: what a network computes for the frames of videos, kept for models of sequences."""

from pathlib import Path
from typing import Annotated

import typer

from fgr.cli.errors import clear_errors
from fgr.config import ParameterError

app = typer.Typer(no_args_is_help=True, help="Features of video frames, for `fgr sequence`.")


@app.callback()
def main() -> None:
    """Keep `extract` a command of its own, as long as it is the only one."""


@app.command()
@clear_errors
def extract(
    frames: Annotated[Path, typer.Argument(help="List file: a line `path label sequence` for each frame.")],
    out: Annotated[Path, typer.Argument(help="File to write (safetensors).")],
    model: Annotated[str, typer.Option(help="vgg_face, face_cnn, or any network of torchvision, e.g. resnet18.")],
    layer: Annotated[str, typer.Option(help="Name of the layer, e.g. relu6 (Caffe's fc6), avgpool.")],
    weights: Annotated[str, typer.Option(help="Checkpoint file, torchvision's name (DEFAULT), or random.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder that relative paths start from; default: the list's.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side that images are scaled to, in pixels.")] = 224,
    mean: Annotated[str | None, typer.Option(help="Of pixels in [0, 1]: red,green,blue.")] = None,
    std: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    bgr: Annotated[bool | None, typer.Option("--bgr/--rgb", help="Blue first, as Caffe's networks read.")] = None,
    batch_size: Annotated[int, typer.Option(help="Images at once.")] = 32,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
) -> None:
    """Write features of every frame of a list, with labels and sequences.

    All frames of one video bear the same number and stand together, in time order:

    anna/001.png 0 1

    anna/002.png 2 1

    bert/001.png 0 2

    Example: fgr features extract train.txt train.safetensors --model vgg_face --weights vgg_face.pth --layer relu6
    """
    from fgr.experiments.frame_features import extract as compute
    from fgr.models.named import preparation

    constants = preparation(model)
    given = {"mean": mean and _numbers(mean, "--mean"), "std": std and _numbers(std, "--std"), "bgr": bgr}
    constants = constants._replace(**{name: value for name, value in given.items() if value is not None})
    found = compute(
        frames,
        out,
        model=model,
        weights=weights,
        layer=layer,
        root=root,
        size=size,
        prepare=constants,
        batch_size=batch_size,
        device=device,
    )
    videos = len(found.sequences.unique())
    typer.echo(f"{out}: {found.features.shape[1]} features of {len(found)} frames in {videos} sequences")


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 3):
        raise ParameterError(f"{option} takes one number or three, red,green,blue, got {text!r}")
    return numbers
