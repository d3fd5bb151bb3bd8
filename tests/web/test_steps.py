"""All requests are received on one thread, where no request is much work, whatever is sent: so others are answered.

Work is counted as calls of functions, and bytes as they are read, in what the thread does before it looks at the next
connection.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import pytest
from served import served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from placeprint.web import problems, uploads  # noqa: E402
from placeprint.web.connections import BoundedProtocol  # noqa: E402

MOST_CALLS = 20_000
"""Some milliseconds."""
MOST_READ = 1 << 16
SIZE = 2_000_000
FORM = "Content-Type: multipart/form-data; boundary=a"


class Steps:
    """The most that the thread did in one step."""

    calls = read = 0
    thread = 0


@pytest.fixture(scope="module")
def steps() -> Iterator[Steps]:
    most, run, received = Steps(), asyncio.events.Handle._run, BoundedProtocol.buffer_updated
    now = {"calls": 0, "read": 0}

    def count(_: FrameType, event: str, __: object) -> None:
        now["calls"] += event in ("call", "c_call")

    def step(handle: asyncio.Handle) -> None:
        now.update(calls=0, read=0)
        most.thread = threading.get_ident()
        sys.setprofile(count)
        try:
            run(handle)
        finally:
            sys.setprofile(None)
            most.calls, most.read = max(most.calls, now["calls"]), max(most.read, now["read"])

    def counted(protocol: BoundedProtocol, size: int) -> None:
        now["read"] += size
        received(protocol, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.events.Handle, "_run", step)
        patch.setattr(BoundedProtocol, "buffer_updated", counted)
        yield most


@pytest.fixture(scope="module")
def url(town_gallery: Path, steps: Steps) -> Iterator[str]:  # noqa: ARG001  # which counts from the beginning
    with served_in_thread(town_gallery) as address:
        yield address


def asked(url: str, request: bytes) -> tuple[int, str]:
    """Send bytes, and return the status of the first answer and all that is said."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as wire:
        said = b""
        with suppress(OSError):  # it is refused already
            wire.sendall(request)
        with suppress(ConnectionResetError):
            while piece := wire.recv(1 << 16):
                said += piece
    return int(said.split()[1]), said.decode("latin-1")


def post(body: bytes, *lines: str, path: str = "/v1/recognize") -> bytes:
    head = (f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}", *lines)
    return "\r\n".join((*head, "", "")).encode() + body


def get(*lines: str) -> bytes:
    head = ("GET /v1/health HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", "")
    return "\r\n".join(head).encode()


def chunked(sizes: list[int]) -> bytes:
    head = "POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%b\r\n" % (size, bytes(size)) for size in sizes) + b"0\r\n\r\n"


def form(data: bytes, parts: int = 1, more: str = "") -> bytes:
    part = f'--a\r\nContent-Disposition: form-data; name="photos"{more}\r\n\r\n'.encode() + data + b"\r\n"
    return part * parts + b"--a--\r\n"


HARD: dict[str, Callable[[], tuple[bytes, int, str]]] = {
    "many bytes": lambda: (post(bytes(SIZE)), 422, "not an image"),
    "a photo in a form": lambda: (post(form(bytes(SIZE), more='; filename="a"'), FORM), 422, "a: the content"),
    "nearly the end of a part": lambda: (post(form(b"\r\n--aX" * (SIZE // 6)), FORM), 422, "not an image"),
    "base64": lambda: (post(form(b"QUFB" * 9999, more="\r\nContent-Transfer-Encoding: base64"), FORM), 422, "image"),
    "many parts": lambda: (post(form(b"", 30_000), FORM), 422, "more than 100 parts"),
    "odd headers of parts": lambda: (post(form(b"", 99, ';a="' * 900), FORM), 422, "photos of one place, not 99"),
    "chunks of one byte": lambda: (chunked([1] * 50_000), 400, "Invalid HTTP"),
    "chunks of one byte behind a large one": lambda: (chunked([SIZE, *[1] * 50_000]), 400, "Invalid HTTP"),
    "chunks": lambda: (chunked([50_000] * 20), 422, "not an image"),
    "a few small chunks": lambda: (chunked([1] * 50), 422, "not an image"),
    "a head of many lines": lambda: (get(*["a:"] * 7000), 400, "Invalid HTTP"),
    "a head of a hundred lines": lambda: (get(*["a: b"] * 100), 200, "ok"),
    "a long line": lambda: (get("Cookie: " + "a=b; " * 2500), 200, "ok"),
    "many parameters": lambda: (post(b"x", path="/v1/recognize?" + "place=a&" * 1000), 404, "has no place"),
}


@pytest.mark.parametrize("what", HARD)
def test_what_is_much_work_is_not_done_where_requests_are_received(what: str, url: str, steps: Steps) -> None:
    request, status, said = HARD[what]()
    steps.calls = steps.read = 0
    found, answer = asked(url, request)
    assert (found, said in answer) == (status, True), answer[-300:]
    assert 0 < steps.calls < MOST_CALLS
    assert 0 < steps.read <= MOST_READ


def test_bodies_and_answers_are_gone_through_on_a_thread(
    url: str, steps: Steps, queries: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    where: dict[str, set[int]] = {"photos": set(), "render": set()}
    photos, render = uploads.Body.photos, problems.Json.render

    def found(body: uploads.Body) -> list[uploads.Upload]:
        where["photos"].add(threading.get_ident())
        return photos(body)

    def written(answer: problems.Json, content: object) -> bytes:
        data = render(answer, content)
        if len(data) > 10_000:
            where["render"].add(threading.get_ident())
        return data

    monkeypatch.setattr(uploads.Body, "photos", found)
    monkeypatch.setattr(problems.Json, "render", written)
    photo = queries[0].read_bytes()
    steps.calls = 0
    answer = httpx.post(f"{url}/v1/recognize?k=30&explain=true", files={"photos": photo}, timeout=60)
    assert len(answer.content) > 10_000
    assert all(threads and steps.thread not in threads for threads in where.values())
    assert 0 < steps.calls < MOST_CALLS


def test_a_wrong_chunk_behind_an_answer_ends_the_connection(url: str, caplog: pytest.LogCaptureFixture) -> None:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(b"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        said = wire.recv(1 << 16)
        while not said.endswith(b"}"):
            said += wire.recv(1 << 16)
        assert said.startswith(b"HTTP/1.1 404")
        wire.sendall(b"zz\r\n")
        with suppress(ConnectionResetError):
            assert wire.recv(1 << 16) == b""
    assert not [record for record in caplog.records if record.exc_info]
