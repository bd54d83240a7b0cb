"""What tests of chapters share: generated pictures are drawn once a module, apart from the user's."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

import pandas as pd
import pytest

from fgr.experiments.pain import network, preprocess, runs
from fgr.results.claims import Claim

CACHES = (preprocess.frames, preprocess.mean_shape, preprocess.prepared, network.pretrained, runs._fold)


@pytest.fixture(scope="module")
def own_faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of videos, networks and folds of chapter 2 for one module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGR_DATA", str(tmp_path_factory.mktemp("data")))
        for cache in CACHES:
            cache.cache_clear()
        yield
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def sides() -> Callable[[Claim, Iterable[object]], list[pd.DataFrame]]:
    """How a claim's two sides choose among the cells that are recorded; a value that no cell has is an error."""

    def choose(claim: Claim, cells: Iterable[object]) -> list[pd.DataFrame]:
        table = pd.DataFrame([asdict(cell) for cell in cells])
        found = []
        for side in (claim.ours, claim.other):
            chosen = table
            for field, value in side.items():
                values = value if isinstance(value, list) else [value]
                assert set(values) <= set(chosen[field]), f"{claim.id}: {field}"
                chosen = chosen[chosen[field].isin(values)]
            found.append(chosen)
        return found

    return choose
