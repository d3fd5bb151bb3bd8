"""Finds copies among a gallery's images, so that leaving one out leaves out all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Rows
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.records import ImageRecord

NEAR_DUPLICATE = 0.98
"""Cosine similarity from which two images of one place count as copies."""
SAME_VECTOR = 1 - 1e-4
"""Cosine similarity from which two images of one path are one image."""

_UNREAD, _NO_CONTENT = -2, -1
_PAIRS = 1_000_000
"""Pairs of images that are compared at once."""
_BYTES = 1 << 22
"""Of vectors that are multiplied at once: those that are read from a file are in memory only so long."""


def rows_of_themselves(
    records: Sequence[ImageRecord],
    vectors: NDArray[np.float32],
    asked: Sequence[ImageRecord],
    asked_vectors: NDArray[np.float32],
) -> tuple[int, ...] | None:
    """Return each image's own gallery row, -1 for none; None when no image is in the gallery.

    An image is known by its content; where nobody read it, by its path together with its vector.

    `records`, `vectors`: Of the gallery; unit vectors.
    `asked`, `asked_vectors`: Of the images; unit vectors.
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

    A record is read once at most, and only where it is asked for: they may be a million lines of JSON.

    `vectors`, shape (len(records), dim): Unit vectors; without them only the same bytes are copies.
    """

    def __init__(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32] | None = None) -> None:
        self._records, self._vectors = records, vectors
        self._codes = np.full(len(records), _UNREAD, np.int64)
        self._numbers: dict[str, int] = {"": _NO_CONTENT}

    def of(self, row: int, place: Rows) -> Rows:
        """Return the row of an image, and then those of its copies.

        `place`: The rows that are right for it.
        """
        nearly = place[:0] if self._vectors is None else place[self.inside(np.array([row]), place)[0]]
        order, starts = self._by_content
        code = self._codes[row]
        equal = order[starts[code] : starts[code + 1]] if code != _NO_CONTENT else place[:0]
        return np.append(row, np.setdiff1d(np.union1d(nearly, equal), row)).astype(np.int64)

    def inside(self, rows: Rows, place: Rows) -> Flags:
        """Return which images of a place are copies of each row: itself, the same bytes, or nearly the same.

        `rows`: shape (n,).
        `place`, shape (m,): Rows of their place.
        Returns shape (n, m).
        """
        ours, theirs = self._contents(rows)[:, None], self._contents(place)
        alike = (ours == theirs) & (theirs != _NO_CONTENT)
        alike |= rows[:, None] == place
        left = np.flatnonzero(~alike.all(axis=0))  # equal bytes need no look at the vectors
        if self._vectors is None or not len(left):
            return np.asarray(alike)
        questions = np.asarray(self._vectors[rows])
        height = max(1, _BYTES // (4 * questions.shape[1]))
        with one_blas_thread():
            for first in range(0, len(left), height):
                part = left[first : first + height]
                alike[:, part] |= questions @ np.asarray(self._vectors[place[part]]).T >= NEAR_DUPLICATE
        return np.asarray(alike)

    def in_places(
        self, asked: Mapping[int, int], names: Sequence[tuple[str, ...]], rows_of: Callable[[tuple[str, ...]], Rows]
    ) -> dict[int, Rows]:
        """Return for each question which rows of its place are its copies; those of a place are compared together.

        `asked`: From the number of a question to the row that it itself is, -1 for none.
        `names`: The right places of every question.
        `rows_of`: Returns the rows of places.
        """
        together = defaultdict[tuple[str, ...], list[int]](list)
        for number, row in asked.items():
            if row >= 0:
                together[names[number]].append(number)
        found = dict.fromkeys(asked, np.empty(0, np.int64))
        for shown, numbers in together.items():
            own = rows_of(shown)
            size = max(1, _PAIRS // max(1, len(own)))
            for first in range(0, len(numbers), size):
                some = numbers[first : first + size]
                alike = self.inside(np.array([asked[number] for number in some], np.int64), own)
                for number, line in zip(some, alike, strict=True):
                    found[number] = own if line.all() else own[line]  # of a thousand equal images not a million rows
        return found

    def _contents(self, rows: Rows) -> Rows:
        """Return a number for the content of each row."""
        for row in rows[self._codes[rows] == _UNREAD].tolist():
            content = self._records[row].content_hash
            self._codes[row] = self._numbers.setdefault(content, len(self._numbers) - 1)
        return self._codes[rows]

    @cached_property
    def _by_content(self) -> tuple[Rows, Rows]:
        """The rows in the order of their contents, ascending within each, and where each content begins."""
        codes = self._contents(np.arange(len(self._records)))
        known = np.flatnonzero(codes != _NO_CONTENT)
        order = known[np.argsort(codes[known], kind="stable")]
        return order, np.concatenate([[0], np.cumsum(np.bincount(codes[known]))])
