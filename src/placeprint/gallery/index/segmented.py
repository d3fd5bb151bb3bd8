"""The index of a gallery of several segments: each has its own, and the best of all are the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Self

import numpy as np

from placeprint.arrays import Flags, Numbers
from placeprint.gallery.index.base import Capabilities, VectorIndex, Vectors, checked_filter, checked_k, ordered
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.records import Neighbours


@dataclass(frozen=True, slots=True)
class Piece:
    """The index of a segment."""

    index: VectorIndex  # Of all that lies in its files.
    kept: Numbers | None  # Which of those rows were not removed, ascending; None for all of them.
    forgot: bool = False  # Whether the index finds no others by itself.

    @classmethod
    def of(cls, index: VectorIndex, kept: Numbers | None) -> Self:
        """Let the index forget the other rows, where it can."""
        return cls(index, kept, kept is not None and isinstance(index, FaissIndex) and index.forget(kept))

    def __len__(self) -> int:
        """Return the number of rows that were not removed."""
        return len(self.index) if self.kept is None else len(self.kept)

    def search(self, queries: Vectors, k: int, only: Flags | None) -> Neighbours:
        """Return the nearest of the rows that were not removed, as they are numbered without the others."""
        if self.kept is None:
            return self.index.search(queries, k, only=only)
        flags = None
        if only is not None or not self.forgot:
            flags = np.zeros(len(self.index), np.bool_)
            flags[self.kept if only is None else self.kept[only]] = True
        found = self.index.search(queries, k, only=flags)
        there = np.searchsorted(self.kept, found.rows)
        return Neighbours(np.where(found.rows < 0, -1, there), found.scores)


class SegmentedIndex:
    """Searches every segment, and merges what they find."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._firsts = [0, *accumulate(map(len, pieces))]

    @property
    def name(self) -> str:
        """That of the largest segment's."""
        return max(self.pieces, key=len).index.name

    @property
    def reach(self) -> int | None:
        """See `FaissIndex.reach`: the least of all segments."""
        indexes = [piece.index for piece in self.pieces if isinstance(piece.index, FaissIndex)]
        return min((index.reach for index in indexes if index.reach is not None), default=None)

    @property
    def capabilities(self) -> Capabilities:
        """What all segments can promise."""
        return Capabilities(all(piece.index.capabilities.exact for piece in self.pieces), delete=True, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._firsts[-1]

    def search(self, queries: Vectors, k: int, *, only: Flags | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`."""
        k = checked_k(k)
        checked_filter(only, len(self))
        rows, scores = [], []
        for piece, first in zip(self.pieces, self._firsts, strict=False):
            some = None if only is None else only[first : first + len(piece)]
            found = piece.search(queries, k, some)
            rows.append(np.where(found.rows < 0, -1, found.rows + first))
            scores.append(found.scores)
        return ordered(np.concatenate(rows, axis=1), np.concatenate(scores, axis=1), k)

    def save(self, folder: Path) -> None:
        """Write nothing: each index was saved with its segment."""
