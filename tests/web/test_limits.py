"""A server keeps answering: bounded connections, buffers and heads; every method; every name; a full disk; an end."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from served import TOKEN, WRITER, served_in_thread, until

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from placeprint.dataset.decoding import images  # noqa: E402
from placeprint.storage import atomic, published  # noqa: E402
from placeprint.web import connections  # noqa: E402
from placeprint.web import server as serving  # noqa: E402
from placeprint.web.routes import images as pictures  # noqa: E402
from placeprint.web.settings import LOOPBACK, Listen, Settings, checked_prefix, digest_of, own_names  # noqa: E402


@pytest.fixture(scope="module")
def url(town_gallery: Path) -> Iterator[str]:
    with served_in_thread(town_gallery, token_digest=digest_of(TOKEN)) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def test_a_header_that_takes_long_holds_no_other_request(client, queries, monkeypatch):
    """Looking at a photo is done on a thread: the server answers others meanwhile."""
    entered, leave = threading.Event(), threading.Event()
    whole = images.size_of

    def slow(data: bytes) -> tuple[int, int]:
        entered.set()
        assert leave.wait(30)
        return whole(data)

    monkeypatch.setattr(images, "size_of", slow)
    photo = queries[0].read_bytes()
    asked = threading.Thread(target=lambda: client.post("/v1/recognize", content=photo))
    asked.start()
    assert entered.wait(20)
    try:
        assert httpx.get(f"{client.base_url}/v1/health", timeout=10).status_code == 200
    finally:
        leave.set()
        asked.join()


def test_every_address_says_what_it_takes(client):
    place = client.get("/v1/places").json()["places"][0]
    for path, methods in (
        ("/v1/health", "GET, HEAD, OPTIONS"),
        ("/v1/recognize", "OPTIONS, POST"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/static/app.js", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        (place["cover"]["thumbnail"], "GET, HEAD, OPTIONS"),
        (f"/v1/images/{place['cover']['image']}", "DELETE, GET, HEAD, OPTIONS"),
        (place["url"] + "/images", "OPTIONS, POST"),
        (place["url"] + "%2Fimages", "GET, HEAD, OPTIONS"),
        (place["url"] + "/images/images", "OPTIONS, POST"),
        (place["url"] + "%2fimages/images", "OPTIONS, POST"),
        (place["url"] + "/more", "GET, HEAD, OPTIONS"),
    ):
        asked = client.options(path)
        assert (asked.status_code, asked.headers["allow"], asked.content) == (204, methods, b""), path
        wrong = client.request("PATCH", path)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, methods), path
        assert methods in wrong.json()["detail"]
        if "HEAD" in methods:
            whole = {"accept-encoding": "identity"}  # a length is that of what is sent
            got, head = client.get(path, headers=whole), client.head(path, headers=whole)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"]
            if path != "/metrics":
                assert head.headers["content-length"] == str(len(got.content))
    assert client.options("/v1/nothing").status_code == 404
    assert client.head("/v1/nothing").status_code == 404


def test_addresses_are_right_behind_a_path(town_gallery, queries):
    with served_in_thread(town_gallery, prefix="/photos") as url:
        for base in (f"{url}/photos", url):  # a proxy may take the path away, or leave it
            listed = httpx.get(f"{base}/v1/places").json()["places"][0]
            assert listed["url"].startswith("/photos/v1/places/")
            assert httpx.get(url + listed["url"]).json()["items"][0]["url"].startswith("/photos/v1/images/")
            assert httpx.get(url + listed["cover"]["thumbnail"]).headers["content-type"] == "image/jpeg"
            answer = httpx.post(f"{base}/v1/recognize", content=queries[0].read_bytes(), timeout=60).json()
            assert httpx.get(url + answer["matches"][0]["url"]).status_code == 200
            assert httpx.options(f"{base}/v1/recognize").headers["allow"] == "OPTIONS, POST"
            assert httpx.get(f"{base}/").status_code == 200
    assert [checked_prefix(path) for path in ("", "/", "/a/", "/a/b-c", "/.a..")] == ["", "", "/a", "/a/b-c", "/.a.."]
    for wrong in ("photos", "http://x/a", "/a b", "/a?b", "/ä", "/..", "/a/../b", "/."):
        with pytest.raises(ValueError, match="not a path under which"):
            checked_prefix(wrong)


def test_foreign_names_are_refused_wherever_it_listens(town_gallery):
    assert own_names("::1") == LOOPBACK
    with served_in_thread(town_gallery, hosts=own_names("0.0.0.0")) as url:
        for name, status in (
            ("evil.com", 421),
            ("localhost.evil.com", 421),
            ("", 421),
            (socket.gethostname(), 200),
            ("192.168.1.7:8000", 200),
            ("[fe80::1]:8000", 200),
            ("localhost:1", 200),
        ):
            assert httpx.get(f"{url}/v1/health", headers={"host": name}).status_code == status, name
        with connected(url) as probe:  # of HTTP/1.0, as HAProxy's
            probe.sendall(b"OPTIONS /v1/health HTTP/1.0\r\n\r\n")
            assert probe.recv(100).startswith(b"HTTP/1.1 204")


def test_an_address_that_is_not_utf8_is_refused(client):
    for path in ("/v1/places/%ff", "/v1/places/%ED%A0%80", "/v1/places/a%C3/images"):
        answer = client.get(path)
        assert answer.status_code == 400
        assert "UTF-8" in answer.json()["detail"]
    posted = client.post("/v1/places/%ED%A0%80/images", content=b"x", headers=WRITER)
    assert posted.status_code == 400


def test_a_head_is_bounded_however_it_comes(url):
    for size, status in ((8_000, 200), (100_000, 400)):
        with connected(url) as wire:
            lines = "".join(f"X-{i}: {'a' * 90}\r\n" for i in range(size // 100))
            wire.sendall(f"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
            assert int(wire.recv(100).split()[1]) == status


def test_connections_are_bounded_and_idle_ones_make_room(town_gallery, monkeypatch):
    monkeypatch.setattr(connections, "MOST", 8)
    with served_in_thread(town_gallery) as url:
        idle = [connected(url) for _ in range(20)]
        try:
            assert httpx.get(f"{url}/v1/health").status_code == 200
        finally:
            for one in idle:
                one.close()
        busy = []
        for _ in range(8):
            busy.append(connected(url))
            busy[-1].sendall(b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        time.sleep(0.3)
        with connected(url) as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.1 503")
        for one in busy:
            one.close()
        until(lambda: httpx.get(f"{url}/v1/health").status_code == 200)


def test_a_client_that_never_reads_holds_little_and_is_let_go(town_gallery, tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.5)
    large = tmp_path / "large.jpg"
    large.write_bytes(b"\xff\xd8\xff" + bytes(40_000_000))
    read: list[int] = []
    closed: list[bool] = []
    opened = pictures.open_file

    class Counted:
        def __init__(self) -> None:
            self.file = opened(large)
            self.fileno, self.seek = self.file.fileno, self.file.seek

        def close(self) -> None:
            closed.append(True)
            self.file.close()

        def read(self, size: int) -> bytes:
            read.append(size)
            return self.file.read(size)

    monkeypatch.setattr(pictures, "open_file", lambda _: Counted())
    with served_in_thread(town_gallery) as url:
        image = httpx.get(f"{url}/v1/places").json()["places"][0]["cover"]["image"]
        with connected(url) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.sendall(f"GET /v1/images/{image} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            until(lambda: len(read) > 1)
            time.sleep(2.0)
            assert sum(read) < 8_000_000  # of forty: what the system's own buffers take, and one piece
            until(lambda: bool(closed))  # it was let go
        assert httpx.get(f"{url}/v1/images/{image}", timeout=30).content == large.read_bytes()


def test_a_full_disk_is_said_and_nothing_stays(own_gallery, queries, monkeypatch):
    photo = queries[0].read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def files() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in own_gallery.rglob("*") if p.is_file() and p.name != ".lock"}

    with served_in_thread(own_gallery, token_digest=digest_of(TOKEN)) as url:
        before = files()
        for place, step in ((published, "publish"), (atomic, "write_atomic")):
            with monkeypatch.context() as patch:
                patch.setattr(place, step, full)
                answer = httpx.post(f"{url}/v1/places/new/images", content=photo, headers=WRITER, timeout=60)
            assert answer.status_code == 507, answer.text
            assert "disk" in answer.json()["detail"]
            assert files() == before
        assert httpx.post(f"{url}/v1/places/new/images", content=photo, headers=WRITER, timeout=60).status_code == 201


def test_it_ends_in_time_whatever_runs(town_gallery, programs, tmp_path):
    """A thread that hangs in a decoder cannot be ended: the process is."""
    hang = tmp_path / "sitecustomize.py"
    hang.write_text(
        "import time\nimport placeprint.web.server as s\nimport placeprint.dataset.decoding.images as i\n"
        "s.STOP_SECONDS = 2\ni.size_of = lambda data: time.sleep(600)\n"
    )
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        program = programs(town_gallery)
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    with connected(program.url) as wire:
        wire.sendall(b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
        until(lambda: "placeprint_recognizing 1.0" in httpx.get(f"{program.url}/metrics").text)
        assert program.stop(lambda process: process.send_signal(signal.SIGTERM)) == 0
    assert "were abandoned" in next(tmp_path.glob("server-*.log")).read_text()


def test_it_listens_on_a_socket_file(town_gallery, programs, tmp_path):
    path = tmp_path / "placeprint.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))  # as a server that was killed leaves it
    program = programs(town_gallery, "--socket", str(path))
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as client:
        assert client.get("/v1/health").json() == {"status": "ok"}
    with pytest.raises(ValueError, match="cannot listen on"), serving._socket_file(path):
        pass  # another server listens there
    assert program.stop() == 0
    assert not path.exists()
    mine = tmp_path / "file"
    mine.write_text("mine")
    with pytest.raises(ValueError, match="cannot listen on"), serving._socket_file(mine):
        pass
    assert mine.read_text() == "mine"


def test_a_socket_whose_queue_is_full_is_not_waited_for(tmp_path):
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waits:
        busy.bind(str(tmp_path / "busy.sock"))
        busy.listen(0)
        waits.connect(str(tmp_path / "busy.sock"))
        with pytest.raises(ValueError, match="in use"), serving._socket_file(tmp_path / "busy.sock"):
            pass
    assert (tmp_path / "busy.sock").exists()


def test_modules_are_not_looked_at_for_garbage(monkeypatch):
    """A gallery that changed is collected while no other thread runs, the one that receives requests neither."""

    class Stop(Exception):  # noqa: N818
        pass

    def stop() -> None:
        raise Stop

    monkeypatch.setattr(serving, "log_to_stderr", stop)
    with pytest.raises(Stop):
        serving.serve("g", Settings(), Listen())
    try:
        assert gc.get_freeze_count() > 20_000
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("host", ["x\u202e", "a\0b", "a" * 70, "..", "nowhere.invalid"])
def test_a_host_that_cannot_be_is_said(host):
    with pytest.raises(ValueError, match="cannot listen on"), serving._listening(host, 0):
        pass
