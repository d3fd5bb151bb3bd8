"""What there is of a gallery on a server, as it is when it is opened."""

from __future__ import annotations

from dataclasses import dataclass

from placeprint.errors import GalleryBusyError
from placeprint.gallery.milvus.connection import Connection
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.head_store import HeadStore
from placeprint.gallery.milvus.index import Numbering
from placeprint.gallery.milvus.integrity import missing_numbers
from placeprint.gallery.milvus.store import Store


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
