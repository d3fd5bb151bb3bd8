"""Rows read from the file of a memory map: mapped pages count as the process's memory, rows that are read do not.

Releasing the map afterwards is not enough when rows are far apart: the system maps up to 2 MiB around each.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.short_vectors import ShortVectors, Stored


class FileRows:
    """Reads like an array: ``[first:last]``, ``[rows]`` and ``[row]`` return copies.

    `file`: Open for reading; closed with this object.
    `offset`: Where the first row begins.
    """

    def __init__(self, file: int, offset: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._file, self._offset, self.shape, self.dtype = file, offset, shape, dtype

    def __del__(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, key: slice | Any) -> NDArray[Any]:
        """Return a copy of some rows."""
        if isinstance(key, slice):
            first, last, _ = key.indices(len(self))
            made = np.empty((max(0, last - first), self.shape[1]), self.dtype)
            self._fill(made, first)
            return made
        if isinstance(key, int | np.integer):
            return cast(NDArray[Any], self[key : key + 1][0])
        rows, made = np.asarray(key, np.int64), np.empty((len(key), self.shape[1]), self.dtype)
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        ends = list(pairwise([0, *cuts.tolist(), len(rows)]))  # rows that follow each other are read at once
        waits = not hasattr(os, "RWF_NOWAIT")
        for number, (begin, end) in enumerate(ends if len(rows) else ()):
            if waits or not self._fill_without_waiting(made[begin:end], int(rows[begin])):
                if not waits:
                    self._ask_for((int(rows[begin]), end - begin) for begin, end in ends[number:])
                waits = True
                self._fill(made[begin:end], int(rows[begin]))
        return made

    def _fill(self, made: NDArray[Any], row: int) -> None:
        if made.nbytes and os.preadv(self._file, [made.data], self._at(row)) != made.nbytes:
            raise GalleryCorruptError("the vectors' file is shorter than it was: build the gallery again")

    def _fill_without_waiting(self, made: NDArray[Any], row: int) -> bool:
        """Read rows that are in the system's memory; False where they are not."""
        try:
            return os.preadv(self._file, [made.data], self._at(row), os.RWF_NOWAIT) == made.nbytes
        except OSError:
            return False

    def _ask_for(self, some: Iterable[tuple[int, int]]) -> None:
        """Let the system read rows that are not in its memory all at once: one after the other takes ten times as long.

        `some`: The first row, and how many, of each stretch.
        """
        for row, count in some:
            os.posix_fadvise(self._file, self._at(row), self._at(count) - self._offset, os.POSIX_FADV_WILLNEED)

    def _at(self, row: int) -> int:
        return self._offset + self.dtype.itemsize * self.shape[1] * row


def rows_from_file(vectors: Vectors) -> Vectors:
    """Return a reader of the file when `vectors` are a read-only memory map of a whole file, else `vectors`."""
    if isinstance(vectors, ShortVectors):
        return cast(Vectors, ShortVectors(cast(Stored, rows_from_file(cast(Vectors, vectors.stored)))))
    if not isinstance(vectors, np.memmap) or vectors.mode != "r" or not hasattr(os, "preadv"):
        return vectors
    name, whole = vectors.filename, isinstance(vectors.base, mmap.mmap)  # a part of a map has the map as its base
    if name is None or not whole or not vectors.flags.c_contiguous:
        return vectors
    try:
        file = os.open(name, os.O_RDONLY)
    except OSError:  # replaced meanwhile: the map holds on to it
        return vectors
    return cast(Vectors, FileRows(file, vectors.offset, (len(vectors), vectors.shape[1]), vectors.dtype))


def rows_in(vectors: Vectors) -> Vectors:
    """Return vectors as an index reads them: as a plain array, because NumPy's memory-map class is slower."""
    return np.asarray(vectors) if isinstance(vectors, np.ndarray) else vectors
