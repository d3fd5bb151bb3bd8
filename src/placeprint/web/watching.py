"""`/v1/health`, `/v1/ready`, `/v1/about`, `/metrics`: for those who watch over a server."""

from __future__ import annotations

import math
from asyncio import to_thread

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.responses import Response

from placeprint.web.parts import Parts, parts_of
from placeprint.web.problems import Json, busy
from placeprint.web.schemas import About, Health, Ready, problems

router = APIRouter(tags=["server"])

METRICS = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)


class Watch:
    """The numbers of `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry}
        ProcessCollector(**kept)
        self._requests = Counter("placeprint_requests", "Requests.", ("route", "method", "status"), **kept)
        self._seconds = Histogram("placeprint_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, **kept)
        self._answers = Counter("placeprint_answers", "Answers by outcome: place or unknown.", ("outcome",), **kept)
        self._changes = Counter("placeprint_changes", "Changes of the gallery that are on disk.", **kept)
        self._writes = Counter("placeprint_writes", "Writes that were acknowledged.", ("kind",), **kept)
        self._gauges = {
            name: Gauge(f"placeprint_{name}", about, **kept)
            for name, about in (
                ("gallery_images", "Images in the gallery."),
                ("gallery_places", "Places in the gallery; NaN before anybody asked for them."),
                ("gallery_failing", "1 while the newest state cannot be opened, or the server that keeps it is away."),
                ("gallery_reloads", "Times that the gallery changed and was opened again."),
                ("recognizing", "Photos that are answered, or wait for it."),
                ("body_bytes", "Bytes of uploads in memory."),
            )
        }

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, accepted: bool) -> None:
        """Count an answer."""
        self._answers.labels("place" if accepted else "unknown").inc()

    def wrote(self, kinds: list[str]) -> None:
        """Count writes that went to disk in one change."""
        self._changes.inc()
        for kind in kinds:
            self._writes.labels(kind).inc()

    def text(self, parts: Parts) -> bytes:
        """Return everything, as Prometheus reads it."""
        snapshot = parts.snapshots.newest
        places = snapshot.catalogue.counted_places
        now = {
            "gallery_images": len(snapshot.gallery),
            "gallery_places": math.nan if places is None else places,
            "gallery_failing": bool(parts.snapshots.failing),
            "gallery_reloads": parts.snapshots.reloads,
            "recognizing": parts.recognizing.inside,
            "body_bytes": parts.intake.held,
        }
        for name, value in now.items():
            self._gauges[name].set(value)
        return generate_latest(self.registry)


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
    parts = parts_of(request)
    parts.recognizing.require_room()
    snapshot = await parts.snapshot()
    if not parts.snapshots.answers:
        raise busy(parts.snapshots.failing)
    return Json({"status": "ready", "images": len(snapshot.gallery), "problem": parts.snapshots.failing or None})


@router.get(
    "/v1/about", summary="What is served", response_class=Json, responses={200: {"model": About}, **problems(503)}
)
async def about(request: Request) -> Json:
    """Tell the model, how much there is, and what may be done."""
    from placeprint import __version__

    parts = parts_of(request)
    snapshot, settings = await parts.snapshot(), parts.settings
    gallery = snapshot.gallery
    learned = gallery.calibration
    places, located = await to_thread(lambda: (len(snapshot.catalogue.places), snapshot.catalogue.located))
    return Json(
        {
            "version": __version__,
            "gallery": parts.snapshots.name,
            "model": {"name": gallery.spec.name, "fingerprint": gallery.spec.fingerprint()},
            "preset": gallery.preset.name,
            "images": len(gallery),
            "places": places,
            "coordinates": located > 0,
            "located": located,
            "explains": "cells" in gallery.spec.parts,
            "writing": settings.writing,
            "calibration": None
            if learned is None
            else {
                "threshold": learned.threshold,
                "false_accept_rate": learned.false_accept_rate,
                "stale": bool(learned.stale),
                "changed": learned.changed,
            },
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
    parts = parts_of(request)
    return Response(parts.watch.text(parts), media_type=METRICS)
