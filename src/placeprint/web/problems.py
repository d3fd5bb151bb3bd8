"""Errors as problem+json (RFC 9457), with the library's own messages."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from placeprint.errors import (
    GalleryBusyError,
    GalleryEngineError,
    ImageError,
    MissingExtraError,
    PlaceprintError,
    UsageError,
)
from placeprint.storage.atomic import FULL

PROBLEM = "application/problem+json"
RETRY_SECONDS = 1
DRAIN_BYTES, DRAIN_SECONDS = 128 << 20, 2.0
"""What a client that was refused may still send before the connection ends; it is dropped."""


class Json(JSONResponse):
    """JSON in ASCII: names of files that are not UTF-8 are told by escapes; NaN becomes null."""

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return _written(content).encode("ascii")


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_MOST_AT_ONCE = 500
"""Values that are encoded at once, a tenth of a millisecond."""


def _written(value: Any) -> str:
    """Return a value as JSON, a few values at a time: the encoder lets no other thread run until it is done."""
    if _count(value, _MOST_AT_ONCE) <= _MOST_AT_ONCE:
        return _encode(_finite(value))
    if isinstance(value, dict):
        return f"{{{','.join(f'{_encode(name)}:{_written(one)}' for name, one in value.items())}}}"
    if isinstance(value, list | tuple) and any(isinstance(one, dict | list | tuple) for one in value):
        return f"[{','.join(map(_written, value))}]"
    return _encode(_finite(value))


def _count(value: Any, most: int) -> int:
    """Return how many values there are in a value, or a number above `most`."""
    if not isinstance(value, dict | list | tuple):
        return 1
    count = len(value)
    for one in value.values() if isinstance(value, dict) else value:
        if count > most:
            break
        if isinstance(one, dict | list | tuple):
            count += _count(one, most - count)
    return count


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class ProblemResponse(Json):
    """A problem."""

    media_type = PROBLEM


class Problem(PlaceprintError):  # noqa: N818
    """An error that is answered with a status of its own.

    `detail`: One line for people: what happened, and what to do.
    `error`: Name of the library's error that it stands for.
    `closes`: Whether the connection is closed, because the rest of the request is not read.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        error: str = "",
        closes: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.error, self.closes = status, detail, error, closes
        self.headers = {**(headers or {}), **({"Connection": "close"} if closes else {})}


def busy(detail: str, *, closes: bool = False) -> Problem:
    """Return the problem of an overloaded server."""
    return Problem(503, detail, headers={"Retry-After": str(RETRY_SECONDS)}, closes=closes)


def response_of(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return a problem as a response; `more` are further members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return ProblemResponse(body, status, dict(headers or {}))


async def next_chunk(request: Request) -> bytes:
    """Return the next chunk of a request's body. Raises `Problem`: 400 when the client left."""
    message = await request.receive()
    if message["type"] != "http.request":
        raise Problem(400, "the client left before the body was there")
    request.state.body_is_read = not message.get("more_body", False)
    return bytes(message.get("body", b""))


def body_is_read(request: Request) -> bool:
    """Return whether the body was read to its end."""
    return bool(getattr(request.state, "body_is_read", False))


async def _drain(request: Request) -> None:
    """Read and drop what the client still sends, within limits: cut off while sending, it would never read why."""
    declared, left = request.headers.get("content-length", ""), DRAIN_BYTES
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > left):
        return
    with suppress(TimeoutError, Problem):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0 and not body_is_read(request):
                left -= len(await next_chunk(request))


def status_of(error: PlaceprintError) -> int:
    """Return the status that a library's error is answered with."""
    if isinstance(error, ImageError):
        return 413 if error.kind == "too-large" else 422
    if isinstance(error, MissingExtraError):
        return 500
    if isinstance(error, UsageError):
        return 422
    return 503 if isinstance(error, GalleryBusyError | GalleryEngineError) else 500


def handle_problems(app: FastAPI) -> None:
    """Answer every expected error with a problem."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        if error.closes and error.status != 408:
            await _drain(request)
        more = {"error": error.error} if error.error else {}
        return response_of(error.status, error.detail, headers=error.headers, **more)

    async def library(_: Request, error: Exception) -> Response:
        assert isinstance(error, PlaceprintError)
        status = status_of(error)
        more = {"kind": error.kind} if isinstance(error, ImageError) else {}
        headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
        return response_of(status, str(error), headers=headers, error=type(error).__name__, **more)

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return response_of(error.status_code, str(error.detail), headers=error.headers)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        return response_of(422, "; ".join(said), error="UsageError")

    async def system(_: Request, error: Exception) -> Response:
        assert isinstance(error, OSError)
        if error.errno in FULL:
            return response_of(
                507, "the disk of the server is full: nothing was changed. Make room, then send it again"
            )
        raise error

    async def unexpected(_: Request, error: Exception) -> Response:  # noqa: ARG001  # the guard logs it
        return response_of(500, "the server failed: its log says how, under this request's id")

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(PlaceprintError, library)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(OSError, system)
    app.add_exception_handler(Exception, unexpected)
