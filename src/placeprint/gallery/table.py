"""The records of a gallery, as a sequence that parses a record when it is asked for.

A million records are a million lines of JSON. Opening a gallery maps them and reads none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence, Set
from functools import cache, cached_property
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.columns import CONTENTS, LINES, Columns, Numbers, alike, load_column, path_hash
from placeprint.gallery.record_lines import FILE, MOST_ROOTS, Block, HeldRecords, LinesOnDisk
from placeprint.gallery.segments import Segment
from placeprint.records import ImageRecord
from placeprint.storage.arrays import open_bytes, save_array
from placeprint.storage.rows import Rows


class RecordTable(Sequence[ImageRecord]):
    """An immutable sequence of records, on disk or in memory, and their columns.

    Make one with `of` or `load`. It equals a tuple of the same records. Choosing and joining parse nothing.

    `rows`: Which of their rows there are.
    `columns`: Returns the columns; called when they are first asked for.
    `digest`: What tells equal files from others at once; empty when nothing does.
    """

    def __init__(
        self, blocks: Sequence[Block], rows: Rows, columns: Callable[[], Columns], digest: tuple[object, ...] = ()
    ) -> None:
        self._blocks, self.rows, self._columns, self._digest = tuple(blocks), rows, columns, digest
        self._behind: tuple[tuple[int, Callable[[], Columns]], ...] = ()
        """The columns of the rows from a number on, so that a change of the last rows joins no million others."""

    @classmethod
    def of(cls, records: Sequence[ImageRecord], *, roots: Sequence[int] | None = None) -> Self:
        """Make a table of records in memory.

        `roots`: The number of the root of each; 0 when not given.
        """
        if isinstance(records, cls) and roots is None and not records.columns.roots.any():
            return records
        held = HeldRecords(records, [0] * len(records) if roots is None else roots)
        return cls((held,), Rows([len(held)]), lambda: Columns.of(held.records, held.roots))

    @classmethod
    def load(cls, segments: Sequence[Segment], rows: Rows, *, roots: int = MOST_ROOTS, mapped: bool = True) -> Self:
        """Open what `save` wrote for each segment.

        `rows`: Which rows were not removed.
        `roots`: Folders that images are relative to.
        `mapped`: Map the files; else they are read as a whole, see `placeprint.storage.arrays.open_array`.
        Raises `ValueError` when files do not belong together.
        """
        blocks = [_lines(segment, mapped) for segment in segments]
        columns = [Columns.load(segment, mapped=mapped) for segment in segments]
        kept = [segment.kept for segment in segments]
        digest = tuple((segment.data.files[FILE][1], segment.removed) for segment in segments)
        made = cls(blocks, rows, lambda: Columns.chained(columns, kept).checked(roots), digest)
        if len(segments) > 1:
            behind = cache(lambda: Columns.chained(columns, kept, first=1).checked(roots))
            made._behind = ((len(segments[0]), behind),)
        return made

    @property
    def titled(self) -> bool:
        """Whether a record may have titles of its places."""
        return any(block.titled for block in self._blocks)

    def save(self, folder: Path, *, names: slice = slice(None)) -> int:
        """Write ``records.jsonl`` and the columns; lines that are on disk are copied as they are.

        `names`: See `Columns.save`, whose answer this returns.
        """
        lengths = [np.zeros(1, np.int64)]
        with (folder / FILE).open("wb") as file:
            for number, first, last in self.rows.runs():
                lengths.append(self._blocks[number].write(file, first, last))
        save_array(folder / f"column-{LINES}.npy", np.cumsum(np.concatenate(lengths)))
        save_array(folder / f"column-{CONTENTS}.npy", self.contents)
        return self.columns.save(folder, names=names)

    @property
    def contents(self) -> NDArray[np.uint64]:
        """`path_hash` of the content of each row's image, shape (n,); 0 where that is not known."""
        runs = (self._blocks[number].contents[first:last] for number, first, last in self.rows.runs())
        return np.concatenate([np.zeros(0, np.uint64), *runs])

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
        shown, holding = self.columns.shown(), self.columns.table.holding
        return tuple(sorted(holding if shown.all() else (p for p, numbers in holding.items() if shown[numbers].any())))

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
        new = {code: row for row, code in zip(rows.tolist(), codes, strict=True) if code not in seen}
        for row in new.values() if len(new) > 1 else ():  # of a disk, lines one after the other take ten times as long
            number, at = self.rows.find(row)
            self._blocks[number].ask_for(at)
        return [
            seen[code] if code in seen else self.places_of(row) for row, code in zip(rows.tolist(), codes, strict=True)
        ]

    def rows_showing(self, places: Collection[str]) -> Numbers:
        """Return the rows that show any of these places, ascending."""
        return np.flatnonzero(np.isin(self.columns.places, self.columns.table.showing(places)))

    def places_shown_by_none(self, places: Collection[str]) -> list[str]:
        """Return those of these places that no record shows, sorted."""
        shown, holding = self.columns.shown(), self.columns.table.holding
        return [place for place in sorted(places) if not shown[holding.get(place, [])].any()]

    def rows_with_contents(self, content_hashes: Set[str]) -> dict[str, list[int]]:
        """Return the rows of each of these contents that is there, ascending; only those records are parsed."""
        hashes = np.fromiter((path_hash(content) for content in content_hashes if content), np.uint64)
        at = [
            first + alike(block.contents, hashes) for first, block in zip(self.rows.firsts, self._blocks, strict=False)
        ]
        found: dict[str, list[int]] = {}
        for row in (
            np.flatnonzero(np.isin(self.rows.numbers(), np.concatenate(at))).tolist() if any(map(len, at)) else ()
        ):
            if (content := self[row].content_hash) in content_hashes:
                found.setdefault(content, []).append(row)
        return found

    def kept(self, rows: Sequence[int] | Numbers) -> Self:
        """Return only these rows, in this order."""
        chosen = np.asarray(rows, np.int64)
        least = int(chosen.min()) if len(chosen) else 0
        whole = (0, lambda: self.columns)
        first, columns = next((each for each in reversed(self._behind) if each[0] <= least), whole)
        return type(self)(self._blocks, self.rows.kept(chosen), lambda: columns().kept(chosen - first))

    def joined(self, other: RecordTable) -> Self:
        """Return these records and then the other's."""
        blocks, rows = (*self._blocks, *other._blocks), self.rows.joined(other.rows)
        made = type(self)(blocks, rows, lambda: self.columns.joined(behind()))
        behind = cache(lambda: other.columns.numbered(self.columns.table))
        parts = ((first, cache(lambda columns=columns: columns().joined(behind()))) for first, columns in self._behind)
        made._behind = (*parts, (len(self), behind))
        return made

    def compacted(self) -> Self:
        """Return the same, with a table of no place that no image shows."""
        return type(self)(self._blocks, self.rows, lambda: self.columns.without_unused())

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.rows)

    @overload
    def __getitem__(self, row: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, row: slice) -> RecordTable: ...
    def __getitem__(self, row: int | slice) -> ImageRecord | RecordTable:
        """Return one record, or a table of some."""
        if isinstance(row, slice):
            return self.kept(np.arange(len(self))[row])
        number, at = self.rows.find(row)
        return self._blocks[number].record(at)

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


def _lines(segment: Segment, mapped: bool) -> LinesOnDisk:
    folder, count = segment.data.path, segment.rows
    data = open_bytes(folder / FILE, mapped=mapped)
    starts = load_column(folder, LINES, count + 1, np.int64, mapped=mapped)
    if int(starts[0]) != 0 or int(starts[-1]) != len(data):
        raise ValueError(f"{FILE} has {len(data)} bytes and its lines end at {int(starts[-1])}")
    kept = segment.upgraded
    return LinesOnDisk(data, starts, load_column(folder, CONTENTS, count, np.uint64, mapped=mapped) if kept else None)
