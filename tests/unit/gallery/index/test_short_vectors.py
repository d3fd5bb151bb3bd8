"""Vectors in 8 bits a number: what is kept by value, and answers that are those of the vectors that are read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from placeprint.gallery.index import exact, short_vectors
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.file_rows import FileRows, rows_from_file
from placeprint.gallery.index.short_vectors import ShortVectors, lengthened, shortened
from placeprint.storage.arrays import open_array, save_array


def unit(rows: np.ndarray) -> Vectors:
    made: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def test_what_is_kept_by_value() -> None:
    kept = shortened(np.array([[0.6, -0.8, 0], [0, 0, 1]], np.float32))
    assert kept[:, :3].tolist() == [[95, -127, 0], [0, 0, 127]]
    scales = kept[:, 3:].copy().view("<f4")[:, 0]
    np.testing.assert_array_equal(scales, np.array([(95**2 + 127**2) ** -0.5, 1 / 127], np.float32))
    np.testing.assert_allclose(lengthened(kept)[1], [0, 0, 1])


@given(arrays(np.float64, (4, 7), elements=st.floats(-1, 1).map(lambda x: x * (abs(x) > 1e-9))))
@settings(max_examples=30)
def test_unit_near_the_same_direction_and_the_same_once_more(rows: np.ndarray) -> None:
    vectors = unit(rows[np.abs(rows).max(axis=1) > 0])
    read = lengthened(shortened(vectors))
    np.testing.assert_allclose(np.linalg.norm(read, axis=1), 1, atol=1e-6)
    assert ((read * vectors).sum(axis=1) > 0.9999).all()
    np.testing.assert_array_equal(shortened(read), shortened(vectors))


@pytest.fixture(params=["in memory", "from a file"])
def as_read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Vectors], ShortVectors]:
    def read(vectors: Vectors) -> ShortVectors:
        if request.param == "in memory":
            return ShortVectors(shortened(vectors))
        save_array(tmp_path / "vectors.npy", shortened(vectors))
        found = rows_from_file(ShortVectors(open_array(tmp_path / "vectors.npy")))  # type: ignore[arg-type]
        assert isinstance(found, ShortVectors)
        assert isinstance(found.stored, FileRows)
        return found

    return read


def test_rows_are_read_like_those_of_an_array(as_read: Callable[[Vectors], ShortVectors]) -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(400, 48)))
    short, whole = as_read(vectors), lengthened(shortened(vectors))
    assert (short.shape, len(short), short.size) == (whole.shape, 400, whole.size)
    for key in (slice(None), slice(7, 190), np.array([9, 3, 4, 5, 399]), 17, np.int64(2)):
        np.testing.assert_array_equal(short[key], whole[key])


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("rows", [20, 3001])
def test_the_same_bits_as_of_the_vectors_that_are_read(
    monkeypatch: pytest.MonkeyPatch, as_read: Callable[[Vectors], ShortVectors], rows: int, cores: int
) -> None:
    monkeypatch.setattr(short_vectors, "ALONE", 1)
    monkeypatch.setattr(short_vectors, "available_cores", lambda: cores)
    monkeypatch.setattr(exact, "SMALL", 500)
    rng = np.random.default_rng(rows)
    vectors = unit(rng.normal(size=(rows // 2 + 1, 48)))[rng.integers(0, rows // 2 + 1, rows)]  # many are equal
    queries, only = rng.normal(size=(19, 48)).astype(np.float32), rng.random(rows) < 0.3
    whole, short = ExactIndex(lengthened(shortened(vectors))), ExactIndex(as_read(vectors))  # type: ignore[arg-type]
    for k, count, chosen in ((1, 1, None), (10, 1, None), (10, 19, None), (7, 2, only), (rows, 1, None)):
        found, right = (index.search(queries[:count], k, only=chosen) for index in (short, whole))
        np.testing.assert_array_equal(found.rows, right.rows)
        np.testing.assert_array_equal(found.scores, right.scores)
