"""A photo that is sent becomes an image that can be added to the gallery: embedded, recorded, and without metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass

from placeprint.dataset.decoding import images
from placeprint.dataset.files import content_hash
from placeprint.dataset.metadata.bare import without_metadata
from placeprint.errors import UsageError
from placeprint.gallery.inventory import title_of
from placeprint.records import ImageRecord, Split, is_unknown
from placeprint.web.gallery_changes import NewImage
from placeprint.web.route_descriptions import LONGEST_PLACE, PLACE
from placeprint.web.settings import Settings
from placeprint.web.snapshots import Snapshot
from placeprint.web.uploads import Upload

_SUFFIXES = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "TIFF": "tiff", "HEIF": "heif"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the request says of its photos: their place, and their position, which is never taken from the files."""

    place: str
    position: tuple[float, float] | None


def checked_place(name: str) -> str:
    """Return the name of a place that may be written.

    Raises `UsageError` when it is empty or long, has spaces around it, a ``|`` or a control character.
    """
    if len(name) > LONGEST_PLACE or not re.fullmatch(PLACE, name):
        raise UsageError(
            f"a place's name has 1 to {LONGEST_PLACE} characters, no spaces around it, no | and no control characters"
        )
    if is_unknown(name):
        raise UsageError(
            f'a place cannot be called "{name}", which is the answer when no place is accepted: give it another name'
        )
    return name


def described(snapshot: Snapshot, upload: Upload, told: Told, settings: Settings) -> NewImage:
    """Embed a photo that is to be added; on a thread.

    Its file is named by what is stored of it; `content_hash` stays that of the file that came, so that the same photo
    in a folder is known for the same.
    """
    upload.check(settings.max_pixels)
    with upload.named():
        seen = snapshot.recognizer.describe(upload.data)
        stored = upload.data if settings.keep_metadata else without_metadata(upload.data)
    width, height = images.size_of(upload.data)
    suffix = _SUFFIXES.get(images.format_of(stored), "img")
    latitude, longitude = told.position or (None, None)
    beside = snapshot.catalogue.of_place(told.place, 0, 1)[1]
    title = title_of(beside[0].record, told.place) if beside else None
    record = ImageRecord(
        path=f"{content_hash(stored)}.{suffix}",
        places=(told.place,),
        titles=(title,) if title else (),
        split=Split.GALLERY,
        content_hash=content_hash(upload.data),
        width=width,
        height=height,
        latitude=latitude,
        longitude=longitude,
    )
    return NewImage(record, seen.vector, seen.parts, stored)
