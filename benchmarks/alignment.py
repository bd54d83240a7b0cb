"""How fast are faces warped onto a reference? Batches in torch beside scikit-image's piecewise-affine warp.

usage: python benchmarks/alignment.py [--frames 32] [--repeats 15] [--device cpu] [--out benchmarks/alignment.csv]

One process, one run, the same number of threads for all, variants taking turns, the fastest turn of each (other
programs only ever add to it): compare the ratios, not the seconds. Frames are 224 x 224 with 66 landmarks and three
channels, warped to 224 x 224. scikit-image does one frame at a time, estimates the affine map of every triangle anew
and reads the image bilinearly; ours has worked the mesh out once, which is timed on a line of its own. That both make
the same pictures is asserted before anything is timed.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skimage.transform import PiecewiseAffineTransform, warp
from torch import Tensor
from tqdm import tqdm

from fgr.alignment import PiecewiseAffine, aligned_crop
from fgr.results.rows import provenance

SIDE, POINTS, CHANNELS = 224, 66, 3
PEER, PEER_FRAMES = "scikit-image", 4  # that scikit-image warps in one turn


def make(frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return a reference, images and landmarks: 66 points spread over an oval like the seeds of a sunflower, shaken."""
    generator = torch.Generator().manual_seed(0)
    number = torch.arange(POINTS) + 0.5
    radius, angle = (number / POINTS).sqrt() * 0.46 * SIDE, number * 2.399963
    reference = torch.stack([0.85 * radius * angle.cos(), radius * angle.sin()], -1) + SIDE / 2
    landmarks = reference + 1.5 * torch.randn(frames, POINTS, 2, generator=generator)
    return reference, torch.rand(frames, CHANNELS, SIDE, SIDE, generator=generator), landmarks


def by_scikit_image(reference: Tensor, image: Tensor, landmarks: Tensor) -> np.ndarray:
    """Warp one frame (C, H, W) with scikit-image; return (H, W, C)."""
    transform = PiecewiseAffineTransform.from_estimate(reference.double().numpy(), landmarks.double().numpy())
    return warp(image.permute(1, 2, 0).numpy(), transform, output_shape=(SIDE, SIDE), order=1, mode="constant")


def check(module: PiecewiseAffine, reference: Tensor, images: Tensor, landmarks: Tensor, device: str) -> None:
    """Stop unless both warp a frame alike."""
    ours = module(images[:1].to(device), landmarks[:1].to(device))[0].permute(1, 2, 0).cpu().numpy()
    theirs = by_scikit_image(reference, images[0], landmarks[0])
    inside = module.mask.cpu().numpy()
    np.testing.assert_allclose(ours[inside], theirs[inside], rtol=0, atol=2e-3)


def measure(frames: int, repeats: int, device: str) -> list[dict]:
    """Time all variants in turns and return one line a variant."""
    reference, images, landmarks = make(frames)
    module = PiecewiseAffine(reference, (SIDE, SIDE)).to(device)
    check(module, reference, images, landmarks, device)
    there, aim = (images.to(device), landmarks.to(device)), reference.to(device)

    def peer() -> None:
        for image, points in zip(images[:PEER_FRAMES], landmarks):
            by_scikit_image(reference, image, points)

    work: dict[str, tuple[Callable[[], object], int]] = {  # what to do, and for how many frames that is
        PEER: (peer, PEER_FRAMES),
        "PiecewiseAffine, one frame": (lambda: module(there[0][:1], there[1][:1]), 1),
        f"PiecewiseAffine, {frames} frames": (lambda: module(*there), frames),
        f"aligned_crop, {frames} frames": (lambda: aligned_crop(*there, aim, (SIDE, SIDE)), frames),
        "the mesh, once": (lambda: PiecewiseAffine(reference, (SIDE, SIDE)), 1),
    }
    taken: dict[str, list[float]] = {variant: [] for variant in work}
    for turn in tqdm(range(repeats + 1), disable=not sys.stderr.isatty()):
        for variant, (run, count) in work.items():
            began = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                taken[variant].append((time.perf_counter() - began) / count)
    each = {variant: min(seconds) for variant, seconds in taken.items()}
    made = provenance()
    return [
        {
            "variant": variant,
            "milliseconds_a_frame": round(1000 * seconds, 3),
            "times_faster": round(each[PEER] / seconds, 1),
            "repeats": repeats,
            "device": device if device != "cpu" else f"cpu, {torch.get_num_threads()} threads, {platform.machine()}",
            "torch": made["torch"],
            "commit": made["commit"],
            "source_hash": made["source_hash"],
        }
        for variant, seconds in each.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    table = pd.DataFrame(measure(asked.frames, asked.repeats, asked.device))
    print(table[["variant", "milliseconds_a_frame", "times_faster"]].to_string(index=False))
    if asked.out:
        table.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
