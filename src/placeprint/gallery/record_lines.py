"""Records that lie together: in memory, or as lines of a file that is mapped and parsed one by one."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Sequence
from functools import cached_property
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.columns import Numbers, path_hash
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

    def ask_for(self, row: int) -> None:
        """Let the system read what is needed of a record, which is asked for soon, beside others."""

    @property
    def titled(self) -> bool:
        """Whether a record may have titles of its places."""

    @property
    def contents(self) -> NDArray[np.uint64]:
        """For each record `path_hash` of the content of its image; 0 where that is not known."""

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

    def ask_for(self, row: int) -> None:
        """Do nothing: it is there."""

    @cached_property
    def contents(self) -> NDArray[np.uint64]:
        """See `Block.contents`."""
        return np.array([(r.content_hash and path_hash(r.content_hash)) or 0 for r in self.records], np.uint64)

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

    def __init__(self, data: Buffer, starts: NDArray[np.int64], contents: NDArray[np.uint64] | None = None) -> None:
        self._data, self._starts, self._contents = data, starts, contents
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

    @cached_property
    def titled(self) -> bool:
        """Whether a line has titles: without any, nothing is parsed to look for them."""
        return self._data.find(b'"titles": [') >= 0

    def record(self, row: int) -> ImageRecord:
        """Parse one line, or return what was parsed of it lately: every answer names some records.

        Raises `GalleryCorruptError` when it is not a record.
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

    def ask_for(self, row: int) -> None:
        """Let the system read a line; see `Block.ask_for`."""
        if row not in self._parsed and isinstance(self._data, mmap.mmap) and hasattr(mmap, "MADV_WILLNEED"):
            first, last = self._starts[row : row + 2].tolist()
            start = first - first % mmap.PAGESIZE
            if 0 <= start < last <= len(self._data):  # else the column is damaged, which parsing the line tells
                self._data.madvise(mmap.MADV_WILLNEED, start, last - start)

    @cached_property
    def contents(self) -> NDArray[np.uint64]:
        """See `Block.contents`; looked for in the lines of galleries of older releases, which do not keep it."""
        if self._contents is not None:
            return self._contents
        lines = ((match.start(), path_hash(match[1].decode())) for match in _CONTENT.finditer(self._data))
        found = np.fromiter(lines, np.dtype([("at", np.int64), ("hash", np.uint64)]))
        made = np.zeros(len(self), np.uint64)
        made[np.searchsorted(self._ordered, found["at"], side="right") - 1] = found["hash"]
        return made

    def write(self, file: IO[bytes], first: int, last: int) -> Numbers:
        """Copy lines as they are; see `Block.write`.

        Raises `GalleryCorruptError` when the lines do not follow each other: a damaged column is not copied into a new
        gallery.
        """
        lengths: Numbers = np.diff(self._ordered[first : last + 1])
        begin, end = int(self._ordered[first]), int(self._ordered[last])
        for at in range(begin, end, _COPIED):
            file.write(self._data[at : min(at + _COPIED, end)])
        return lengths


def parsed_line(line: bytes, row: int) -> tuple[ImageRecord, int]:
    """Return the record of a line, and the number of its root. Raises `GalleryCorruptError` when it is not a record."""
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
