"""``query --url`` asks a stranger: whatever it answers is one line, in time, and of bounded size."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from placeprint.recognition import client
from program import run

ANSWER = {
    "place": "\x1b[31mEVIL\x07\n\x9b2J\u202e",
    "score": 1,
    "margin": 1.0,
    "why": "\x1b]0;title\x07",
    "probability": None,
    "threshold": None,
    "margin_threshold": None,
    "probability_threshold": None,
    "places": [{"place": "a", "score": 1.0, "images": 1}],
    "matches": [{"row": 0, "path": "\x1b[2Jp", "places": ["x\u2066"], "score": 1, "similarity": None}],
}


def with_match(**wrong: object) -> dict[str, object]:
    return {**ANSWER, "matches": [{**ANSWER["matches"][0], **wrong}]}  # type: ignore[dict-item, index]


ODD = {
    "a list": b"[1, 2]",
    "nothing": b"",
    "no JSON": b"<html>\x1b[31m",
    "not UTF-8": b"\xff\x00\xfe",
    "no keys": b"{}",
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": json.dumps(ANSWER).replace('"score": 1,', f'"score": {"9" * 5000},').encode(),
    "a number of 400 digits": json.dumps({**ANSWER, "score": 10**400}).encode(),
    "an infinite number": json.dumps(ANSWER).replace('"margin": 1.0', '"margin": 1e999').encode(),
    "an infinite number in the filter": json.dumps({**ANSWER, "filter": [1]}).replace("[1]", "[-1e999]").encode(),
    "NaN": json.dumps({**ANSWER, "score": float("nan")}).encode(),
    "a word for a number": json.dumps({**ANSWER, "score": "nan"}).encode(),
    "true for a number": json.dumps({**ANSWER, "margin": True}).encode(),
    "a number for a word": json.dumps({**ANSWER, "why": 5}).encode(),
    "a list for a place": json.dumps({**ANSWER, "place": ["a"]}).encode(),
    "a word for matches": json.dumps({**ANSWER, "matches": "xy"}).encode(),
    "a word for places": json.dumps({**ANSWER, "places": "xy"}).encode(),
    "a match's path": json.dumps(with_match(path=None)).encode(),
    "a match's places": json.dumps(with_match(places="xy")).encode(),
    "names of a match that are none": json.dumps(with_match(places=[["x"]])).encode(),
    "too much": b"[" + b"1," * (3 << 20) + b"1]",
}


class Stranger(BaseHTTPRequestHandler):
    """Answers as its class was told."""

    status = 200
    body = b""
    headers_sent: tuple[tuple[str, str], ...] = ()
    pause: tuple[str, float] = ("", 0.0)
    """Before each byte of ``head`` or ``body``."""
    heard: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(self.headers.get("Authorization", ""))
        head = f"HTTP/1.0 {self.status} Odd \x1b[2Jreason\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers_sent)
        try:
            self.send(head.encode() + b"\r\n", slowly=self.pause[0] == "head")
            self.send(self.body, slowly=self.pause[0] == "body")
        except OSError:
            pass  # it has heard enough

    def send(self, data: bytes, *, slowly: bool) -> None:
        step = 1 if slowly else max(len(data), 1)
        for at in range(0, len(data), step):
            self.wfile.write(data[at : at + step])
            self.wfile.flush()
            time.sleep(self.pause[1] if slowly else 0)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def stranger() -> Iterator[tuple[type[Stranger], str]]:
    told = type("Told", (Stranger,), {"heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), told) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield told, f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"whatever: the server decodes it")
    return path


def harmless(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("what", ODD)
def test_an_odd_answer_is_one_line(what: str, stranger: tuple[type[Stranger], str], photo: Path) -> None:
    told, place = stranger
    told.body = ODD[what]
    for form in ((), ("--json",)):
        said = run("query", "--url", f"http://{place}", photo, *form, expect=3)
        assert said.stderr.startswith("ServerError: ")
        assert said.stderr.count("\n") == 1
        assert len(said.stderr) < 700
        assert harmless(said.stderr)
        assert said.stdout == ""


def test_names_in_an_answer_are_spelled_out(stranger: tuple[type[Stranger], str], photo: Path) -> None:
    told, place = stranger
    told.body = json.dumps(ANSWER).encode()
    said = run("query", "--url", f"http://{place}", photo).stdout
    assert harmless(said)
    assert f"{photo}: likely \\x1b[31mEVIL\\x07\\x0a\\x9b2J\\u202e\n  \\x1b]0;title\\x07\n" in said
    assert "x\\u2066" in said


@pytest.mark.parametrize(
    ("status", "body", "expected", "line"),
    [
        (500, b"<html>\x1b", 3, "ServerError: {url} answers 500 Odd \\x1b[2Jreason"),
        (
            500,
            b'{"detail": "\\u001b[1mno\\nERROR", "error": 5}',
            3,
            "ServerError: {url} answers 500: \\x1b[1mno\\x0aERROR",
        ),
        (422, b'{"detail": "wrong\\u202e", "error": "UsageError"}', 2, "UsageError: wrong\\u202e"),
        (500, b'{"detail": 1e999}', 3, "ServerError: {url} answers 500 Odd \\x1b[2Jreason"),
        (500, b"[" * 100_000, 3, "ServerError: {url} answers 500 Odd \\x1b[2Jreason"),
    ],
)
def test_a_refusal_is_one_line(
    status: int, body: bytes, expected: int, line: str, stranger: tuple[type[Stranger], str], photo: Path
) -> None:
    told, place = stranger
    told.status, told.body = status, body
    said = run("query", "--url", f"http://{place}", photo, expect=expected)
    assert said.stderr == line.format(url=f"http://{place}") + "\n"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://127.0.0.1:1/", "ftp://127.0.0.1/", "/v1/recognize"])
def test_a_photo_is_sent_nowhere_else(
    status: int, target: str, stranger: tuple[type[Stranger], str], photo: Path
) -> None:
    told, place = stranger
    told.status, told.headers_sent = status, (("Location", target),)
    said = run("query", "--url", f"http://{place}", photo, expect=3)
    assert f"answers {status} and sends to {target}: photos are sent to no other address\n" in said.stderr
    assert len(told.heard) == 1


@pytest.mark.parametrize("part", ["head", "body"])
@pytest.mark.parametrize("status", [200, 500])
def test_there_is_one_deadline_for_all_of_an_answer(
    part: str, status: int, stranger: tuple[type[Stranger], str], photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.3)
    told, place = stranger
    told.status, told.pause, told.body = status, (part, 0.1), b" " * 200
    said = run("query", "--url", f"http://{place}", photo, expect=3)
    assert said.stderr == f"ServerError: http://{place} does not answer within 0 s\n"


def test_a_password_is_sent_and_never_told(stranger: tuple[type[Stranger], str], photo: Path) -> None:
    told, place = stranger
    told.status = 401
    said = run("query", "--url", f"http://me:s%65cret@{place}", photo, expect=3)
    assert said.stderr == f"ServerError: http://{place} answers 401 Odd \\x1b[2Jreason\n"
    assert told.heard == ["Basic bWU6c2VjcmV0"]


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:1",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://me:secret@",
        "http://127.0.0.1/?a=secret",
        "http://" + "a" * 70 + ".org",
        "127.0.0.1:8000",
        "",
    ],
)
def test_what_is_no_address(address: str, photo: Path) -> None:
    said = run("query", "--url", address, photo, expect=2)
    assert "is not the address of a server: give one such as http://127.0.0.1:8000\n" in said.stderr
    assert "me:secret" not in said.stderr


def test_a_blank_in_a_host_is_told(photo: Path) -> None:
    assert harmless(run("query", "--url", "http://127.0.0.1 \x1b:1", photo, expect=3).stderr)
