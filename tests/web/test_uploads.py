"""Hostile uploads: each a 4xx with a message, and the server lives."""

from __future__ import annotations

import io
import json
import random
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from served import TOKEN, WRITER, served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from PIL import Image  # noqa: E402

from placeprint.web import uploads  # noqa: E402
from placeprint.web.settings import digest_of  # noqa: E402

MOST = 300_000


@pytest.fixture(scope="module")
def url(town_gallery: Path) -> Iterator[str]:
    settings = {"max_bytes": MOST, "body_seconds": 1.0, "held_bytes": 2 * MOST, "token_digest": digest_of(TOKEN)}
    with served_in_thread(town_gallery, **settings) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says how large it is, and holds little."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def refused(answer: httpx.Response, status: int, *said: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for words in said:
        assert words in problem["detail"]


def test_what_is_no_image_is_refused_with_the_librarys_words(client, queries):
    photo = queries[0].read_bytes()
    cases = (
        (b"<html><script>alert(1)</script></html>", 422, "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "not an image"),
        (b"%PDF-1.7", 422, "not an image"),
        (b"PK\x03\x04" + bytes(100), 422, "not an image"),
        (b"\x7fELF" + bytes(100), 422, "not an image"),
        (photo[: len(photo) // 2], 422, "ends too early"),
        (photo[:20], 422, "image"),
        (png(30_000, 30_000), 413, "pixels"),
        (png(9000, 9000, bytes(10)), 413, "pixels"),
        (png(100, 100, bytes(10)), 422, "cannot be decoded"),
        (b"", 422, "no photo was sent"),
    )
    for content, status, said in cases:
        for kind in ("image/jpeg", "application/octet-stream"):
            answer = client.post("/v1/recognize", content=content, headers={"content-type": kind})
            refused(answer, status, said)
        if content:
            refused(client.post("/v1/recognize", files={"photos": ("x.jpg", content)}), status, "x.jpg: ", said)


def test_wrong_bodies_are_refused(client, queries):
    photo = queries[0].read_bytes()
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n' + photo
    refused(client.post("/v1/recognize", files={"other": photo}), 422, 'multipart field "photos"')
    refused(client.post("/v1/recognize", data={"photos": "text"}), 415, "holds no photo")
    refused(client.post("/v1/recognize", json={"photos": []}), 415, "holds no photo")
    refused(client.post("/v1/recognize", files={"photos": ("a.jpg", b"")}), 422, "a.jpg: the file has no bytes")
    refused(client.post("/v1/recognize", files={"photos": (None, "text")}), 422, "photo: the content is not an image")
    refused(client.post("/v1/recognize", files=[("photos", ("a.jpg", photo))] * 9), 422, "8 photos of one place, not 9")
    others = [("other", ("b.bin", b"1"))] * 12
    assert client.post("/v1/recognize", files=[("photos", ("a.jpg", photo)), *others]).status_code == 200
    refused(
        client.post("/v1/recognize", content=part, headers={"content-type": "multipart/form-data"}), 422, "boundary"
    )
    refused(client.post("/v1/recognize", content=photo, headers=multipart), 422, "multipart")
    refused(client.post("/v1/recognize", content=b"--x\r\n\r\n\r\n--x--", headers=multipart), 422, "multipart")
    for params, said in (
        ({"k": 0}, "query.k"),
        ({"k": "many"}, "query.k"),
        ({"near": "1,2"}, "latitude, longitude and metres"),
        ({"near": "nan,nan,1"}, "there is no latitude"),
        ({"split": "none of them"}, "is not known"),
    ):
        refused(client.post("/v1/recognize", params=params, content=photo), 422, said)


def test_an_image_that_is_something_else_too_is_only_an_image(client, queries):
    photo = queries[0].read_bytes()
    plain = client.post("/v1/recognize", content=photo).json()
    both = client.post("/v1/recognize", content=photo + b"<html><script>alert(1)</script>").json()
    assert plain["matches"] == both["matches"]


def test_too_many_bytes_are_refused_declared_or_not(client):
    most = bytes(MOST + 1)
    for path, headers in (("/v1/recognize", {}), ("/v1/places/a/images", WRITER)):
        refused(client.post(path, content=most, headers=headers), 413, "293 KiB")
        refused(client.post(path, content=iter([most[:200_000]] * 2), headers=headers), 413, "293 KiB")
        refused(client.post(path, files={"photos": most}, headers=headers), 413, "293 KiB")


def said_to(url: str, head: str, body: bytes = b"", *, slowly: float = 0.0) -> tuple[int, float]:
    """Speak to a server by hand; return the status of what it says, and how long it took."""
    address = urlsplit(url)
    began = time.monotonic()
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(f"{head}\r\nHost: 127.0.0.1\r\n\r\n".encode() + (b"" if slowly else body))
        for byte in body if slowly else b"":
            time.sleep(slowly)
            try:
                wire.sendall(bytes([byte]))
            except OSError:
                break
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return int(answer.split()[1]) if answer else 0, time.monotonic() - began


def test_a_declared_length_is_refused_before_the_body(url):
    for length in (2 * 1024**3, 10**30):
        status, seconds = said_to(url, f"POST /v1/recognize HTTP/1.1\r\nContent-Length: {length}", b"abc")
        assert (status // 100, status != 408) == (4, True)
        assert seconds < 1.0  # the time limit of bodies, which it did not wait for


def test_a_slow_body_is_not_waited_for(url, client):
    status, seconds = said_to(url, "POST /v1/recognize HTTP/1.1\r\nContent-Length: 100", bytes(100), slowly=0.1)
    assert status == 408
    assert seconds < 5  # of the ten seconds that the body would have taken
    assert client.get("/v1/health").status_code == 200


def test_a_body_that_keeps_coming_is_waited_for(url, monkeypatch):
    monkeypatch.setattr(uploads, "STEP_BYTES", 10)
    status, seconds = said_to(url, "POST /v1/recognize HTTP/1.1\r\nContent-Length: 40", bytes(40), slowly=0.05)
    assert status == 422  # it came, and is no photo
    assert seconds > 1.5  # longer than a body may stand still


def test_hundreds_of_damaged_photos(client, queries):
    """Cut, turned and scrambled: never a 5xx, and the next good photo is answered as before."""
    photo, chance = queries[-1].read_bytes(), random.Random(7)
    before = client.post("/v1/recognize", content=photo).json()["matches"]
    statuses = []

    def damaged() -> bytes:
        data = bytearray(photo)
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data[: chance.choice([len(data), chance.randrange(2, len(data))])])

    def send(content: bytes) -> int:
        answer = client.post("/v1/recognize", content=content)
        assert answer.status_code == 200 or answer.json()["detail"]
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(send, [damaged() for _ in range(300)]))
    assert set(statuses) <= {200, 413, 422}
    assert statuses.count(422) > 60
    assert client.post("/v1/recognize", content=photo).json()["matches"] == before
    metrics = client.get("/metrics").text
    assert "placeprint_body_bytes 0.0" in metrics  # nothing of them is held
    assert "placeprint_recognizing 0.0" in metrics


def test_uploads_are_not_stored(client, town_gallery, queries):
    before = sorted(path.name for path in town_gallery.rglob("*"))
    client.post("/v1/recognize", content=queries[0].read_bytes())
    assert sorted(path.name for path in town_gallery.rglob("*")) == before


def test_a_full_queue_sends_away_at_once(town_gallery, queries):
    photo = queries[0].read_bytes()
    with served_in_thread(town_gallery, waiting=0) as url, httpx.Client(base_url=url, timeout=60) as client:
        client.post("/v1/recognize", content=photo)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.post("/v1/recognize?explain=true", content=photo), range(64)))
        busy = [answer for answer in answers if answer.status_code == 503]
        fine = [answer for answer in answers if answer.status_code == 200]
        assert len(busy) + len(fine) == 64
        assert busy
        assert fine
        for answer in busy:
            refused(answer, 503, "try again")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.post("/v1/recognize", content=photo).status_code == 200


def test_too_many_bytes_at_once_are_sent_away(town_gallery, queries):
    settings = {"max_bytes": MOST, "held_bytes": 1000}
    with served_in_thread(town_gallery, **settings) as url:
        refused(httpx.post(f"{url}/v1/recognize", content=queries[0].read_bytes()), 503, "at once")


def test_headers_protect_every_answer(client):
    policy = "default-src 'self'"
    for path, status in (("/", 200), ("/v1/health", 200), ("/v1/nothing", 404), ("/static/nothing", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert policy in answer.headers["content-security-policy"]
        assert "'unsafe" not in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
        assert len(answer.headers["x-request-id"]) == 16
    image = client.get(client.get("/v1/places").json()["places"][0]["cover"]["thumbnail"])
    assert image.headers["content-security-policy"] == "default-src 'none'; sandbox"
    given = client.get("/v1/health", headers={"x-request-id": "my-request_1"})
    assert given.headers["x-request-id"] == "my-request_1"
    odd = client.get("/v1/health", headers={"x-request-id": 'no "quotes"'})
    assert len(odd.headers["x-request-id"]) == 16


def test_foreign_names_and_pages_are_refused(client):
    refused(client.get("/v1/about", headers={"host": "evil.example"}), 421, "--allow-host")
    assert client.get("/v1/health", headers={"host": "LOCALHOST:80"}).status_code == 200
    assert client.get("/v1/health", headers={"host": "[::1]:80"}).status_code == 200
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    refused(client.get("/v1/health", headers=cross), 403, "another site")
    assert client.get("/", headers=cross | {"sec-fetch-mode": "navigate"}).status_code == 200


def test_the_log_is_json_and_tells_no_names_or_places(programs, town_gallery, queries, tmp_path):
    program = programs(town_gallery)
    with httpx.Client(base_url=program.url, timeout=60) as client:
        files = {"photos": ("secret-name.jpg", queries[0].read_bytes())}
        asked = client.post("/v1/recognize", files=files, params={"near": "0.0,0.0,4321"})
        client.get("/v1/places/secret-place")
        assert asked.status_code == 200
    assert program.stop() == 0
    log = next(tmp_path.glob("server-*.log")).read_text()
    rows = [json.loads(line) for line in log.splitlines()]
    assert [(row["route"], row["status"]) for row in rows] == [("/v1/recognize", 200), ("/v1/places/{place:path}", 404)]
    assert rows[0]["request"] == asked.headers["x-request-id"]
    assert "secret" not in log
    assert "4321" not in log


def test_a_huge_image_of_few_bytes(client):
    buffer = io.BytesIO()
    Image.new("L", (7000, 7000)).save(buffer, "PNG")  # 49 million pixels, just below the limit
    answer = client.post("/v1/recognize", content=buffer.getvalue())
    assert answer.status_code == 200
    assert answer.json()["answer"] == "UNKNOWN"
