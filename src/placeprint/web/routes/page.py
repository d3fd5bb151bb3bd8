"""`GET /` and `/static/*`: the files of the page, and no others."""

from __future__ import annotations

import hashlib
import mimetypes
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.responses import Response

from placeprint.web.problems import Problem

_EXTRA_KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


def make_router() -> APIRouter:
    """Return the routes of the page. The files are listed once: a name that is not in the list does not exist."""
    files = dict(_listed(resources.files("placeprint.web") / "page", ""))
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(request: Request) -> Response:
        return _file(request, files, "index.html")

    @router.get("/static/{name:path}")
    async def static(request: Request, name: str) -> Response:
        return _file(request, files, name)

    @router.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return _file(request, files, "favicon.ico" if "favicon.ico" in files else "favicon.svg")

    return router


def _listed(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _listed(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            found.append((f"{prefix}{entry.name}", entry))
    return found


def _file(request: Request, files: dict[str, Traversable], name: str) -> Response:
    if name not in files:
        raise Problem(404, "there is no such page")
    data = files[name].read_bytes()
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    suffix = "." + name.rpartition(".")[2]
    kind = _EXTRA_KINDS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return Response(data, media_type=kind, headers=headers)
