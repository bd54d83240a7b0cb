"""Geometry of generated faces: curves, projection, the search for what a pixel shows, and shapes that stay possible."""

import math

import pytest
import torch

from fgr.data.synthetic.faces.draw import place_landmarks
from fgr.data.synthetic.faces.factors import AUS, FaceFactors, average_face
from fgr.data.synthetic.faces.hairstyle import hairstyle_of
from fgr.data.synthetic.faces.interpolate import bell, evaluate, graph, inside, polynomial, smoothstep
from fgr.data.synthetic.faces.landmarks import both_sides, half_shape
from fgr.data.synthetic.faces.population import people, photographs
from fgr.data.synthetic.faces.surface import build_surface, look_up
from fgr.data.synthetic.faces.view import PIVOT, cast, grid, landmark_points, project, view_of


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> FaceFactors:
    """Return the average face in a pose."""
    return average_face()._replace(pose=torch.tensor([[yaw, pitch, roll]]))


def test_graph_with_loops() -> None:
    """Hermite pieces with tangents from the neighbouring slopes, constant outside, one point at a time."""
    knots = torch.tensor([[0.0, 0.7, 1.5, 2.0], [-1.0, 0.0, 0.2, 3.0]])
    values = torch.tensor([[1.0, 3.0, 2.0, 2.5], [0.0, -1.0, 4.0, 4.0]])
    x = torch.linspace(-2, 4, 61).expand(2, -1)
    found = graph(knots, values, x)
    for b in range(2):
        k, v = knots[b].tolist(), values[b].tolist()
        slope = [(v[i + 1] - v[i]) / (k[i + 1] - k[i]) for i in range(3)]
        tangent = [slope[0]]
        for i in (1, 2):
            before, after = k[i] - k[i - 1], k[i + 1] - k[i]
            tangent.append((slope[i - 1] * after + slope[i] * before) / (before + after))
        tangent.append(slope[2])
        for place, value in zip(x[b].tolist(), found[b].tolist()):
            p = min(max(place, k[0]), k[-1])
            i = max(j for j in range(3) if p >= k[j])
            h = k[i + 1] - k[i]
            t = (p - k[i]) / h
            expected = (
                (2 * t**3 - 3 * t**2 + 1) * v[i]
                + (t**3 - 2 * t**2 + t) * h * tangent[i]
                + (3 * t**2 - 2 * t**3) * v[i + 1]
                + (t**3 - t**2) * h * tangent[i + 1]
            )
            assert value == pytest.approx(expected, abs=1e-4)


def test_polynomials_pass_through_their_points() -> None:
    """Also unevenly spaced ones; evaluation by Horner's rule agrees with powers."""
    knots = torch.tensor([[0.1, 0.25, 0.6, 0.9], [-1.0, 0.0, 0.5, 2.0]])
    values = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    coefficients = polynomial(knots, values)
    torch.testing.assert_close(evaluate(coefficients, knots[:, None])[:, 0], values, rtol=1e-4, atol=1e-4)
    x = 0.37
    by_hand = sum(c * x**k for k, c in enumerate(coefficients[1].tolist()))
    assert evaluate(coefficients, torch.full((2, 1, 1), x))[1, 0, 0].item() == pytest.approx(by_hand, rel=1e-5)


def test_ramps() -> None:
    """Ends, middle and direction of the small functions."""
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert smoothstep(0.0, 1.0, x).tolist() == [0, 0, 0.5, 1, 1]
    assert smoothstep(1.0, 0.0, x).tolist() == [1, 1, 0.5, 0, 0]  # falling
    assert inside(x, torch.tensor(2.0)).tolist() == [0, 0.5, 0.75, 1, 1]
    assert bell(torch.tensor(1.0)).item() == pytest.approx(math.exp(-0.5))


def test_projection_with_loops() -> None:
    """Yaw, then pitch, then roll about the pivot, then scale and shift, by hand."""
    factors = turned(0.3, -0.2, 0.4)
    point = (0.3, 0.5, 0.2)
    x, y, z = (p - q for p, q in zip(point, PIVOT))
    x, z = x * math.cos(0.3) + z * math.sin(0.3), -x * math.sin(0.3) + z * math.cos(0.3)
    y, z = y * math.cos(-0.2) - z * math.sin(-0.2), y * math.sin(-0.2) + z * math.cos(-0.2)
    x, y = x * math.cos(0.4) - y * math.sin(0.4), x * math.sin(0.4) + y * math.cos(0.4)
    expected = [0.5 + 0.27 * x, 0.52 + 0.27 * y]
    assert project(view_of(factors), torch.tensor([[point]]))[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (-0.3, 0.25, 0.3), (0.1, -0.3, -0.2)])
def test_what_a_pixel_shows_projects_onto_it(pose: tuple[float, float, float]) -> None:
    """The point of the relief that was found for a pixel lies on that pixel's ray, and nothing lies before it."""
    factors = turned(*pose)
    view, half = view_of(factors), half_shape(factors)
    surface = build_surface(factors, half, hairstyle_of(factors))
    size = 48
    hits = cast(view, surface, size)
    solid = hits.cover[0] == 1
    found = torch.stack([hits.x[0][solid], hits.y[0][solid]], 1)[None]
    placed = project(view, landmark_points(surface, found))[0] * size
    rows, columns = solid.nonzero().unbind(1)
    error = (placed - torch.stack([columns, rows], 1) - 0.5).norm(dim=1)
    assert error.median() < 0.05 and error.quantile(0.9) < 0.3  # pixels of 48; walls of the head are cut at its back
    ray = view.rotation[0, 2] / view.rotation[0, 2, 2]
    height = look_up(surface, hits.x, hits.y)[0, 0]
    for step in (0.15, 0.3):
        there = look_up(surface, hits.x + step * ray[0], hits.y + step * ray[1])[0, 0]
        hidden = (there > height + step + 0.03)[solid]
        assert hidden.float().mean() < 0.02


def test_grid_and_projection_agree() -> None:
    """A pixel's centre, in units of the head, is where a point at the pivot's depth would be seen."""
    view = view_of(turned())
    u, v = grid(view, 10)
    point = torch.tensor([[[u[0, 3, 7].item() + PIVOT[0], v[0, 3, 7].item() + PIVOT[1], PIVOT[2]]]])
    assert (project(view, point)[0, 0] * 10).tolist() == pytest.approx([7.5, 3.5], abs=1e-4)


def test_a_frontal_face_is_symmetric() -> None:
    """Mirroring exchanges left and right landmarks, in the usual numbering."""
    full = both_sides(half_shape(average_face()))[0]
    mirror = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46]
    mirror += [39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 62, 61, 60, 65, 64, 63]
    assert sorted(mirror) == list(range(66))
    flipped = full[mirror] * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(flipped, full, rtol=0, atol=1e-6)
    assert (full[[45, 54, 16], 0] > 0.3).all()  # right in the picture


def test_lids_and_lips_never_cross() -> None:
    """Under any mixture of action units, at any age, of anybody."""
    index = torch.arange(600)
    factors = people(index, "a", 1)
    aus = 5 * torch.rand(600, len(AUS), generator=torch.Generator().manual_seed(0))
    aus[:, -1] = (aus[:, -1] > 4).float()
    full = both_sides(half_shape(factors._replace(aus=aus)))
    assert full.isfinite().all()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (60, 65), (61, 64), (62, 63), (51, 61), (64, 57)):
        assert (full[:, upper, 1] <= full[:, lower, 1] + 1e-6).all(), (upper, lower)
    assert (full[:, 54, 0] > full[:, 48, 0] + 0.2).all() and (full[:, 8, 1] > full[:, 57, 1]).all()


def test_faces_lie_in_the_picture() -> None:
    """Nearly all landmarks of both populations are inside, and faces differ in size and place."""
    index = torch.arange(300)
    for population in ("a", "b"):
        factors = photographs(index, index, population, 0, 0.0)
        half = half_shape(factors)
        surface = build_surface(factors, half, hairstyle_of(factors))
        marks = place_landmarks(half, surface, view_of(factors))
        assert ((marks > 0) & (marks < 1)).float().mean() > 0.99
        assert (marks.mean(1).std(0) > 0.01).all() and marks[..., 0].std(1).std() > 0.005
