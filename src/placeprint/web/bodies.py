"""Uploads: read within limits of bytes, time and memory, kept in memory only, and judged by what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from placeprint.dataset import images
from placeprint.errors import ImageError
from placeprint.web.problems import Problem, busy, heard, heard_out
from placeprint.web.settings import Settings

FIELD = "photos"
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo that was sent: its name is told back, and used for nothing else."""

    name: str
    data: bytes

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say in an ImageError which of the photos it is about."""
        try:
            yield
        except ImageError as error:
            raise ImageError(error.kind, f"{self.name}: {error.reason}") from error

    def check(self, most: int) -> None:
        """Refuse a photo that holds nothing or too many pixels; done on a thread, since a header may be long.

        Raises
        ------
        ImageError
        """
        with self.named():
            if not self.data:
                raise ImageError("empty", "the file has no bytes")
            width, height = images.size_of(self.data)
            if width * height > most:
                raise ImageError("too-large", f"{width}x{height} pixels are more than {most}: send a smaller photo")


class _InMemory(MultiPartParser):
    """Starlette's parser, which would write large parts to disk, and take those without a file name for text.

    Here the limit of the body bounds them, and every part is a file.
    """

    spool_max_size = 1 << 40

    def on_headers_finished(self) -> None:
        """Begin a part."""
        given = self._current_part.content_disposition or b""
        if b"filename" not in given.lower():
            self._current_part.content_disposition = given + b'; filename="photo"'
        super().on_headers_finished()


class Intake:
    """Reads the photos of requests, and knows how much of them is in memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.held = settings, 0

    @asynccontextmanager
    async def photos(self, request: Request) -> AsyncIterator[list[Upload]]:
        """Read the photos of a request, multipart or raw; their memory counts until the block is left.

        Raises
        ------
        Problem
            413, 408, 415, 422 or 503: each says what is wrong.
        """
        counted = _Counted()
        try:
            found = await self._read(request, counted)
            if not found:
                raise Problem(422, f'no photo was sent: send a file in the multipart field "{FIELD}", or as the body')
            yield found
        finally:
            self.held -= counted.bytes

    async def _read(self, request: Request, counted: _Counted) -> list[Upload]:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._settings.max_bytes:
            raise self._too_large()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                stream = self._limited(request, counted)
                if kind == "multipart/form-data":
                    return await self._multipart(request, stream)
                if kind in ("application/x-www-form-urlencoded", "application/json"):
                    raise Problem(
                        415, f'{kind} holds no photo: send multipart/form-data with the field "{FIELD}", or the image'
                    )
                data = b"".join([chunk async for chunk in stream])
        except TimeoutError as error:
            limit = self._settings.body_seconds
            raise Problem(408, f"the photo did not come within {limit:g} s: send it again", closes=True) from error
        return [Upload("photo", data)] if data else []

    async def _limited(self, request: Request, counted: _Counted) -> AsyncGenerator[bytes, None]:
        while not heard_out(request):
            chunk = await heard(request)
            counted.bytes += len(chunk)
            self.held += len(chunk)
            if counted.bytes > self._settings.max_bytes:
                raise self._too_large()
            if self.held > self._settings.held_bytes:
                raise busy("too many photos are being sent at once: try again shortly", closes=True)
            yield chunk

    async def _multipart(self, request: Request, stream: AsyncGenerator[bytes, None]) -> list[Upload]:
        parser = _InMemory(request.headers, stream)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise Problem(422, f"the multipart body cannot be read: {error.message}") from error
        try:
            parts = form.getlist(FIELD)
            if len(parts) > (most := self._settings.max_photos):
                raise Problem(422, f"a request may hold {most} photos of one place, not {len(parts)}: send fewer")
            return [
                Upload((part.filename or "photo")[-_NAME_LENGTH:], await part.read())
                for part in parts
                if isinstance(part, UploadFile)
            ]
        finally:
            await form.close()

    def _too_large(self) -> Problem:
        most = self._settings.max_bytes
        return Problem(413, f"a request may hold {most} bytes: send a smaller photo, or fewer", closes=True)


@dataclass(slots=True)
class _Counted:
    """Bytes of one request that are in memory."""

    bytes: int = 0
