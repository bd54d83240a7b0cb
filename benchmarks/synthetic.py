"""How fast are generated birds painted? Batches of distances in torch beside Pillow drawing the same scene at 4x.

usage: python benchmarks/synthetic.py [--images 256] [--size 64] [--repeats 5] [--threads 2] [--device cpu]
                                      [--out benchmarks/synthetic.csv]

One process, one run, variants taking turns, medians: compare the ratios, not the seconds. Pillow gets every advantage:
the shapes, colours and the background are worked out for it beforehand, it draws each mask only inside the shape's
box, and it runs on one image after the other without overhead of ours. It draws without blended necks and with the
image four times as large, then shrinks it; that both make nearly the same pictures and labels is asserted before
anything is timed. "painting" is the same work in torch, geometry included; "render_birds" adds light and all truth.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from torch import Tensor
from tqdm import tqdm

from fgr.data.synthetic.birds import render_birds
from fgr.data.synthetic.birds.nuisance import nuisance
from fgr.data.synthetic.birds.plumage import Plumage, paint_birds
from fgr.data.synthetic.birds.scene import Scene, paint_before, paint_behind
from fgr.data.synthetic.birds.skeleton import skeleton
from fgr.data.synthetic.canvas import Canvas
from fgr.data.synthetic.shapes import Ellipse, Polygon, Shape, Stroke
from fgr.results.rows import provenance

SPECIES, DIFFICULTY = 100, 0.5
FINE = 4  # Pillow's supersampling
CHUNK = 1 << 20  # pixels painted at once, as in the library
PEER_IMAGES = 16  # of Pillow, one by one


class Recorder(Canvas):
    """A canvas that paints nothing and notes what it is told to paint."""

    def paint(self, shape: Shape, color: Tensor, opacity=1.0, softness=0.0, label=None, clip=None) -> None:
        self.__dict__.setdefault("calls", []).append((shape, color, opacity, softness, label, clip))


def paint(canvas: Canvas, index: Tensor) -> Canvas:
    """Paint the scenes of some samples, but for the light, on any canvas."""
    species, pose = index % SPECIES, nuisance(0, index, DIFFICULTY)
    scene, bones = Scene(0, index, DIFFICULTY), skeleton(index % SPECIES, SPECIES, pose)
    paint_behind(canvas, scene, bones)
    paint_birds(canvas, bones, Plumage(species, SPECIES, pose))
    paint_before(canvas, scene)
    return canvas


def in_torch(index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return images and labels of some samples, painted by the library."""
    parts = []
    for some in index.split(max(8, CHUNK // size**2)):
        background = Scene(0, some, DIFFICULTY).background()
        canvas = paint(Canvas(len(some), size, size, background, some.device), some)
        parts.append((canvas.uint8(), canvas.labels))
    images, labels = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(labels)


def outlines(shape: Shape, row: int, side: int) -> list[list[tuple[float, float]]]:
    """Return closed outlines, in pixels of an image of `side`, that together fill one sample of a shape."""
    if isinstance(shape, Polygon):
        corners = shape.vertices[row if len(shape.vertices) > 1 else 0]
        return [[tuple(p) for p in (corners * side).tolist()]]
    if isinstance(shape, Ellipse):
        (cx, cy), (a, b), angle = shape.centre[row].tolist(), shape.radii[row].tolist(), shape.angle[row].item()
        t = np.arange(40) * (2 * np.pi / 40)
        x = cx + a * np.cos(t) * np.cos(angle) - b * np.sin(t) * np.sin(angle)
        y = cy + a * np.cos(t) * np.sin(angle) + b * np.sin(t) * np.cos(angle)
        return [list(zip(x * side, y * side, strict=True))]
    if isinstance(shape, Stroke):
        points, radii = (shape.points[row] * side).numpy(), (shape.radii[row] * side).numpy()
        found = []
        t = np.arange(16) * (2 * np.pi / 16)
        for (x, y), r in zip(points, radii, strict=True):
            found.append(list(zip(x + r * np.cos(t), y + r * np.sin(t), strict=True)))
        for k in range(len(points) - 1):
            a, b = points[k : k + 2]
            across = np.array([a[1] - b[1], b[0] - a[0]]) / max(np.hypot(*(b - a)), 1e-9)
            quad = (a + across * radii[k], b + across * radii[k + 1], b - across * radii[k + 1], a - across * radii[k])
            found.append([tuple(p) for p in quad])
        return found
    return [outline for part in shape.shapes for outline in outlines(part, row, side)]


def orders(canvas: Recorder, row: int, size: int) -> list[tuple]:
    """Return what Pillow has to draw for one sample: outlines, their box, colour, opacity, blur, label, clip."""
    found, side = [], size * FINE
    for shape, color, opacity, softness, label, clip in canvas.calls:
        opacity = float(opacity[row] if isinstance(opacity, Tensor) else opacity)
        softness = float(softness[row] if isinstance(softness, Tensor) else softness)
        color = color[row] if color.ndim == 2 else color
        drawn = outlines(shape, row, side)
        points = np.concatenate([np.array(outline) for outline in drawn])
        near = np.floor(points.min(0) - softness * side / 2).clip(0, side).astype(int)
        far = np.ceil(points.max(0) + softness * side / 2 + 1).clip(0, side).astype(int)
        if opacity > 0 and (far > near).all():
            rgb = tuple(int(v) for v in (color * 255).clamp(0, 255).round().tolist())
            masked = outlines(clip, row, side) if clip is not None else None
            moved = [[[(x - near[0], y - near[1]) for x, y in o] for o in part] for part in (drawn, masked or [])]
            found.append(((*near, *far), moved[0], rgb, opacity, softness * side, label, moved[1] if masked else None))
    return found


def in_pillow(background: Image.Image, work: list[tuple], size: int) -> tuple[Image.Image, Image.Image]:
    """Draw one scene four times as large, and shrink it."""
    image, labels = background.copy(), Image.new("L", background.size)

    def mask_of(drawn: list, extent: tuple[int, int]) -> Image.Image:
        mask = Image.new("L", extent)
        draw = ImageDraw.Draw(mask)
        for outline in drawn:
            draw.polygon(outline, fill=255)
        return mask

    for box, drawn, color, opacity, blur, label, clip in work:
        extent = (box[2] - box[0], box[3] - box[1])
        mask = mask_of(drawn, extent)
        if blur > FINE:
            mask = mask.filter(ImageFilter.GaussianBlur(blur / 4))
        if clip is not None:
            mask = ImageChops.multiply(mask, mask_of(clip, extent))
        if label is not None and opacity > 0.5:
            labels.paste(label, box, mask)
        if opacity < 1:
            mask = mask.point(lambda value, opacity=opacity: int(value * opacity))
        image.paste(color, box, mask)
    return image.resize((size, size), Image.Resampling.BOX), labels.resize((size, size), Image.Resampling.NEAREST)


def peer(size: int) -> list[Callable[[], tuple[Image.Image, Image.Image]]]:
    """Return one function a sample that draws it with Pillow, all else prepared."""
    index, side = torch.arange(PEER_IMAGES), size * FINE
    ground = Canvas(PEER_IMAGES, side, side, Scene(0, index, DIFFICULTY).background()).uint8()
    recorder = paint(Recorder(PEER_IMAGES, size, size, torch.zeros(3)), index)
    grounds = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in ground]
    work = [orders(recorder, row, size) for row in range(PEER_IMAGES)]
    return [lambda row=row: in_pillow(grounds[row], work[row], size) for row in range(PEER_IMAGES)]


def check(draws: list[Callable], size: int) -> None:
    """Stop unless both make nearly the same pictures and labels."""
    images, labels = in_torch(torch.arange(PEER_IMAGES), size)
    theirs = [draw() for draw in draws]
    pictures = np.stack([np.asarray(image) for image, _ in theirs]).astype(float)
    off = np.abs(images.permute(0, 2, 3, 1).numpy() - pictures).mean()
    same = (np.stack([np.asarray(label) for _, label in theirs]) == labels.numpy()).mean()
    print(f"mean difference to Pillow: {off:.2f} grey levels; labels equal on {100 * same:.1f} % of the pixels")
    if off > 4 or same < 0.96:
        raise SystemExit("the two do not paint the same scenes: the times would compare nothing")


def measure(images: int, size: int, repeats: int, threads: int, device: str) -> list[dict]:
    """Time all variants in turns and return one line each."""
    draws, index = peer(size), torch.arange(images, device=device)
    check(draws, size)
    variants: dict[str, tuple[Callable[[], object], int, int]] = {
        "Pillow, 4x supersampling": (lambda: [draw() for draw in draws], PEER_IMAGES, 1)
    }
    for n in sorted({1, threads}):
        variants[f"painting, {n} threads"] = (lambda: in_torch(index, size), images, n)
        variants[f"render_birds, {n} threads"] = (lambda: render_birds(index, size, SPECIES, DIFFICULTY), images, n)
    seconds: dict[str, list[float]] = {variant: [] for variant in variants}
    for turn in tqdm(range(repeats + 1), disable=not sys.stderr.isatty()):
        for variant, (work, count, n) in variants.items():
            torch.set_num_threads(n)
            began = time.perf_counter()
            work()
            if device != "cpu":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[variant].append((time.perf_counter() - began) / count)
    each = {variant: statistics.median(times) for variant, times in seconds.items()}
    made = provenance()
    return [
        {
            "variant": variant,
            "size": size,
            "milliseconds_an_image": round(1000 * taken, 3),
            "images_a_second": round(1 / taken),
            "times_faster": round(each["Pillow, 4x supersampling"] / taken, 2),
            "repeats": repeats,
            "device": device if device != "cpu" else f"cpu, {variants[variant][2]} threads, {platform.machine()}",
            "torch": made["torch"],
            "commit": made["commit"],
            "source_hash": made["source_hash"],
        }
        for variant, taken in each.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    table = pd.DataFrame(measure(asked.images, asked.size, asked.repeats, asked.threads, asked.device))
    print(table[["variant", "size", "milliseconds_an_image", "images_a_second", "times_faster"]].to_string(index=False))
    if asked.out:
        table.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
