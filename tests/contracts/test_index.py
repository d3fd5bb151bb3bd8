"""What every index promises, compared by value with plain NumPy. A new index is tested by adding a line."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import UsageError, VectorError
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.gallery.index.file_rows import FileRows, rows_from_file
from placeprint.storage.arrays import open_array, save_array

DIM = 24
Maker = Callable[[Vectors], VectorIndex]


def from_a_file(vectors: Vectors) -> Vectors:
    """Return what reads the vectors from their file, as a server reads those that are too large to be held."""
    with tempfile.TemporaryDirectory() as folder:
        save_array(Path(folder) / "vectors.npy", vectors)
        read = rows_from_file(open_array(Path(folder) / "vectors.npy"))
    assert isinstance(read, FileRows) or not vectors.size
    return read


INDEXES: dict[str, Maker] = {
    "exact": ExactIndex,
    "faiss-flat": FaissIndex,
    "faiss-ivfpq": lambda vectors: FaissIndex(vectors, approximate=True),
    "exact, from a file": lambda vectors: ExactIndex(from_a_file(vectors)),
    "faiss-flat, from a file": lambda vectors: FaissIndex(from_a_file(vectors)),
    "faiss-ivfpq, from a file": lambda vectors: FaissIndex(from_a_file(vectors), approximate=True),
}


def unit(rng: np.random.Generator, n: int) -> Vectors:
    raw = rng.normal(size=(n, DIM)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@pytest.fixture(params=INDEXES)
def make(request: pytest.FixtureRequest) -> Maker:
    return INDEXES[request.param]


@pytest.fixture
def vectors() -> Vectors:
    return unit(np.random.default_rng(1), 300)


@pytest.fixture
def queries() -> Vectors:
    return unit(np.random.default_rng(2), 17)


def truth(queries: Vectors, vectors: Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = queries.astype(np.float64) @ vectors.astype(np.float64).T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(scores, rows, axis=1)


def test_same_neighbours_and_scores_as_numpy(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    rows, scores = truth(queries, vectors, 10)
    found = make(vectors).search(queries, 10)
    np.testing.assert_allclose(found.scores, scores, atol=2e-6)
    np.testing.assert_array_equal(found.rows, rows)


def test_best_first_and_each_row_once(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    found = make(vectors).search(queries, 50)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert all(len(set(line)) == 50 for line in found.rows.tolist())


def test_a_stored_vector_finds_itself(make: Maker, vectors: Vectors) -> None:
    found = make(vectors).search(vectors, 1)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(300))
    np.testing.assert_allclose(found.scores[:, 0], 1.0, atol=2e-6)


def test_the_scale_of_a_query_changes_nothing(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    index = make(vectors)
    plain, scaled = index.search(queries, 5), index.search(queries * np.float32(7.5), 5)
    np.testing.assert_array_equal(plain.rows, scaled.rows)
    np.testing.assert_allclose(plain.scores, scaled.scores, atol=1e-6)


def test_a_batch_is_its_queries_one_by_one(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    index = make(vectors)
    batch = index.search(queries, 7)
    for i in range(len(queries)):
        single = index.search(queries[i : i + 1], 7)
        np.testing.assert_array_equal(single.rows[0], batch.rows[i])
        np.testing.assert_allclose(single.scores[0], batch.scores[i], atol=1e-6)


def test_k_above_the_size_pads(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    few = vectors[:3]
    found = make(few).search(queries, 8)
    rows, _ = truth(queries, few, 3)
    np.testing.assert_array_equal(found.rows[:, :3], rows)
    assert (found.rows[:, 3:] == -1).all()
    assert np.isneginf(found.scores[:, 3:]).all()


def test_equal_scores_put_the_lower_row_first(make: Maker, vectors: Vectors) -> None:
    twice = np.concatenate([vectors[:40], vectors[:40]])
    found = make(twice).search(vectors[:40], 2)
    np.testing.assert_array_equal(found.rows, np.stack([np.arange(40), np.arange(40) + 40], axis=1))


def test_a_threshold_agrees_with_the_top_k(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    found = make(vectors).search(queries, 300)
    for i, query in enumerate(queries):
        above = np.flatnonzero(vectors @ query > 0.3)
        assert set(found.rows[i][found.scores[i] > 0.3].tolist()) == set(above.tolist())


def test_a_filter_gives_the_exact_answer(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    only = np.zeros(300, np.bool_)
    only[::4] = True
    kept = np.flatnonzero(only)
    rows, scores = truth(queries, vectors[kept], 9)
    found = make(vectors).search(queries, 9, only=only)
    np.testing.assert_array_equal(found.rows, kept[rows])
    np.testing.assert_allclose(found.scores, scores, atol=2e-6)


def test_a_filter_that_lets_few_through_pads(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    only = np.zeros(300, np.bool_)
    only[[5, 250]] = True
    found = make(vectors).search(queries, 4, only=only)
    assert set(found.rows[:, :2].ravel().tolist()) == {5, 250}
    assert (found.rows[:, 2:] == -1).all()


def test_inputs_are_not_changed(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    stored, asked = vectors.copy(), (queries * 3).copy()
    before = asked.copy()
    make(stored).search(asked, 3)
    np.testing.assert_array_equal(stored, vectors)
    np.testing.assert_array_equal(asked, before)


@pytest.mark.parametrize(
    "bad",
    [
        np.full((1, DIM), np.nan, np.float32),
        np.full((1, DIM), np.inf, np.float32),
        np.zeros((1, DIM), np.float32),
        np.ones((1, DIM + 1), np.float32),
        np.ones(DIM, np.float32),
        np.ones((1, DIM), np.float64),
        np.ones((1, DIM), np.int32),
    ],
    ids=["nan", "inf", "zeros", "dim", "one-dimensional", "float64", "int"],
)
def test_bad_queries_are_refused(make: Maker, vectors: Vectors, bad: np.ndarray) -> None:
    with pytest.raises(VectorError):
        make(vectors).search(bad, 3)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_bad_k_is_refused(make: Maker, vectors: Vectors, queries: Vectors, k: int) -> None:
    with pytest.raises(UsageError):
        make(vectors).search(queries, k)


def test_a_filter_of_another_shape_is_refused(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    with pytest.raises(VectorError):
        make(vectors).search(queries, 3, only=np.ones(299, np.bool_))


def test_no_query_and_no_row(make: Maker, vectors: Vectors, queries: Vectors) -> None:
    assert make(vectors).search(queries[:0], 4).rows.shape == (0, 4)
    empty = make(vectors[:0]).search(queries, 4)
    assert (empty.rows == -1).all()
    assert np.isneginf(empty.scores).all()


def test_saved_and_opened_it_answers_the_same(tmp_path: Path, vectors: Vectors, queries: Vectors) -> None:
    index = FaissIndex(vectors, approximate=True)
    index.save(tmp_path)
    again = FaissIndex(vectors, approximate=True, folder=tmp_path)
    np.testing.assert_array_equal(index.search(queries, 10).rows, again.search(queries, 10).rows)
    np.testing.assert_array_equal(index.search(queries, 10).scores, again.search(queries, 10).scores)


def test_capabilities_tell_what_is_exact(vectors: Vectors) -> None:
    exact = {name: make(vectors).capabilities.exact for name, make in INDEXES.items() if "file" not in name}
    assert exact == {"exact": True, "faiss-flat": True, "faiss-ivfpq": False}


def test_equal_vectors_score_the_same_wherever_they_lie(make: Maker, vectors: Vectors) -> None:
    equal = np.concatenate([vectors[:250], np.repeat(vectors[:1], 53, axis=0)])
    for count in (1, 2, 7):
        found = make(equal).search(np.repeat(vectors[:1], count, axis=0) * np.float32(3), 9)
        assert np.unique(found.scores).size == 1
        np.testing.assert_array_equal(found.rows, np.tile([0, *range(250, 258)], (count, 1)))


def test_exact_search_in_many_blocks_is_the_same(
    monkeypatch: pytest.MonkeyPatch, vectors: Vectors, queries: Vectors
) -> None:
    whole = ExactIndex(vectors).search(queries, 6)
    monkeypatch.setattr("placeprint.gallery.index.exact.SCORES", 17 * 40)
    parts = ExactIndex(vectors).search(queries, 6)
    np.testing.assert_array_equal(whole.rows, parts.rows)
    np.testing.assert_array_equal(whole.scores, parts.scores)


@pytest.mark.parametrize("small", [0, 1 << 16])
@pytest.mark.parametrize("count", [1, 17])
def test_vectors_that_are_read_give_the_answers_of_those_that_are_held(
    monkeypatch: pytest.MonkeyPatch, vectors: Vectors, queries: Vectors, small: int, count: int
) -> None:
    monkeypatch.setattr("placeprint.gallery.index.exact.SMALL", small)
    for only in (None, np.arange(300) % 3 == 1):
        for k in (1, 6, 120):
            held = ExactIndex(vectors).search(queries[:count], k, only=only)
            read = ExactIndex(from_a_file(vectors)).search(queries[:count], k, only=only)
            np.testing.assert_array_equal(held.rows, read.rows)
            np.testing.assert_array_equal(held.scores, read.scores)
