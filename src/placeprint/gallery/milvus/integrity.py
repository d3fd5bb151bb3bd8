"""Whether the rows in Milvus are those that were written: each once, with its checksum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryError
from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.rows import PLAIN, StoredImage, from_row
from placeprint.gallery.milvus.store import Store
from placeprint.terminal import counted

SHOWN = 20
"""Problems that are told."""
_NUMBERS = 10_000


def missing_numbers(store: Store, end: int) -> NDArray[np.int64]:
    """Return the numbers below `end` that no image has, ascending; all numbers are read."""
    holes = []
    for first in range(0, end, _NUMBERS):
        last = min(first + _NUMBERS, end)
        there = [row["row"] for block in store.blocks(last, [], first=first, rows=_NUMBERS) for row in block]
        holes.append(np.setdiff1d(np.arange(first, last), np.array(there, np.int64)))
    return np.concatenate(holes).astype(np.int64) if holes else np.empty(0, np.int64)


def problems_of(store: Store, head: Head) -> tuple[str, ...]:
    """Read every row; return one line for each problem, a few of them where there are many."""
    problems = list(_problems(store, head))
    if len(problems) > SHOWN:
        problems = [*problems[:SHOWN], f"and {len(problems) - SHOWN} more"]
    return tuple(problems)


def _problems(store: Store, head: Head) -> Iterator[str]:
    if head.writing:
        yield "a change was interrupted: run the same command again to complete it"
    rows, last = 0, -1
    for block in store.blocks(head.end, [*PLAIN, *store.parts]):
        for values in block:
            rows += 1
            if values["row"] == last:
                yield f"number {last} is there twice"
            last = values["row"]
            try:
                yield from _wrong(from_row(values, store.parts), head)
            except GalleryError as error:
                yield f"number {values['row']}: {error}"
    beyond = store.count(f"row >= {head.end} or row < 0")
    if beyond:
        yield f"{counted(beyond, 'row belongs', 'rows belong')} to no image"
    if rows != head.end - len(head.holes):
        yield f"{counted(rows, 'image is', 'images are')} there, {head.end - len(head.holes)} should be"


def _wrong(image: StoredImage, head: Head) -> Iterator[str]:
    """Yield what is wrong with one image."""
    path = image.record.path
    if image.found != image.sum:
        yield f"{path}: the checksum differs"
    elif not 0 <= image.root < len(head.roots):
        yield f"{path}: its root is not known"
    elif image.key != key_of(head.roots[image.root], path):
        yield f"{path}: the key is that of another image"
