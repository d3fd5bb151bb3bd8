"""What a server is asked: every request gets one whole answer, that is no failure of the server's own."""

from __future__ import annotations

import asyncio
import json
import logging
from asyncio import Queue
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote_to_bytes

from .changes import bytes_changed, list_changed
from .images import change as image_changed
from .images import seeds as pictures
from .target import Bytes, Target

TOKEN = "a-token-for-fuzzing"
_ALLOWED = (503, 507)
"""Statuses above 499 that say what to do."""
Message = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """What an application sent."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    async def take(self, message: Message) -> None:
        """Take a message of the application's."""
        if message["type"] == "http.response.start":
            assert not self.status, "two answers to one request"
            self.status, self.headers = message["status"], dict(message["headers"])
        elif message["type"] == "http.response.body":
            assert self.status
            assert not self.whole, "an answer goes on behind its end"
            self.body += message.get("body", b"")
            self.whole = not message.get("more_body", False)


@contextmanager
def ready(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Serve a small gallery, in this process, to those who ask with the token and to others."""
    from placeprint.indexing.index import index
    from placeprint.web.app import make_app
    from placeprint.web.settings import Settings, digest_of
    from placeprint.web.snapshots import FolderSnapshots

    photos = folder / "photos"
    for number, picture in enumerate(pictures()[:6]):
        file = photos / f"place {number % 3}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)
    logging.getLogger("placeprint.web").setLevel(logging.CRITICAL)
    with patch.dict("os.environ", {"PLACEPRINT_CACHE": str(folder / "cache"), "PLACEPRINT_DECODE_MB": "64"}):
        gallery = index(photos, folder / "town.gallery", cache=False).gallery.path
        settings = Settings(token_digest=digest_of(TOKEN), max_bytes=1 << 15, body_seconds=2.0, work_seconds=5.0)
        app = make_app(FolderSnapshots(gallery), settings)
        with asyncio.Runner() as runner, _alive(app, runner):
            yield lambda data: runner.run(_asked(app, data))


@contextmanager
def _alive(app: Any, runner: asyncio.Runner) -> Iterator[None]:
    """Start an application, and end it with its threads."""
    events: Queue[Message] = Queue()
    told: Queue[Message] = Queue()

    async def step(kind: str) -> None:
        await events.put({"type": f"lifespan.{kind}"})
        assert (await told.get())["type"] == f"lifespan.{kind}.complete"

    task = runner.get_loop().create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, events.get, told.put))
    runner.run(step("startup"))
    yield
    runner.run(step("shutdown"))
    runner.get_loop().run_until_complete(task)


async def _asked(app: Callable[..., Awaitable[None]], data: bytes) -> None:
    """Send a request, and look at the answer."""
    scope, body = _request(data)
    pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)] or [b""]
    answer = Answer()

    async def receive() -> Message:
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    await app(scope, receive, answer.take)
    said = (answer.status, answer.body[:300])
    assert answer.whole, said
    assert answer.status < 500 or answer.status in _ALLOWED, said
    assert b"x-request-id" in answer.headers, said
    kind = answer.headers.get(b"content-type", b"")
    if answer.status >= 400 and scope["method"] != "HEAD":
        assert kind == b"application/problem+json", said
        assert json.loads(answer.body)["detail"].strip()
    elif kind == b"application/json" and scope["method"] != "HEAD":
        json.loads(answer.body)
    length = answer.headers.get(b"content-length")
    assert length is None or scope["method"] == "HEAD" or int(length) == len(answer.body)


def _request(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Read a request as HTTP/1.1 writes it, whatever is missing, as a server gives it to an application."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, _, target = line.partition(b" ")
    path, _, query = target.rpartition(b" ")[0].partition(b"?")
    pairs = (one.partition(b":") for one in lines)
    raw = path if path.startswith(b"/") else b"/" + path
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method.decode("latin-1").upper() or "GET",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw,
        "query_string": query,
        "root_path": "",
        "headers": [(name.strip().lower(), value.strip()) for name, _, value in pairs],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
    }
    return scope, body


def _written(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((line + b" HTTP/1.1", b"Host: localhost", *headers, length, b"", body))


@cache
def seeds() -> Sequence[bytes]:
    """Return a request to every address, with photos in every form."""
    token = b"Authorization: Bearer " + TOKEN.encode()
    asked = (b"/v1/health", b"/v1/ready", b"/v1/about", b"/metrics", b"/", b"/v1/openapi.json", b"/v1/doubtful?limit=5")
    asked += (b"/v1/places?offset=1&limit=2&search=pl", b"/v1/places/place%200?offset=0&limit=1", b"/static/app.js")
    image = b"/v1/images/0"
    made = [_written(b"GET " + path) for path in (*asked, image, image + b"/thumbnail?side=64")]
    query = b"POST /v1/recognize?k=3&place=place%200&near=48.1,11.5,1000&split=gallery&explain=true"
    for picture in pictures()[:2] + pictures()[4:6]:
        made.append(_written(b"POST /v1/recognize?k=3&explain=true", b"Content-Type: image/jpeg", body=picture))
    mixed, form = _form(*pictures()[:2])
    made.append(_written(query, form, body=mixed))
    made.append(_written(b"POST /v1/places/place%200/images?at=48.1,11.5", token, form, body=mixed))
    made.append(_written(b"POST /v1/recognize", b"Content-Type: application/json", body=b'{"photos": ["a"], "k": 3}'))
    made.append(
        _written(b"POST /v1/recognize", b"Content-Type: application/x-www-form-urlencoded", body=b"photos=a&k=3")
    )
    made.append(_written(b"DELETE " + image, token))
    return tuple(made)


def _form(*photos: bytes) -> tuple[bytes, bytes]:
    """Return a multipart body, and the header that goes with it."""
    part = (
        b'--b\r\nContent-Disposition: form-data; name="photos"; filename="%d.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    body = b"".join(part % number + photo + b"\r\n" for number, photo in enumerate(photos)) + b"--b--\r\n"
    return body, b"Content-Type: multipart/form-data; boundary=b"


_LINES = (
    *(b"Content-Type: image/png", b"Content-Type: multipart/form-data", b"Content-Type: \xff", b"Content-Length: -1"),
    *(b"Content-Type: multipart/form-data; boundary=" + b"b" * 300, b"Content-Encoding: gzip", b"Expect: 100-continue"),
    *(
        b"Transfer-Encoding: chunked",
        b"Range: bytes=0-5",
        b"Range: bytes=-1",
        b"Accept: image/*;q=x",
        b"Host: evil.com",
    ),
    *(b"Host: [::1", b"If-None-Match: *", b"If-Modified-Since: x", b"Authorization: Bearer \xff", b"Origin: null"),
    *(b"X-Forwarded-Prefix: /x", b"Cookie: a=b; ;", b"Accept-Encoding: gzip", b"Sec-Fetch-Site: cross-site"),
)
_WORDS = (
    b"%00",
    b"%ff",
    b"%2e%2e/",
    b"..",
    b"//",
    b"&k=",
    b"nan",
    b"1e999",
    b"-1",
    b"99999999999999999999",
    b"%ed%a0%80",
)
_METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"X" * 20)


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change the address, a header, or the body: a part of a form, or the photo in it."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    match random.randrange(5 if body else 3):
        case 0:
            method, _, rest = line.partition(b" ")
            line = (
                random.choice(_METHODS) + b" " + rest if random.random() < 0.2 else method + b" " + _word(rest, random)
            )
        case 1 | 2:
            lines = list_changed(lines or [b""], random, lambda one: _header(one, random))
        case _:
            body = _body(body, random, plain)
    return b"\r\n".join((line, *lines)) + b"\r\n\r\n" + body


def _word(address: bytes, random: Random) -> bytes:
    if random.random() < 0.5:
        return bytes_changed(address, random)
    at = random.randrange(len(address) + 1)
    return address[:at] + random.choice(_WORDS) + address[at:]


def _header(one: bytes, random: Random) -> bytes:
    return random.choice(_LINES) if random.random() < 0.6 else bytes_changed(one, random)


def _body(body: bytes, random: Random, plain: Bytes) -> bytes:
    if not body.startswith(b"--"):
        return image_changed(body, random, plain)
    return b"\r\n--b".join(list_changed(body.split(b"\r\n--b"), random, lambda part: _part(part, random, plain)))


def _part(part: bytes, random: Random, plain: Bytes) -> bytes:
    head, mark, photo = part.partition(b"\r\n\r\n")
    if random.random() < 0.5:
        return plain(head) + mark + photo
    return head + mark + image_changed(photo, random, plain)


TARGET = Target(ready=ready, seeds=seeds, change=change, megabytes=384, longest=1 << 15)
