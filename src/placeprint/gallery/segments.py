"""The segments of a gallery: files that never change, of which some rows were removed since.

The design of Lucene and of LSM trees (O'Neil et al. 1996, The Log-Structured Merge-Tree): what is added becomes a
segment of its own, what is removed is noted beside its segment, and small segments are merged into larger ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from placeprint.arrays import Numbers
from placeprint.storage.data_folder import DataFolder
from placeprint.storage.rows import others

TOGETHER = 4
"""Segments of about one size that are merged: fewer cost more writing, more leave more segments."""
CONTENTS_FILE = "column-contents.npy"
"""A column that older releases did not write; see `placeprint.gallery.columns`."""
REMOVED_SHARE = 0.25
"""A segment is written anew when more of its rows were removed."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Images that were written together."""

    data: DataFolder
    rows: int  # In the files.
    places: int  # Combinations of places that no segment before has; they are numbered through all segments.
    removed: tuple[int, ...] = ()  # Rows that are in the files and not in the gallery any more, ascending.

    def __post_init__(self) -> None:
        """Refuse numbers that no segment has. Raises `ValueError`."""
        if min(self.rows, self.places) < 0:
            raise ValueError(f"rows are {self.rows}, places {self.places}")
        if not all(one < next_one for one, next_one in pairwise((-1, *self.removed, self.rows))):
            raise ValueError("rows that were removed are none of its rows, or not in order")

    def __len__(self) -> int:
        """Return how many rows are in the gallery."""
        return self.rows - len(self.removed)

    @property
    def upgraded(self) -> bool:
        """Whether this release wrote it: older ones kept no column of contents."""
        return CONTENTS_FILE in self.data.files

    def untidy(self, whole: bool) -> bool:
        """Return whether the next change writes it anew: for every removed row, where it is to be whole."""
        return not self.upgraded or len(self.removed) > (0 if whole else REMOVED_SHARE * self.rows)

    @property
    def kept(self) -> Numbers | None:
        """Which rows are in the gallery, ascending; None for all of them."""
        return others(self.rows, self.removed) if self.removed else None

    def without(self, kept: Numbers) -> Self:
        """Return the segment with only these of its rows, ascending."""
        gone = others(self.rows, kept).tolist() if len(kept) < self.rows else ()
        return dataclasses.replace(self, removed=tuple(gone))

    def entry(self) -> dict[str, Any]:
        """Return the segment for a head."""
        counts = {"rows": self.rows, "places": self.places}
        return self.data.entry() | counts | ({"removed": list(self.removed)} if self.removed else {})


def merged_from(sizes: Sequence[int]) -> int:
    """Return the first of the segments that become one with the newest: the newest alone where there are few.

    Parameters
    ----------
    sizes : sequence of int
        Rows of each segment, the newest last.

    Examples
    --------
    >>> merged_from([1000, 10, 10, 10]), merged_from([1000, 10, 10, 10, 10])
    (3, 1)
    """
    first = len(sizes) - 1
    while True:
        tier, begin = _tier(sum(sizes[first:])), first
        while begin and _tier(sizes[begin - 1]) <= tier:
            begin -= 1
        if first - begin + 1 < TOGETHER:
            return first
        first = begin


def _tier(rows: int) -> int:
    return rows.bit_length() // 2
