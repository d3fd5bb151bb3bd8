"""`GET /v1/images/{id}`: originals and small copies. A request names an id, never a file."""

from __future__ import annotations

import os
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from placeprint.dataset.decoding.formats import HEAD_BYTES, kind_of
from placeprint.dataset.files import MAX_BYTES, locate, open_file
from placeprint.dataset.remote import RemoteFiles, is_remote
from placeprint.errors import DatasetError, ImageError, MissingExtraError
from placeprint.web.catalogue import CatalogueImage
from placeprint.web.identity import UPLOADED_NAME, UPLOADED_ROOT
from placeprint.web.previews import small_jpeg
from placeprint.web.problems import Problem
from placeprint.web.route_descriptions import problems
from placeprint.web.snapshots import Snapshot
from placeprint.web.state import state_of

router = APIRouter(tags=["images"])

SIZES = (120, 240, 480, 960, 1600)
"""Longer sides of small copies, pixels: what is asked for is rounded up to one of them."""
PIECE_BYTES = 64 << 10
_KINDS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "HEIF": "image/heif",
}
_HEADERS = {
    "Cache-Control": "private, max-age=300",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@router.get(
    "/v1/images/{image}",
    summary="The original of an image",
    response_class=Response,
    responses={
        200: {"content": {kind: {} for kind in sorted(set(_KINDS.values()))}, "description": "The file as it is."},
        304: {"description": "Not modified: the client's copy is current."},
        **problems(404, 503),
    },
)
async def original(request: Request, image: str) -> Response:
    """Return an image of the gallery as it is on disk, with its own content type."""
    state = state_of(request)
    snapshot = await state.snapshot()
    shown = await _shown(snapshot, image)
    etag = f'"{_tag(shown)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={**_HEADERS, "ETag": etag})
    file, kind = await state.drawing.run(_original, shown, snapshot.uploads)
    size = os.fstat(file.fileno()).st_size
    headers = {**_HEADERS, "ETag": etag, "Content-Length": str(size)}
    return StreamingResponse(
        _pieces(file, size), media_type=kind, headers=headers, background=BackgroundTask(file.close)
    )


async def _pieces(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """Read a file piece by piece as it is sent: a client that reads slowly holds one piece in memory and no more.

    Raises
    ------
    EOFError
        When the file was shortened meanwhile: the bytes that were promised are not there.
    """
    try:
        while size:
            piece = await to_thread(file.read, min(PIECE_BYTES, size))
            if not piece:
                raise EOFError(f"the file was shortened while it was sent: {size} bytes are missing")
            size -= len(piece)
            yield piece
    finally:  # an answer that fails has no end at which it would be closed
        file.close()


@router.get(
    "/v1/images/{image}/thumbnail",
    summary="A small copy of an image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "An upright JPEG without EXIF."},
        304: {"description": "Not modified: the client's copy is current."},
        **problems(404, 422, 503),
    },
)
async def thumbnail(
    request: Request,
    image: str,
    size: Annotated[int, Query(ge=1, le=SIZES[-1], description="Longer side, pixels; rounded up to a step.")] = 240,
) -> Response:
    """Return a JPEG whose longer side is `size`, or a little more: 120, 240, 480, 960 or 1600."""
    state = state_of(request)
    snapshot = await state.snapshot()
    shown = await _shown(snapshot, image)
    side = next(step for step in SIZES if step >= size)
    tag = f"{_tag(shown)}-{side}"
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = state.thumbnails.get(tag)
    if data is None:
        data = await state.drawing.run(_small, shown, snapshot.uploads, side)
        state.thumbnails.put(tag, data)
    return Response(data, media_type="image/jpeg", headers=headers)


async def _shown(snapshot: Snapshot, image: str) -> CatalogueImage:
    shown = await to_thread(snapshot.catalogue.by_id, image)
    if shown is None:
        raise Problem(404, f'the gallery has no image "{image}": it may have been removed')
    return shown


def _tag(shown: CatalogueImage) -> str:
    return shown.record.content_hash[:32] or f"id-{shown.image}"


def opened_original(shown: CatalogueImage, uploads: Path | None) -> BinaryIO:
    """Open the file of an image: under the root that it was indexed in, or among the photos that were uploaded.

    Raises
    ------
    Problem
        404 when it is gone, was not kept, or lies outside of its root.
    """
    path = shown.record.path
    if shown.root == UPLOADED_ROOT and uploads is None:
        raise Problem(
            404,
            "this photo was added through a server and not kept: to keep photos, start the server with --photos FOLDER",
        )
    try:
        return _opened(shown.root, path)
    except ImageError as error:
        if uploads is not None and UPLOADED_NAME.fullmatch(path):  # a folder may have been moved
            with suppress(ImageError):
                return open_file(locate(uploads, path))
        raise Problem(404, f'the photo "{path}" is not where it was indexed: {error.reason}') from error


def _opened(root: str, path: str) -> BinaryIO:
    if root == UPLOADED_ROOT:
        raise ImageError("missing", "this server does not have it")
    if not is_remote(root):
        return open_file(locate(Path(root), path))
    try:
        data = RemoteFiles(root).read(path)
    except (DatasetError, MissingExtraError) as error:
        raise ImageError("missing", str(error)) from error
    # On disk, not in memory, however long the client takes to read it.
    file = cast(BinaryIO, TemporaryFile())  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


def _original(shown: CatalogueImage, uploads: Path | None) -> tuple[BinaryIO, str]:
    file = opened_original(shown, uploads)
    kind = _KINDS.get(kind_of(file.read(HEAD_BYTES)) or "")
    file.seek(0)
    if kind is None:
        file.close()
        raise Problem(404, "the file is no longer an image: index it again")
    return file, kind


def _small(shown: CatalogueImage, uploads: Path | None, side: int) -> bytes:
    with opened_original(shown, uploads) as file:
        data = file.read(MAX_BYTES)
    try:
        return small_jpeg(data, side)
    except ImageError as error:
        raise Problem(404, f"the photo cannot be shown: {error.reason}") from error
