"""Arrays of different lengths, one for each image, in one file of which only the rows that are needed are read.

Parts of an image (cells of a feature map, local features) are rows of numbers, and images have different numbers of
them. They are read, not memory-mapped: pages of a map stay in a process's memory once they were read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import FileIO
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from placeprint import forks
from placeprint.arrays import Numbers
from placeprint.errors import GalleryCorruptError
from placeprint.storage.arrays import open_array, read_header, save_array, write_header
from placeprint.storage.coded_rows import Block, CodedRows, PartCode
from placeprint.storage.consecutive import Consecutive
from placeprint.storage.part_limits import MOST_PARTS


class FileRows:
    """Rows of numbers in an open file, shape (rows, depth); each slice is read from it. Thread-safe.

    `file`: Open for reading; it is closed here.
    `first`: Offset of the first row.
    """

    def __init__(self, file: BinaryIO | FileIO, first: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        # A descriptor of its own: in a reference cycle a file object may be closed first, with a warning.
        self._descriptor = os.dup(file.fileno())
        file.close()
        self._file = FileIO(self._descriptor, closefd=False)
        self._first, self.shape, self.dtype, self._lock = first, shape, dtype, forks.Lock()

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Read the rows of a slice without a step."""
        first, last, _ = rows.indices(self.shape[0])
        width = self.shape[1] * self.dtype.itemsize
        begin, size = self._first + first * width, max(last - first, 0) * width
        if hasattr(os, "pread"):  # a forked child shares the file's position with its parent
            data = os.pread(self._descriptor, size, begin)
        else:
            with self._lock:
                self._file.seek(begin)
                data = self._file.read(size)
        if len(data) < (last - first) * width:
            raise GalleryCorruptError("a file of parts ends early: run placeprint verify, or build the gallery again")
        return np.frombuffer(data, self.dtype).reshape(-1, self.shape[1])

    def __del__(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Ragged:
    """A sequence of arrays of shape (height, width, depth), each of its own height and width.

    Numbers are read when they are needed; choosing and joining copy none.

    Parameters
    ----------
    blocks : sequence of ndarray, FileRows or CodedRows, shape (rows, depth)
        The numbers.
    where : ndarray of int64, shape (n, 4)
        Block, first row in it, height and width of each image; or what makes it when it is first needed.
    count : int, optional
        How many images there are, where `where` is not made yet.

    Examples
    --------
    >>> import placeprint
    >>> import numpy as np
    >>> cells = placeprint.Ragged([np.zeros((6, 4), np.int8)], np.array([[0, 0, 2, 3]]))
    >>> len(cells), cells[0].shape
    (1, (2, 3, 4))
    """

    def __init__(
        self, blocks: Sequence[Block | CodedRows], where: Numbers | Callable[[], Numbers], count: int = 0
    ) -> None:
        self._blocks, self._made, self._count = tuple(blocks), where, count if callable(where) else len(where)

    @cached_property
    def _where(self) -> Numbers:
        return self._made() if callable(self._made) else self._made

    def _at(self, images: int | Numbers) -> Numbers:
        """Return where some images are; of a file that was opened, without a table of all."""
        return self._made.at(images) if isinstance(self._made, Consecutive) else self._where[images]

    def __len__(self) -> int:
        """Return the number of images."""
        return self._count

    def __getitem__(self, image: int) -> NDArray[Any]:
        """Return the parts of one image, shape (height, width, depth)."""
        number, first, height, width = self._at(image).tolist()
        block = self._blocks[number]
        rows = block.stored if isinstance(block, CodedRows) else block
        kept = np.asarray(rows[first : first + height * width]).reshape(height, width, rows.shape[1])
        return block.code.decoded(kept) if isinstance(block, CodedRows) else kept

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield the parts of each image in order."""
        return (self[i] for i in range(len(self)))

    @property
    def most(self) -> int:
        """The most parts of an image that are kept; 0 when there are no images."""
        return int((self._where[:, 2] * self._where[:, 3]).max(initial=0))

    @property
    def bytes_an_image(self) -> float:
        """Mean bytes of an image's numbers as they are kept; 0 when there are no images."""
        parts, block = float((self._where[:, 2] * self._where[:, 3]).sum()), self._stored[0]
        return parts * block.shape[1] * block.dtype.itemsize / len(self) if len(self) else 0.0

    def kept(self, images: Sequence[int] | Numbers) -> Self:
        """Return only these images, in this order."""
        chosen = np.asarray(images, np.int64)
        return type(self)(self._blocks, lambda: self._at(chosen), len(chosen))

    @property
    def stored(self) -> Self:
        """The same as they are kept: of those that are decoded when they are read, the codes."""
        return type(self)(self._stored, self._made, self._count)

    @property
    def _stored(self) -> list[Block]:
        return [block.stored if isinstance(block, CodedRows) else block for block in self._blocks]

    def joined(self, *others: Ragged) -> Self:
        """Return these images and then those of the others."""
        every: tuple[Ragged, ...] = (self, *others)
        firsts = [0, *accumulate(len(each._blocks) for each in every)]

        def where() -> Numbers:
            made = np.concatenate([each._where for each in every])
            made[:, 0] += np.repeat(firsts[:-1], [len(each) for each in every])
            return made

        return type(self)(tuple(chain.from_iterable(each._blocks for each in every)), where, sum(map(len, every)))

    def held(self, most: int) -> Self:
        """Return the same, with every block of up to `most` bytes in memory."""
        return type(self)([_held(block, most) for block in self._blocks], self._made, self._count)

    @classmethod
    def of(cls, arrays: Iterable[NDArray[Any]]) -> Self:
        """Hold arrays of shape (height, width, depth) in memory; there must be at least one."""
        kept = list(arrays)
        where = Consecutive([a.shape[:2] for a in kept])()
        return cls((np.concatenate([a.reshape(-1, a.shape[2]) for a in kept]),), where)

    def save(self, folder: Path, name: str, step: Callable[[int], object] = int) -> None:
        """Write ``NAME.npy`` and ``NAME-shapes.npy``, image by image, as they are kept; `step` counts them."""
        shapes, kept = self._where[:, 2:].astype(np.uint32), self.stored
        save_array(folder / f"{name}-shapes.npy", shapes)
        depth, kind = self._stored[0].shape[1], self._stored[0].dtype
        rows = int((self._where[:, 2] * self._where[:, 3]).sum())
        with (folder / f"{name}.npy").open("wb") as file:
            write_header(file, kind, (rows, depth))
            for parts in kept:
                file.write(np.ascontiguousarray(parts).tobytes())
                step(1)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Open what `save` wrote; numbers are read when they are needed.

        Raises
        ------
        ValueError
            When the two files do not belong together.
        """
        numbers = open_array(folder / f"{name}-shapes.npy", mapped=False)
        if numbers.dtype.kind not in "iu" or numbers.ndim != 2 or numbers.shape[1] != 2:
            raise ValueError(f"{name}.npy and its shapes do not belong together")
        where = Consecutive(numbers)
        small = not len(numbers) or 0 <= int(numbers.min()) <= int(numbers.max()) <= MOST_PARTS
        if not small or where.most > MOST_PARTS:
            raise ValueError(f"{name}-shapes.npy says that an image has more than {MOST_PARTS}, or fewer than none")
        values = _open_rows(folder / f"{name}.npy")
        if values.shape[0] != where.rows:
            raise ValueError(f"{name}.npy and its shapes do not belong together")
        return cls((values,), where, len(numbers))


def read_by(code: PartCode, kept: Ragged) -> Ragged:
    """Return the parts of which these are the codes: decoded when they are read.

    Raises `ValueError` when these are no codes of that kind.
    """
    return Ragged([CodedRows(block, code) for block in kept._stored], kept._made, kept._count)


def coded_by(code: PartCode, kept: Ragged) -> bool:
    """Return whether all are kept in this code."""
    return all(isinstance(block, CodedRows) and block.code is code for block in kept._blocks)


def _held(block: Block | CodedRows, most: int) -> Block | CodedRows:
    if isinstance(block, CodedRows):
        return CodedRows(_held_rows(block.stored, most), block.code)
    return _held_rows(block, most)


def _held_rows(block: Block, most: int) -> Block:
    return block[:] if block.shape[0] * block.shape[1] * block.dtype.itemsize <= most else block


def _open_rows(path: Path) -> FileRows:
    """Open a NumPy file of two dimensions; ValueError when it is none, or not as long as it says."""
    file = path.open("rb", buffering=0)
    try:
        header = read_header(file, path.stat().st_size, path.name)
        if len(header.shape) != 2 or header.order != "C" or header.dtype not in (np.int8, np.uint8, np.float32):
            raise ValueError(f"{path.name} does not hold rows of numbers")
    except BaseException:
        file.close()
        raise
    return FileRows(file, header.first, (header.shape[0], header.shape[1]), header.dtype)


def files_of(name: str) -> tuple[str, str]:
    """Return the names of the files that `Ragged.save` writes."""
    return f"{name}.npy", f"{name}-shapes.npy"


def parts_at(parts: Mapping[str, Ragged] | None, image: int) -> dict[str, NDArray[Any]]:
    """Return the parts of one image by their kind."""
    return {name: kept[image] for name, kept in (parts or {}).items()}


def stored_at(parts: Mapping[str, Ragged], image: int) -> dict[str, NDArray[Any]]:
    """Return what is kept of the parts of one image, by their kind."""
    return {name: kept.stored[image] for name, kept in parts.items()}


class RaggedWriter:
    """Collects arrays in a temporary file, so that memory stays small."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(prefix="placeprint-")  # noqa: SIM115 - lives as long as its rows
        self._shapes: list[tuple[int, int]] = []
        self._depth, self._kind = 0, np.dtype(np.int8)

    def append(self, parts: NDArray[Any]) -> None:
        """Add the parts of one image, shape (height, width, depth)."""
        self._depth, self._kind = parts.shape[2], parts.dtype
        self._shapes.append((parts.shape[0], parts.shape[1]))
        self._file.write(np.ascontiguousarray(parts).tobytes())

    def done(self) -> Ragged:
        """Return all that was added; the writer cannot be used afterwards."""
        self._file.flush()
        rows, file = sum(h * w for h, w in self._shapes), self._file
        self._file = None
        return Ragged((FileRows(file, 0, (rows, max(self._depth, 1)), self._kind),), Consecutive(self._shapes)())

    def mapped(self, depth: int, kind: type[Any]) -> NDArray[Any]:
        """Return all rows that were added as one memory-mapped array, shape (rows, depth)."""
        self._file.flush()
        rows = sum(h * w for h, w in self._shapes)
        if not rows * depth:  # nothing cannot be mapped
            return np.empty((rows, depth), kind)
        return np.memmap(self._file, dtype=kind, mode="r", shape=(rows, depth))  # the map keeps the file open

    def __del__(self) -> None:
        """Close the file if `done` was not called."""
        if self._file is not None:
            self._file.close()
