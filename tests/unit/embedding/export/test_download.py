"""Checkpoints that are fetched: from a server on this machine that interrupts, lies, and sends elsewhere."""

import errno
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock

import placeprint
from placeprint.embedding.export import download, known_model
from placeprint.embedding.export.download import Download
from placeprint.errors import MissingExtraError, ModelError, UsageError

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()


class Site:
    """A server that answers as it is told; `asked` are the headers of each request."""

    def __init__(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append({name.lower(): value for name, value in self.headers.items()})
                with suppress(OSError):  # the client had enough
                    site.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = ranges()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/models/net.pth"

    def wanted(self, sha256: str = SHA, least: int = len(BODY), most: int = len(BODY)) -> Download:
        return Download(self.address, least, most, sha256)


def send(to: BaseHTTPRequestHandler, status: int, body: bytes = b"", /, **headers: object) -> None:
    """Answer with these headers (`_` for `-`); an empty one is left out."""
    to.send_response(status)
    for name, value in ({"Content_Length": len(body)} | headers).items():
        if value != "":
            to.send_header(name.replace("_", "-"), str(value))
    to.end_headers()
    to.wfile.write(body)


def raw(to: BaseHTTPRequestHandler, answer: bytes) -> None:
    """Answer what no server would."""
    to.wfile.write(b"HTTP/" + answer)
    to.close_connection = True


def ranges(body: bytes = BODY, etag: str = '"a"', most: int = 1 << 30) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server that knows ranges, as RFC 9110 has them, and hangs up after `most` bytes."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        start = 0
        if "Range" in to.headers and to.headers.get("If-Range") == etag:
            start = int(to.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        told = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        rest = body[start:]
        send(to, 206 if start else 200, rest[:most], Content_Length=len(rest), ETag=etag, **told)
        to.close_connection = True

    return answer


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".net.pth.lock"}


def interrupted(site: Site, folder: Path, most: int = 300_000) -> None:
    site.answer = ranges(most=most)
    with pytest.raises(ModelError, match=r'of "net\.pth" came 0\.3 MB of 1\.0 MB: the same command goes on'):
        site.wanted().fetch(folder)
    assert files(folder) == {".net.pth.part", ".net.pth.part.json"}


def test_it_is_fetched_once(site: Site, tmp_path: Path) -> None:
    path = site.wanted().fetch(tmp_path / "models")
    assert (path.read_bytes(), files(path.parent)) == (BODY, {"net.pth"})
    assert site.wanted(SHA[:8]).fetch(path.parent) == path
    assert [asked["accept-encoding"] for asked in site.asked] == ["identity"]


def test_it_goes_on_where_it_was_interrupted(site: Site, tmp_path: Path) -> None:
    interrupted(site, tmp_path)
    site.answer = ranges()
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY
    assert (site.asked[1]["range"], site.asked[1]["if-range"]) == ("bytes=300000-", '"a"')
    assert files(tmp_path) == {"net.pth"}


@pytest.mark.parametrize(
    "answer",
    [
        ranges(etag='"b"'),  # another file meanwhile
        lambda to: send(to, 200, BODY),  # no ranges
        lambda to: send(to, 416) if "Range" in to.headers else send(to, 200, BODY),
        lambda to: send(to, 200, BODY, Content_Length=""),  # until the connection ends
    ],
)
def test_it_begins_again_where_the_server_cannot_go_on(
    site: Site, tmp_path: Path, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    interrupted(site, tmp_path)
    site.answer = answer
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    "about", ['{"address": "elsewhere", "validator": "a"}', "[]", "{", '{"validator": "a\\n"}', ""]
)
def test_a_part_of_something_else_is_not_gone_on_from(site: Site, tmp_path: Path, about: str) -> None:
    interrupted(site, tmp_path)
    (tmp_path / ".net.pth.part.json").write_text(about)
    site.answer = ranges()
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY
    assert "range" not in site.asked[1]


def test_a_link_in_the_way_is_not_written_through(site: Site, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"mine")
    (tmp_path / ".net.pth.part").symlink_to(tmp_path / "theirs")
    (tmp_path / ".net.pth.part.json").write_text(json.dumps({"address": site.address, "validator": '"a"'}))
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY
    assert (tmp_path / "theirs").read_bytes() == b"mine"


WRONG: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "another file": (ranges(BODY[::-1]), "and not .*damaged on its way or is another file, and was deleted"),
    "longer": (ranges(BODY + b"x"), "has 1,024,001 bytes, and not 1.0 MB"),
    "shorter": (ranges(BODY[:-1]), "has 1,023,999 bytes"),
    "longer than it says": (lambda to: send(to, 200, BODY + b"x", Content_Length=""), "sends more than 1.0 MB"),
    "packed": (lambda to: send(to, 200, BODY, Content_Encoding="gzip"), "sends the file packed"),
    "in chunks": (lambda to: raw(to, b"1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx"), "in chunks"),
    "a long refusal": (lambda to: raw(to, b"1.0 404 " + b"why " * 9000 + b"\r\n\r\n"), r"answered 404 .{80}: nothing"),
    "not there": (lambda to: send(to, 404), "answered 404 Not Found"),
    "nothing": (lambda to: send(to, 204), "answered 204"),
    "out of HTTP": (lambda to: send(to, 302, Location="file:///etc/passwd"), "answered 302"),
    "to FTP": (lambda to: send(to, 302, Location="ftp://127.0.0.1/x"), "sends on to 'ftp://127.0.0.1/x', which is not"),
    "to HTTPS": (lambda to: send(to, 307, Location="https://127.0.0.1/x"), "which is not followed"),
    **{
        f"to {place[:20]}": (lambda to, place=place: send(to, 302, Location=place), "cannot be reached")
        for place in ("http://[::1", "http://a..b/x", f"http://{'a' * 80}.org/x", "http://\xe9.org/x")
    },
    "in a circle": (lambda to: send(to, 302, Location="/models/net.pth"), "answered 302"),
    "a part unasked": (lambda to: send(to, 206, BODY[5:], Content_Range="bytes 5-9/1024000"), "another part"),
    "a part of nothing": (lambda to: send(to, 206, BODY, Content_Range="bytes */5"), "does not say which part"),
    "no answer": (lambda to: to.connection.close(), "cannot be reached"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_and_leaves_nothing(site: Site, tmp_path: Path, name: str) -> None:
    site.answer, said = WRONG[name]
    with pytest.raises(ModelError, match=said):
        site.wanted().fetch(tmp_path)
    assert files(tmp_path) == set()


def test_it_is_followed_within_its_scheme(site: Site, tmp_path: Path) -> None:
    interrupted(site, tmp_path)
    whole = ranges()
    site.answer = lambda to: whole(to) if to.path == "/elsewhere" else send(to, 302, Location="/elsewhere")
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY
    assert site.asked[-1]["range"] == "bytes=300000-"


def test_a_full_disk_costs_nothing_that_came(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(download.os, "fsync", full)
        with pytest.raises(ModelError, match="cannot be written: the disk is full"):
            site.wanted().fetch(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
        with pytest.raises(ModelError, match=r"has no room for \d\.\d MB more"):
            site.wanted().fetch(tmp_path)
    assert site.wanted().fetch(tmp_path).read_bytes() == BODY


def test_only_one_program_fetches_a_file_and_only_from_where_it_may(site: Site, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".net.pth.lock"), pytest.raises(ModelError, match="another program is fetching"):
        site.wanted().fetch(tmp_path)
    for address in ("http://example.org/net.pth", "file:///etc/net.pth", "ftp://localhost/net.pth"):
        with pytest.raises(ModelError, match="only https is"):
            Download(address, 1, 1, SHA).fetch(tmp_path)
    assert site.asked == []


def test_a_model_is_known_by_its_names() -> None:
    for name, source in {
        "resnet50": "torchvision:resnet50:v1",
        "torchvision:ResNet101": "torchvision:resnet101:v1",
        "torchvision:resnet152:v2": "torchvision:resnet152:v2",
    }.items():
        assert known_model._meant(name)[1] == source
    for wanted in known_model.known_downloads().values():
        digits = wanted.name.rpartition("-")[2].removesuffix(".pth")
        assert wanted.sha256.startswith(digits), "as torchvision names its files"
        assert wanted.most - wanted.least < 1100
    first, second = (known_model.known_downloads()[f"torchvision:resnet50:{version}"] for version in ("v1", "v2"))
    assert first.least <= 102_530_333 <= first.most
    assert second.least <= 102_540_417 <= second.most
    with pytest.raises(UsageError, match=r'no model "resnet5" is known: did you mean "ResNet50"\?'):
        placeprint.get_model("resnet5")
    with pytest.raises(UsageError, match='"EfficientNet-Lite0" comes with placeprint: there is nothing to fetch'):
        placeprint.get_model("EfficientNet-Lite0")
    with pytest.raises(UsageError, match=r"Bring it by placeprint export hub:serizba.*GPL-3\.0\. The GPL reaches what"):
        placeprint.get_model("salad (dinov2)")


def test_without_pytorch_the_file_is_here_and_the_command_is_named(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path))
    monkeypatch.setattr(known_model, "known_downloads", lambda: {"torchvision:resnet50:v1": site.wanted()})
    said = r'pip install "placeprint\[torch\]"' if importlib.util.find_spec("torch") is None else "resnet50-0676ba61"
    (tmp_path / "resnet50-0676ba61.pth").write_bytes(b"no checkpoint")
    with pytest.raises((MissingExtraError, ModelError), match=said):
        placeprint.get_model("ResNet50")
    told = capsys.readouterr().err
    assert told.index("licence BSD-3-Clause (torchvision); about 1 MB from http://127.0.0.1") < told.index("fetched: ")
    assert (tmp_path / "net.pth").read_bytes() == BODY
