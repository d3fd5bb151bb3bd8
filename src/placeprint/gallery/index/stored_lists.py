"""Lists of an index that are read from its file when a query first looks at them.

A question to a million images looks at one list in a hundred. All of them are 100 MB, which a program that answers one
photo would read and hold in vain.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, cast

import numpy as np

from placeprint import forks
from placeprint.arrays import Flags, Numbers
from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index.quantization import extend, unpacked

HEADER = struct.Struct("<4s4Q")
"""What FAISS writes before the lists: a word, then how many lists, bytes of a code, codes and bytes of a block."""
WORD = b"ilbl"
LENGTH = 8
"""Bytes of a row's number, and of the number of elements that stands before each array."""


class StoredLists:
    """Where each list is in a file, and which have been read. Any number of threads may ask.

    `path`: What FAISS wrote: after everything else the lists, each as its rows and its blocks of codes.
    `at`: Where the header of the lists is.
    `sizes`, shape (n_lists,): Rows in each list.
    Raises `ValueError` where the file has something else there.
    """

    def __init__(self, path: Path, at: int, sizes: Numbers) -> None:
        self.path, self.at, self._sizes = path, at, sizes
        self._file, self._lock = os.open(path, os.O_RDONLY), forks.Lock()
        self._read, self._kept = np.zeros(len(sizes), np.bool_), cast(Flags | None, None)
        whole = os.fstat(self._file).st_size
        if not 0 <= at <= whole - HEADER.size:
            raise ValueError("the file is too short")
        word, count, _, codes, self._block = HEADER.unpack(os.pread(self._file, HEADER.size, at))
        if word != WORD or count != len(sizes) or not 0 < codes <= whole or not 0 < self._block <= whole:
            raise ValueError("there are no lists")
        self._blocks = -(-sizes // np.int64(codes))
        ends = at + HEADER.size + np.cumsum(_lengths(sizes, self._blocks * self._block))
        if ends[-1] != whole:
            raise ValueError("the lists are of other lengths")
        self._starts = np.append(at + HEADER.size, ends)
        self._rows = max(1, int(sizes.sum()))

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            os.close(self._file)

    @property
    def share(self) -> float:
        """Which part of the lists has been read."""
        return float(self._read.mean())

    def index(self) -> Any:
        """Return the index of the file with lists that are empty."""
        from faiss import swigfaiss as faiss

        place = 0

        def read(count: int) -> bytes:
            nonlocal place
            left = self.at + HEADER.size - place
            if not left:
                return bytes(count)  # lists of no rows
            place += (count := min(count, left))
            return os.pread(self._file, count, place - count)

        return faiss.read_index(faiss.PyCallbackIOReader(read, 1 << 20))

    def whole(self) -> Any:
        """Return the index with all lists, read at once; None where rows are left out, or it cannot be read so."""
        import faiss

        if self._kept is not None or not all(map(self._fits, range(len(self._sizes)))):
            return None
        try:
            return faiss.read_index(str(self.path))
        except (RuntimeError, MemoryError):  # replaced by another process: what is open here still reads it
            return None

    def _fits(self, number: int) -> bool:
        """Return whether a list's arrays have the lengths that they should: FAISS takes as much memory as they say."""
        start, size = int(self._starts[number]), int(self._sizes[number])
        wanted = {start: size, start + LENGTH * (1 + size): int(self._blocks[number]) * self._block}
        return all(os.pread(self._file, LENGTH, at) == n.to_bytes(LENGTH, "little") for at, n in wanted.items())

    def forget(self, kept: Flags) -> bool:
        """Leave other rows out of all lists that will be read; False where some have been read already."""
        self._kept = kept
        return not self._read.any()

    def fill(self, lists: Any, numbers: Numbers | None = None) -> None:
        """Read lists that have not been read: these, or all. Raises `GalleryCorruptError`: the file is damaged."""
        with self._lock:
            wanted = np.full(len(self._read), numbers is None)
            if numbers is not None:
                wanted[numbers] = True  # np.unique imports masked arrays, 25 ms
            missing = np.flatnonzero(wanted & ~self._read)
            if numbers is not None and hasattr(os, "posix_fadvise"):  # a disk is asked for all of them at once
                for first, last in zip(self._starts[missing], self._starts[missing + 1], strict=True):
                    os.posix_fadvise(self._file, int(first), int(last - first), os.POSIX_FADV_WILLNEED)
            for number in missing.tolist():
                try:
                    self._fill(lists, number)
                except ValueError as error:
                    raise GalleryCorruptError(f'"{self.path}" is damaged ({error}): build the gallery again') from error
                self._read[number] = True

    def _fill(self, lists: Any, number: int) -> None:
        import faiss

        size, start = int(self._sizes[number]), int(self._starts[number])
        data = os.pread(self._file, int(self._starts[number + 1]) - start, start)
        middle, stored = LENGTH * (1 + size), int(self._blocks[number]) * self._block
        rows = np.frombuffer(data, np.int64, size, LENGTH)
        codes = np.frombuffer(data, np.uint8, stored, middle + LENGTH)
        lengths = struct.unpack_from("<Q", data)[0], struct.unpack_from("<Q", data, middle)[0]
        if lengths != (size, stored) or rows.view(np.uint64).max(initial=0) >= self._rows:
            raise ValueError(f"list {number} holds something else than it should")
        kept = None if self._kept is None else self._kept[rows]
        if size and (kept is None or kept.all()):
            lists.resize(number, size)
            faiss.rev_swig_ptr(lists.get_ids(number), size)[:] = rows
            faiss.rev_swig_ptr(lists.get_codes(number), stored)[:] = codes
        elif kept is not None and kept.any():
            some = unpacked(lists.packer, codes.reshape(-1, self._block))[:size][kept]
            extend(lists, np.full(len(some), number, np.int32), rows[kept], some)


def stored_lists(path: Path, rows: int, lists: Any) -> StoredLists | None:
    """Return the lists that a file has; None in an index of an older release, and where files cannot be read in part.

    `lists`: What `lists_at` returned.
    Raises `ValueError` or `TypeError` where it holds something else.
    """
    if lists is None or not hasattr(os, "pread"):
        return None
    try:
        at, sizes = int(lists["at"]), np.array(lists["sizes"], np.int64)
    except (KeyError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if sizes.ndim != 1 or not len(sizes) or sizes.min() < 0 or sizes.max() > rows or sizes.sum() != rows:
        raise ValueError("the lists hold another number of rows")
    return StoredLists(path, at, sizes)


def lists_at(path: Path, lists: Any) -> dict[str, Any]:
    """Return what `StoredLists` must know of a file that FAISS wrote, as JSON; nothing where it wrote otherwise."""
    sizes = np.array([lists.list_size(number) for number in range(lists.nlist)], np.int64)
    lengths = _lengths(sizes, -(-sizes // lists.n_per_block) * lists.block_size)
    try:
        stored = StoredLists(path, path.stat().st_size - int(lengths.sum()) - HEADER.size, sizes)
    except ValueError:
        return {}
    return {"lists": {"at": stored.at, "sizes": sizes.tolist()}}


def _lengths(sizes: Numbers, codes: Numbers) -> Numbers:
    """Return the bytes of lists in a file: of so many rows, and of so many bytes of codes."""
    return 2 * LENGTH + LENGTH * sizes + codes
