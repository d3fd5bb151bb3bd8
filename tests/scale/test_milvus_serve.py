"""A gallery in Milvus, served: answers as from a folder, writes that are found at once, and an engine that is away."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine import MilvusServer

pytest.importorskip("fastapi", reason="fastapi is not installed: make test-scale installs it")
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-scale installs it")

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from served import TOKEN, WRITER, Program, served_source  # noqa: E402
from test_writes import drawn  # noqa: E402

from placeprint import Gallery, open_gallery  # noqa: E402
from placeprint.dataset.metadata.bare import without_metadata  # noqa: E402
from placeprint.gallery.move import move  # noqa: E402
from placeprint.indexing.index import index  # noqa: E402
from placeprint.web.server import snapshots_of  # noqa: E402
from placeprint.web.settings import digest_of  # noqa: E402

Client = Any


@contextmanager
def client_of(gallery: Path | str, photos: Path | None = None) -> Iterator[Client]:
    with (
        served_source(snapshots_of(gallery, photos=photos), token_digest=digest_of(TOKEN)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def folder(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = index(town, tmp_path_factory.mktemp("serve") / "town.gallery", cache=False).gallery.path
    assert path is not None
    return path


@pytest.fixture(scope="module")
def here(folder: Path) -> Iterator[Client]:
    """The gallery in a folder, served."""
    with client_of(folder) as client:
        yield client


@pytest.fixture(scope="module")
def there(folder: Path, milvus: MilvusServer) -> Iterator[Client]:
    """The same gallery in Milvus, served; nobody changes it."""
    move(folder, milvus.address("served"))
    with client_of(milvus.address("served")) as client:
        yield client


@pytest.fixture
def own(folder: Path, address: str) -> str:
    """An address of the gallery that a test may change."""
    move(folder, address)
    return address


@pytest.fixture(scope="module")
def queries(town: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((town / "query").glob("*/*.jpg")) if path.stat().st_size > 4000][:5]


def alike(found: dict[str, Any]) -> dict[str, Any]:
    """What is told, without ids of images and times, which differ."""
    found = {name: value for name, value in found.items() if name not in ("milliseconds", "url")}
    found["matches"] = [
        {name: value for name, value in match.items() if name not in ("image", "url", "thumbnail")}
        for match in found.get("matches", ())
    ]
    return found


@pytest.mark.parametrize(
    "asked",
    [{}, {"k": 12}, {"place": ["castle-gate", "town-hall"]}, {"split": "gallery"}, {"explain": True}],
    ids=["plain", "k", "places", "split", "explain"],
)
def test_it_answers_as_a_folder_does(here: Client, there: Client, queries: list[bytes], asked: dict[str, Any]) -> None:
    for photo in queries:
        one, two = (side.post("/v1/recognize", content=photo, params=asked) for side in (here, there))
        assert (one.status_code, two.status_code) == (200, 200), two.text
        assert alike(two.json()) == alike(one.json())
        assert len(two.json()["matches"]) > 0


def test_it_tells_of_places_images_and_itself_as_a_folder_does(here: Client, there: Client, folder: Path) -> None:
    one, two = (side.get("/v1/places").json() for side in (here, there))
    for row in (*one["places"], *two["places"]):
        row.pop("cover")
    assert two == one
    assert two["total"] > 2
    name = one["places"][1]["place"]
    one, two = (side.get(f"/v1/places/{name}", params={"offset": 1, "limit": 1}).json() for side in (here, there))
    assert [item["path"] for item in two["items"]] == [item["path"] for item in one["items"]]
    assert (two["total"], two["images"], len(two["items"])) == (one["total"], one["images"], 1)
    item, same = two["items"][0], one["items"][0]
    assert there.get(item["url"]).content == here.get(same["url"]).content
    assert there.get(item["thumbnail"]).content == here.get(same["thumbnail"]).content
    assert there.get(item["url"]).headers["etag"] == here.get(same["url"]).headers["etag"]
    one, two = (side.get("/v1/about").json() for side in (here, there))
    assert two.pop("gallery") == "served"
    one.pop("gallery")
    assert two == one
    for missing in ("0" * 16, "f" * 16, "x"):
        assert there.get(f"/v1/images/{missing}").status_code == 404
    assert there.get("/v1/places/nowhere").status_code == 404
    told = there.post("/v1/recognize", content=drawn(1), params={"place": "nowhere"})
    assert (told.status_code, "nowhere" in told.json()["detail"]) == (404, True)
    text = there.get("/metrics").text
    assert f"placeprint_gallery_images {len(Gallery.open(folder))}.0" in text
    assert "placeprint_gallery_failing 0.0" in text


def add(client: Client, place: str, *contents: bytes, status: int = 201) -> dict[str, Any]:
    files = [("photos", ("a.jpg", content)) for content in contents]
    answer = client.post(f"/v1/places/{place}/images", files=files, headers=WRITER)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_what_is_acknowledged_is_found_by_the_next_question(own: str, tmp_path: Path) -> None:
    before = open_gallery(own)
    copy = before.download()
    with client_of(own, tmp_path / "photos") as client:
        for number in range(4):
            content = drawn(number)
            made = add(client, f"new {number}", content)
            image = made["images"][0]
            assert (made["added"], image["places"]) == (1, [f"new {number}"])
            found = client.post("/v1/recognize", content=content).json()["matches"][0]
            assert (found["image"], found["places"]) == (image["image"], [f"new {number}"])
            assert found["similarity"] == pytest.approx(1.0, abs=1e-5)
            assert client.get(image["url"]).content == content
            assert client.get(image["thumbnail"]).status_code == 200
            listed = client.get(f"/v1/places/new {number}").json()
            assert ([item["image"] for item in listed["items"]], listed["total"]) == ([image["image"]], 1)
            assert f"new {number}" in [place["place"] for place in client.get("/v1/places").json()["places"]]
            assert client.get("/v1/about").json()["images"] == len(before) + 1
            assert add(client, f"new {number}", content, status=200)["added"] == 0
            told = client.post("/v1/places/other/images", files={"photos": content}, headers=WRITER)
            assert (told.status_code, f"new {number}" in told.json()["detail"]) == (409, True)
            assert client.delete(image["url"], headers=WRITER).json()["removed"] == image["image"]
            found = client.post("/v1/recognize", content=content).json()
            assert image["image"] not in [match["image"] for match in found["matches"]]
            assert client.get(image["url"]).status_code == 404
            assert client.delete(image["url"], headers=WRITER).status_code == 404
        assert list((tmp_path / "photos").iterdir()) == []
    after = open_gallery(own)
    assert after.verify().ok
    assert after.download().records == tuple(copy.records)


def test_an_indexed_photo_that_is_sent_is_not_there_twice(own: str, town: Path, tmp_path: Path) -> None:
    before = open_gallery(own)
    record = before.download().records[3]
    content = (town / record.path).read_bytes()
    with client_of(own, tmp_path / "photos") as client:
        item = next(i for i in client.get(f"/v1/places/{record.place}").json()["items"] if i["path"] == record.path)
        again = add(client, record.place, content, status=200)
        assert (again["added"], again["images"]) == (0, [item])
        refused = client.post("/v1/places/other/images", files={"photos": content}, headers=WRITER)
        assert (refused.status_code, f'as "{record.place}"' in refused.json()["detail"]) == (409, True)
        mixed = add(client, record.place, content, drawn(7))
        assert (mixed["added"], mixed["images"][0]) == (1, item)
        assert len(open_gallery(own)) == len(before) + 1
        assert client.delete(item["url"], headers=WRITER).status_code == 200
        stored = hashlib.sha256(without_metadata(content)).hexdigest()
        assert add(client, record.place, content)["images"][0]["path"] == f"{stored}.jpg"


def test_places_are_listed_with_their_titles_as_of_a_folder(folder: Path, tmp_path: Path, address: str) -> None:
    source = open_gallery(folder).download()
    titled = [
        replace(r, titles=tuple(f"The {p}" for p in r.places)) if i % 2 else r for i, r in enumerate(source.records)
    ]
    own = tmp_path / "titled.gallery"
    kept = {"spec": source.spec, "preset": source.preset, "parts": source.parts, "root": source.roots[0]}
    Gallery.build(own, records=titled, vectors=source.vectors, **kept)
    move(own, address)
    lists = []
    for gallery in (own, address):
        with client_of(gallery) as client:
            lists.append([(one["place"], one["title"]) for one in client.get("/v1/places").json()["places"]])
    assert lists[0] == lists[1]
    assert {title is None for _, title in lists[1]} == {True, False}


def test_a_photo_that_is_not_kept_says_so(own: str) -> None:
    with client_of(own) as client:
        image = add(client, "new", drawn(7))["images"][0]
        for url in (image["url"], image["thumbnail"]):
            told = client.get(url)
            assert (told.status_code, "--photos FOLDER" in told.json()["detail"]) == (404, True)
        assert client.post("/v1/recognize", content=drawn(7)).json()["matches"][0]["image"] == image["image"]


def test_two_servers_and_a_program_share_a_gallery(own: str) -> None:
    size = len(open_gallery(own))
    with client_of(own) as one, client_of(own) as two:
        made = [add((one, two)[i % 2], "shared", drawn(20 + i)) for i in range(4)]
        open_gallery(own).remove([made[0]["images"][0]["path"]])
        time.sleep(2)  # what others change is looked for once a second
        for client in (one, two):
            assert client.get("/v1/about").json()["images"] == size + 3
            assert client.get("/v1/places/shared").json()["total"] == 3
    after = open_gallery(own)
    assert (len(after), after.verify().problems) == (size + 3, ())


def test_an_engine_that_is_away_is_told_at_once_and_found_again(
    folder: Path, mortal: MilvusServer, tmp_path: Path, queries: list[bytes]
) -> None:
    """By the program, as it is run: 503 with one line and in time, and answers again when the engine is there."""
    move(folder, mortal.address("served"))
    program = Program(mortal.address("served"), tmp_path / "log", token=TOKEN)
    try:
        with httpx.Client(base_url=program.url, timeout=25) as client:
            assert client.get("/v1/ready").json()["problem"] is None
            before = client.post("/v1/recognize", content=queries[0]).json()["matches"]
            assert mortal.process is not None
            mortal.process.send_signal(signal.SIGSTOP)  # it hangs
            try:
                _unready(client, queries[0])
            finally:
                mortal.process.send_signal(signal.SIGCONT)
            _ready_again(client)
            mortal.kill()
            _unready(client, queries[0])
            mortal.start()
            _ready_again(client)
            assert client.post("/v1/recognize", content=queries[0]).json()["matches"] == before
    finally:
        assert program.stop() == 0


def _unready(client: Client, photo: bytes) -> None:
    time.sleep(1.5)  # a look is a second old at most
    for _ in range(2):
        for told in (
            client.get("/v1/ready"),
            client.post("/v1/recognize", content=photo),
            client.get("/v1/places"),
            client.post("/v1/places/a/images", content=photo, headers=WRITER),
        ):
            assert (told.status_code, told.json()["error"]) == (503, "GalleryEngineError"), told.text
            assert told.headers["retry-after"]
            assert "\n" not in told.json()["detail"]
            assert "see whether the server" in told.json()["detail"] or "start the server" in told.json()["detail"]
    assert client.get("/v1/health").status_code == 200
    assert "placeprint_gallery_failing 1.0" in client.get("/metrics").text


def _ready_again(client: Client) -> None:
    until = time.monotonic() + 120
    while client.get("/v1/ready").status_code != 200:
        assert time.monotonic() < until, client.get("/v1/ready").text
        time.sleep(0.5)
    assert client.get("/v1/ready").json()["problem"] is None
