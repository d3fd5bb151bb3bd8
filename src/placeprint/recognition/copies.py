"""Which images of a gallery are one photograph: whoever leaves it out leaves out all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from placeprint.records import ImageRecord

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEAR_DUPLICATE = 0.98
"""Cosine similarity from which two images of one place count as the same photograph."""


def same_photo(records: Sequence[ImageRecord], vectors: NDArray[np.float32], row: int, place: Rows) -> Flags:
    """Return which images of a place are the photograph of a row: itself, the same bytes, or nearly the same.

    Parameters
    ----------
    records : sequence of ImageRecord
    vectors : ndarray of float32, shape (len(records), dim)
        Unit vectors.
    row : int
    place : ndarray of int64
        Rows of its place.
    """
    return np.asarray((place == row) | same_as(records[row], np.asarray(vectors[row]), records, vectors, place))


def same_as(
    asked: ImageRecord,
    vector: NDArray[np.float32],
    records: Sequence[ImageRecord],
    vectors: NDArray[np.float32],
    place: Rows,
) -> Flags:
    """Return which images of a place are a photograph that need not be in the gallery: see `same_photo`."""
    content = asked.content_hash
    close = np.asarray(vectors[place]) @ vector >= NEAR_DUPLICATE
    return np.asarray(close | np.array([bool(content) and records[i].content_hash == content for i in place], bool))


class Copies:
    """The copies of each image of a gallery: the same bytes under any place, and near duplicates in its own.

    Parameters
    ----------
    records : sequence of ImageRecord
    vectors : ndarray of float32, shape (len(records), dim), optional
        Unit vectors; without them only the same bytes are copies.
    """

    def __init__(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32] | None = None) -> None:
        self._records, self._vectors = records, vectors
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, record in enumerate(records):
            if record.content_hash:
                self._rows[record.content_hash].append(row)

    def of(self, row: int, place: Rows) -> Rows:
        """Return the rows of one photograph: itself, and then its copies.

        Parameters
        ----------
        row : int
        place : ndarray of int64
            The rows that are right for it.
        """
        vectors = self._vectors
        nearly = place[:0] if vectors is None else place[same_photo(self._records, vectors, row, place)]
        equal = np.array(self._rows.get(self._records[row].content_hash, ()), np.int64)
        return np.append(row, np.setdiff1d(np.union1d(nearly, equal), row)).astype(np.int64)
