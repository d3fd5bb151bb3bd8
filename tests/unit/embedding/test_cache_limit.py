"""The embedding cache keeps within its limit by itself, and can be looked at and cleared."""

import os
from pathlib import Path

import numpy as np
import pytest

import placeprint
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_limit import used_bytes
from placeprint.embedding.cache_rows import CachedEmbedding
from placeprint.errors import UsageError

VECTOR = np.ones(64, np.float32)


def put(cache: EmbeddingCache, names: range, *, parts: bool) -> None:
    made = {"cells": np.zeros((1, 40, 256), np.int8)} if parts else {}
    cache.put("m", [(f"{number:05}", CachedEmbedding(VECTOR, 8, 8, made)) for number in names])


def kept(cache: EmbeddingCache, names: range) -> list[int]:
    return [number for number in names if cache.get(f"{number:05}", "m") is not None]


def test_what_came_first_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE_GB", "0.012")
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        for first in range(0, 1500, 100):
            put(cache, range(first, first + 100), parts=True)
            assert cache._base is not None
            assert used_bytes(cache._base) <= 12e6
        left = kept(cache, range(1500))
    assert 700 < len(left) < 1100
    assert left == list(range(left[0], 1500)), "the newest are all there"
    assert (tmp_path / "c.sqlite").stat().st_size < 14e6


def test_embeddings_alone_and_pairs_give_way_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE_GB", "0.001")
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        put(cache, range(5000), parts=False)
        assert 0 < cache.counts()[0] < 3000
        for number in range(2000):
            cache.keep_pair(number.to_bytes(16), 0.5)
        monkeypatch.setattr(cache, "_most", 20_000)
        put(cache, range(1), parts=False)
        assert cache.counts() == (0, 0)


def test_below_the_limit_nothing_goes(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        put(cache, range(300), parts=True)
        assert kept(cache, range(300)) == list(range(300))


@pytest.mark.parametrize("said", ["much", "0", "-1", "nan", "inf", "1e300"])
def test_a_limit_that_is_none(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE_GB", said)
    with pytest.raises(UsageError, match="a number of gigabytes above 0"):
        placeprint.cache()


def test_clearing_forgets_what_can_be_computed_again_and_nothing_else(own_cache: Path) -> None:
    (own_cache / "compiled").unlink()  # the graphs of this run of the tests
    (own_cache / "compiled").mkdir()
    theirs = own_cache / "compiled" / f"{'0' * 32}.blob"
    theirs.write_bytes(b"somebody else's")
    model = own_cache / "models" / "mine.onnx"
    model.parent.mkdir()
    model.write_bytes(b"m" * 10)
    with EmbeddingCache() as cache:
        put(cache, range(50), parts=True)
        cache.keep_pair(b"p" * 16, 0.5)
    found = placeprint.cache()
    assert (found.embeddings, found.pairs, found.models_bytes) == (50, 1, 10)
    cleared = placeprint.cache(clear=True)
    assert (cleared.embeddings, cleared.pairs, cleared.models_bytes) == (0, 0, 10)
    assert cleared.embeddings_bytes < 100_000 < found.embeddings_bytes
    assert theirs.exists()
    assert model.exists()


def test_a_file_that_is_gone_meanwhile_is_not_counted(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_cache / "models").mkdir()
    for name in ("gone.onnx", "kept.onnx"):
        (own_cache / "models" / name).write_bytes(b"m" * 10)
    known = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        if path.name == "gone.onnx":
            raise PermissionError(13, "Permission denied", str(path))
        return known(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    assert placeprint.cache().models_bytes == 10
