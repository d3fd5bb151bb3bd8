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
SAME_VECTOR = 1 - 1e-4
"""Cosine similarity from which two images of one path are one image."""


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
    content = records[row].content_hash
    close = np.asarray(vectors[place]) @ np.asarray(vectors[row]) >= NEAR_DUPLICATE
    return np.asarray(
        close | (place == row) | np.array([bool(content) and records[i].content_hash == content for i in place], bool)
    )


def rows_of_themselves(
    records: Sequence[ImageRecord],
    vectors: NDArray[np.float32],
    asked: Sequence[ImageRecord],
    asked_vectors: NDArray[np.float32],
) -> tuple[int, ...] | None:
    """Return for each image the gallery row that it itself is, -1 for none; None when none is in the gallery.

    An image is known by its content; where nobody read it, by its path together with its vector.

    Parameters
    ----------
    records, vectors
        Of the gallery; unit vectors.
    asked, asked_vectors
        Of the images; unit vectors.
    """
    contents = {record.content_hash: row for row, record in enumerate(records)}
    paths = {record.path: row for row, record in enumerate(records)}

    def itself(number: int, record: ImageRecord) -> int:
        if record.content_hash:
            return contents.get(record.content_hash, -1)
        row = paths.get(record.path, -1)
        return row if row >= 0 and float(asked_vectors[number] @ vectors[row]) > SAME_VECTOR else -1

    rows = tuple(itself(number, record) for number, record in enumerate(asked))
    return rows if max(rows, default=-1) >= 0 else None


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
