"""`POST /v1/locate`: where photos were taken, by what they show, as `placeprint locate` finds it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from placeprint.errors import UsageError
from placeprint.recognition.location.one_photo import position_of
from placeprint.recognition.spots.limits import FALSE_ACCEPT_RATE, SHARE
from placeprint.web.position_schemas import LocatedPhotos
from placeprint.web.problems import Json
from placeprint.web.route_descriptions import photos_body, problems
from placeprint.web.snapshots import Snapshot
from placeprint.web.state import State, state_of
from placeprint.web.uploads import Body, Upload

router = APIRouter(tags=["recognition"])
GEOJSON = "application/geo+json"


@dataclass(frozen=True, slots=True)
class _Sureness:
    share: float
    rate: float


@router.post(
    "/v1/locate",
    summary="Say where photos were taken, or why that cannot be told",
    response_class=Json,
    responses={
        200: {
            "model": LocatedPhotos,
            "content": {GEOJSON: {"schema": {"$ref": "#/components/schemas/LocatedFeatures"}}},
        },
        **problems(404, 408, 413, 415, 422, 503),
    },
    openapi_extra=photos_body("Photos, of one spot or of several."),
)
async def locate(
    request: Request,
    share: Annotated[
        float, Query(ge=0.5, lt=1, description="The share of positions that lie within their radius.")
    ] = SHARE,
    false_accept_rate: Annotated[
        float, Query(gt=0, lt=1, description="The share of photos taken elsewhere that may get a position.")
    ] = FALSE_ACCEPT_RATE,
    form: Annotated[
        Literal["json", "geojson"], Query(alias="format", description="JSON, or GeoJSON (RFC 7946) for maps.")
    ] = "json",
) -> Json:
    """Estimate the position of each photo by what it shows.

    A photo that cannot be located has `latitude`, `longitude` and `radius` null (as GeoJSON no geometry), and says
    `why`. Nothing is read of the photos' own metadata, and nothing of them is kept.
    """
    state = state_of(request)
    state.recognizing.require_room()
    async with state.uploads.body(request) as body:
        snapshot = await state.snapshot()
        rows = await state.recognizing.run(_located, state, snapshot, body, _Sureness(share, false_accept_rate))
    return Json({"photos": rows}) if form == "json" else Json(_geojson(rows), media_type=GEOJSON)


def _located(state: State, snapshot: Snapshot, body: Body, wanted: _Sureness) -> list[dict[str, Any]]:
    until = time.perf_counter() + state.settings.work_seconds

    def one(upload: Upload) -> dict[str, Any]:
        found = position_of(snapshot.recognizer, upload.data, share=wanted.share, rate=wanted.rate)
        if found is None:
            raise UsageError("the gallery has no positions: index photos that have them")
        return {"photo": upload.name, **asdict(found)}

    return state.in_turn(body.photos(), one, until=until)


def _geojson(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one feature a photo, longitude first; one that is not located is a feature without a geometry."""
    features = []
    for row in rows:
        latitude, longitude = row.pop("latitude"), row.pop("longitude")
        point = None if latitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
        features.append({"type": "Feature", "geometry": point, "properties": row})
    return {"type": "FeatureCollection", "features": features}
