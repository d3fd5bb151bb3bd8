"""The records of a gallery, as a sequence that parses a record when it is asked for.

A million records are a million lines of JSON. Opening a gallery maps them and reads none.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.columns import LINES, Columns, Numbers, load_column
from placeprint.gallery.record_lines import FILE, MOST_ROOTS, Block, HeldRecords, LinesOnDisk
from placeprint.records import ImageRecord
from placeprint.storage.arrays import open_bytes, save_array


class RecordTable(Sequence[ImageRecord]):
    """An immutable sequence of records, on disk or in memory, and their columns.

    Make one with `of` or `load`. It equals a tuple of the same records. Choosing and joining parse nothing.

    Parameters
    ----------
    blocks : sequence of Block
    at : sequence of int
        For each row its position in the blocks, counted through.
    columns : callable
        Returns the columns; called when they are first asked for.
    digest : str
        What tells equal files from others at once; empty when nothing does.
    """

    def __init__(
        self, blocks: Sequence[Block], at: range | Numbers, columns: Callable[[], Columns], digest: str = ""
    ) -> None:
        self._blocks, self._at, self._columns, self._digest = tuple(blocks), at, columns, digest
        self._firsts = [0, *np.cumsum([len(block) for block in blocks], dtype=np.int64).tolist()][: len(blocks)]

    @classmethod
    def of(cls, records: Sequence[ImageRecord], *, roots: Sequence[int] | None = None) -> Self:
        """Make a table of records in memory.

        Parameters
        ----------
        records : sequence of ImageRecord
        roots : sequence of int, optional
            The number of the root of each; 0 when not given.
        """
        if isinstance(records, cls) and roots is None and not records.columns.roots.any():
            return records
        held = HeldRecords(records, [0] * len(records) if roots is None else roots)
        return cls((held,), range(len(held)), lambda: Columns.of(held.records, held.roots))

    @classmethod
    def load(
        cls,
        folder: Path,
        count: int,
        *,
        places: int,
        roots: int = MOST_ROOTS,
        digest: str = "",
        places_digest: str = "",
        mapped: bool = True,
    ) -> Self:
        """Open what `save` wrote.

        Parameters
        ----------
        folder : Path
        count : int
            Records.
        places : int
            Combinations of places.
        roots : int
            Folders that images are relative to.
        digest, places_digest : str
            Checksums of ``records.jsonl`` and ``places.json``; empty when they are not known.
        mapped : bool
            Map the files; else they are read as a whole, see `placeprint.storage.arrays.open_array`.

        Raises
        ------
        ValueError
            When files do not belong together.
        """
        data = open_bytes(folder / FILE, mapped=mapped)
        starts = load_column(folder, LINES, count + 1, np.int64, mapped=mapped)
        if int(starts[0]) != 0 or int(starts[-1]) != len(data):
            raise ValueError(f"{FILE} has {len(data)} bytes and its lines end at {int(starts[-1])}")
        columns = Columns.load(folder, count, places=places, digest=places_digest, mapped=mapped)
        return cls((LinesOnDisk(data, starts),), range(count), lambda: columns.checked(roots), digest)

    @property
    def titled(self) -> bool:
        """Whether a record may have titles of its places."""
        return any(block.titled for block in self._blocks)

    def save(self, folder: Path) -> None:
        """Write ``records.jsonl`` and the columns; lines that are on disk are copied as they are."""
        lengths = [np.zeros(1, np.int64)]
        with (folder / FILE).open("wb") as file:
            for block, first, last in self._runs():
                lengths.append(block.write(file, first, last))
        starts = np.cumsum(np.concatenate(lengths))
        save_array(folder / f"column-{LINES}.npy", starts)
        self.columns.save(folder)

    def _runs(self) -> Iterator[tuple[Block, int, int]]:
        """Yield stretches of rows that follow each other in one block."""
        at = self._numbers()
        blocks = np.searchsorted(self._firsts, at, side="right") - 1
        cuts = np.flatnonzero((np.diff(at) != 1) | (np.diff(blocks) != 0)) + 1
        edges = [0, *cuts.tolist(), len(at)] if len(at) else [0]
        for begin, end in pairwise(edges):
            number = int(blocks[begin])
            first = int(at[begin]) - self._firsts[number]
            yield self._blocks[number], first, first + end - begin

    def _numbers(self) -> Numbers:
        at = self._at
        return np.arange(at.start, at.stop) if isinstance(at, range) else at

    @cached_property
    def columns(self) -> Columns:
        """Places, splits, positions, roots and hashes of paths, as arrays."""
        return self._columns()

    @cached_property
    def place_codes(self) -> NDArray[np.int64]:
        """The number of each row's place, shape (n,); an unlabelled image is a place of its own."""
        codes = self.columns.places.astype(np.int64)
        bare = np.flatnonzero(codes < 0)
        if len(bare):
            alone = np.unique(self.columns.paths[bare], return_inverse=True)[1]
            codes[bare] = alone + len(self.columns.table)
        return codes

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once."""
        return tuple(sorted(self.columns.table.holding))

    @cached_property
    def _seen(self) -> dict[int, tuple[str, ...]]:
        """The places of the numbers looked up so far; -1 has none."""
        return {-1: ()}

    @cached_property
    def _by_place(self) -> tuple[Numbers, Numbers]:
        """The rows in the order of their places, and where each place begins."""
        order = np.argsort(self.place_codes, kind="stable")  # in no time where they are sorted already
        return order, np.concatenate([[0], np.cumsum(np.bincount(self.place_codes))])

    def rows_of(self, code: int) -> Numbers:
        """Return the rows that `place_codes` gives this number, ascending."""
        order, starts = self._by_place
        return order[starts[code] : starts[code + 1]]

    def places_of(self, row: int) -> tuple[str, ...]:
        """Return the places of a record; nothing is parsed for a place that was looked up before."""
        code = int(self.columns.places[row])
        if code not in self._seen:
            self._seen[code] = self[row].places
        return self._seen[code]

    def places_of_rows(self, rows: Numbers) -> list[tuple[str, ...]]:
        """Return the places of several records, as `places_of`."""
        seen, codes = self._seen, self.columns.places[rows].tolist()
        return [
            seen[code] if code in seen else self.places_of(row) for row, code in zip(rows.tolist(), codes, strict=True)
        ]

    def rows_showing(self, places: Collection[str]) -> Numbers:
        """Return the rows that show any of these places, ascending."""
        return np.flatnonzero(np.isin(self.columns.places, self.columns.table.showing(places)))

    def rows_with_content(self, content_hash: str) -> list[int]:
        """Return the rows whose image has this content, ascending: the records on disk are searched, not parsed."""
        if not content_hash:
            return []
        blocks = zip(self._firsts, self._blocks, strict=True)
        at = [first + row for first, block in blocks for row in block.with_content(content_hash)]
        return [int(row) for row in np.flatnonzero(np.isin(self._numbers(), at))]

    def rows_with_contents(self, content_hashes: Set[str]) -> dict[str, list[int]]:
        """Return the rows of each of these contents that is there, ascending, in one walk through the records."""
        blocks = zip(self._firsts, self._blocks, strict=True) if content_hashes else ()
        at = {first + row: content for first, block in blocks for row, content in block.with_contents(content_hashes)}
        numbers = self._numbers()
        found: dict[str, list[int]] = {}
        for row in np.flatnonzero(np.isin(numbers, list(at))).tolist():
            found.setdefault(at[int(numbers[row])], []).append(row)
        return found

    def kept(self, rows: Sequence[int] | Numbers) -> Self:
        """Return only these rows, in this order."""
        chosen = np.asarray(rows, np.int64)
        return type(self)(self._blocks, self._numbers()[chosen], lambda: self.columns.kept(chosen))

    def joined(self, other: RecordTable) -> Self:
        """Return these records and then the other's."""
        moved = other._numbers() + sum(len(block) for block in self._blocks)
        at = np.concatenate([self._numbers(), moved])
        return type(self)((*self._blocks, *other._blocks), at, lambda: self.columns.joined(other.columns))

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._at)

    @overload
    def __getitem__(self, row: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, row: slice) -> RecordTable: ...
    def __getitem__(self, row: int | slice) -> ImageRecord | RecordTable:
        """Return one record, or a table of some."""
        if isinstance(row, slice):
            return self.kept(np.arange(len(self))[row])
        at = int(self._at[operator.index(row)])
        number = bisect_right(self._firsts, at) - 1
        return self._blocks[number].record(at - self._firsts[number])

    def __iter__(self) -> Iterator[ImageRecord]:
        """Walk the records in order."""
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Compare with another table, or with a tuple of records."""
        if self is other or (isinstance(other, RecordTable) and self._digest and self._digest == other._digest):
            return True
        if not isinstance(other, RecordTable | tuple):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        """Return the hash of the tuple that it equals."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Return how many there are, not which."""
        return f"<RecordTable of {len(self)} records>"
