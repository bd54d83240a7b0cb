"""Generated photographs of people, each from (seed, index) alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape
from fgr.data.synthetic.faces.draw import FaceBatch, draw_faces
from fgr.data.synthetic.faces.population import POPULATIONS, background_people, photographs


def render_faces(
    index: Tensor | Sequence[int],
    size: int = 64,
    population: str = "a",
    seed: int = 0,
    device: torch.device | str | None = None,
    per_subject: int = 8,
    occlusion: float = 1.0,
) -> FaceBatch:
    """Draw photographs of people: the same for an index under any batch size and order, on every machine.

    Picture i shows subject i // per_subject, so that ranges of indices that begin at multiples of it share nobody.

    Args:
        index: (B,) which samples, 0 or above, B at least 1.
        size: H = W in pixels, at least 16; the same scene at any size. Fine wrinkles need 128 or more.
        population: "a" or "b", with other people, another camera and other light; see `POPULATIONS`.
        seed: of the set.
        device: where to draw; None for the device of index.
        per_subject: pictures of each person, at least 1.
        occlusion: factor on the probability of glasses, hats, earrings, hands and background faces; 0 for none.

    Returns:
        See `FaceBatch`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> faces = render_faces(range(7, 10), size=32)
        >>> faces.images.shape, faces.landmarks.shape, faces.subject.tolist()
        (torch.Size([3, 3, 32, 32]), torch.Size([3, 66, 2]), [0, 1, 1])
    """
    index = torch.as_tensor(index if isinstance(index, Tensor) else list(index))
    check_shape(index, "B", "index")
    if not len(index) or index.is_floating_point() or index.dtype == torch.bool or int(index.min()) < 0:
        raise ValueError(f"index must hold at least one integer, all 0 or above, got {index}")
    check_choice(population, tuple(POPULATIONS), "population")
    if per_subject < 1:
        raise ValueError(f"per_subject must be at least 1, got {per_subject}")
    if not 0 <= occlusion <= 5:
        raise ValueError(f"occlusion must lie in 0..5, got {occlusion}")
    index = index.long().to(device or index.device)
    subject = index // per_subject
    factors = photographs(index, subject, population, seed, occlusion)
    behind = background_people(index, population, seed, factors)
    return draw_faces(factors, size, behind)._replace(subject=subject)
