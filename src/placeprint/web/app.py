"""The application: the state of a server and its routes put together."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from placeprint.grouping.remembered import remembered
from placeprint.version import __version__
from placeprint.web.doubtful_answers import DoubtfulAnswers
from placeprint.web.identity import Urls
from placeprint.web.methods import MethodMiddleware
from placeprint.web.metrics import Metrics
from placeprint.web.middleware import RequestMiddleware
from placeprint.web.position_schemas import LocatedFeatures
from placeprint.web.problems import handle_problems
from placeprint.web.routes import changes as writing
from placeprint.web.routes import health, images, places
from placeprint.web.routes import locate as locating
from placeprint.web.routes import page as pages
from placeprint.web.routes import recognize as answering
from placeprint.web.routes import unknown as unknown_photos
from placeprint.web.schemas import ProblemDetail
from placeprint.web.settings import Settings
from placeprint.web.snapshots import SnapshotSource
from placeprint.web.state import State
from placeprint.web.thumbnail_cache import ThumbnailCache
from placeprint.web.uploads import UploadReader
from placeprint.web.work_queue import WorkQueue
from placeprint.web.write_queue import WriteQueue

CLOSE_SECONDS = 8.0
"""How long work that no request waits for may take to end when the server stops."""
ABOUT = "Tells which place a photo shows, or UNKNOWN, and how sure it is."


def make_app(snapshots: SnapshotSource, settings: Settings) -> ASGIApp:
    """Return the application that serves a gallery."""
    state = _state(snapshots, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await to_thread(_close, state)

    app, routers = _routed(settings, lifespan)
    app.state.server = state
    return RequestMiddleware(MethodMiddleware(app, routers, settings.prefix), settings, state.metrics)


def description() -> dict[str, Any]:
    """Return the OpenAPI description of the API, without a gallery."""
    return _routed(Settings(), None)[0].openapi()


def _routed(settings: Settings, lifespan: Any) -> tuple[FastAPI, tuple[APIRouter, ...]]:
    """Return the application with its routes, described, and these routes."""
    app = FastAPI(
        title="placeprint",
        version=__version__,
        summary=ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # it would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        servers=[{"url": settings.prefix}] if settings.prefix else None,
    )
    handle_problems(app)
    routers = [made.router for made in (writing, answering, locating, places, images, health)]
    if settings.remember is not None:
        routers.append(unknown_photos.router)
    for router in (*routers, page := pages.make_router()):  # the first whose address fits answers
        app.include_router(router)
    _describe(app)
    return app, (*routers, page)


def _close(state: State) -> None:
    """Finish the changes that wait, and give up what does not end in time."""
    until = time.monotonic() + CLOSE_SECONDS
    if state.write_queue:
        state.write_queue.close(CLOSE_SECONDS)
    for work in (state.recognizing, state.drawing):
        work.close(max(0.0, until - time.monotonic()))


def _state(snapshots: SnapshotSource, settings: Settings) -> State:
    folder = settings.remember
    threads, seconds, metrics = snapshots.newest.recognizer.embedder.threads, settings.work_seconds, Metrics()
    return State(
        settings=settings,
        urls=Urls(settings.prefix),
        snapshots=snapshots,
        uploads=UploadReader(settings),
        recognizing=WorkQueue("recognize", threads=threads, waiting=settings.waiting, seconds=seconds),
        drawing=WorkQueue("draw", threads=threads, waiting=8 * settings.waiting, seconds=seconds),
        doubtful=DoubtfulAnswers(settings.doubtful),
        thumbnails=ThumbnailCache(),
        metrics=metrics,
        write_queue=WriteQueue(snapshots, metrics) if settings.writing else None,
        unknown=None if folder is None else remembered(folder, make=True, limit=settings.remember_limit),
    )


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI description what FastAPI does not know by itself."""
    made = app.openapi()
    schemas = made["components"]["schemas"]
    for named in (ProblemDetail, LocatedFeatures):
        schemas[named.__name__] = named.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operation in (each for path in made["paths"].values() for each in path.values()):
        said = operation["responses"].get("422", {}).get("content", {})
        if "application/json" in said:  # a route that takes nothing that could be wrong
            del operation["responses"]["422"]
