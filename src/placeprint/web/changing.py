"""What a write does to a gallery's folder: photos first, then the gallery, in one step each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from placeprint import storage
from placeprint.errors import GalleryBusyError
from placeprint.gallery.gallery import Gallery
from placeprint.ragged import Ragged
from placeprint.records import ImageRecord, ModelSpec
from placeprint.web.identity import image_id, row_of, rows_at
from placeprint.web.pictures import PHOTOS, UPLOADED
from placeprint.web.problems import Problem, busy

T = TypeVar("T")

LOCK_SECONDS, LOCK_PAUSE = 15.0, 0.05
"""How long another process may hold the gallery's lock before a write is refused, and how often it is tried."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """A photo that is to be added: its record, what is kept of it, and its file."""

    record: ImageRecord
    vector: NDArray[np.float32]
    parts: Mapping[str, NDArray[Any]]
    data: bytes


@dataclass(frozen=True, slots=True)
class Addition:
    """Photos that are added together or not at all, and the model that embedded them."""

    images: tuple[NewImage, ...]
    spec: ModelSpec
    kind: str = "add"


@dataclass(frozen=True, slots=True)
class Removal:
    """An image that is to be removed, by its id."""

    image: str
    kind: str = "remove"


@dataclass(frozen=True, slots=True)
class Written:
    """What one write did: how many images are new or gone, and the images it was about by their ids."""

    changed: int
    images: tuple[tuple[str, ImageRecord], ...]


Outcome = Written | Problem


def add(gallery: Gallery, writes: Sequence[Addition]) -> list[Outcome]:
    """Add photos to a gallery on disk in one change; return what became of each write.

    A photo that is there as the same place, uploaded or indexed from a folder, is left alone; one that is there as
    another place refuses its write.

    Raises
    ------
    GalleryError
        When nothing could be written.
    """
    planned: dict[str, NewImage] = {}
    counts: list[int | Problem] = []
    for write in writes:
        refused = _refusal(gallery, planned, write)
        if refused:
            counts.append(refused)
            continue
        fresh = {one.record.path: one for one in write.images if _row_of(gallery, one.record) is None}
        counts.append(len(fresh.keys() - planned.keys()))
        planned |= fresh
    changed = _added(gallery, list(planned.values())) if planned else gallery
    return [
        count if isinstance(count, Problem) else Written(count, _found(changed, write))
        for count, write in zip(counts, writes, strict=True)
    ]


def _refusal(gallery: Gallery, planned: Mapping[str, NewImage], write: Addition) -> Problem | None:
    if write.spec.fingerprint() != gallery.spec.fingerprint():
        return busy("the gallery was built anew with another model meanwhile: send the photo again")
    return next((problem for one in write.images if (problem := _conflict(gallery, planned, one))), None)


def _conflict(gallery: Gallery, planned: Mapping[str, NewImage], one: NewImage) -> Problem | None:
    row = _row_of(gallery, one.record)
    there = planned[one.record.path].record if one.record.path in planned else None
    there = there if row is None else gallery.records[row]
    if there is None or there.places == one.record.places:
        return None
    named = "|".join(there.places) or "an image without a place"
    return Problem(409, f'this very photo is in the gallery as "{named}": remove it there before it is added here')


def _row_of(gallery: Gallery, record: ImageRecord) -> int | None:
    """Return where a photo is in the gallery already, rather as the same place; None when it is not."""
    rows = rows_at(gallery, record.path).tolist() or gallery.records.rows_with_content(record.content_hash)
    same = (row for row in rows if gallery.records[row].places == record.places)
    return next(same, rows[0] if rows else None)


def _found(gallery: Gallery, write: Addition) -> tuple[tuple[str, ImageRecord], ...]:
    rows = {row for one in write.images if (row := _row_of(gallery, one.record)) is not None}
    return tuple((image_id(gallery.records, row), gallery.records[row]) for row in sorted(rows))


def _added(gallery: Gallery, images: Sequence[NewImage]) -> Gallery:
    folder = photos_of(gallery)
    for image in images:
        storage.write_atomic(folder / image.record.path, image.data)
    parts = {name: Ragged.of([image.parts[name] for image in images]) for name in gallery.spec.parts}
    records, vectors = [image.record for image in images], np.stack([image.vector for image in images])
    changed, _ = patiently(
        lambda: gallery.add(records, vectors, spec=gallery.spec, root=str(folder.resolve()), parts=parts)
    )
    for image in images:  # another server may have removed the same photo, and its file, between the two steps
        if not (folder / image.record.path).exists():
            storage.write_atomic(folder / image.record.path, image.data)
    return changed


def remove(gallery: Gallery, writes: Sequence[Removal]) -> list[Outcome]:
    """Remove images from a gallery on disk; return what became of each write.

    The file of a photo is removed only where it was uploaded to this gallery; others stay where they are.

    Raises
    ------
    GalleryError
        When nothing could be written.
    """
    outcomes: list[Outcome] = []
    gone: dict[str, list[str]] = {}
    seen: set[str] = set()
    for write in writes:
        row = row_of(gallery, write.image)
        if row is None or write.image in seen:
            outcomes.append(Problem(404, f'the gallery has no image "{write.image}": it may have been removed'))
            continue
        seen.add(write.image)
        record = gallery.records[row]
        gone.setdefault(gallery.roots[gallery.root_of[row]], []).append(record.path)
        outcomes.append(Written(1, ((write.image, record),)))
    for root, paths in gone.items():
        patiently(lambda root=root, paths=paths: gallery.remove(paths, root=root))  # type: ignore[misc]
    clear_photos(gallery, [path for paths in gone.values() for path in paths if UPLOADED.fullmatch(path)])
    return outcomes


def clear_photos(gallery: Gallery, paths: Sequence[str]) -> None:
    """Remove uploaded photos that the gallery on disk does not speak of any more.

    Done under the lock, so that what another server adds meanwhile is either spoken of already, or written again by
    that server.
    """
    folder = photos_of(gallery)

    def clear() -> None:
        assert gallery.path is not None
        with storage.locked(gallery.path):
            newest = Gallery.open(gallery.path)
            for path in paths:
                if not len(rows_at(newest, path)):
                    (folder / path).unlink(missing_ok=True)

    if paths:
        patiently(clear)


def stray_photos(gallery: Gallery) -> list[str]:
    """Return the uploaded photos that the gallery does not speak of.

    An upload that was interrupted leaves one, and a gallery that was indexed anew leaves all: they are never removed.
    """
    folder = photos_of(gallery)
    there = sorted(path.name for path in folder.iterdir() if UPLOADED.fullmatch(path.name)) if folder.is_dir() else []
    return [name for name in there if not len(rows_at(gallery, name))]


def photos_of(gallery: Gallery) -> Path:
    """Return the folder of the photos that were uploaded to a gallery."""
    assert gallery.path is not None
    return gallery.path / PHOTOS


def patiently(change: Callable[[], T]) -> T:
    """Make a change, and wait for the lock of another process as long as is reasonable.

    Raises
    ------
    GalleryBusyError
        When it holds it for longer.
    """
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return change()
        except GalleryBusyError:
            if time.monotonic() > until:
                raise
            time.sleep(LOCK_PAUSE)
