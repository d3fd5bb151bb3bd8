"""Vectors that lie in several arrays, some of them on disk: read block by block, never all in memory.

Choosing and joining copy no numbers. Vectors that were not normalised yet are normalised block by block.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Numbers
from placeprint.errors import VectorError
from placeprint.gallery.index.base import Vectors, checked_vectors, unit_vectors
from placeprint.gallery.index.short_vectors import SCALE, ShortVectors, Stored, shortened
from placeprint.storage.arrays import write_header
from placeprint.storage.rows import Rows

BLOCK_BYTES = 1 << 20
"""Of vectors in memory at once."""


class ChunkedVectors:
    """Unit vectors, row after row; reads like an array of shape (n, dim).

    `arrays`: Or what reads like one, see `placeprint.gallery.index.file_rows`; one at least.
    `rows`: Which of their rows there are; all when not given.
    `raw`: Which of the arrays do not hold unit vectors yet.
    """

    ndim, dtype = 2, np.dtype(np.float32)

    def __init__(self, arrays: Sequence[Vectors], rows: Rows | None = None, raw: Set[int] = frozenset()) -> None:
        self.arrays, self._raw = tuple(arrays), raw
        self.rows = Rows([len(array) for array in arrays]) if rows is None else rows

    @classmethod
    def of(cls, unit: Vectors) -> Self:
        """Take unit vectors as they are."""
        return cls([unit])

    @classmethod
    def raw(cls, vectors: Vectors, *, dim: int) -> Self:
        """Take vectors of any length above 0; they are normalised when they are read, and checked now.

        Raises `VectorError` as `placeprint.gallery.index.base.unit_vectors` does.
        """
        checked_vectors(vectors[:0], dim=dim)
        for first in _firsts(len(vectors), vectors.shape[1]):
            block = vectors[first : first + _step(vectors.shape[1])]
            if not np.isfinite(block).all():
                checked_vectors(vectors)  # says where
            if not (there := block.any(axis=1)).all():
                raise VectorError(f"vectors hold a vector of zeros (row {first + int(np.argmin(there))})")
            let_go(vectors, first + len(block))
        return cls([vectors], raw=frozenset((0,)))

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return len(self), int(self.arrays[0].shape[1])

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self) * self.shape[1]

    @property
    def T(self) -> Vectors:  # noqa: N802 - as of an array
        """All vectors, turned; they are copied."""
        return np.asarray(self).T

    def __getitem__(self, key: slice | Any) -> Vectors:
        """Return some vectors, or one: without a copy where they follow each other in one array of unit vectors."""
        if isinstance(key, int | np.integer):
            block, row = self.rows.find(int(key))
            one: Vectors = self._read(block, np.array([row]))[0]
            return one
        at = self.rows.positions(key) if isinstance(key, slice) else self._numbers[key]
        if len(self.arrays) == 1 and len(at):
            return self._read(0, at)
        blocks = self.rows.blocks_of(at)
        there = np.unique(blocks).tolist()
        if len(there) == 1:
            return self._read(there[0], at - self.rows.firsts[there[0]])
        made = np.empty((len(at), self.shape[1]), np.float32)
        for block in there:
            here = blocks == block
            made[here] = self._read(block, at[here] - self.rows.firsts[block])
        return made

    @cached_property
    def _numbers(self) -> Numbers:
        return self.rows.numbers()

    def _read(self, block: int, rows: Numbers) -> Vectors:
        array, first = self.arrays[block], int(rows[0])
        found = array[first : first + len(rows)] if bool((np.diff(rows) == 1).all()) else array[rows]
        return unit_vectors(found) if block in self._raw else np.asarray(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all vectors as one array: a copy, unless they are one array of unit vectors already."""
        return np.array(self.whole(), dtype, copy=copy)

    def __matmul__(self, other: Vectors) -> Vectors:
        """Return the product with a vector or a matrix, block by block."""
        return np.concatenate([block @ other for block in self.blocks()] or [self[:0] @ other])

    def kept(self, rows: Numbers) -> Self:
        """Return only these rows, in this order."""
        return type(self)(self.arrays, self.rows.kept(rows), self._raw)

    def joined(self, other: ChunkedVectors) -> Self:
        """Return these vectors and then the other's."""
        raw = self._raw | {len(self.arrays) + number for number in other._raw}
        return type(self)((*self.arrays, *other.arrays), self.rows.joined(other.rows), raw)

    def blocks(self) -> Iterator[Vectors]:
        """Yield all vectors, some thousand at a time; of memory maps, what was read is let go."""
        step = _step(self.shape[1])
        for first in _firsts(len(self), self.shape[1]):
            yield self[first : first + step]
            at = self.rows.positions(slice(first, first + step))
            for block in np.unique(self.rows.blocks_of(at)).tolist():
                start, end = self.rows.firsts[block], self.rows.firsts[block + 1]
                array = self.arrays[block]
                let_go(getattr(array, "stored", array), int(at[at < end].max()) + 1 - start)

    def only(self) -> Vectors | None:
        """Return the array where there is one, of unit vectors, and all of its rows are here in order."""
        array = len(self.arrays) == 1 and not self._raw and not isinstance(self.arrays[0], ShortVectors)
        whole = array and self.rows.of_block(0) is None
        return self.arrays[0] if whole else None

    def whole(self) -> Vectors:
        """Return all vectors as one array: the array itself where it is one already, and has unit vectors."""
        if (only := self.only()) is not None:
            return only
        made, filled = np.empty(self.shape, np.float32), 0
        for block in self.blocks():
            made[filled : filled + len(block)] = block
            filled += len(block)
        return made

    def save(self, path: Path, bits: int = 0, step: Callable[[int], object] = int) -> Vectors:
        """Write a ``.npy`` file block by block, in 8 bits a number where `bits` says so; return it, memory-mapped.

        `step` is told how many were written.
        """
        with path.open("wb") as file:
            kind, width = np.dtype(np.int8 if bits else "<f4"), self.shape[1] + (SCALE if bits else 0)
            write_header(file, kind, (len(self), width))
            for block in self.blocks():
                file.write((shortened(block) if bits else block.astype(kind, copy=False)).data)
                step(len(block))
        written: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        return cast(Vectors, ShortVectors(cast(Stored, written))) if bits else written


def let_go(vectors: Vectors, rows: int) -> None:
    """Tell the system that the first rows of a memory map are not needed any more.

    They stay in the page cache and can be read again; they do not count as this process's memory. Only maps that
    cannot be written to are let go, since others may hold changes of their own.
    """
    mapped = getattr(vectors, "_mmap", None)
    if isinstance(vectors, np.memmap) and vectors.mode == "r" and mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        end = vectors.offset % mmap.ALLOCATIONGRANULARITY + rows * vectors.strides[0]
        if end >= mmap.PAGESIZE:
            mapped.madvise(mmap.MADV_DONTNEED, 0, min(end, len(mapped)))


def _step(dim: int) -> int:
    return max(1, BLOCK_BYTES // (4 * dim))


def _firsts(count: int, dim: int) -> range:
    return range(0, count, _step(dim))
