"""`POST /v1/places/{place}/images` and `DELETE /v1/images/{id}`: off until a token is set."""

from __future__ import annotations

import re
from asyncio import to_thread
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from placeprint.dataset.decoding import images
from placeprint.dataset.files import content_hash
from placeprint.dataset.metadata.bare import without_metadata
from placeprint.errors import UsageError
from placeprint.gallery.inventory import title_of
from placeprint.records import ImageRecord, Split, is_unknown
from placeprint.web.gallery_changes import Addition, NewImage, Removal
from placeprint.web.problems import Json, Problem
from placeprint.web.route_descriptions import LONGEST_PLACE, PLACE, POSITION, photos_body, problems
from placeprint.web.schemas import AddedImages, RemovedImage
from placeprint.web.settings import Settings
from placeprint.web.snapshots import Snapshot
from placeprint.web.state import state_of
from placeprint.web.uploads import Upload
from placeprint.web.writers import Writer

_SUFFIXES = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "TIFF": "tiff", "HEIF": "heif"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the request says of its photos: their place, and their position, which is never taken from the files."""

    place: str
    position: tuple[float, float] | None


router = APIRouter(tags=["writing"])


@router.post(
    "/v1/places/{place:path}/images",
    summary="Add photos to a place",
    status_code=201,
    response_class=Json,
    responses={
        200: {"model": AddedImages, "description": "All of them were there already."},
        201: {"model": AddedImages},
        **problems(401, 403, 408, 409, 413, 415, 422, 503),
    },
    openapi_extra=photos_body("Photos of the place. They are stored in the gallery, without metadata."),
)
async def add(
    request: Request,
    place: Annotated[
        str, Path(json_schema_extra={"pattern": PLACE, "maxLength": LONGEST_PLACE}, description="Its name.")
    ],
    writer: Writer,
    at: Annotated[
        str | None,
        Query(description="Where the photos were taken: latitude,longitude.", json_schema_extra={"pattern": POSITION}),
    ] = None,
) -> Json:
    """Add photos of a place, which may be new; answered when they are on disk."""
    state = state_of(request)
    name = checked_place(place)
    told = Told(name, None if at is None else parse_position(at))
    state.recognizing.require_room()
    async with state.uploads.body(request) as body:
        snapshot = await state.snapshot()
        uploads = await state.recognizing.run(body.photos)
        made = [await state.recognizing.run(_described, snapshot, each, told, state.settings) for each in uploads]
        done = await writer.write(Addition(tuple(made), snapshot.gallery.spec))
    listed = [one.facts(state.urls) for one in done.images]
    return Json({"added": done.changed, "images": listed}, 201 if done.changed else 200)


@router.delete(
    "/v1/images/{image}",
    summary="Remove an image",
    response_class=Json,
    responses={200: {"model": RemovedImage}, **problems(401, 403, 404, 503)},
)
async def remove(request: Request, image: str, writer: Writer) -> Json:
    """Remove an image from the gallery; answered when that is on disk. Only uploaded photos lose their file too."""
    snapshot = await state_of(request).snapshot()
    if await to_thread(snapshot.catalogue.by_id, image) is None:
        raise Problem(404, f'the gallery has no image "{image}": it may have been removed')
    done = await writer.write(Removal(image))
    return Json({"removed": image, "places": [place for one in done.images for place in one.record.places]})


def checked_place(name: str) -> str:
    """Return the name of a place that may be written.

    Raises
    ------
    UsageError
        When it is empty or long, has spaces around it, a ``|`` or a control character.
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


def parse_position(text: str) -> tuple[float, float]:
    """Read ``48.1,11.5``.

    Raises
    ------
    UsageError
        When it is not two numbers that are on Earth.
    """
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f'at takes latitude and longitude, as 48.1372,11.5756, not "{text}"') from error
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise UsageError(f"there is no latitude {latitude:g} with longitude {longitude:g}: give degrees")
    return latitude, longitude


def _described(snapshot: Snapshot, upload: Upload, told: Told, settings: Settings) -> NewImage:
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
