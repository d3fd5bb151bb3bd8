"""What a write does to a gallery: the image files first, then the gallery, in one step each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.files import content_hash
from placeprint.errors import GalleryBusyError
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage import atomic
from placeprint.storage.ragged import Ragged
from placeprint.web.catalogue import CatalogueImage
from placeprint.web.identity import UPLOADED_NAME
from placeprint.web.problems import Problem, busy
from placeprint.web.snapshots import Snapshot

T = TypeVar("T")

LOCK_SECONDS, LOCK_PAUSE = 15.0, 0.05
"""How long another process may hold the gallery's lock before a write is refused, and how often it is tried."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be added: its record, embedding and parts, and its file."""

    record: ImageRecord
    vector: NDArray[np.float32]
    parts: Mapping[str, NDArray[Any]]
    data: bytes


@dataclass(frozen=True, slots=True)
class Addition:
    """Images that are added together or not at all, and the model that embedded them."""

    images: tuple[NewImage, ...]
    spec: ModelSpec
    kind: str = "add"


@dataclass(frozen=True, slots=True)
class Removal:
    """An image to be removed, by its id."""

    image: str
    kind: str = "remove"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a write did: how many images are new or gone, and which images it named."""

    changed: int
    images: tuple[CatalogueImage, ...]


Outcome = WriteResult | Problem


def add(snapshot: Snapshot, writes: Sequence[Addition]) -> list[Outcome]:
    """Add images to the gallery in one change; return the outcome of each write.

    An image that is there as the same place, uploaded or indexed from a folder, is left alone; one that is there as
    another place makes its write fail.

    Raises `GalleryError` when nothing could be written.
    """
    there = snapshot.catalogue.same_content([one.record for write in writes for one in write.images])
    planned: dict[str, NewImage] = {}
    counts: list[int | Problem] = []
    for write in writes:
        refused = _refusal(snapshot, there, planned, write)
        if refused:
            counts.append(refused)
            continue
        fresh = {one.record.path: one for one in write.images if one.record.path not in there}
        counts.append(len(fresh.keys() - planned.keys()))
        planned |= fresh
    if planned:
        there |= _added(snapshot, planned)
    return [
        count if isinstance(count, Problem) else WriteResult(count, _found(there, write))
        for count, write in zip(counts, writes, strict=True)
    ]


def _refusal(
    snapshot: Snapshot, there: Mapping[str, CatalogueImage], planned: Mapping[str, NewImage], write: Addition
) -> Problem | None:
    if write.spec.fingerprint() != snapshot.gallery.spec.fingerprint():
        return busy("the gallery was rebuilt with another model in the meantime: send the photo again")
    return next((problem for one in write.images if (problem := _conflict(there, planned, one))), None)


def _conflict(there: Mapping[str, CatalogueImage], planned: Mapping[str, NewImage], one: NewImage) -> Problem | None:
    path = one.record.path
    known = there[path].record if path in there else planned[path].record if path in planned else None
    if known is None or known.places == one.record.places:
        return None
    named = "|".join(known.places) or "an image without a place"
    return Problem(409, f'this very photo is in the gallery as "{named}": remove it there before it is added here')


def _found(there: Mapping[str, CatalogueImage], write: Addition) -> tuple[CatalogueImage, ...]:
    paths = dict.fromkeys(one.record.path for one in write.images)
    return tuple(there[path] for path in paths if path in there)


def _added(snapshot: Snapshot, planned: Mapping[str, NewImage]) -> dict[str, CatalogueImage]:
    gallery, images = snapshot.gallery, list(planned.values())
    parts = {name: Ragged.of([image.parts[name] for image in images]) for name in gallery.spec.parts}
    records, vectors = [image.record for image in images], np.stack([image.vector for image in images])
    try:
        _store_images(snapshot, images)
        changed, _ = with_lock_retries(
            lambda: gallery.add(records, vectors, spec=gallery.spec, root=snapshot.upload_root, parts=parts)
        )
    except Exception:
        with suppress(Exception):  # what went wrong first is told
            remove_uploads(snapshot, list(planned))
        raise
    # Another server may have removed the same photo, and its file, between the two steps.
    _store_images(snapshot, images, missing=True)
    return snapshot.catalogue.renewed(changed).by_path(list(planned))


def _store_images(snapshot: Snapshot, images: Sequence[NewImage], *, missing: bool = False) -> None:
    """Store the files of images, all of them or those that are missing.

    Raises `UsageError` when a file that is not ours has the name of one.
    """
    folder = snapshot.uploads
    for image in images if folder else ():
        path = Path(folder or "", image.record.path)
        if not (missing and path.exists()):
            atomic.require_ours(path, partial(_is_named_by_content, path))
            atomic.write_atomic(path, image.data)


def _is_named_by_content(path: Path, data: bytes) -> bool:
    return path.stem == content_hash(data)


def remove(snapshot: Snapshot, writes: Sequence[Removal]) -> list[Outcome]:
    """Remove images from the gallery; return the outcome of each write.

    Files are removed only of images that were uploaded to this gallery.

    Raises `GalleryError` when nothing could be written.
    """
    outcomes: list[Outcome] = []
    gone: dict[str, list[str]] = {}
    seen: set[str] = set()
    for write in writes:
        shown = snapshot.catalogue.by_id(write.image)
        if shown is None or write.image in seen:
            outcomes.append(Problem(404, f'the gallery has no image "{write.image}": it may have been removed'))
            continue
        seen.add(write.image)
        gone.setdefault(shown.root, []).append(shown.record.path)
        outcomes.append(WriteResult(1, (shown,)))
    for root, paths in gone.items():
        with_lock_retries(lambda root=root, paths=paths: snapshot.gallery.remove(paths, root=root))  # type: ignore[misc]
    remove_uploads(snapshot, [path for paths in gone.values() for path in paths if UPLOADED_NAME.fullmatch(path)])
    return outcomes


def remove_uploads(snapshot: Snapshot, paths: Sequence[str]) -> None:
    """Remove uploaded files that the gallery no longer refers to.

    Done under the lock of the folder: what another server adds meanwhile is either in the gallery already, or stored
    again by that server.
    """
    folder = snapshot.uploads

    def clear() -> None:
        assert folder is not None
        with snapshot.locked():
            there = snapshot.now().by_path(paths)
            for path in paths:
                file = folder / path
                if path not in there and file.is_file() and _is_named_by_content(file, file.read_bytes()):
                    file.unlink()

    if paths and folder is not None:
        with_lock_retries(clear)


def stray_images(snapshot: Snapshot) -> list[str]:
    """Return the uploaded files that the gallery does not refer to.

    An interrupted upload leaves one, and indexing the gallery anew leaves all; they are never removed.
    """
    folder = snapshot.uploads
    if folder is None or not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if UPLOADED_NAME.fullmatch(path.name))
    there = snapshot.catalogue.by_path(names)
    return [name for name in names if name not in there]


def with_lock_retries(change: Callable[[], T]) -> T:
    """Make a change, waiting up to `LOCK_SECONDS` for the lock of another process.

    Raises `GalleryBusyError` when it holds it for longer.
    """
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return change()
        except GalleryBusyError:
            if time.monotonic() > until:
                raise
            time.sleep(LOCK_PAUSE)
