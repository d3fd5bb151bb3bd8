"""The contract of every index, and the checks before a backend sees any input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import UsageError, VectorError
from placeprint.records import Neighbours

Vectors = NDArray[np.float32]

BLOCK_ROWS = 8192
"""Rows that are checked and normalised at once, in 64 bit."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an index can promise.

    Attributes
    ----------
    exact : bool
        The neighbours are the true ones, up to ties.
    delete : bool
        Rows can be removed without building it anew.
    filter : bool
        A search can be restricted to some rows without losing recall.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Gallery.open("town.gallery").index.capabilities
    Capabilities(exact=True, delete=True, filter=True)
    """

    exact: bool
    delete: bool
    filter: bool


class VectorIndex(Protocol):
    """Cosine similarity over unit vectors: higher is better, rows are stable.

    Among equal scores the lower row comes first. Fewer than `k` neighbours are padded with row -1 and
    score -inf. Inputs are never changed.

    Examples
    --------
    >>> import placeprint
    >>> index = placeprint.Gallery.open("town.gallery").index
    >>> index.name, len(index)
    ('exact', 11)
    """

    @property
    def name(self) -> str:
        """What it is called in results."""

    @property
    def capabilities(self) -> Capabilities:
        """What this index can promise."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query.

        Parameters
        ----------
        queries : ndarray of float32, shape (n_queries, dim)
            Any length above 0: they are normalised here.
        k : int
            At least 1.
        only : ndarray of bool, shape (n_rows,), optional
            Rows that may be returned.

        Raises
        ------
        VectorError
            For a NaN, a zero vector, a wrong dim or dtype.
        UsageError
            For `k` below 1.
        """

    def save(self, folder: Path) -> None:
        """Write what cannot be rebuilt cheaply from the vectors; nothing for the exact index."""


def checked_vectors(vectors: Vectors, *, dim: int | None = None, what: str = "vectors") -> Vectors:
    """Return `vectors` after refusing what no index may see.

    Raises `VectorError` when the array is not float32 of shape (n, dim), or holds NaN or infinity.
    """
    _checked_shape(vectors, dim, what)
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise VectorError(f"{what} hold NaN or infinity (first in row {bad})")
    return vectors


def _checked_shape(vectors: Vectors, dim: int | None, what: str) -> None:
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32:
        found = getattr(vectors, "dtype", type(vectors).__name__)
        raise VectorError(f"{what} must be a float32 array, not {found}: convert with .astype(numpy.float32)")
    if vectors.ndim != 2:
        raise VectorError(f"{what} must have the shape (n, dim), not {vectors.shape}")
    if dim is not None and vectors.shape[1] != dim:
        raise VectorError(f"{what} have {vectors.shape[1]} dimensions and the gallery has {dim}")


def unit_vectors(vectors: Vectors, *, dim: int | None = None, what: str = "vectors") -> Vectors:
    """Return a copy of `vectors` with norm 1. Raises `VectorError`: as `checked_vectors`, and for a vector of zeros."""
    _checked_shape(vectors, dim, what)
    made = np.empty(vectors.shape, np.float32)
    for i in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[i : i + BLOCK_ROWS].astype(np.float64)
        made[i : i + BLOCK_ROWS] = block / np.sqrt(_squares(vectors, block, what, first=i))[:, None]
    return made


def _squares(vectors: Vectors, block: NDArray[np.float64], what: str, *, first: int = 0) -> NDArray[np.float64]:
    """Return the squared norms of a block in 64 bit, where those of finite 32-bit vectors are finite."""
    squares: NDArray[np.float64] = np.vecdot(block, block)
    if not (squares.all() and squares.dot(squares) < math.inf):  # the square of a square is finite in 64 bit too
        checked_vectors(vectors, what=what)
        raise VectorError(f"{what} hold a vector of zeros (row {first + int(np.flatnonzero(squares == 0)[0])})")
    return squares


def unit_queries(queries: Vectors, dim: int) -> NDArray[np.float64]:
    """Return queries with norm 1, in 64 bit. Raises `VectorError` as `unit_vectors` does."""
    _checked_shape(queries, dim, "queries")
    if len(queries) == 1:  # one query image: as few steps as possible
        one = queries[0].astype(np.float64)
        square = float(one.dot(one))
        if 0 < square < math.inf:
            unit: NDArray[np.float64] = one[None] * (1 / math.sqrt(square))
            return unit
    double, scale = scaled_queries(queries, dim)
    double *= scale[:, None]
    return double


def scaled_queries(queries: Vectors, dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return queries as they are, in 64 bit, and the factor that gives each norm 1.

    Where rows are few, multiplying the scores by it is less work than multiplying the queries.

    Raises `VectorError` as `unit_vectors` does.
    """
    _checked_shape(queries, dim, "queries")
    double: NDArray[np.float64] = queries.astype(np.float64)
    scale: NDArray[np.float64] = 1 / np.sqrt(_squares(queries, double, "queries"))
    return double, scale


def checked_k(k: int) -> int:
    """Return `k` when it is a whole number of at least 1. Raises `UsageError` otherwise."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise UsageError(f"k must be a whole number of at least 1, not {k!r}")
    return int(k)


def checked_filter(only: NDArray[np.bool_] | None, rows: int) -> NDArray[np.bool_] | None:
    """Return `only` when it is one flag a row. Raises `VectorError` otherwise."""
    if only is not None and (only.dtype != np.bool_ or only.shape != (rows,)):
        raise VectorError(f"the filter must be bool of shape ({rows},), not {only.dtype} of {only.shape}")
    return only


def ordered(rows: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Neighbours:
    """Sort candidates by score, then by the lower row, and pad or cut them to `k` columns.

    `rows`, `scores`, shape (n_queries, n_candidates): In any order; a row of -1 means nothing.
    """
    scores = np.where(rows < 0, np.float32(-np.inf), scores).astype(np.float32, copy=False)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
    if missing := k - rows.shape[1]:
        rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
    return Neighbours(np.ascontiguousarray(rows, dtype=np.int64), np.ascontiguousarray(scores))
