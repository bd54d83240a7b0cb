"""What tests of chapters share: generated pictures are drawn once a module, apart from the user's."""

from collections.abc import Iterator

import pytest

from fgr.experiments.pain import network, preprocess, runs

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
