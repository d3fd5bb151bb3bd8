"""Exact search by value: the same bits as 64-bit products that are rounded once, whatever the blocks and the ties."""

import numpy as np
import pytest

from placeprint.gallery import exact, selecting
from placeprint.gallery.base import Vectors
from placeprint.gallery.exact import ExactIndex


def truth(queries: Vectors, vectors: Vectors, k: int, only: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    asked = queries.astype(np.float64)
    asked /= np.sqrt(np.vecdot(asked, asked))[:, None]
    allowed = np.flatnonzero(only)
    rows, scores = np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf, np.float32)
    for i, query in enumerate(asked):
        products = np.vecdot(vectors[allowed].astype(np.float64), query).astype(np.float32)
        best = np.argsort(-products, kind="stable")[:k]
        rows[i, : len(best)], scores[i, : len(best)] = allowed[best], products[best]
    return rows, scores


@pytest.mark.parametrize("block", [1 << 18, 1 << 12], ids=["one block", "many blocks"])
@pytest.mark.parametrize("share", [1.0, 0.3, 0.0])
@pytest.mark.parametrize(("rows", "distinct"), [(70, 70), (3000, 3000), (3000, 40), (3000, 1)])
def test_the_same_bits_as_in_64_bit(
    monkeypatch: pytest.MonkeyPatch, rows: int, distinct: int, share: float, block: int
) -> None:
    monkeypatch.setattr(exact, "SCORES", block)
    monkeypatch.setattr(selecting, "PAIRS_AT_ONCE", 50)
    rng = np.random.default_rng(rows + distinct)
    some = rng.normal(size=(distinct, 48)).astype(np.float32)
    vectors = (some / np.linalg.norm(some, axis=1, keepdims=True))[rng.integers(0, distinct, rows)]
    queries = (vectors[:19] * 3 + 0.05 * rng.normal(size=(19, 48))).astype(np.float32)
    only = rng.random(rows) < share
    index = ExactIndex(vectors)
    for k, count in ((1, 1), (10, 1), (10, 19), (200, 19), (rows, 2)):
        found = index.search(queries[:count], k, only=None if share == 1 else only)
        right = truth(queries[:count], vectors, k, only)
        np.testing.assert_array_equal(found.rows, right[0])
        np.testing.assert_array_equal(found.scores, right[1])


def test_rounding_is_never_more_than_its_bound() -> None:
    rng = np.random.default_rng(3)
    for dim in (24, 256, 1280):
        a, b = (rng.normal(size=(500, dim)).astype(np.float32) for _ in range(2))
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
        error = np.abs((a @ b.T).astype(np.float64) - a.astype(np.float64) @ b.T.astype(np.float64)).max()
        assert 2 * error < selecting.rounding(dim) < 2e-4
