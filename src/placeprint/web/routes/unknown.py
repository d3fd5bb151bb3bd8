"""Unknown photos that a server keeps: grouped, looked through on a page, corrected. Off unless a folder is named."""

from __future__ import annotations

import json
import threading
from asyncio import to_thread

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from placeprint.grouping.corrections import MOST_BYTES, corrections_of
from placeprint.grouping.remembered import Remembered
from placeprint.grouping.result import Grouping
from placeprint.report.groups_page import render_groups
from placeprint.report.templates import environment, script_hash
from placeprint.web.problems import Json, Problem, busy
from placeprint.web.route_descriptions import problems
from placeprint.web.state import state_of
from placeprint.web.uploads import spoken_bytes
from placeprint.web.writers import Writer

CORRECTIONS = "v1/group/corrections"
_GROUPING = threading.Lock()


def make_router(kept: Remembered) -> APIRouter:
    """Return the routes of a server that keeps unknown photos; all but the empty page need the token."""
    router = APIRouter(tags=["unknown photos"])
    templates = environment()
    shell = templates.get_template("unknown.html.j2").render().encode()
    scripts = (templates.get_template(name).render() for name in ("unknown.js", "groups.js"))
    allowed = " ".join(f"'{script_hash(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @router.get("/unknown", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse(shell, headers={"Content-Security-Policy": policy})

    @router.post("/unknown", include_in_schema=False)
    async def groups_page(_: Writer) -> Response:
        return HTMLResponse(await to_thread(_page, kept))

    @router.post(
        "/v1/group",
        summary="Group the unknown photos that are kept",
        response_class=Json,
        responses=problems(401, 403, 503),
    )
    async def group(_: Writer) -> Json:
        """Find out which of the unknown photos show one new place; see `placeprint remembered --json`."""
        found = await to_thread(_grouped, kept)
        return Json({"groups": found.to_dict() if found else None, "accepted": dict(kept.accepted)})

    @router.put(
        f"/{CORRECTIONS}",
        summary="Replace what was corrected",
        response_class=Json,
        responses=problems(401, 403, 408, 413, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
    )
    async def correct(request: Request, _: Writer) -> Json:
        """Keep corrections, as the page saves them; answered when they are on disk."""
        async with state_of(request).uploads.body(request, photo=False) as body:
            return Json({"saved": await to_thread(_saved, kept, b"".join(body.pieces))})

    return router


def _grouped(kept: Remembered) -> Grouping | None:
    """Group one at a time: it takes the processor and some memory."""
    if not _GROUPING.acquire(blocking=False):
        raise busy("the photos are being grouped for somebody else: try again shortly")
    try:
        return kept.groups()
    finally:
        _GROUPING.release()


def _page(kept: Remembered) -> str:
    found = _grouped(kept)
    if found is None:
        raise Problem(404, "no unknown photos are kept yet: what is asked and answered UNKNOWN comes here")
    return render_groups(found, save=CORRECTIONS, said=kept.corrections())


def _saved(kept: Remembered, data: bytes) -> int:
    if len(data) > MOST_BYTES:
        raise Problem(413, f"corrections may have {spoken_bytes(MOST_BYTES)}: send those of these photos alone")
    try:
        said = corrections_of(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the corrections cannot be read: {error}") from error
    kept.replace(said)
    return len(said.constraints) + len(said.names)
