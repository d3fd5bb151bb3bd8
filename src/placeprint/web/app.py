"""The application: every part of a server put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from placeprint.web import answering, browsing, pages, pictures, watching, writing
from placeprint.web.bodies import Intake
from placeprint.web.committing import Committer
from placeprint.web.desk import Desk
from placeprint.web.guard import Guard
from placeprint.web.parts import Parts
from placeprint.web.problems import handle_problems
from placeprint.web.schemas import ProblemDetail
from placeprint.web.settings import Settings
from placeprint.web.snapshots import Keeper

ABOUT = "Tells which place a photo shows, or UNKNOWN, and how sure it is."


def make_app(snapshots: Keeper, settings: Settings) -> ASGIApp:
    """Return the application that serves a gallery.

    Parameters
    ----------
    snapshots : Keeper
    settings : Settings
    """
    from placeprint import __version__

    parts = _parts(snapshots, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if parts.committer:
            parts.committer.close()
        parts.recognizing.close()
        parts.drawing.close()

    app = FastAPI(
        title="placeprint",
        version=__version__,
        summary=ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # it would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.parts = parts
    handle_problems(app)
    for made in (writing, answering, browsing, pictures, watching):  # the first whose address fits answers
        app.include_router(made.router)
    app.include_router(pages.make_router())
    _describe(app)
    return Guard(app, settings, parts.watch)


def _parts(snapshots: Keeper, settings: Settings) -> Parts:
    threads, seconds, watch = snapshots.newest.recognizer.embedder.threads, settings.work_seconds, watching.Watch()
    return Parts(
        settings=settings,
        snapshots=snapshots,
        intake=Intake(settings),
        recognizing=Desk("recognize", threads=threads, waiting=settings.waiting, seconds=seconds),
        drawing=Desk("draw", threads=threads, waiting=8 * settings.waiting, seconds=seconds),
        doubtful=answering.Doubtful(settings.doubtful),
        small=pictures.SmallCopies(),
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
