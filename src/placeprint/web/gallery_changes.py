"""What a write does to a gallery: photos first, then the gallery, in one step each."""

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
from placeprint.web.catalogue import Shown
from placeprint.web.identity import UPLOADED
from placeprint.web.problems import Problem, busy
from placeprint.web.snapshots import Snapshot

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
    """What one write did: how many images are new or gone, and the images it was about."""

    changed: int
    images: tuple[Shown, ...]


Outcome = Written | Problem


def add(snapshot: Snapshot, writes: Sequence[Addition]) -> list[Outcome]:
    """Add photos to the gallery in one change; return what became of each write.

    A photo that is there as the same place, uploaded or indexed from a folder, is left alone; one that is there as
    another place refuses its write.

    Raises
    ------
    GalleryError
        When nothing could be written.
    """
    there = snapshot.catalogue.like([one.record for write in writes for one in write.images])
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
        count if isinstance(count, Problem) else Written(count, _found(there, write))
        for count, write in zip(counts, writes, strict=True)
    ]


def _refusal(
    snapshot: Snapshot, there: Mapping[str, Shown], planned: Mapping[str, NewImage], write: Addition
) -> Problem | None:
    if write.spec.fingerprint() != snapshot.gallery.spec.fingerprint():
        return busy("the gallery was built anew with another model meanwhile: send the photo again")
    return next((problem for one in write.images if (problem := _conflict(there, planned, one))), None)


def _conflict(there: Mapping[str, Shown], planned: Mapping[str, NewImage], one: NewImage) -> Problem | None:
    path = one.record.path
    known = there[path].record if path in there else planned[path].record if path in planned else None
    if known is None or known.places == one.record.places:
        return None
    named = "|".join(known.places) or "an image without a place"
    return Problem(409, f'this very photo is in the gallery as "{named}": remove it there before it is added here')


def _found(there: Mapping[str, Shown], write: Addition) -> tuple[Shown, ...]:
    paths = dict.fromkeys(one.record.path for one in write.images)
    return tuple(there[path] for path in paths if path in there)


def _added(snapshot: Snapshot, planned: Mapping[str, NewImage]) -> dict[str, Shown]:
    gallery, images = snapshot.gallery, list(planned.values())
    parts = {name: Ragged.of([image.parts[name] for image in images]) for name in gallery.spec.parts}
    records, vectors = [image.record for image in images], np.stack([image.vector for image in images])
    try:
        _keep_photos(snapshot, images)
        changed, _ = patiently(
            lambda: gallery.add(records, vectors, spec=gallery.spec, root=snapshot.upload_root, parts=parts)
        )
    except Exception:
        with suppress(Exception):  # what went wrong first is told
            clear_photos(snapshot, list(planned))
        raise
    # Another server may have removed the same photo, and its file, between the two steps.
    _keep_photos(snapshot, images, missing=True)
    return snapshot.catalogue.of(changed).at(list(planned))


def _keep_photos(snapshot: Snapshot, images: Sequence[NewImage], *, missing: bool = False) -> None:
    """Write photos where they are kept, all of them or those that are missing.

    Raises
    ------
    UsageError
        When a file of somebody else has the name of one.
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
    """Remove images from the gallery; return what became of each write.

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
        shown = snapshot.catalogue.shown(write.image)
        if shown is None or write.image in seen:
            outcomes.append(Problem(404, f'the gallery has no image "{write.image}": it may have been removed'))
            continue
        seen.add(write.image)
        gone.setdefault(shown.root, []).append(shown.record.path)
        outcomes.append(Written(1, (shown,)))
    for root, paths in gone.items():
        patiently(lambda root=root, paths=paths: snapshot.gallery.remove(paths, root=root))  # type: ignore[misc]
    clear_photos(snapshot, [path for paths in gone.values() for path in paths if UPLOADED.fullmatch(path)])
    return outcomes


def clear_photos(snapshot: Snapshot, paths: Sequence[str]) -> None:
    """Remove uploaded photos that the gallery does not speak of any more.

    Done under the lock of a folder, so that what another server adds meanwhile is either spoken of already, or written
    again by that server.
    """
    folder = snapshot.uploads

    def clear() -> None:
        assert folder is not None
        with snapshot.locked():
            there = snapshot.now().at(paths)
            for path in paths:
                file = folder / path
                if path not in there and file.is_file() and _is_named_by_content(file, file.read_bytes()):
                    file.unlink()

    if paths and folder is not None:
        patiently(clear)


def stray_photos(snapshot: Snapshot) -> list[str]:
    """Return the uploaded photos that the gallery does not speak of.

    An upload that was interrupted leaves one, and a gallery that was indexed anew leaves all: they are never removed.
    """
    folder = snapshot.uploads
    if folder is None or not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if UPLOADED.fullmatch(path.name))
    there = snapshot.catalogue.at(names)
    return [name for name in names if name not in there]


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
