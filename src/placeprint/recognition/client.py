"""A client of `placeprint serve` that needs nothing but the standard library."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import Request

from placeprint.dataset.query_image import image_bytes, image_name
from placeprint.errors import ImageError, ServerError, UsageError
from placeprint.gallery.filters import Filter
from placeprint.recognition.deadline import Deadline, opener

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput

SECONDS = 60.0
"""For a whole answer: reaching the server, sending the images, and every byte that comes back."""
_SENT_A_SECOND = 100_000
"""Bytes of images that are given a second more each: a slow line is no silent server."""
_MOST_BYTES = 4 << 20
"""Of an answer. One of 100 matches is a tenth of it."""
_LONGEST = 500
"""Characters of what a server says about an error."""
_ELSEWHERE = (300, 301, 302, 303, 305, 307, 308)


def told_by(
    url: str, images: Sequence[ImageInput], asked: Filter, *, k: int, false_accept_rate: float | None = None
) -> dict[str, Any]:
    """Ask a server about images of one place, and return its whole answer; see ``docs/api.md``.

    `url`: Of the server, as ``http://127.0.0.1:8000``.
    `images`: As in `placeprint.Recognizer`; what comes from a file is sent as it is.
    `k`, `false_accept_rate`: As in `placeprint.recognize`.
    Raises `ImageError` or `UsageError`: as `placeprint.recognize`, told by the server; `ServerError` when the server
    cannot be reached, or does not answer.
    """
    server = _Server.at(url)
    words: list[tuple[str, str]] = [("k", str(k)), *(("place", place) for place in asked.places)]
    words += [("split", str(asked.split))] if asked.split is not None else []
    words += [("near", ",".join(map(repr, asked.near)))] if asked.near is not None else []
    words += [("false_accept_rate", repr(float(false_accept_rate)))] if false_accept_rate is not None else []
    kind, body = _multipart([_content(images, number) for number in range(len(images))])
    address = f"{server.address}/v1/recognize?{urlencode(words, errors='surrogatepass')}"
    headers = {"Content-Type": kind, "Accept": "application/json", **server.credentials}
    try:
        return _sent(Request(address, body, headers), server, SECONDS + len(body) / _SENT_A_SECOND)  # noqa: S310
    except ImageError as error:
        number, _, reason = error.reason.partition(": ")
        if not (number.isdecimal() and int(number) < len(images)):
            raise
        raise _about(images, int(number), error.kind, reason) from error


def _content(images: Sequence[ImageInput], number: int) -> bytes:
    try:
        return image_bytes(images[number])
    except ImageError as error:
        raise _about(images, number, error.kind, error.reason) from error


def _about(images: Sequence[ImageInput], number: int, kind: str, reason: str) -> ImageError:
    """Return the error of one image, named where it has a name or is one of several."""
    named = len(images) > 1 or isinstance(images[number], str | os.PathLike)
    return ImageError(kind, reason, image_name(images[number], number) if named else "")


@dataclass(frozen=True, slots=True)
class _Server:
    """A server's address as it may be shown, without the password, and the header that carries the password."""

    address: str
    credentials: Mapping[str, str]
    local: bool

    @classmethod
    def at(cls, url: str) -> Self:
        """Read an address. Raises `UsageError` for what is none; a password in it is not told."""
        shown = re.sub(r"//[^/]*@", "//", url)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
            (host or "").encode("idna")
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            raise UsageError(f'"{shown}" is not the address of a server: give one such as http://127.0.0.1:8000')
        user, at, place = parts.netloc.rpartition("@")
        secret = base64.b64encode(unquote(user).encode("utf-8", "surrogateescape")).decode()
        path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        local = host in ("127.0.0.1", "localhost", "::1")
        return cls(f"{parts.scheme}://{place}{path}", {"Authorization": f"Basic {secret}"} if at else {}, local)


def _multipart(images: Sequence[bytes]) -> tuple[str, bytes]:
    """Return the images as one form, each called by its number: so the server says which one cannot be used."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photos"; filename='
    parts = [p for i, image in enumerate(images) for p in (f'{head}"{i}"\r\n\r\n'.encode(), image, b"\r\n")]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _sent(request: Request, server: _Server, seconds: float) -> dict[str, Any]:
    with Deadline(seconds) as deadline:
        try:
            with opener(deadline, local=server.local).open(request, timeout=seconds) as response:
                found = _read(response)
        except HTTPError as error:
            with error:
                told = _told(error, server.address)
            raise _late(server, seconds) if deadline.passed else told from error
        except (URLError, HTTPException, OSError, ValueError, RecursionError) as error:
            why = ServerError(f"{server.address} does not answer: {_reason(error)}")
            raise _late(server, seconds) if deadline.passed else why from error
    if not isinstance(found, dict):
        raise ServerError(f"{server.address} does not answer as a placeprint server does")
    return found


def _late(server: _Server, seconds: float) -> ServerError:
    return ServerError(f"{server.address} does not answer within {seconds:.0f} s")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "what it says is nested too deeply"
    return _cut(str(getattr(error, "reason", error)) or type(error).__name__)


def _read(response: IO[bytes]) -> Any:
    """Parse what a server says.

    Raises `ValueError` or `RecursionError` when it is too much, no JSON, nested too deeply, or holds a number that is
    none.
    """
    data = response.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it says more than {_MOST_BYTES >> 20} MB")
    return json.loads(data, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{_cut(text)} is no number")
    return value


def _cut(text: str) -> str:
    """Cut a server's text to a line or two."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _told(error: HTTPError, url: str) -> Exception:
    """Return the library's own error where the server names one."""
    if error.code in _ELSEWHERE:
        where = _cut(str(error.headers.get("Location", "nowhere")))
        return ServerError(f"{url} answers {error.code} and sends to {where}: photos are sent to no other address")
    try:
        problem = _read(error)
        detail, name = _cut(str(problem["detail"])), problem.get("error")
    except (HTTPException, OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ServerError(f"{url} answers {error.code} {_cut(str(error.reason))}")
    if name == "ImageError":
        return ImageError(_cut(str(problem.get("kind", "unreadable"))), detail)
    return UsageError(detail) if name == "UsageError" else ServerError(f"{url} answers {error.code}: {detail}")
