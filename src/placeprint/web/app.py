"""The application: the state of a server and its routes put together."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from placeprint.web.doubtful import Doubtful
from placeprint.web.identity import Addresses
from placeprint.web.methods import Methods
from placeprint.web.metrics import Watch
from placeprint.web.middleware import Guard
from placeprint.web.problems import handle_problems
from placeprint.web.routes import changes as writing
from placeprint.web.routes import health, images, places
from placeprint.web.routes import page as pages
from placeprint.web.routes import recognize as answering
from placeprint.web.schemas import ProblemDetail
from placeprint.web.settings import Settings
from placeprint.web.small_copies import SmallCopies
from placeprint.web.snapshots import Keeper
from placeprint.web.state import State
from placeprint.web.uploads import Intake
from placeprint.web.work_queue import Desk
from placeprint.web.write_queue import Committer

CLOSE_SECONDS = 8.0
"""How long what runs without a request may take to end when the server stops."""
ABOUT = "Tells which place a photo shows, or UNKNOWN, and how sure it is."


def make_app(snapshots: Keeper, settings: Settings) -> ASGIApp:
    """Return the application that serves a gallery.

    Parameters
    ----------
    snapshots : Keeper
    settings : Settings
    """
    from placeprint import __version__

    state = _state(snapshots, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await to_thread(_close, state)

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
    app.state.server = state
    handle_problems(app)
    routers = [made.router for made in (writing, answering, places, images, health)]
    for router in (*routers, page := pages.make_router()):  # the first whose address fits answers
        app.include_router(router)
    _describe(app)
    return Guard(Methods(app, (*routers, page), settings.prefix), settings, state.watch)


def _close(state: State) -> None:
    """Finish changes that wait, and give up what does not end."""
    until = time.monotonic() + CLOSE_SECONDS
    if state.committer:
        state.committer.close(CLOSE_SECONDS)
    for desk in (state.recognizing, state.drawing):
        desk.close(max(0.0, until - time.monotonic()))


def _state(snapshots: Keeper, settings: Settings) -> State:
    threads, seconds, watch = snapshots.newest.recognizer.embedder.threads, settings.work_seconds, Watch()
    return State(
        settings=settings,
        addresses=Addresses(settings.prefix),
        snapshots=snapshots,
        intake=Intake(settings),
        recognizing=Desk("recognize", threads=threads, waiting=settings.waiting, seconds=seconds),
        drawing=Desk("draw", threads=threads, waiting=8 * settings.waiting, seconds=seconds),
        doubtful=Doubtful(settings.doubtful),
        small=SmallCopies(),
        watch=watch,
        committer=Committer(snapshots, watch) if settings.writing else None,
    )


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI description what FastAPI does not know by itself."""
    made = app.openapi()
    schemas = made["components"]["schemas"]
    schemas["ProblemDetail"] = ProblemDetail.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operation in (each for path in made["paths"].values() for each in path.values()):
        said = operation["responses"].get("422", {}).get("content", {})
        if "application/json" in said:  # a route that takes nothing that could be wrong
            del operation["responses"]["422"]
