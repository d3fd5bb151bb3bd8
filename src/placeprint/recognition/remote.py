"""Asks a server of `placeprint serve`, with nothing but the standard library."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from placeprint.dataset.photo import photo_bytes
from placeprint.errors import ImageError, ServerError, UsageError
from placeprint.gallery.filters import Near
from placeprint.records import Answer, Match, RankedPlace

if TYPE_CHECKING:
    from placeprint.dataset.photo import Photo

TIMEOUT = 60.0
"""Seconds without a byte."""

_MOST_BYTES = 64 << 20


def recognize_at(
    url: str,
    photos: Sequence[Photo],
    *,
    k: int = 5,
    places: Collection[str] = (),
    split: str | None = None,
    near: Near | None = None,
) -> Answer:
    """Ask a server about photos of one place.

    Parameters
    ----------
    url : str
        Of the server, as ``http://127.0.0.1:8000``.
    photos : sequence of path, str, bytes, binary file, PIL.Image.Image or ndarray
        As in `placeprint.Recognizer`; what comes from a file is sent as it is.
    k, places, split, near
        As in `placeprint.recognize`.

    Raises
    ------
    ImageError, UsageError
        As `placeprint.recognize`, told by the server.
    ServerError
        When the server cannot be reached, or does not answer.
    """
    return answer_of(told_by(url, photos, k=k, places=places, split=split, near=near))


def told_by(
    url: str,
    photos: Sequence[Photo],
    *,
    k: int,
    places: Collection[str],
    split: str | None,
    near: Near | None,
) -> dict[str, Any]:
    """Return all that a server answers, see `recognize_at` and ``docs/api.md``."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f'"{url}" is no address of a server: give one as http://127.0.0.1:8000')
    asked: list[tuple[str, str]] = [("k", str(k)), *(("place", place) for place in places)]
    asked += [("split", split)] if split is not None else []
    asked += [("near", ",".join(repr(float(v)) for v in near))] if near is not None else []
    kind, body = _multipart([photo_bytes(photo) for photo in photos])
    address = f"{url.rstrip('/')}/v1/recognize?{urlencode(asked, errors='surrogatepass')}"
    request = Request(address, body, {"Content-Type": kind, "Accept": "application/json"})  # noqa: S310
    return _sent(request, url)


def _multipart(photos: Sequence[bytes]) -> tuple[str, bytes]:
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photos"; filename="photo"\r\n\r\n'.encode()
    parts = [part for photo in photos for part in (head, photo, b"\r\n")]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _sent(request: Request, url: str) -> dict[str, Any]:
    opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else None
    try:
        with (opener or build_opener()).open(request, timeout=TIMEOUT) as response:
            found = json.loads(response.read(_MOST_BYTES))
    except HTTPError as error:
        raise _told(error, url) from error
    except (URLError, OSError, ValueError) as error:
        raise ServerError(f"{url} does not answer: {getattr(error, 'reason', error)}") from error
    if not isinstance(found, dict):
        raise ServerError(f"{url} does not answer as a placeprint server does")
    return found


def _told(error: HTTPError, url: str) -> Exception:
    """Return the library's own error where the server tells one."""
    try:
        problem = json.loads(error.read(_MOST_BYTES))
        detail, name = str(problem["detail"]), problem.get("error")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServerError(f"{url} answers {error.code} {error.reason}")
    if name == "ImageError":
        return ImageError(str(problem.get("kind", "unreadable")), detail)
    return UsageError(detail) if name == "UsageError" else ServerError(f"{url} answers {error.code}: {detail}")


def answer_of(row: dict[str, Any]) -> Answer:
    """Read an answer that `Answer.to_dict` made, and what a server adds to it is left out.

    Raises
    ------
    ServerError
        When it is none.
    """
    row = {"calibrated_for": None} | row  # earlier servers do not tell
    try:
        known = {field.name: row[field.name] for field in dataclasses.fields(Answer)}
        known["places"] = tuple(RankedPlace(**place) for place in row["places"])
        known["matches"] = tuple(_match(match) for match in row["matches"])
    except (KeyError, TypeError) as error:
        raise ServerError(f"the server's answer cannot be read: {error!r}") from error
    for name in ("score", "margin"):
        known[name] = float("nan") if known[name] is None else known[name]
    return Answer(**known)


def _match(row: dict[str, Any]) -> Match:
    known = {field.name: row[field.name] for field in dataclasses.fields(Match)}
    known["similarity"] = float("nan") if known["similarity"] is None else known["similarity"]
    return Match(**known | {"places": tuple(row["places"])})
