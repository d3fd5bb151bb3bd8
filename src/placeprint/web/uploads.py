"""Uploads: received within limits of bytes, time and memory, and kept in memory only.

A body is received chunk by chunk on the event loop; whatever goes through its bytes does so on a thread.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

from placeprint.dataset.decoding import images
from placeprint.errors import ImageError, first_line
from placeprint.web.problems import Problem, body_is_read, busy, next_chunk
from placeprint.web.settings import Settings

FIELD = "photos"
MOST_FIELDS = 100
"""The most fields of a multipart body, images or not."""
PARSE_SECONDS = 2.0
"""Processor time for parsing a multipart body: 30 MB take a tenth of it, unless made to take long."""
STEP_BYTES = 16 << 10
"""What must come of a body in `Settings.body_seconds`: a slow line is waited for, one on which nothing moves is not."""
_NAME_LENGTH = 200
_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": 1 << 40}
"""Of the parser, which would write large parts to disk: the limit of the body bounds them."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that was sent; its name appears in the answer and is used for nothing else."""

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
        """Refuse an image that is empty or has too many pixels; done on a thread, since a header may be long.

        Raises `ImageError`.
        """
        with self.named():
            if not self.data:
                raise ImageError("empty", "the file has no bytes")
            width, height = images.size_of(self.data)
            if width * height > most:
                allowed = f"{most / 1e6:.3g} megapixels" if most >= 100_000 else f"{most} pixels"
                said = f"{width} x {height} pixels are more than the {allowed} that this server takes"
                raise ImageError("too-large", f"{said}: send a smaller photo")


@dataclass(slots=True)
class Body:
    """The body of a request as it was received."""

    content_type: str  # The whole header.
    settings: Settings
    pieces: deque[bytes] = field(default_factory=deque)
    bytes: int = 0  # Of all pieces.

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    def photos(self) -> list[Upload]:
        """Return the images; done once, and on a thread, because parsing takes long.

        Raises `Problem`: 422 when there is none, or the body cannot be read.
        """
        if self.kind == "multipart/form-data":
            found = self._form_images()
        else:
            data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
            self.pieces.clear()
            found = [Upload("photo", data)] if data else []
        if not found:
            raise Problem(422, f'no photo was sent: send a file in the multipart field "{FIELD}", or as the body')
        if len(found) > (most := self.settings.max_photos):
            raise Problem(422, f"a request may hold {most} photos of one place, not {len(found)}: send fewer")
        return found

    def _form_images(self) -> list[Upload]:
        """Return the images of a multipart body: the parts of the field, with or without a file name."""
        form = _Form()
        until = time.thread_time() + PARSE_SECONDS
        try:
            parser = create_form_parser(
                {"Content-Type": self.content_type.encode("latin-1")}, form.field, form.file, config=_IN_MEMORY
            )
            while self.pieces:
                if time.thread_time() > until:
                    raise FormParserError("it takes too long: send the photo as the body")
                parser.write(self.pieces.popleft())
            parser.finalize()
        except FormParserError as error:
            raise Problem(422, f"the multipart body cannot be read: {first_line(error)}") from error
        return form.photos


def spoken_bytes(count: int) -> str:
    """Return a number of bytes as people read it: ``32 MiB``."""
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


class _Form:
    """What the parser of a multipart body finds."""

    def __init__(self) -> None:
        self.photos: list[Upload] = []
        self._count = 0

    def field(self, part: Field) -> None:
        """Take a part without a file name."""
        self._take(part.field_name, b"", part.value or b"")

    def file(self, part: File) -> None:
        """Take a part with a file name."""
        assert isinstance(part.file_object, io.BytesIO)
        data = part.file_object.getvalue()  # makes no copy; closed it must not be, as older versions flush it yet
        self._take(part.field_name, part.file_name or b"", data)

    def _take(self, name: bytes | None, file_name: bytes, data: bytes) -> None:
        self._count += 1
        if self._count > MOST_FIELDS:
            raise FormParserError(f"it has more than {MOST_FIELDS} parts")
        if name == FIELD.encode():
            self.photos.append(Upload(file_name.decode("utf-8", "replace")[-_NAME_LENGTH:] or "photo", data))


class UploadReader:
    """Receives the bodies of requests, and counts how much of them is in memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.held = settings, 0

    @asynccontextmanager
    async def body(self, request: Request, *, photo: bool = True) -> AsyncIterator[Body]:
        """Receive the body of a request, photos or else anything; it counts as memory until the block is left.

        Raises `Problem`: 413, 408, 415 or 503: each says what is wrong.
        """
        body = Body(request.headers.get("content-type", ""), self._settings)
        try:
            await self._receive(request, body, photo=photo)
            yield body
        finally:
            self.held -= body.bytes

    async def _receive(self, request: Request, body: Body, *, photo: bool) -> None:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._settings.max_bytes:
            raise self._too_large()
        if photo and body.kind in ("application/x-www-form-urlencoded", "application/json"):
            raise Problem(
                415, f'{body.kind} holds no photo: send multipart/form-data with the field "{FIELD}", or the image'
            )
        limit, moved = self._settings.body_seconds, 0
        try:
            async with asyncio.timeout(limit) as patience:
                while not body_is_read(request):
                    self._take(body, await next_chunk(request))
                    if body.bytes - moved >= STEP_BYTES:
                        moved = body.bytes
                        patience.reschedule(asyncio.get_running_loop().time() + limit)
        except TimeoutError as error:
            raise Problem(408, f"nothing of the photo came for {limit:g} s: send it again", closes=True) from error

    def _take(self, body: Body, piece: bytes) -> None:
        body.pieces.append(piece)
        body.bytes += len(piece)
        self.held += len(piece)
        if body.bytes > self._settings.max_bytes:
            raise self._too_large()
        if self.held > self._settings.held_bytes:
            raise busy("too many photos are being sent at once: try again shortly", closes=True)

    def _too_large(self) -> Problem:
        most = self._settings.max_bytes
        return Problem(413, f"a request may hold {spoken_bytes(most)}: send a smaller photo, or fewer", closes=True)
