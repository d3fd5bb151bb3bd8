"""Arrays of what a gallery asks of all its records at once, so that no record is parsed for it.

On disk a column is one file that is memory-mapped. A column in which all rows are equal keeps one of them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.records import ImageRecord, Split
from placeprint.storage.arrays import Buffer, open_array, open_bytes, save_array
from placeprint.storage.data_folder import ADVICE
from placeprint.storage.json_records import record_from

Numbers = NDArray[np.int64]
PlaceNames = tuple[str, ...]

SPLITS = (Split.NONE, Split.GALLERY, Split.QUERY)
"""The code of a split is its position here: append only."""
PLACES = "places.json"

_KINDS: Mapping[str, tuple[Any, tuple[int, ...]]] = {
    "places": (np.int32, ()),
    "splits": (np.uint8, ()),
    "positions": (np.float64, (2,)),
    "roots": (np.int32, ()),
    "paths": (np.uint64, ()),
}
"""Type and shape of one row of each column."""
LINES = "lines"
"""The column of where each line of the records begins."""
FILES = (PLACES, *(f"column-{name}.npy" for name in (*_KINDS, LINES)))


def path_hash(path: str) -> int:
    """Return 64 bits that stand for a path: equal hashes are told apart by reading the records."""
    return int.from_bytes(hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class _Names:
    """What ``places.json`` holds."""

    names: tuple[PlaceNames, ...]


class PlaceTable:
    """The combinations of places that images show, each once; column ``places`` holds their numbers.

    Parameters
    ----------
    source : bytes, or sequence of tuple of str
        JSON that is parsed when a name is first asked for, or the names.
    count : int, optional
        How many the JSON must hold.
    digest : str, optional
        SHA-256 of the JSON; empty when it is not known.
    """

    def __init__(self, source: Buffer | Iterable[PlaceNames], count: int = 0, digest: str = "") -> None:
        self._source, self._count, self._digest = source, count, digest

    def __len__(self) -> int:
        """Return how many combinations there are, without reading them."""
        return self._count if isinstance(self._source, bytes | mmap.mmap) else len(self.names)

    @cached_property
    def names(self) -> tuple[PlaceNames, ...]:
        """The places of each number."""
        if not isinstance(self._source, bytes | mmap.mmap):
            return tuple(self._source)
        if self._digest and hashlib.sha256(self._source).hexdigest() != self._digest:
            raise GalleryCorruptError(f"{PLACES} of a gallery is damaged, its checksum differs: {ADVICE}")
        try:
            names = record_from(_Names, {"names": json.loads(self._source[:])}).names
        except (ValueError, TypeError, RecursionError) as error:
            raise GalleryCorruptError(f"{PLACES} of a gallery cannot be read ({error}): {ADVICE}") from error
        if len(names) != self._count or not all(names):
            raise GalleryCorruptError(f"{PLACES} of a gallery does not hold {self._count} names: {ADVICE}")
        return names

    @cached_property
    def numbers(self) -> dict[PlaceNames, int]:
        """The number of each combination of places."""
        return {names: number for number, names in enumerate(self.names)}

    @cached_property
    def holding(self) -> dict[str, list[int]]:
        """For each place, the numbers of the combinations that contain it."""
        found: dict[str, list[int]] = {}
        for number, names in enumerate(self.names):
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    def showing(self, places: Collection[str]) -> Numbers:
        """Return the numbers of the combinations with any of these places, possibly repeated."""
        return np.array([number for place in places for number in self.holding.get(place, ())], np.int64)

    def save(self, folder: Path) -> None:
        """Write ``places.json``."""
        (folder / PLACES).write_text(json.dumps(self.names) + "\n", encoding="ascii")


@dataclass(frozen=True)
class Columns:
    """Arrays with one value per record.

    Attributes
    ----------
    places : ndarray of int32, shape (n,)
        The number of its places in `table`; -1 without a label.
    splits : ndarray of uint8, shape (n,)
        Position in `SPLITS`.
    positions : ndarray of float64, shape (n, 2)
        Latitude and longitude, degrees; NaN where not known.
    roots : ndarray of int32, shape (n,)
        Which of the gallery's roots the path is relative to.
    paths : ndarray of uint64, shape (n,)
        `path_hash` of the path.
    table : PlaceTable
    """

    places: NDArray[np.int32]
    splits: NDArray[np.uint8]
    positions: NDArray[np.float64]
    roots: NDArray[np.int32]
    paths: NDArray[np.uint64]
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
        """Return only these rows, in this order; places that no row shows are dropped."""
        chosen = {name: array[rows] for name, array in self.arrays().items()}
        there = np.bincount(chosen["places"] + 1, minlength=len(self.table.names) + 1)[1:] > 0
        renamed = np.append(np.cumsum(there) - 1, -1).astype(np.int32)  # the last is what -1 finds
        chosen["places"] = renamed[chosen["places"]]
        return type(self)(
            **chosen, table=PlaceTable(n for n, kept in zip(self.table.names, there, strict=True) if kept)
        )

    def joined(self, other: Columns) -> Self:
        """Return these rows and then the other's."""
        numbers = dict(self.table.numbers)
        renamed = np.array([*(numbers.setdefault(names, len(numbers)) for names in other.table.names), -1], np.int32)
        theirs = other.arrays() | {"places": renamed[other.places]}
        both = {name: np.concatenate([array, theirs[name]]) for name, array in self.arrays().items()}
        return type(self)(**both, table=PlaceTable(numbers))

    def save(self, folder: Path) -> None:
        """Write one file per column, and ``places.json``."""
        for name, array in self.arrays().items():
            save_array(folder / f"column-{name}.npy", _shortest(array))
        self.table.save(folder)

    @classmethod
    def load(cls, folder: Path, count: int, *, places: int, digest: str = "", mapped: bool = True) -> Self:
        """Open what `save` wrote for `count` records that show `places` combinations of places; see `PlaceTable`.

        Raises
        ------
        ValueError
            When a file is not the column of `count` rows.
        """
        arrays = {name: load_column(folder, name, count, *kind, mapped=mapped) for name, kind in _KINDS.items()}
        return cls(**arrays, table=PlaceTable(open_bytes(folder / PLACES, mapped=mapped), places, digest))

    def checked(self, roots: int) -> Self:
        """Return the columns after reading them all and checking every number.

        Parameters
        ----------
        roots : int
            How many there are.

        Raises
        ------
        GalleryCorruptError
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
    """Open one column.

    Raises
    ------
    ValueError
        When the file is not the column of `count` rows.
    """
    path = folder / f"column-{name}.npy"
    array = open_array(path, mapped=mapped)
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
