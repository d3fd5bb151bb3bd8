"""`GET /v1/images/{id}`: originals and small copies. A request names an id, never a file."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from placeprint.dataset import images
from placeprint.errors import ImageError
from placeprint.report.thumbnails import QUALITY, jpeg
from placeprint.web.identity import row_of
from placeprint.web.parts import parts_of
from placeprint.web.problems import Problem
from placeprint.web.schemas import problems
from placeprint.web.snapshots import Snapshot

router = APIRouter(tags=["images"])

PHOTOS = "photos"
"""Folder inside a gallery with the photos that were uploaded to it, each named by its content's hash."""
UPLOADED = re.compile(r"[0-9a-f]{64}\.[a-z]{3,4}")
SIZES = (120, 240, 480, 960, 1600)
"""Longer sides of small copies, pixels: what is asked for is rounded up to one of them."""
CACHE_BYTES = 64 << 20
_KINDS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
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
        304: {"description": "It is as the client has it."},
        **problems(404, 503),
    },
)
async def original(request: Request, image: str) -> Response:
    """Return an image of the gallery as it is on disk, with its own content type."""
    parts = parts_of(request)
    snapshot = await parts.snapshot()
    row = _row(snapshot, image)
    etag = f'"{_tag(snapshot, row, image)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={**_HEADERS, "ETag": etag})
    data, kind = await parts.drawing.run(_original, snapshot, row)
    return Response(data, media_type=kind, headers={**_HEADERS, "ETag": etag})


@router.get(
    "/v1/images/{image}/thumbnail",
    summary="A small copy of an image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "An upright JPEG without EXIF."},
        304: {"description": "It is as the client has it."},
        **problems(404, 422, 503),
    },
)
async def thumbnail(
    request: Request,
    image: str,
    size: Annotated[int, Query(ge=1, le=SIZES[-1], description="Longer side, pixels; rounded up to a step.")] = 240,
) -> Response:
    """Return a JPEG whose longer side is `size`, or a little more: 120, 240, 480, 960 or 1600."""
    parts = parts_of(request)
    snapshot = await parts.snapshot()
    row = _row(snapshot, image)
    side = next(step for step in SIZES if step >= size)
    tag = f"{_tag(snapshot, row, image)}-{side}"
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = parts.small.get(tag)
    if data is None:
        data = await parts.drawing.run(_small, snapshot, row, side)
        parts.small.put(tag, data)
    return Response(data, media_type="image/jpeg", headers=headers)


def _row(snapshot: Snapshot, image: str) -> int:
    row = row_of(snapshot.gallery, image)
    if row is None:
        raise Problem(404, f'the gallery has no image "{image}": it may have been removed')
    return row


def _tag(snapshot: Snapshot, row: int, image: str) -> str:
    return snapshot.gallery.records[row].content_hash[:32] or f"id-{image}"


def original_bytes(snapshot: Snapshot, row: int) -> bytes:
    """Read the file of an image: under the root that it was indexed in, or among the gallery's own photos.

    Raises
    ------
    Problem
        404 when it is gone, or lies outside of its root.
    """
    gallery, path = snapshot.gallery, snapshot.gallery.records[row].path
    try:
        return images.read_bytes(images.locate(Path(gallery.roots[gallery.root_of[row]]), path))
    except ImageError as error:
        if gallery.path is not None and UPLOADED.fullmatch(path):  # the gallery may have been moved
            try:
                return images.read_bytes(images.locate(gallery.path / PHOTOS, path))
            except ImageError:
                pass
        raise Problem(404, f'the photo "{path}" is not where it was indexed: {error.reason}') from error


def _original(snapshot: Snapshot, row: int) -> tuple[bytes, str]:
    data = original_bytes(snapshot, row)
    try:
        return data, _KINDS[images.format_of(data)]
    except (ImageError, KeyError) as error:
        raise Problem(404, "the file is no image any more: index it again") from error


def _small(snapshot: Snapshot, row: int, side: int) -> bytes:
    from PIL.Image import Resampling

    data = original_bytes(snapshot, row)
    try:
        image = images.decode(data, min_side=side)
    except ImageError as error:
        raise Problem(404, f"the photo cannot be shown: {error.reason}") from error
    image.thumbnail((side, side), Resampling.LANCZOS)
    return jpeg(image, quality=QUALITY)


class SmallCopies:
    """The small copies that were asked for last, up to a number of bytes."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._bytes, self._lock = most, 0, threading.Lock()

    def get(self, tag: str) -> bytes | None:
        """Return a copy, or None."""
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def put(self, tag: str, data: bytes) -> None:
        """Keep a copy, and let go of those that were not asked for the longest."""
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(tag, b""))
            self._kept[tag] = data
            while self._bytes > self._most:
                self._bytes -= len(self._kept.popitem(last=False)[1])
