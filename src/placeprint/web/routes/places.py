"""`GET /v1/places`: what is in the gallery, page by page."""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from placeprint.gallery.inventory import title_of
from placeprint.web.catalogue import Catalogue, Place
from placeprint.web.identity import Urls
from placeprint.web.place_search import named_like
from placeprint.web.problems import Json, Problem
from placeprint.web.route_descriptions import problems
from placeprint.web.schemas import PlaceList, PlacePage
from placeprint.web.state import state_of

router = APIRouter(tags=["gallery"])

Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many to leave out.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many to list.")]


@router.get(
    "/v1/places",
    summary="List the places",
    response_class=Json,
    responses={200: {"model": PlaceList}, **problems(422, 503)},
)
async def places(
    request: Request,
    offset: Offset = 0,
    limit: Limit = 50,
    q: Annotated[
        str | None,
        Query(description="Only names with these words, without regard to accents, case and order.", max_length=200),
    ] = None,
) -> Json:
    """List the places by name, or those asked for with the closest name first: images, one of them, and where it is."""
    state = state_of(request)
    snapshot = await state.snapshot()
    found = await to_thread(_named, snapshot.catalogue, q or "")
    listed = [_place(place, state.urls) for place in found[offset : offset + limit]]
    return Json({"total": len(found), "offset": offset, "limit": limit, "places": listed})


def _named(catalogue: Catalogue, asked: str) -> list[Place]:
    """Return the places whose names hold what is asked; all of them when nothing is."""
    return named_like(catalogue.places.values(), asked)


@router.get(
    "/v1/places/{place:path}",
    summary="List the images of a place",
    response_class=Json,
    responses={200: {"model": PlacePage}, **problems(404, 422, 503)},
)
async def place(request: Request, place: str, offset: Offset = 0, limit: Limit = 50) -> Json:
    """List the images of a place, by its percent-encoded name."""
    state = state_of(request)
    snapshot = await state.snapshot()
    catalogue = snapshot.catalogue
    total, shown = await to_thread(catalogue.of_place, place, offset, limit)
    if not total:
        raise Problem(404, f'the gallery has no place "{place}": GET /v1/places lists them')
    first = shown if offset == 0 and shown else (await to_thread(catalogue.of_place, place, 0, 1))[1]
    known = (await to_thread(lambda: catalogue.places)).get(place)
    newer = Place(place, total, first[0].image, None, title_of(first[0].record, place))  # than the list
    whole = _place(known or newer, state.urls)
    listed = [one.facts(state.urls) for one in shown]
    return Json({**whole, "images": total, "total": total, "offset": offset, "limit": limit, "items": listed})


def _place(place: Place, urls: Urls) -> dict[str, Any]:
    latitude, longitude = place.position or (None, None)
    return {
        "place": place.name,
        "title": place.title,
        "url": urls.place(place.name),
        "images": place.images,
        "cover": {"image": place.cover, "thumbnail": urls.thumbnail(place.cover)},
        "latitude": latitude,
        "longitude": longitude,
    }
