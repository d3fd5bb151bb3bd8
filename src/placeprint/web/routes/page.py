"""`GET /` and `/static/*`: the files of the page, and no others."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from fastapi import APIRouter, Request
from starlette.responses import Response

from placeprint.web.middleware import POLICY
from placeprint.web.page_bundle import PageFile, bundled, document_of
from placeprint.web.page_language import translation_for
from placeprint.web.problems import Problem

_NOTHING: Mapping[str, str] = MappingProxyType({})
_EXTRA_KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


def make_router() -> APIRouter:
    """Return the routes of the page. The files are read once: a name that is not in the list does not exist."""
    files = bundled({file.name: file.read_bytes() for file in (resources.files("placeprint.web") / "page").iterdir()})
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(request: Request) -> Response:
        language = translation_for(request.headers).language
        return _sent(request, files, document_of(language), {"Content-Language": language})

    @router.get("/static/{name:path}")
    async def static(request: Request, name: str) -> Response:
        return _sent(request, files, name)

    @router.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return _sent(request, files, "favicon.ico" if "favicon.ico" in files else "favicon.svg")

    return router


def _sent(request: Request, files: dict[str, PageFile], name: str, more: Mapping[str, str] = _NOTHING) -> Response:
    if name not in files:
        raise Problem(404, "there is no such page")
    file = files[name]
    packed = bool(file.compressed) and "gzip" in request.headers.get("accept-encoding", "")
    etag = f'"{file.etag}{"-gzip" if packed else ""}"'
    # The script's address changes with its content, so a visit takes it from the browser without asking.
    named = request.url.query == file.version
    headers = {"ETag": etag, "Vary": "Accept-Encoding, Accept-Language, Cookie" if more else "Accept-Encoding", **more}
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
    if file.style:
        headers["Content-Security-Policy"] = f"{POLICY}; style-src 'self' {file.style}"
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    suffix = "." + name.rpartition(".")[2]
    kind = _EXTRA_KINDS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.compressed if packed else file.data, media_type=kind, headers=headers)
