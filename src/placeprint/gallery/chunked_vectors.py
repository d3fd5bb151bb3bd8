"""Vectors that lie in several arrays, some of them on disk: read block by block, never all in memory.

Choosing and joining copy no numbers. Vectors that were not normalised yet are normalised block by block.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import VectorError
from placeprint.gallery.index.base import Vectors, checked_vectors, unit_vectors
from placeprint.storage.arrays import write_header

BLOCK_BYTES = 1 << 20
"""Of vectors in memory at once."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some rows of an array, all of them where `rows` is None; `raw` when they are not unit vectors yet."""

    array: Vectors
    rows: Numbers | None = None
    raw: bool = False

    def __len__(self) -> int:
        return len(self.array if self.rows is None else self.rows)

    def kept(self, rows: Numbers) -> _Chunk:
        return _Chunk(self.array, rows if self.rows is None else self.rows[rows], self.raw)

    def block(self, first: int, last: int) -> Vectors:
        chosen = slice(first, last) if self.rows is None else self.rows[first:last]
        block = self.array[chosen]
        return unit_vectors(block) if self.raw else np.ascontiguousarray(block)


class ChunkedVectors:
    """Unit vectors, row after row.

    Parameters
    ----------
    chunks : sequence
        Made by `of`, `kept` and `joined`; one at least.
    """

    def __init__(self, chunks: Sequence[_Chunk]) -> None:
        self._chunks = tuple(chunks)

    @classmethod
    def of(cls, unit: Vectors) -> Self:
        """Take unit vectors as they are."""
        return cls([_Chunk(unit)])

    @classmethod
    def raw(cls, vectors: Vectors, *, dim: int) -> Self:
        """Take vectors of any length above 0; they are normalised when they are read, and checked now.

        Raises
        ------
        VectorError
            As `placeprint.gallery.index.base.unit_vectors`.
        """
        checked_vectors(vectors[:0], dim=dim)
        for first in _firsts(len(vectors), vectors.shape[1]):
            block = vectors[first : first + _step(vectors.shape[1])]
            if not np.isfinite(block).all():
                checked_vectors(vectors)  # says where
            if not (there := block.any(axis=1)).all():
                raise VectorError(f"vectors hold a vector of zeros (row {first + int(np.argmin(there))})")
            let_go(vectors, first + len(block))
        return cls([_Chunk(vectors, raw=True)])

    def __len__(self) -> int:
        """Return the number of vectors."""
        return sum(len(chunk) for chunk in self._chunks)

    @property
    def dim(self) -> int:
        """The length of each."""
        return int(self._chunks[0].array.shape[1])

    def kept(self, rows: Numbers) -> Self:
        """Return only these rows, which are ascending."""
        ends = np.cumsum([len(chunk) for chunk in self._chunks])
        cuts = np.searchsorted(rows, ends)
        parts = zip(self._chunks, np.split(rows, cuts[:-1]), [0, *ends[:-1].tolist()], strict=True)
        return type(self)([chunk.kept(part - first) for chunk, part, first in parts])

    def joined(self, other: ChunkedVectors) -> Self:
        """Return these vectors and then the other's."""
        return type(self)((*self._chunks, *other._chunks))

    def first(self) -> tuple[Vectors, Numbers | None]:
        """Return the first array, and which of its rows are here; None for all of them."""
        return self._chunks[0].array, self._chunks[0].rows

    def first_of(self, array: Vectors) -> Numbers | None:
        """Return which rows of `array` come first here, before others; None when others come first."""
        first = self._chunks[0]
        if first.array is not array or first.raw:
            return None
        return np.arange(len(first)) if first.rows is None else first.rows

    def blocks(self) -> Iterator[Vectors]:
        """Yield all vectors, some thousand at a time."""
        step = _step(self.dim)
        for chunk in self._chunks:
            for first in _firsts(len(chunk), self.dim):
                last = min(first + step, len(chunk))
                yield chunk.block(first, last)
                let_go(chunk.array, last if chunk.rows is None else int(chunk.rows[last - 1]) + 1)

    def whole(self) -> Vectors:
        """Return all vectors as one array: the array itself where it is one already, and has unit vectors."""
        only = self._chunks[0]
        if len(self._chunks) == 1 and only.rows is None and not only.raw:
            return only.array
        made, filled = np.empty((len(self), self.dim), np.float32), 0
        for block in self.blocks():
            made[filled : filled + len(block)] = block
            filled += len(block)
        return made

    def save(self, path: Path) -> Vectors:
        """Write a ``.npy`` file block by block; return it, memory-mapped."""
        with path.open("wb") as file:
            write_header(file, np.dtype("<f4"), (len(self), self.dim))
            for block in self.blocks():
                file.write(block.astype("<f4", copy=False).data)
        written: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        return written


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
