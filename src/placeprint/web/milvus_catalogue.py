"""The images of a gallery in Milvus by id, path and place, as the engine has them now."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.filter import of_places
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.inventory import inventory_of
from placeprint.gallery.milvus.opened import Opened
from placeprint.gallery.protocol import AnyGallery, Nearby
from placeprint.gallery.record_lines import parsed_line
from placeprint.records import Answer, ImageRecord
from placeprint.web.catalogue import CatalogueImage, Place
from placeprint.web.identity import UPLOADED_ROOT, milvus_image_id, milvus_key

QUICK = 1.0
"""Seconds: a list of places that is read in less is read again after every change."""
SELDOM = 20
"""A list that took longer may be this many times as old as its reading took."""


class MilvusCatalogue:
    """The catalogue of a gallery in Milvus.

    `before`: Of an earlier state; its list of places is taken over.
    """

    def __init__(self, gallery: MilvusGallery, before: MilvusCatalogue | None = None) -> None:
        self._opened = gallery.opened
        self._list: _PlaceList = before._list if before else _PlaceList()

    @property
    def places(self) -> dict[str, Place]:
        """The places by name, sorted; of a large gallery possibly as they were a while ago."""
        return self._list.current(self._opened)

    @property
    def counted_places(self) -> int | None:
        """How many places the list had when it was read last."""
        return self._list.count

    @property
    def located(self) -> int:
        """How many images have coordinates."""
        return self._opened.store.count("latitude <= 90.0")

    def has_place(self, place: str) -> bool:
        """Return whether an image shows a place."""
        return self._opened.store.count(of_places((place,))) > 0

    def of_place(self, place: str, offset: int, limit: int) -> tuple[int, list[CatalogueImage]]:
        """Return how many images show a place, and some of them, in the order of their numbers."""
        store = self._opened.store
        rows = sorted(store.query(of_places((place,)), ["key", "row"]), key=lambda row: int(row["row"]))
        keys = [int(row["key"]) for row in rows]
        wanted = keys[offset : offset + limit]
        found = self._with_keys(wanted)
        return len(keys), [found[key] for key in wanted if key in found]

    def by_id(self, image: str) -> CatalogueImage | None:
        """Return an image by its id."""
        key = milvus_key(image)
        return None if key is None else self._with_keys([key]).get(key)

    def by_path(self, paths: Sequence[str]) -> dict[str, CatalogueImage]:
        """Return images by their paths, under whatever root."""
        roots = dict.fromkeys((*self._opened.head.roots, UPLOADED_ROOT))
        found = self._with_keys([key_of(root, path) for path in paths for root in roots])
        return {one.record.path: one for one in found.values()}

    def same_content(self, uploads: Sequence[ImageRecord]) -> dict[str, CatalogueImage]:
        """Return images that are the same files, uploaded or indexed; of several, one of the same places."""
        found = self.by_path([one.path for one in uploads])
        missing = {one.content_hash: one for one in uploads if one.path not in found}
        rows = self._opened.store.with_contents(list(missing), ["key", "row", "record"])
        for shown in map(self._of, sorted(rows, key=lambda row: int(row["row"]))):
            if (one := missing.get(shown.record.content_hash)) is None:
                continue
            best = found.setdefault(one.path, shown)
            if best.record.places != one.places == shown.record.places:
                found[one.path] = shown
        return found

    def _with_keys(self, keys: Sequence[int]) -> dict[int, CatalogueImage]:
        rows = self._opened.store.with_keys(keys, ["row", "record"]) if keys else {}
        return {key: self._of(row) for key, row in rows.items()}

    def _of(self, row: dict[str, Any]) -> CatalogueImage:
        record, number = parsed_line(row["record"].encode(), row["row"])
        return CatalogueImage(milvus_image_id(row["key"]), record, self._root(number))

    def _root(self, number: int) -> str:
        """Return a root; one that another writer added in this second is not known yet."""
        roots = self._opened.head.roots
        return roots[number] if number < len(roots) else ""

    def matches_of(self, answer: Answer, near: Nearby | None) -> list[CatalogueImage]:
        """Return the matches of an answer that was found in a part of the gallery."""
        assert near is not None
        records, roots = near.gallery.records, near.gallery.root_of
        return [
            CatalogueImage(milvus_image_id(near.keys[match.row]), records[match.row], self._root(int(roots[match.row])))
            for match in answer.matches
        ]

    def renewed(self, gallery: AnyGallery) -> MilvusCatalogue:
        """Return the catalogue of another state of the gallery, with the list of places that this one has read."""
        assert isinstance(gallery, MilvusGallery)
        return MilvusCatalogue(gallery, self)


class _PlaceList:
    """The list of all places: a reading of every row, so it is kept from one state of the gallery to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state, self._places = "", dict[str, Place]()
        self._read, self._took = float("-inf"), 0.0
        self.count: int | None = None

    def current(self, opened: Opened) -> dict[str, Place]:
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
    return {one.place: Place.of(one, milvus_image_id(one.first)) for one in inventory_of(opened).places}
