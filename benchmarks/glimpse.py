"""What do glimpses cost? A GlimpseNet beside the same network on the whole large image, and on the small view alone.

usage: python benchmarks/glimpse.py [--repeats 5] [--device cpu] [--groups small vgg16] [--out FILE.csv]

One process, one run, variants taking turns, and the device waited for. Compare the ratios, not the seconds: a ratio is
the median over turns of two times taken after each other. Beside it stands the ratio of multiply-accumulates of Conv2d
and Linear for an image. All variants are given the large image and shrink it themselves. Two groups:

small     the networks that chapter 3 trains, 24 and 96 pixels, k = 8 or 16, n = 5; a training and an inference step.
vgg16     the thesis's network and grid, 224 and 896 pixels, k = 16, n = 5, one image at a time. The whole large image
          has 16 times as many last features; they are averaged to 7 x 7 places, or fc6 alone would have 1.6 billion
          weights.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from fgr.experiments.glimpses.runs import Cell, network, scores_of
from fgr.models.costs import costs
from fgr.models.vgg import VGG, VGG16
from fgr.results.rows import provenance

CLASSES = 8
BATCH = {"small": 16, "vgg16": 1}
SIZE = {"small": Cell.high_size, "vgg16": 896}
FEW = 2  # turns of the slow group at most
Build = Callable[[], nn.Module]


class WholeVGG16(nn.Module):
    """VGG-16 on a large image: its convolutions there, the last features averaged to 7 x 7 places, its classifier."""

    def __init__(self, num_classes: int, size: int = 224) -> None:
        super().__init__()
        self.layers = VGG(VGG16, 4096, num_classes, size)

    def forward(self, images: Tensor) -> Tensor:
        for name, layer in self.layers.named_children():
            images = F.adaptive_avg_pool2d(images, 7) if name == "flatten" else images
            images = layer(images)
        return images


def variants(group: str) -> dict[str, Build]:
    """Return the networks of a group; the first is what ratios are over."""
    if group == "small":
        cells = {
            "whole large image": Cell(network="high"),
            "glimpses, k = 8, n = 5": Cell(),
            "glimpses, k = 16, n = 5": Cell(grid=16),
            "small view alone": Cell(network="low"),
        }
        return {name: lambda cell=cell: network(cell, CLASSES) for name, cell in cells.items()}
    ours = {"backbone": "vgg16", "low_size": 224, "high_size": 896, "grid": 16, "depth": 3, "hidden": 4096}
    return {
        "whole large image": lambda: WholeVGG16(CLASSES),
        "glimpses, k = 16, n = 5": lambda: network(Cell(**ours), CLASSES),
        "small view alone": lambda: network(Cell(network="low", **ours), CLASSES),
    }


def step_of(build: Build, shape: tuple[int, ...], training: bool, device: str) -> Callable[[], None]:
    """Return one step: forward, backward and update, or forward alone."""
    torch.manual_seed(0)
    model = build().to(device).train(training)
    images, targets = torch.randn(shape, device=device), torch.zeros(shape[0], dtype=torch.int64, device=device)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)

    def step() -> None:
        if not training:
            with torch.inference_mode():
                model(images)
            return
        optimizer.zero_grad()
        F.cross_entropy(scores_of(model(images)), targets).backward()
        optimizer.step()

    return step


def measure(group: str, training: bool, asked: argparse.Namespace) -> list[dict]:
    """Time all variants of a group in turns and return one line each."""
    shape = (BATCH[group], 3, SIZE[group], SIZE[group])
    builds = variants(group)
    steps = {name: step_of(build, shape, training, asked.device) for name, build in builds.items()}
    repeats = asked.repeats if group == "small" else min(asked.repeats, FEW)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in tqdm(range(repeats + 1), desc=group, disable=not sys.stderr.isatty()):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if asked.device != "cpu":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - began)
    work = {name: costs(build, *shape[1:]) for name, build in builds.items()}
    first = next(iter(builds))
    made = provenance()
    cpu = f"cpu, {torch.get_num_threads()} threads"
    return [
        {
            "group": group,
            "variant": name,
            "step": "training" if training else "inference",
            "batch": shape[0],
            "seconds_a_step": round(statistics.median(seconds[name]), 4),
            "ratio": round(statistics.median(a / b for a, b in zip(seconds[name], seconds[first])), 4),
            "macs_ratio": round(work[name].macs / work[first].macs, 4),
            "macs": work[name].macs,
            "parameters": work[name].parameters,
            "repeats": repeats,
            "device": cpu if asked.device == "cpu" else torch.cuda.get_device_name(),
            "torch": made["torch"],
            "commit": made["commit"],
            "source_hash": made["source_hash"],
        }
        for name in builds
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--groups", nargs="+", default=list(BATCH), choices=list(BATCH))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    lines = [line for group in asked.groups for training in (True, False) for line in measure(group, training, asked)]
    found = pd.DataFrame(lines)
    print(found[["group", "variant", "step", "batch", "seconds_a_step", "ratio", "macs_ratio"]].to_string(index=False))
    if asked.out:
        found.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
