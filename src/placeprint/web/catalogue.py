"""The images of a gallery by id, path and place: what any gallery is asked, and the catalogue of one in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from placeprint.gallery.gallery import Gallery
from placeprint.gallery.inventory import Inventory, PlaceRow
from placeprint.gallery.protocol import AnyGallery, Nearby
from placeprint.records import Answer, ImageRecord
from placeprint.web.identity import Urls, image_id, row_of, rows_at


@dataclass(frozen=True, slots=True)
class CatalogueImage:
    """An image of the gallery: its id, its record, and the root that its path is relative to."""

    image: str
    record: ImageRecord
    root: str

    def facts(self, urls: Urls) -> dict[str, Any]:
        """Return what the API tells of it."""
        image, record = self.image, self.record
        return {
            "image": image,
            "url": urls.image(image),
            "thumbnail": urls.thumbnail(image),
            "path": record.path,
            "places": list(record.places),
            "titles": list(record.titles),
            "split": record.split.value,
            "content_hash": record.content_hash or None,
            "width": record.width,
            "height": record.height,
            "latitude": record.latitude,
            "longitude": record.longitude,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: its images, the id of the first, and the mean of their coordinates."""

    name: str
    images: int
    cover: str
    position: tuple[float, float] | None
    title: str | None = None
    """The name by which people know it."""

    @classmethod
    def of(cls, row: PlaceRow, cover: str) -> Self:
        """Return a place as a gallery tells of it."""
        position = None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude)
        return cls(row.place, row.images, cover, position, row.title)


class Catalogue(Protocol):
    """What the API asks of a gallery; a call may wait for the engine that keeps it."""

    @property
    def places(self) -> Mapping[str, Place]:
        """The places by name, sorted."""

    @property
    def counted_places(self) -> int | None:
        """How many places there are, where that is known already."""

    @property
    def located(self) -> int:
        """How many images have coordinates."""

    def has_place(self, place: str) -> bool:
        """Return whether an image shows a place."""

    def of_place(self, place: str, offset: int, limit: int) -> tuple[int, list[CatalogueImage]]:
        """Return how many images show a place, and some of them."""

    def by_id(self, image: str) -> CatalogueImage | None:
        """Return an image by its id; None when there is none."""

    def by_path(self, paths: Sequence[str]) -> dict[str, CatalogueImage]:
        """Return images by their paths, under whatever root; the path of an uploaded one is the hash of its content."""

    def same_content(self, uploads: Sequence[ImageRecord]) -> dict[str, CatalogueImage]:
        """Return images that are the same files, by the paths of the uploads."""

    def matches_of(self, answer: Answer, near: Nearby | None) -> list[CatalogueImage]:
        """Return the matches of an answer that was found in a part of the gallery, or in the whole."""

    def renewed(self, gallery: AnyGallery) -> Catalogue:
        """Return the catalogue of another state of the gallery; it may take over what this one knows."""


class FolderCatalogue:
    """The catalogue of a gallery in a folder or in memory."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def _at(self, row: int) -> CatalogueImage:
        gallery = self._gallery
        root = gallery.roots[gallery.root_of[row]]
        return CatalogueImage(image_id(gallery.records, row), gallery.records[row], root)

    @cached_property
    def places(self) -> dict[str, Place]:
        """The places by name, sorted."""
        records = self._gallery.records
        return {one.place: Place.of(one, image_id(records, one.first)) for one in self._inventory.places}

    @cached_property
    def _inventory(self) -> Inventory:
        return self._gallery.inventory()

    @property
    def counted_places(self) -> int:
        """How many places there are."""
        return len(self.places)

    @property
    def located(self) -> int:
        """How many images have coordinates."""
        return self._inventory.located

    def has_place(self, place: str) -> bool:
        """Return whether an image shows a place."""
        return place in self.places

    def of_place(self, place: str, offset: int, limit: int) -> tuple[int, list[CatalogueImage]]:
        """Return how many images show a place, and some of them."""
        rows = self._gallery.records.rows_showing((place,))
        return len(rows), [self._at(row) for row in rows[offset : offset + limit].tolist()]

    def by_id(self, image: str) -> CatalogueImage | None:
        """Return an image by its id."""
        row = row_of(self._gallery, image)
        return None if row is None else self._at(row)

    def by_path(self, paths: Sequence[str]) -> dict[str, CatalogueImage]:
        """Return images by their paths, under whatever root."""
        rows = {path: rows_at(self._gallery, path)[:1] for path in paths}
        return {path: self._at(int(found[0])) for path, found in rows.items() if len(found)}

    def same_content(self, uploads: Sequence[ImageRecord]) -> dict[str, CatalogueImage]:
        """Return images that are the same files, uploaded or indexed; of several, one of the same places."""
        records, found = self._gallery.records, {}
        alike = records.rows_with_contents({one.content_hash for one in uploads})
        for one in uploads:
            rows = rows_at(self._gallery, one.path).tolist() or alike.get(one.content_hash, [])
            same = (row for row in rows if records[row].places == one.places)
            if rows:
                found[one.path] = self._at(next(same, rows[0]))
        return found

    def matches_of(self, answer: Answer, near: Nearby | None) -> list[CatalogueImage]:  # noqa: ARG002  # the whole was asked
        """Return the matches of an answer."""
        return [self._at(match.row) for match in answer.matches]

    def renewed(self, gallery: AnyGallery) -> FolderCatalogue:
        """Return the catalogue of another state of the gallery."""
        return FolderCatalogue(gallery.download())
