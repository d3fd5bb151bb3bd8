"""Unit vectors in 8 bits a number and one scale each: a quarter of the bytes.

The greatest number of a vector becomes 127 or -127. As only directions are compared, the scale that is kept is the one
that makes the rounded numbers a unit vector again, so that rounding once more changes nothing. The cosine of a rounded
vector and its own is above 0.999; see docs/accuracy.md for what that does to answers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.cores import available_cores
from placeprint.gallery.index.base import Vectors

Stored = NDArray[np.int8]
SCALE = 4
"""Bytes behind the numbers of a row: a little-endian float32."""
TOGETHER = 1 << 16
"""Numbers that are widened at once, for one query: they stay in the processor's cache."""
ALONE = 1 << 20
"""Numbers up to which one core multiplies: others would take longer to wake."""
_GREATEST = np.float32(127)


def shortened(unit: Vectors) -> Stored:
    """Return what is kept of unit vectors: shape (n, dim) becomes (n, dim + SCALE)."""
    made = np.empty((len(unit), unit.shape[1] + SCALE), np.int8)
    numbers = np.rint(unit * (_GREATEST / np.abs(unit).max(axis=1, keepdims=True)))
    lengths = np.sqrt(np.vecdot(numbers, numbers, dtype=np.float64))
    made[:, :-SCALE] = numbers
    made[:, -SCALE:] = (1 / lengths).astype("<f4")[:, None].view(np.int8)
    return made


def lengthened(stored: Stored) -> Vectors:
    """Return unit vectors that are near those that were shortened."""
    made: Vectors = stored[..., :-SCALE].astype(np.float32)
    made *= _scales(stored)
    return made


def as_kept(unit: Vectors, bits: int) -> Vectors:
    """Return unit vectors as a gallery whose preset says so many bits gives them back."""
    return lengthened(shortened(unit)) if bits else unit


def row_bytes(dim: int, bits: int) -> int:
    """Return the bytes of a vector on disk, by the preset's `vector_bits`."""
    return dim + SCALE if bits else 4 * dim


class ShortVectors:
    """Reads like an array of float32, shape (n, dim): ``[first:last]``, ``[rows]`` and ``[row]`` return copies.

    `stored`, shape (n, dim + SCALE): Of `shortened`; possibly memory-mapped, or what reads them
    (`placeprint.gallery.index.file_rows`).
    """

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.shape: tuple[int, int] = (len(stored), stored.shape[1] - SCALE)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.stored)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, key: slice | Any) -> Vectors:
        """Return some rows, or one, as unit vectors."""
        return lengthened(self.stored[key])

    def some(self, rows: NDArray[np.int64]) -> ShortVectors:
        """Return a copy of some rows."""
        return ShortVectors(self.stored[rows])

    def products(self, query: Vectors) -> Vectors:
        """Return the product of every row with one query, within `placeprint.gallery.index.top_k.rounding`.

        `query`: shape (dim,).
        """
        made = np.empty(len(self), np.float32)
        cores = 1 if self.size < ALONE else available_cores()
        edges = np.linspace(0, len(self), cores + 1).astype(np.int64).tolist()
        if cores == 1:
            self._multiply(query, made, 0, len(self))
        else:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(lambda first, last: self._multiply(query, made, first, last), edges, edges[1:]))
        return made

    def _multiply(self, query: Vectors, made: Vectors, first: int, last: int) -> None:
        step = max(1, TOGETHER // self.shape[1])
        wide = np.empty((step, self.shape[1]), np.float32)
        for i in range(first, last, step):
            some = self.stored[i : min(i + step, last)]
            numbers, out = wide[: len(some)], made[i : i + len(some)]
            np.copyto(numbers, some[:, :-SCALE])
            np.vecdot(numbers, query, out=out)
            out *= _scales(some)[:, 0]


def _scales(stored: Stored) -> Vectors:
    """Return the scale of each row, shape (..., 1)."""
    return np.ascontiguousarray(stored[..., -SCALE:]).view("<f4")
