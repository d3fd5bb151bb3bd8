"""Records that lie together: in memory, or as lines of a file that is mapped and parsed one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence, Set
from functools import cached_property
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.columns import Numbers
from placeprint.records import ImageRecord
from placeprint.storage.arrays import Buffer
from placeprint.storage.data_folder import ADVICE

FILE = "records.jsonl"
_CONTENT = re.compile(rb'"content_hash": "([^"]+)"')
MOST_ROOTS = 1 << 31
_COPIED = 1 << 24
"""Bytes of lines written at once."""
_MOST_KEPT, _LONGEST_KEPT = 4096, 4096
"""Records that are kept parsed, and bytes of the longest line whose record is."""


class Block(Protocol):
    """Records that lie together."""

    def __len__(self) -> int:
        """Return the number of records."""

    def record(self, row: int) -> ImageRecord:
        """Return one record."""

    @property
    def titled(self) -> bool:
        """Whether a record may have titles of its places."""

    def with_content(self, content_hash: str) -> list[int]:
        """Return the rows whose image has this content."""

    def with_contents(self, content_hashes: Set[str]) -> list[tuple[int, str]]:
        """Return the rows whose image has one of these contents, and which content, in one pass."""

    def write(self, file: IO[bytes], first: int, last: int) -> Numbers:
        """Write the lines from `first` to before `last`, and return their lengths."""


class HeldRecords:
    """Records in memory, with the number of the root of each."""

    def __init__(self, records: Sequence[ImageRecord], roots: Sequence[int]) -> None:
        self.records, self.roots = tuple(records), roots

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.records)

    @property
    def titled(self) -> bool:
        """Whether a record has titles of its places."""
        return any(record.titles for record in self.records)

    def record(self, row: int) -> ImageRecord:
        """Return one record."""
        return self.records[row]

    def with_content(self, content_hash: str) -> list[int]:
        """Return the rows whose image has this content."""
        return [row for row, record in enumerate(self.records) if record.content_hash == content_hash]

    def with_contents(self, content_hashes: Set[str]) -> list[tuple[int, str]]:
        """Return the rows whose image has one of these contents, and which."""
        held = ((row, record.content_hash) for row, record in enumerate(self.records))
        return [(row, content) for row, content in held if content in content_hashes]

    def write(self, file: IO[bytes], first: int, last: int) -> Numbers:
        """Write lines; see `Block.write`."""
        lengths = np.empty(last - first, np.int64)
        for i in range(first, last):
            lengths[i - first] = file.write(
                json.dumps({**self.records[i].to_dict(), "root": self.roots[i]}).encode() + b"\n"
            )
        return lengths


class LinesOnDisk:
    """Lines of a file that is mapped; line i is from ``starts[i]`` up to ``starts[i + 1]``."""

    def __init__(self, data: Buffer, starts: NDArray[np.int64]) -> None:
        self._data, self._starts = data, starts
        self._parsed: dict[int, ImageRecord] = {}

    @cached_property
    def _ordered(self) -> NDArray[np.int64]:
        """Where lines begin; checked as a whole for a search or a copy, which a damaged column would mislead."""
        if not (self._starts[1:] > self._starts[:-1]).all():
            raise GalleryCorruptError(f"column-lines.npy does not fit {FILE}: {ADVICE}")
        return self._starts

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._starts) - 1

    @property
    def titled(self) -> bool:
        """Whether a line has titles: without any, nothing is parsed to look for them."""
        return self._data.find(b'"titles": [') >= 0

    def record(self, row: int) -> ImageRecord:
        """Parse one line, or return what was parsed of it lately: every answer names some records.

        Raises
        ------
        GalleryCorruptError
            When it is not a record.
        """
        known = self._parsed.get(row)
        if known is not None:
            return known
        first, last = self._starts[row : row + 2].tolist()
        found = parsed_line(self._data[first:last], row)[0]
        if last - first <= _LONGEST_KEPT:
            if len(self._parsed) >= _MOST_KEPT:
                self._parsed.clear()
            self._parsed[row] = found
        return found

    def with_content(self, content_hash: str) -> list[int]:
        """Return the rows whose image has this content: only lines that hold the hash somewhere are parsed."""
        rows, sought, at = [], content_hash.encode(), -1
        while (at := self._data.find(sought, at + 1)) >= 0:
            row = int(np.searchsorted(self._ordered, at, side="right")) - 1
            at = int(self._ordered[row + 1]) - 1
            rows += [row] if self.record(row).content_hash == content_hash else []
        return rows

    def with_contents(self, content_hashes: Set[str]) -> list[tuple[int, str]]:
        """Return the rows whose image has one of these contents, and which: only their lines are parsed."""
        sought = {content.encode() for content in content_hashes}
        at = [match.start() for match in _CONTENT.finditer(self._data) if match[1] in sought]
        rows = dict.fromkeys((np.searchsorted(self._ordered, at, side="right") - 1).tolist())
        found = ((row, self.record(row).content_hash) for row in rows)
        return [(row, content) for row, content in found if content in content_hashes]

    def write(self, file: IO[bytes], first: int, last: int) -> Numbers:
        """Copy lines as they are; see `Block.write`.

        Raises
        ------
        GalleryCorruptError
            When the lines do not follow each other: a damaged column is not copied into a new gallery.
        """
        lengths: Numbers = np.diff(self._ordered[first : last + 1])
        begin, end = int(self._ordered[first]), int(self._ordered[last])
        for at in range(begin, end, _COPIED):
            file.write(self._data[at : min(at + _COPIED, end)])
        return lengths


def parsed_line(line: bytes, row: int) -> tuple[ImageRecord, int]:
    """Return the record of a line, and the number of its root.

    Raises
    ------
    GalleryCorruptError
        When it is not a record.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        root = values.pop("root", 0)
        if not isinstance(root, int) or not 0 <= root < MOST_ROOTS:
            raise ValueError("the number of its root is none")
        return ImageRecord.from_dict(values), root
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise GalleryCorruptError(
            f"{FILE} of a gallery cannot be read in line {row + 1} ({error}): {ADVICE}"
        ) from error
