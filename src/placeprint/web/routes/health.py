"""`/v1/health`, `/v1/ready`, `/v1/about`, `/metrics`: for those who watch over a server."""

from __future__ import annotations

import math
from asyncio import to_thread

from fastapi import APIRouter, Request
from starlette.responses import Response

from placeprint.gallery.facts import GalleryFacts
from placeprint.version import __version__
from placeprint.web.problems import Json, busy
from placeprint.web.route_descriptions import problems
from placeprint.web.schemas import About, Health, Ready
from placeprint.web.state import State, state_of

router = APIRouter(tags=["server"])

METRICS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/v1/health", summary="The process lives", response_class=Json, responses={200: {"model": Health}})
async def health() -> Json:
    """Say that the process answers."""
    return Json({"status": "ok"})


@router.get(
    "/v1/ready",
    summary="Photos can be answered",
    response_class=Json,
    responses={200: {"model": Ready}, **problems(503)},
)
async def ready(request: Request) -> Json:
    """Say whether there is room for a photo, and whether the newest state of the gallery could be opened.

    503 when there is none, or the server that keeps the gallery is away, or files are damaged that questions need.
    """
    state = state_of(request)
    state.recognizing.require_room()
    snapshot = await state.snapshot()
    if not state.snapshots.answers:
        raise busy(state.snapshots.failing)
    return Json({"status": "ready", "images": len(snapshot.gallery), "problem": state.snapshots.failing or None})


@router.get(
    "/v1/about", summary="What is served", response_class=Json, responses={200: {"model": About}, **problems(503)}
)
async def about(request: Request) -> Json:
    """Tell the model, how much there is, and what may be done."""
    state = state_of(request)
    snapshot, settings = await state.snapshot(), state.settings
    gallery = snapshot.gallery
    places, located = await to_thread(lambda: (len(snapshot.catalogue.places), snapshot.catalogue.located))
    return Json(
        {
            "version": __version__,
            "gallery": state.snapshots.name,
            **GalleryFacts.of(gallery, places, located).to_dict(),
            "coordinates": located > 0,
            "explains": "cells" in gallery.spec.parts,
            "writing": settings.writing,
            "remembers": settings.remember is not None,
            "limits": {
                "bytes": settings.max_bytes,
                "pixels": settings.max_pixels,
                "photos": settings.max_photos,
                "k": settings.max_k,
            },
        }
    )


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The text format of Prometheus."}},
)
async def metrics(request: Request) -> Response:
    """Return counters, times and sizes."""
    state = state_of(request)
    return Response(state.metrics.text(_gauges(state)), media_type=METRICS)


def _gauges(state: State) -> dict[str, float]:
    snapshot = state.snapshots.newest
    places = snapshot.catalogue.counted_places
    return {
        "gallery_images": len(snapshot.gallery),
        "gallery_places": math.nan if places is None else places,
        "gallery_failing": bool(state.snapshots.failing),
        "gallery_reloads": state.snapshots.reloads,
        "recognizing": state.recognizing.jobs,
        "body_bytes": state.uploads.held,
    }
