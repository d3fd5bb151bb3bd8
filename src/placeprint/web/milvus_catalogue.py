"""What a server tells of the images of a gallery in Milvus: asked of the engine, as it is now."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.filter import of_places
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.opened import Opened
from placeprint.gallery.milvus.rows import NOWHERE
from placeprint.gallery.protocol import AnyGallery, Nearby
from placeprint.gallery.record_lines import parsed_line
from placeprint.records import Answer, ImageRecord
from placeprint.web.catalogue import Place, Shown
from placeprint.web.identity import UPLOADS, engine_image, engine_key

QUICK = 1.0
"""Seconds: a list of places that took less to read is read again after every change."""
SELDOM = 20
"""Times the seconds that reading it took: so old may a list be that took longer."""
_ROWS = 10_000


class EngineCatalogue:
    """Of a gallery in Milvus.

    Parameters
    ----------
    gallery : MilvusGallery
    before : EngineCatalogue, optional
        Of a state before; its list of places is taken over.
    """

    def __init__(self, gallery: MilvusGallery, before: EngineCatalogue | None = None) -> None:
        self._opened = gallery.opened
        self._list: _PlaceList = before._list if before else _PlaceList()

    @property
    def places(self) -> dict[str, Place]:
        """The places by name, sorted; of a large gallery as they were a while ago."""
        return self._list.of(self._opened)

    @property
    def counted_places(self) -> int | None:
        """How many places the list had when it was read last."""
        return self._list.count

    @property
    def located(self) -> int:
        """How many images have coordinates."""
        return self._opened.store.count("latitude <= 90.0")

    def has(self, place: str) -> bool:
        """Return whether an image shows a place."""
        return self._opened.store.count(of_places((place,))) > 0

    def of_place(self, place: str, offset: int, limit: int) -> tuple[int, list[Shown]]:
        """Return how many images show a place, and some of them, in the order of their numbers."""
        store = self._opened.store
        rows = sorted(store.query(of_places((place,)), ["key", "row"]), key=lambda row: int(row["row"]))
        keys = [int(row["key"]) for row in rows]
        wanted = keys[offset : offset + limit]
        found = self._with_keys(wanted)
        return len(keys), [found[key] for key in wanted if key in found]

    def shown(self, image: str) -> Shown | None:
        """Return an image by its id."""
        key = engine_key(image)
        return None if key is None else self._with_keys([key]).get(key)

    def at(self, paths: Sequence[str]) -> dict[str, Shown]:
        """Return images by their paths, under whatever root."""
        roots = dict.fromkeys((*self._opened.head.roots, UPLOADS))
        found = self._with_keys([key_of(root, path) for path in paths for root in roots])
        return {one.record.path: one for one in found.values()}

    def like(self, uploads: Sequence[ImageRecord]) -> dict[str, Shown]:
        """Return images that are these very photos, uploaded or indexed; rather as the same places."""
        found = self.at([one.path for one in uploads])
        missing = {one.content_hash: one for one in uploads if one.path not in found}
        rows = self._opened.store.with_contents(list(missing), ["key", "row", "record"])
        for shown in map(self._of, sorted(rows, key=lambda row: int(row["row"]))):
            if (one := missing.get(shown.record.content_hash)) is None:
                continue
            best = found.setdefault(one.path, shown)
            if best.record.places != one.places == shown.record.places:
                found[one.path] = shown
        return found

    def _with_keys(self, keys: Sequence[int]) -> dict[int, Shown]:
        rows = self._opened.store.with_keys(keys, ["row", "record"]) if keys else {}
        return {key: self._of(row) for key, row in rows.items()}

    def _of(self, row: dict[str, Any]) -> Shown:
        record, number = parsed_line(row["record"].encode(), row["row"])
        return Shown(engine_image(row["key"]), record, self._root(number))

    def _root(self, number: int) -> str:
        """Return a root; one that another writer added in this second is not known yet."""
        roots = self._opened.head.roots
        return roots[number] if number < len(roots) else ""

    def matched(self, answer: Answer, near: Nearby | None) -> list[Shown]:
        """Return the matches of an answer that was found in a part of the gallery."""
        assert near is not None
        records, roots = near.gallery.records, near.gallery.root_of
        return [
            Shown(engine_image(near.keys[match.row]), records[match.row], self._root(int(roots[match.row])))
            for match in answer.matches
        ]

    def of(self, gallery: AnyGallery) -> EngineCatalogue:
        """Return the catalogue of another state of the gallery, with the list of places that this one has read."""
        assert isinstance(gallery, MilvusGallery)
        return EngineCatalogue(gallery, self)


class _PlaceList:
    """The list of all places: a reading of every row, so it is kept from one state of the gallery to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state, self._places = "", dict[str, Place]()
        self._read, self._took = float("-inf"), 0.0
        self.count: int | None = None

    def of(self, opened: Opened) -> dict[str, Place]:
        with self._lock:
            head = opened.head
            state = f"{head.state}-{head.end}-{len(head.holes)}"
            young = self._took >= QUICK and time.monotonic() - self._read < SELDOM * self._took
            if state != self._state and not young:
                began = time.monotonic()
                self._places = _places(opened)
                self._state, self._read, self.count = state, time.monotonic(), len(self._places)
                self._took = self._read - began
            return self._places


def _places(opened: Opened) -> dict[str, Place]:
    images, covers = dict[str, int](), dict[str, int]()
    sums: dict[str, tuple[int, float, float]] = {}
    fields = ["key", "places", "latitude", "longitude"]
    for block in opened.store.blocks(opened.head.end, fields, rows=_ROWS):
        for row in block:
            for name in row["places"]:
                images[name] = images.get(name, 0) + 1
                covers.setdefault(name, row["key"])
                if row["latitude"] != NOWHERE:
                    known, south, west = sums.get(name, (0, 0.0, 0.0))
                    sums[name] = (known + 1, south + row["latitude"], west + row["longitude"])
    means = {name: (south / known, west / known) for name, (known, south, west) in sums.items()}
    return {name: Place(name, images[name], engine_image(covers[name]), means.get(name)) for name in sorted(images)}
