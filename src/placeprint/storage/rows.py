"""Which rows of several blocks there are, and in which order: so columns are chosen and joined without copying any."""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Self

import numpy as np

from placeprint.arrays import Numbers


def others(count: int, rows: Sequence[int] | Numbers) -> Numbers:
    """Return which of the first `count` numbers are not among these, ascending; in no time beside `numpy.setdiff1d`."""
    left = np.ones(count, np.bool_)
    left[np.asarray(rows, np.int64)] = False
    return np.flatnonzero(left)


class Rows:
    """Rows of blocks that lie behind each other.

    `sizes`: Rows of each block.
    `at`: For each row its position in the blocks, counted through; all of them when not given.
    """

    def __init__(self, sizes: Sequence[int], at: Numbers | None = None) -> None:
        self.sizes = tuple(sizes)
        self.firsts = [0, *accumulate(self.sizes)]
        self.at: range | Numbers = range(self.firsts[-1]) if at is None else at

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.at)

    def numbers(self) -> Numbers:
        """Return the positions as an array."""
        return self.positions(slice(None))

    def positions(self, rows: slice) -> Numbers:
        """Return the positions of some rows."""
        some = self.at[rows]
        return np.arange(some.start, some.stop, some.step) if isinstance(some, range) else some

    def blocks_of(self, positions: Numbers) -> Numbers:
        """Return the block of each position."""
        return np.searchsorted(self.firsts[1:], positions, side="right")

    def kept(self, rows: Sequence[int] | Numbers) -> Self:
        """Return only these rows, in this order."""
        return type(self)(self.sizes, self.numbers()[np.asarray(rows, np.int64)])

    def joined(self, other: Rows) -> Self:
        """Return these rows and then the other's."""
        sizes = (*self.sizes, *other.sizes)
        if isinstance(self.at, range) and isinstance(other.at, range):  # which are always of all rows
            return type(self)(sizes)
        return type(self)(sizes, np.concatenate([self.numbers(), other.numbers() + self.firsts[-1]]))

    def find(self, row: int) -> tuple[int, int]:
        """Return the block of a row, and which row of it that is."""
        at = int(self.at[operator.index(row)])
        block = bisect_right(self.firsts, at, hi=len(self.sizes)) - 1
        return block, at - self.firsts[block]

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield stretches of rows that follow each other in one block: the block, the first and behind the last."""
        at = self.numbers()
        blocks = self.blocks_of(at)
        cuts = np.flatnonzero((np.diff(at) != 1) | (np.diff(blocks) != 0)) + 1
        edges = [0, *cuts.tolist(), len(at)] if len(at) else [0]
        for begin, end in pairwise(edges):
            number = int(blocks[begin])
            start = int(at[begin]) - self.firsts[number]
            yield number, start, start + end - begin

    def of_block(self, block: int) -> Numbers | None:
        """Return which rows of a block there are, in their order here; None for all of them, in its own order."""
        first, last = self.firsts[block], self.firsts[block + 1]
        if isinstance(self.at, range):
            return None
        found = self.at[(self.at >= first) & (self.at < last)] - first
        whole = len(found) == last - first and bool((np.diff(found) == 1).all())
        return None if whole else found
