"""Originals that are sent slowly, or change while they are sent."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from served import served_in_thread, until

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from placeprint.web import connections  # noqa: E402
from placeprint.web.routes import images as pictures  # noqa: E402

SIZE = 40_000_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.jpg"
    path.write_bytes(b"\xff\xd8\xff" + bytes(SIZE - 3))
    return path


@pytest.fixture
def asked(town_gallery: Path, large: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Ask for the large file as an original; yield the socket, and the file that is sent."""

    @contextmanager
    def ask(window: int = 1 << 18) -> Iterator[tuple[socket.socket, list[object]]]:
        opened, sent = pictures.open_file, []
        monkeypatch.setattr(pictures, "open_file", lambda _: sent.append(opened(large)) or sent[-1])
        with served_in_thread(town_gallery) as url:
            image = httpx.get(f"{url}/v1/places").json()["places"][0]["cover"]["image"]
            address = urlsplit(url)
            with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
                wire.sendall(f"GET /v1/images/{image} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                until(lambda: sent and sent[0].tell() > pictures.PIECE_BYTES)
                time.sleep(0.3)
                yield wire, sent

    return ask


def test_a_client_that_reads_slowly_is_waited_for(asked, monkeypatch):
    """The system holds megabytes for it: for minutes nothing more is taken from the server."""
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.5)
    with asked(window=4096) as (wire, sent):
        read, until_then = 0, time.monotonic() + 3
        while time.monotonic() < until_then:
            read += len(wire.recv(4096))
        assert not sent[0].closed
        assert 0 < read < sent[0].tell()


def test_one_that_is_shortened_ends_the_connection_in_one_line(asked, large, caplog):
    with asked() as (wire, sent):
        os.truncate(large, 1000)
        assert received(wire) < SIZE
        until(lambda: sent[0].closed)
    assert "the answer broke off: the file was shortened while it was sent" in caplog.text
    assert "Traceback" not in caplog.text


def test_of_one_that_grows_as_much_is_sent_as_was_promised(asked, large, caplog):
    with asked() as (wire, _):
        with large.open("ab") as file:
            file.write(bytes(1_000_000))
        assert received(wire, SIZE) > SIZE
    assert "Traceback" not in caplog.text


def received(wire: socket.socket, most: int = SIZE) -> int:
    """Return how many bytes come until so many are there, or the connection ends; it ends in time."""
    read = 0
    while read <= most and (piece := wire.recv(1 << 20)):
        read += len(piece)
    return read
