"""Candidates are told from each other in 32 bit, and none that is the nearest in 64 bit is lost by that."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.gallery.index import faiss_index
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.gallery.index.file_rows import FileRows
from placeprint.gallery.index.rough_scores import may_be_best
from placeprint.gallery.index.short_vectors import ShortVectors, shortened
from placeprint.gallery.index.top_k import scored
from placeprint.storage.arrays import open_array, save_array


def unit(seed: int, n: int, dim: int, spread: float = 1.0) -> Vectors:
    rng = np.random.default_rng(seed)
    raw = (rng.normal(size=dim) + spread * rng.normal(size=(n, dim))).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@given(seed=st.integers(0, 99), k=st.integers(1, 40), spread=st.sampled_from([1e-7, 1e-4, 1.0]), short=st.booleans())
def test_the_nearest_of_the_candidates_are_left(seed: int, k: int, spread: float, short: bool) -> None:
    whole, query = unit(seed, 300, 33, spread), unit(seed + 1, 1, 33)[0]
    vectors = ShortVectors(shortened(whole)) if short else whole
    rows = np.random.default_rng(seed).permutation(300)[:120]
    left = may_be_best(vectors, query, rows, k)
    exact = scored(vectors, query[None].astype(np.float64), rows, rows)
    best = rows[np.lexsort((rows, -exact))[:k]]
    assert set(best) <= set(left) <= set(rows)
    np.testing.assert_array_equal(left, np.sort(left))
    if spread == 1.0 and not short:
        assert len(left) <= k + 3


@pytest.mark.parametrize("short", [False, True])
def test_many_candidates_are_answered_as_few_are_and_read_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    kept = shortened(unit(0, 2000, 32)) if short else unit(0, 2000, 32)
    save_array(tmp_path / "vectors.npy", kept)
    mapped = open_array(tmp_path / "vectors.npy")
    index = FaissIndex(ShortVectors(mapped) if short else mapped, approximate=True)  # type: ignore[arg-type]
    queries, read = unit(3, 5, 32), []
    before = index.search(queries, 7)
    monkeypatch.setattr(faiss_index, "MANY", 8)
    taken = FileRows.__getitem__
    monkeypatch.setattr(FileRows, "__getitem__", lambda self, key: read.append(len(key)) or taken(self, key))
    for asked, expected in ((queries, slice(None)), (queries[:1], slice(1))):
        found = index.search(asked, 7)
        np.testing.assert_array_equal(found.rows, before.rows[expected])
        np.testing.assert_array_equal(found.scores, before.scores[expected])
    assert len(read) == 6
