"""`POST /v1/places/{place}/images` and `DELETE /v1/images/{id}`: off until a token is set."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from placeprint.errors import PlaceprintError, UsageError
from placeprint.grouping.remembered import Remembered
from placeprint.web.additions import Told, checked_place, described
from placeprint.web.gallery_changes import Addition, NewImage, Removal
from placeprint.web.middleware import LOG
from placeprint.web.problems import Json, Problem
from placeprint.web.route_descriptions import LONGEST_PLACE, PLACE, POSITION, photos_body, problems
from placeprint.web.schemas import AddedImages, RemovedImage
from placeprint.web.state import state_of
from placeprint.web.writers import Writer

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
        made = [await state.recognizing.run(described, snapshot, each, told, state.settings) for each in uploads]
        done = await writer.write(Addition(tuple(made), snapshot.gallery.spec))
    if state.unknown is not None:
        await to_thread(_forget, state.unknown, made)
    listed = [one.facts(state.urls) for one in done.images]
    return Json({"added": done.changed, "images": listed}, 201 if done.changed else 200)


def _forget(unknown: Remembered, images: Sequence[NewImage]) -> None:
    """Forget the copies of photos that are in the gallery now; they are there, whatever becomes of the copies."""
    try:
        unknown.forget_contents(image.data for image in images)
    except (OSError, PlaceprintError) as error:
        LOG.warning("an unknown photo was not forgotten: %s", error)


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
