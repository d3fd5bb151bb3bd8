"""What there is of a gallery on a server when it is opened, and whether its rows are those that were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryBusyError, GalleryError
from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.connection import Connection
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.head_store import HeadStore
from placeprint.gallery.milvus.index import Numbering
from placeprint.gallery.milvus.rows import PLAIN, StoredImage, from_row
from placeprint.gallery.milvus.store import KEYS, Store
from placeprint.terminal import counted

SHOWN = 20
"""Problems that are told."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Connection, rows and head of a gallery; `opened` makes it."""

    connection: Connection
    store: Store
    heads: HeadStore
    head: Head
    numbering: Numbering


def opened(connection: Connection, *, numbered: bool = True) -> Opened:
    """Read what there is of the gallery that a connection is for; see `MilvusGallery.over`."""
    connection.fall_behind()
    heads = HeadStore(connection)
    head = heads.read()
    store = Store(connection, head.spec)
    if head.writing and not store.loaded:  # loading it now would disturb whoever makes it
        raise GalleryBusyError(
            f"{connection.address} is being made: wait for it, or complete it by the command that began it"
        )
    store.open()
    holes = head.holes
    if store.count() + len(holes) != head.end and numbered:  # an interrupted change: see which there are
        holes = missing_numbers(store, head.end)
    return Opened(connection, store, heads, head, Numbering(head.end, holes))


def missing_numbers(store: Store, end: int) -> NDArray[np.int64]:
    """Return the numbers below `end` that no image has, ascending; all numbers are read."""
    holes = []
    for first in range(0, end, KEYS):
        last = min(first + KEYS, end)
        there = [row["row"] for block in store.blocks(last, [], first=first, rows=KEYS) for row in block]
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
