"""Exact search by value: the same bits as 64-bit products that are rounded once, whatever the blocks and the ties."""

from collections.abc import Callable

import numpy as np
import pytest

from placeprint.gallery.index import exact, single_query, top_k
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.exact import ExactIndex


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


@pytest.mark.parametrize(("block", "from_memory"), [(1 << 18, False), (1 << 12, True)], ids=["one", "many"])
@pytest.mark.parametrize("share", [1.0, 0.3, 0.0])
@pytest.mark.parametrize(("rows", "distinct"), [(70, 70), (3000, 3000), (3000, 40), (3000, 1)])
def test_the_same_bits_as_in_64_bit(
    monkeypatch: pytest.MonkeyPatch, rows: int, distinct: int, share: float, block: int, from_memory: bool
) -> None:
    monkeypatch.setattr(exact, "SCORES", block)
    monkeypatch.setattr(single_query, "COMPARED", 1 if from_memory else 1 << 40)
    monkeypatch.setattr(top_k, "PAIRS_AT_ONCE", 50)
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


def unit(rows: np.ndarray) -> Vectors:
    made: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def opposite(rng: np.random.Generator, rows: int) -> tuple[Vectors, Vectors]:
    """Queries that most rows look away from: the best scores are below 0, and many are equal."""
    away = unit(rng.normal(size=(3, 48)) * 0.1 - 1)[rng.integers(0, 3, rows)]
    return away, unit(rng.normal(size=(19, 48)) * 0.1 + 1)


def at_right_angles(rng: np.random.Generator, rows: int) -> tuple[Vectors, Vectors]:
    """Scores of 0, of either sign, above and below few others, with a plain 1 and -1."""
    vectors = np.eye(48, dtype=np.float32)[rng.integers(0, 48, rows)] * rng.choice([-1, 1], (rows, 1))
    return vectors.astype(np.float32), np.eye(48, dtype=np.float32)[:19] * np.float32(7)


def nearly_equal(rng: np.random.Generator, rows: int) -> tuple[Vectors, Vectors]:
    """Rows that differ by 1e-7: in 32 bit their order is lost."""
    base = unit(rng.normal(size=(5, 48)))[rng.integers(0, 5, rows)]
    vectors = (base + rng.choice([-1e-7, 0, 1e-7], (rows, 48)) * (rng.random((rows, 48)) < 0.1)).astype(np.float32)
    return vectors, (base[:19] + 0.1 * rng.normal(size=(19, 48))).astype(np.float32)


def tiny_and_huge(rng: np.random.Generator, rows: int) -> tuple[Vectors, Vectors]:
    """Queries of norms from 1e-30 to 1e30, and rows whose scores are as small as 1e-38."""
    vectors = unit(rng.normal(size=(rows, 48)) * 10.0 ** -rng.integers(0, 38, (rows, 48)))
    queries = np.zeros((19, 48))
    queries[np.arange(19), np.arange(19)] = 10.0 ** np.linspace(-30, 30, 19)
    return vectors, queries.astype(np.float32)


def both_zeros(rng: np.random.Generator, rows: int) -> tuple[Vectors, Vectors]:
    """Scores that 32 bit round to 0 from below and from above: they are equal."""
    vectors, queries = np.zeros((rows, 48), np.float32), np.eye(48, dtype=np.float32)[2:21]
    vectors[:, 0], vectors[:, 1] = rng.choice([-1e-30, 1e-30], rows), 1
    queries[:, 0] = 1e-25
    return vectors, queries


@pytest.mark.parametrize("at_once", [1 << 15, 100], ids=["at once", "in parts"])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("rows", [67, 300, 3000])
@pytest.mark.parametrize("make", [opposite, at_right_angles, nearly_equal, tiny_and_huge, both_zeros])
def test_the_same_bits_where_scores_are_hard_to_order(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., tuple[Vectors, Vectors]], rows: int, share: float, at_once: int
) -> None:
    monkeypatch.setattr(top_k, "KEYS_AT_ONCE", at_once)
    rng = np.random.default_rng(rows)
    vectors, queries = make(rng, rows)
    only = rng.random(rows) < share
    index = ExactIndex(vectors)
    for k in (1, 10, rows // 3, rows, rows + 5):
        for asked in (queries, queries[:1], queries[:2]):
            found = index.search(asked, k, only=None if share == 1 else only)
            right = truth(asked, vectors, k, only)
            np.testing.assert_array_equal(found.rows, right[0])
            np.testing.assert_array_equal(found.scores, right[1])


def test_queries_beyond_one_part_are_answered_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    vectors, queries = unit(rng.normal(size=(67, 48))), rng.normal(size=(70, 48)).astype(np.float32)
    right = truth(queries, vectors, 10, np.ones(67, np.bool_))
    monkeypatch.setattr(exact, "QUERIES", 16)
    monkeypatch.setattr(exact, "ONE_CORE", 48 * 67 * 3)
    found = ExactIndex(vectors).search(queries, 10)
    np.testing.assert_array_equal(found.rows, right[0])
    np.testing.assert_array_equal(found.scores, right[1])


def test_rounding_is_never_more_than_its_bound() -> None:
    rng = np.random.default_rng(3)
    for dim in (24, 256, 1280):
        a, b = (rng.normal(size=(500, dim)).astype(np.float32) for _ in range(2))
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
        error = np.abs((a @ b.T).astype(np.float64) - a.astype(np.float64) @ b.T.astype(np.float64)).max()
        assert 2 * error < top_k.rounding(dim) < 2e-4
