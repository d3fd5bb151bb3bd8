"""Arrays of what a gallery asks of all its records at once, so that no record is parsed for it.

On disk a column is one file that is memory-mapped. A column in which all rows are equal keeps one of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.place_table import PLACES, PlaceNames, PlaceTable, StoredNames
from placeprint.gallery.segments import Segment
from placeprint.records import ImageRecord, Split
from placeprint.storage.arrays import UNMAPPED, open_array, open_bytes, save_array
from placeprint.storage.data_folder import ADVICE

Numbers = NDArray[np.int64]

SPLITS = (Split.NONE, Split.GALLERY, Split.QUERY)
"""The code of a split is its position here: append only."""

_KINDS: Mapping[str, tuple[Any, tuple[int, ...]]] = {
    "places": (np.int32, ()),
    "splits": (np.uint8, ()),
    "positions": (np.float64, (2,)),
    "roots": (np.int32, ()),
    "paths": (np.uint64, ()),
}
"""Type and shape of one row of each column."""
_COMPARED = 1 << 16
"""Hashes that are compared at once."""
LINES, CONTENTS = "lines", "contents"
"""The columns of where each line of the records begins, and of `path_hash` of the content of each image."""
FILES = (PLACES, *(f"column-{name}.npy" for name in (*_KINDS, LINES)))


def path_hash(path: str) -> int:
    """Return 64 bits that stand for a path: equal hashes are told apart by reading the records."""
    return int.from_bytes(hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def alike(column: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> Numbers:
    """Return the rows with one of these hashes, ascending, in blocks that take no memory beside a mapped column."""
    sought, found = np.unique(hashes), [np.zeros(0, np.int64)]
    for first in range(0, len(column) if len(sought) else 0, _COMPARED):
        block = column[first : first + _COMPARED]
        at = np.minimum(np.searchsorted(sought, block), len(sought) - 1)
        found.append(first + np.flatnonzero(sought[at] == block))
    return np.concatenate(found)


@dataclass(frozen=True)
class Columns:
    """Arrays with one value per record."""

    places: NDArray[np.int32]  # (n,): The number of its places in `table`; -1 without a label.
    splits: NDArray[np.uint8]  # (n,): Position in `SPLITS`.
    positions: NDArray[np.float64]  # (n, 2): Latitude and longitude, degrees; NaN where not known.
    roots: NDArray[np.int32]  # (n,): Which of the gallery's roots the path is relative to.
    paths: NDArray[np.uint64]  # (n,): `path_hash` of the path.
    table: PlaceTable

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.places)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in _KINDS}

    @classmethod
    def of(cls, records: Sequence[ImageRecord], roots: Iterable[int]) -> Self:
        """Collect the columns of records in memory."""
        numbers: dict[PlaceNames, int] = {}
        places = (numbers.setdefault(r.places, len(numbers)) if r.places else -1 for r in records)
        return cls(
            np.fromiter(places, np.int32),
            np.fromiter((SPLITS.index(r.split) for r in records), np.uint8),
            np.array([r.degrees or (np.nan, np.nan) for r in records], np.float64).reshape(-1, 2),
            np.fromiter(roots, np.int32),
            np.fromiter((path_hash(r.path) for r in records), np.uint64),
            PlaceTable(numbers),
        )

    def kept(self, rows: Numbers) -> Self:
        """Return only these rows, in this order; the table stays."""
        return type(self)(**{name: array[rows] for name, array in self.arrays().items()}, table=self.table)

    def shown(self) -> NDArray[np.bool_]:
        """Return for each combination of places in `table` whether a row shows it."""
        return np.bincount(self.places + 1, minlength=len(self.table) + 1)[1:] > 0

    def without_unused(self) -> Self:
        """Return the same with a table of the places that a row shows."""
        there = self.shown()
        if there.all():
            return self
        renamed = np.append(np.cumsum(there) - 1, -1).astype(np.int32)  # the last is what -1 finds
        names = tuple(name for name, used in zip(self.table.names, there, strict=True) if used)
        return dataclasses.replace(self, places=renamed[self.places], table=PlaceTable(names))

    def numbered(self, table: PlaceTable) -> Self:
        """Return the same, with places numbered as in another table, which is continued."""
        numbers = dict(table.numbers)
        renamed = np.array([*(numbers.setdefault(names, len(numbers)) for names in self.table.names), -1], np.int32)
        return dataclasses.replace(self, places=renamed[self.places], table=PlaceTable(tuple(numbers)))

    def joined(self, other: Columns) -> Self:
        """Return these rows and then the other's, which are `numbered` as they are."""
        both = {name: np.concatenate([array, getattr(other, name)]) for name, array in self.arrays().items()}
        return type(self)(**both, table=other.table)

    def save(self, folder: Path, *, names: slice = slice(None)) -> int:
        """Write one file per column, and ``places.json``; return how many places that holds.

        `names`: Which of the table are written: the others lie in other segments.
        """
        for name, array in self.arrays().items():
            save_array(folder / f"column-{name}.npy", _shortest(array))
        written = self.table.names[names]
        (folder / PLACES).write_text(json.dumps(written) + "\n", encoding="ascii")
        return len(written)

    @classmethod
    def load(cls, segment: Segment, *, mapped: bool = True) -> Self:
        """Open what `save` wrote.

        Raises `ValueError` when a file is not the column of as many rows, or too short for as many places.
        """
        folder = segment.data.path
        if segment.places > segment.data.files[PLACES][0]:
            raise ValueError(f"{PLACES} does not hold {segment.places} names")
        arrays = {name: load_column(folder, name, segment.rows, *kind, mapped=mapped) for name, kind in _KINDS.items()}
        source, digest = open_bytes(folder / PLACES, mapped=mapped), segment.data.files[PLACES][1]
        return cls(**arrays, table=PlaceTable(StoredNames(source, segment.places, digest)))

    @classmethod
    def chained(cls, columns: Sequence[Columns], kept: Sequence[Numbers | None], *, first: int = 0) -> Self:
        """Return some rows of several segments after each other, from the segment `first` on.

        Places are numbered through all segments.
        """
        arrays = {}
        for name in _KINDS:
            parts = [getattr(each, name) for each in columns[first:]]
            some = [part if rows is None else part[rows] for part, rows in zip(parts, kept[first:], strict=True)]
            arrays[name] = some[0] if len(some) == 1 else np.concatenate(some)
        return cls(**arrays, table=PlaceTable(*(source for each in columns for source in each.table.sources)))

    def checked(self, roots: int) -> Self:
        """Return the columns after reading them all and checking every number.

        `roots`: How many there are.
        Raises `GalleryCorruptError`.
        """
        ends = {"places": (-1, len(self.table) - 1), "splits": (0, len(SPLITS) - 1), "roots": (0, roots - 1)}
        wrong = [name for name, (least, most) in ends.items() if not _between(getattr(self, name), least, most)]
        degrees = np.fmax.reduce(np.abs(self.positions), axis=0, initial=0.0)  # NaN is no position
        if wrong or not (degrees <= (90, 180)).all():
            name = wrong[0] if wrong else "positions"
            raise GalleryCorruptError(f"column-{name}.npy of a gallery holds what cannot be: {ADVICE}")
        return self


def load_column(
    folder: Path, name: str, count: int, kind: Any, tail: tuple[int, ...] = (), *, mapped: bool = True
) -> NDArray[Any]:
    """Open one column. Raises `ValueError` when the file is not the column of `count` rows."""
    path = folder / f"column-{name}.npy"
    array = open_array(path, mapped=mapped, least=UNMAPPED)
    if array.dtype != kind or array.shape[1:] != tail or len(array) not in (count, min(count, 1)):
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape} for {count} records")
    whole = np.asarray(array)  # a memory map's own class is slower, and maps all the same
    return whole if len(whole) == count else np.broadcast_to(whole, (count, *tail))


def _between(array: NDArray[Any], least: int, most: int) -> bool:
    return not len(array) or bool(least <= array.min() and array.max() <= most)


def _shortest(array: NDArray[Any]) -> NDArray[Any]:
    """Return only the first row when all rows are equal (NaN equals NaN)."""
    same = len(array) > 0 and np.array_equal(array, np.broadcast_to(array[:1], array.shape), equal_nan=True)
    return np.ascontiguousarray(array[:1] if same else array)
