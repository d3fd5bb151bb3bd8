"""The neighbours of a query and the other images of their places, fetched as a small gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.milvus.filter import EngineFilter, of_places
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.index import Numbering, nearest
from placeprint.gallery.milvus.rows import unpacked
from placeprint.gallery.milvus.store import MESSAGE_BYTES, MOST_FOUND, Row, Store
from placeprint.gallery.part_codes import Codes, as_read
from placeprint.gallery.protocol import Nearby
from placeprint.gallery.record_lines import parsed_line
from placeprint.gallery.table import RecordTable
from placeprint.presets import MOST_OF_A_PLACE
from placeprint.storage.ragged import Ragged

FIELDS = ("key", "row", "record", "vector")


class FetchedParts(Ragged):
    """Parts of images, fetched from the store on demand.

    `name`: Of the field.
    `codes`: Of the gallery's head.
    """

    def __init__(self, store: Store, name: str, keys: Sequence[int], codes: Codes) -> None:
        self._store, self._name, self._keys, self._codes = store, name, keys, codes

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._keys)

    def __getitem__(self, image: int) -> NDArray[Any]:
        """Return the parts of one image, shape (height, width, depth)."""
        return self.kept([image])[0]

    def kept(self, images: Sequence[int] | NDArray[np.int64]) -> Ragged:  # type: ignore[override]
        """Fetch the parts of some images together."""
        keys = [self._keys[int(i)] for i in images]
        if not keys:
            return Ragged((np.empty((0, 1), np.int8),), np.empty((0, 4), np.int64))
        step, found = self._store.block_rows, dict[int, Row]()
        for i in range(0, len(keys), step):
            found |= self._store.with_keys(keys[i : i + step], [self._name])
        return Ragged.of([as_read(unpacked(found[key][self._name]), self._name, self._codes) for key in keys])


def look_around(
    store: Store,
    head: Head,
    numbering: Numbering,
    unit: NDArray[np.float32],
    *,
    look: int,
    only: EngineFilter | None,
) -> Nearby:
    """Fetch the neighbours of a query and, when the preset re-ranks, the other images of their places.

    `unit`, shape (dim,): A unit vector.
    `look`: Neighbours that are looked at; ten times as many while all of them are of one place.
    `only`: Other images are not there.
    """
    found = _neighbours(store, unit, look, only, size=len(numbering))
    if head.preset.reranks:
        found |= _company(store, found, only)
    rows = sorted(found.values(), key=lambda row: int(row["row"]))
    parsed = [parsed_line(row["record"].encode(), row["row"]) for row in rows]
    vectors = np.array([row["vector"] for row in rows], np.float32).reshape(len(rows), store.spec.dim)
    keys = [row["key"] for row in rows]
    content = head.content(
        RecordTable.of([record for record, _ in parsed], roots=[root for _, root in parsed]),
        ChunkedVectors.of(vectors),
        {name: FetchedParts(store, name, keys, head.codes) for name in store.parts},
    )
    whole = numbering.rows(np.array([row["row"] for row in rows], np.int64))
    return Nearby(Gallery(content), whole, tuple(map(int, keys)))


def _neighbours(
    store: Store, unit: NDArray[np.float32], look: int, only: EngineFilter | None, *, size: int
) -> dict[int, Row]:
    """Return the nearest images by key, looking further until two places are among them."""
    fields = (*FIELDS, "places")
    while True:
        look = min(look, MOST_FOUND, max(size, 1))
        hits = nearest(store, unit[None], look, only or "", _light(fields, look, store))[0]
        rows = [dict(hit["entity"]) for hit in hits]
        own = set(rows[0]["places"]) if rows else set()
        if len(hits) < look or look in (MOST_FOUND, size) or any(own.isdisjoint(row["places"]) for row in rows):
            break
        look *= 10
    found = {int(row["key"]): row for row in rows}
    return found if not rows or "vector" in rows[0] else _filled(store, list(found))


def _light(fields: Sequence[str], look: int, store: Store) -> tuple[str, ...]:
    """Return the fields that one response can hold for so many images."""
    heavy = look * (4 * store.spec.dim + 1024) > MESSAGE_BYTES
    return tuple(f for f in fields if f not in ("vector", "record")) if heavy else tuple(fields)


def _filled(store: Store, keys: Sequence[int]) -> dict[int, Row]:
    """Fetch everything a query needs of these images, in batches."""
    step, found = max(1, MESSAGE_BYTES // (4 * store.spec.dim + 1024)), dict[int, Row]()
    for i in range(0, len(keys), step):
        found |= store.with_keys(keys[i : i + step], [*FIELDS[1:], "places"])
    return found


def _company(store: Store, found: Mapping[int, Row], only: EngineFilter | None) -> dict[int, Row]:
    """Fetch the other images of the neighbours' places, of large ones a sample: a place is ranked by its mean."""
    places = sorted({place for row in found.values() for place in row["places"]})
    if not places:
        return {}
    asked = of_places(places) + (f" and ({only.expression})" if only and only.expression else "")
    rows = store.query(asked, ["key", "row", "places", "content", *(only.fields if only else ())])
    company: dict[tuple[str, ...], list[tuple[int, int, int]]] = {}
    for row in only.through(rows) if only else rows:
        drawn = (row["content"], row["row"], int(row["key"]))  # as `Reranker` draws of the gallery in a folder
        company.setdefault(tuple(row["places"]), []).append(drawn)
    keys = {key for some in company.values() for *_, key in sorted(some)[:MOST_OF_A_PLACE]}
    return _filled(store, sorted(keys - found.keys()))
