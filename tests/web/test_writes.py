"""Writes that last: seen at once, whole or not at all, by every server of a gallery."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from served import TOKEN, WRITER, served_in_thread, until

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from PIL import Image  # noqa: E402

from placeprint import Gallery  # noqa: E402
from placeprint.dataset.metadata.bare import without_metadata  # noqa: E402
from placeprint.web.settings import digest_of  # noqa: E402

WRITING = {"token_digest": digest_of(TOKEN)}


def drawn(number: int) -> bytes:
    """A photograph of nothing, different for each number."""
    image = Image.effect_noise((96, 64), 60 + number % 40).convert("RGB")
    image.paste((number % 256, number // 256, 77), (0, 0, 48, 64))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture
def client(own_gallery: Path) -> Iterator[httpx.Client]:
    with served_in_thread(own_gallery, **WRITING) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


def add(client: httpx.Client, place: str, *contents: bytes, status: int = 201, **params: str) -> dict:
    files = [("photos", ("a.jpg", content)) for content in contents]
    answer = client.post(f"/v1/places/{place}/images", files=files, headers=WRITER, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_nobody_writes_without_the_token(client, town_gallery, queries):
    photo = {"files": {"photos": queries[0].read_bytes()}}
    image = client.get("/v1/places").json()["places"][0]["cover"]["image"]
    wrong = ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": TOKEN})
    for headers in wrong:
        for answer in (
            client.post("/v1/places/a/images", headers=headers, **photo),
            client.delete(f"/v1/images/{image}", headers=headers),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
            assert answer.headers["www-authenticate"].startswith("Bearer")
    with served_in_thread(town_gallery) as url:
        for answer in (
            httpx.post(f"{url}/v1/places/a/images", headers=WRITER, **photo),
            httpx.delete(f"{url}/v1/images/{image}", headers=WRITER),
        ):
            assert answer.status_code == 403
            assert "PLACEPRINT_TOKEN" in answer.json()["detail"]


def test_what_is_added_is_found_and_what_is_removed_is_not(client, own_gallery, queries):
    content = queries[0].read_bytes()
    before = Gallery.open(own_gallery)
    made = add(client, "a new%2Fimages", content, at="48.5,11.25")
    image = made["images"][0]
    assert (made["added"], image["places"]) == (1, ["a new/images"])
    assert (image["latitude"], image["longitude"]) == (48.5, 11.25)
    found = client.post("/v1/recognize", content=content).json()
    assert found["matches"][0]["image"] == image["image"]
    assert found["matches"][0]["similarity"] == pytest.approx(1.0, abs=1e-5)
    assert client.get(image["url"]).content == without_metadata(content) != content
    assert client.get(image["thumbnail"]).status_code == 200
    assert [item["image"] for item in client.get("/v1/places/a new%2Fimages").json()["items"]] == [image["image"]]
    after = Gallery.open(own_gallery)
    assert tuple(after.records[: len(before)]) == tuple(before.records)
    assert after.records[len(before)].places == ("a new/images",)
    assert after.verify().ok
    assert add(client, "a new%2Fimages", content, status=200)["added"] == 0
    refused = client.post("/v1/places/other/images", files={"photos": content}, headers=WRITER)
    assert (refused.status_code, "a new/images" in refused.json()["detail"]) == (409, True)

    removed = client.delete(image["url"], headers=WRITER)
    assert removed.json() == {"removed": image["image"], "places": ["a new/images"]}
    assert client.delete(image["url"], headers=WRITER).status_code == 404
    assert client.get(image["url"]).status_code == 404
    assert Gallery.open(own_gallery).records == before.records
    assert list((own_gallery / "photos").iterdir()) == []
    found = client.post("/v1/recognize", content=content).json()
    assert image["image"] not in [match["image"] for match in found["matches"]]


def test_removing_an_indexed_image_leaves_its_file(client, own_gallery, town):
    gallery = Gallery.open(own_gallery)
    path = gallery.records[3].path
    place = gallery.records[3].places[0]
    item = next(i for i in client.get(f"/v1/places/{place}").json()["items"] if i["path"] == path)
    assert client.delete(item["url"], headers=WRITER).status_code == 200
    assert (town / path).is_file()
    left = Gallery.open(own_gallery)
    assert tuple(left.records) == tuple(r for r in gallery.records if r.path != path)


def test_an_indexed_photo_that_is_sent_is_not_there_twice(client, own_gallery, town):
    before = Gallery.open(own_gallery)
    record = before.records[3]
    content = (town / record.path).read_bytes()
    item = next(i for i in client.get(f"/v1/places/{record.place}").json()["items"] if i["path"] == record.path)
    again = add(client, record.place, content, status=200)
    assert (again["added"], again["images"]) == (0, [item])
    assert Gallery.open(own_gallery).records == before.records
    assert not (own_gallery / "photos").exists()
    refused = client.post("/v1/places/other/images", files={"photos": content}, headers=WRITER)
    assert (refused.status_code, f'as "{record.place}"' in refused.json()["detail"]) == (409, True)
    mixed = add(client, record.place, content, drawn(7))
    assert (mixed["added"], mixed["images"][0]) == (1, item)
    assert len(Gallery.open(own_gallery)) == len(before) + 1
    assert client.delete(item["url"], headers=WRITER).status_code == 200
    stored = hashlib.sha256(without_metadata(content)).hexdigest()
    assert add(client, record.place, content)["images"][0]["path"] == f"{stored}.jpg"
    assert (town / record.path).read_bytes() == content


def test_photos_that_are_sent_together_are_added_together_or_not_at_all(client, own_gallery):
    one, two = drawn(1), drawn(2)
    add(client, "first", one)
    size = len(Gallery.open(own_gallery))
    answer = client.post("/v1/places/second/images", files=[("photos", two), ("photos", one)], headers=WRITER)
    assert answer.status_code == 409
    broken = client.post("/v1/places/second/images", files=[("photos", two), ("photos", b"no")], headers=WRITER)
    assert broken.status_code == 422
    assert len(Gallery.open(own_gallery)) == size
    assert len(list((own_gallery / "photos").iterdir())) == 1
    assert add(client, "second", two, two, drawn(3))["added"] == 2


def test_names_that_no_place_may_have(client, queries):
    content = queries[0].read_bytes()
    for name in ("a|b", "%20a", "a%00b", "x" * 201, ""):
        answer = client.post(f"/v1/places/{name}/images", files={"photos": content}, headers=WRITER)
        assert answer.status_code == 422, name
        assert answer.json()["detail"].startswith("a place's name")
    for name in ("UNKNOWN", "unknown"):
        answer = client.post(f"/v1/places/{name}/images", files={"photos": content}, headers=WRITER)
        assert (answer.status_code, name in answer.json()["detail"]) == (422, True)
    alone = client.post("/v1/places/a/images", files={"photos": content}, headers=WRITER, params={"at": "1"})
    assert (alone.status_code, "latitude and longitude" in alone.json()["detail"]) == (422, True)


def test_many_writers_share_changes_and_readers_never_see_half(client, own_gallery, queries):
    """Pairs of photos are added and removed while others read: a pair is there whole or not at all."""
    size = len(Gallery.open(own_gallery))
    stop, seen, failed = threading.Event(), set(), []
    content = queries[0].read_bytes()

    def read() -> None:
        while not stop.is_set():
            total = client.get("/v1/about").json()["images"]
            answer = client.post("/v1/recognize", content=content)
            seen.add(total)
            if answer.status_code != 200 or (total - size) % 2:
                failed.append((total, answer.text))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: add(client, f"pair-{i}", drawn(2 * i + 10), drawn(2 * i + 11)), range(16)))
    stop.set()
    for reader in readers:
        reader.join()
    assert failed == []
    assert len(seen) > 1
    assert sum(one["added"] for one in made) == 32
    after = Gallery.open(own_gallery)
    assert len(after) == size + 32
    assert sorted(r.places[0] for r in after.records[size:]) == sorted(f"pair-{i}" for i in range(16) for _ in "ab")
    assert after.verify().ok
    changes = re.search(r"^placeprint_changes_total (\S+)", client.get("/metrics").text, re.MULTILINE)
    assert float(changes[1]) < 16  # they were gathered


def test_two_servers_and_a_program_share_a_gallery(client, own_gallery):
    size = len(Gallery.open(own_gallery))
    with served_in_thread(own_gallery, **WRITING) as url, httpx.Client(base_url=url, timeout=60) as other:
        with ThreadPoolExecutor(4) as pool:
            pool.map(lambda i: add((client, other)[i % 2], "shared", drawn(100 + i)), range(12))
        until(lambda: len(Gallery.open(own_gallery)) == size + 12)
        for one in (client, other):
            assert one.get("/v1/about").json()["images"] == size + 12
        item = client.get("/v1/places/shared").json()["items"][0]
        assert other.delete(item["url"], headers=WRITER).status_code == 200
        assert client.get(item["url"]).status_code == 404
        gallery = Gallery.open(own_gallery)  # as `placeprint remove` does it
        gallery.remove(places=["shared"])
        assert client.get("/v1/places/shared").status_code == 404
        assert client.get("/v1/about").json()["images"] == size
        assert Gallery.open(own_gallery).verify().ok


def test_a_gallery_that_is_moved_keeps_its_photos(own_gallery, tmp_path, queries):
    content = queries[0].read_bytes()
    with served_in_thread(own_gallery, **WRITING) as url:
        made = httpx.post(f"{url}/v1/places/a/images", files={"photos": content}, headers=WRITER, timeout=60).json()
    moved = tmp_path / "elsewhere"
    shutil.move(own_gallery, moved)
    with served_in_thread(moved, **WRITING) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get(made["images"][0]["url"]).content == without_metadata(content)
        assert add(client, "a", content, status=200)["added"] == 0
        assert [path.name for path in (moved / "photos").iterdir()] == [made["images"][0]["path"]]


def test_photos_that_the_gallery_does_not_know_are_kept_and_told(own_gallery, caplog):
    caplog.set_level("INFO", logger="placeprint.web")
    name = "0" * 64 + ".jpg"
    (own_gallery / "photos").mkdir()
    content = drawn(1)
    (own_gallery / "photos" / name).write_bytes(content)
    with served_in_thread(own_gallery, **WRITING) as url:
        httpx.post(f"{url}/v1/places/a/images", files={"photos": drawn(2)}, headers=WRITER, timeout=60)
    assert "1 photos in" in caplog.text
    assert (own_gallery / "photos" / name).read_bytes() == content


def test_a_damaged_gallery_does_not_take_the_answers_away(client, own_gallery, queries):
    before = client.get("/v1/about").json()
    head = (own_gallery / "gallery.json").read_bytes()
    (own_gallery / "gallery.json").write_bytes(b"{}")
    assert client.get("/v1/about").json() == before
    assert "not the head of a gallery" in client.get("/v1/ready").json()["problem"]
    assert client.post("/v1/recognize", content=queries[0].read_bytes()).status_code == 200
    (own_gallery / "gallery.json").write_bytes(head)
    assert client.get("/v1/ready").json()["problem"] is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_acknowledged_is_there_after_a_kill(programs, own_gallery, how):
    """Killed in the middle of writes; `benchmarks/serving_kill.py` does it ten times for 200 writes."""
    before = Gallery.open(own_gallery)
    program = programs(own_gallery, token=TOKEN)
    acknowledged: set[str] = set()

    def write(number: int) -> None:
        try:
            made = add(client, f"place-{number % 3}", drawn(number))
        except (httpx.TransportError, AssertionError):
            return
        acknowledged.update(image["path"] for image in made["images"])

    with httpx.Client(base_url=program.url, timeout=60) as client, ThreadPoolExecutor(4) as pool:
        for number in range(60):
            pool.submit(write, number)
        until(lambda: len(acknowledged) >= 8)
        os.kill(program.process.pid, how)
        code = program.ended()
        pool.shutdown(cancel_futures=True)
    assert code == (0 if how == signal.SIGTERM else -how)
    after = Gallery.open(own_gallery)
    there = {record.path for record in after.records}
    assert acknowledged <= there
    assert {record.path for record in before.records} <= there
    assert after.verify().ok
    again = programs(own_gallery, token=TOKEN)
    with httpx.Client(base_url=again.url, timeout=60) as client:
        items = [i for n in range(3) for i in client.get(f"/v1/places/place-{n}").json().get("items", [])]
        assert acknowledged <= {item["path"] for item in items}
        for item in items:
            assert client.get(item["url"]).status_code == 200
    assert {path.name for path in (own_gallery / "photos").iterdir()} >= {item["path"] for item in items}


def test_a_token_that_is_too_short_is_refused(monkeypatch, tmp_path):
    from placeprint.errors import UsageError
    from placeprint.web.settings import Settings, token_digest

    monkeypatch.setenv("PLACEPRINT_TOKEN", "short")
    with pytest.raises(UsageError, match="16 or more"):
        token_digest(None)
    monkeypatch.delenv("PLACEPRINT_TOKEN")
    assert token_digest(None) == b""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    settings = Settings(token_digest=token_digest(file))
    assert settings.allows(TOKEN)
    assert not settings.allows(TOKEN + "x")
    assert not Settings().allows("")
    with pytest.raises(UsageError, match="cannot be read"):
        token_digest(tmp_path / "nothing")


def test_files_of_somebody_else_in_the_folder_of_photos_stay(client, own_gallery):
    """They have the very name of a photo that is sent, or removed, and other bytes."""
    one, two = drawn(901), drawn(902)
    photos = own_gallery / "photos"
    photos.mkdir()
    (photos / "holiday.jpg").write_bytes(b"mine")
    name = f"{hashlib.sha256(one).hexdigest()}.jpg"
    (photos / name).write_bytes(b"mine")
    answer = client.post("/v1/places/a/images", files=[("photos", ("a.jpg", one))], headers=WRITER)
    assert answer.status_code == 422
    assert "not made by placeprint" in answer.json()["detail"]
    item = add(client, "a", two)["images"][0]
    (photos / item["path"]).write_bytes(b"mine too")
    assert client.delete(item["url"], headers=WRITER).status_code == 200
    there = {path.name: path.read_bytes() for path in photos.iterdir()}
    assert there == {"holiday.jpg": b"mine", name: b"mine", item["path"]: b"mine too"}


def test_what_is_stored_tells_no_position(own_gallery, exif_photo):
    """A photo's own position is in no answer and in no file, unless the server was told to keep it."""
    position = re.compile(rb"48\.5|11\.25|\x88\x25|SECRET")
    for kept in (False, True):
        with (
            served_in_thread(own_gallery, **WRITING, keep_metadata=kept) as url,
            httpx.Client(base_url=url, timeout=60) as client,
        ):
            made = add(client, f"kept {kept}", exif_photo(kept))
            image = made["images"][0]
            assert (image["latitude"], image["longitude"]) == (None, None)
            stored = client.get(image["url"]).content
            assert bool(position.search(stored)) is kept
            assert add(client, f"kept {kept}", exif_photo(kept), status=200)["added"] == 0
            answer = client.post("/v1/recognize", content=exif_photo(kept))
            assert answer.json()["matches"][0]["image"] == image["image"]
            assert not position.search(answer.content)
            assert client.delete(f"/v1/images/{image['image']}", headers=WRITER).status_code == 200
            assert client.get(image["url"]).status_code == 404


@pytest.fixture
def exif_photo():
    """A JPEG that tells where it was taken, in Munich."""
    from exif_writer import exif_block, gps_of

    block = exif_block({0x010F: (2, "SECRET"), 0x0112: (3, [6])}, gps=gps_of(48.5, 11.25))

    def made(other: bool) -> bytes:
        data, body = drawn(int(other)), b"Exif\0\0" + block
        return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + data[2:]

    drawn_once = {other: made(other) for other in (False, True)}
    return drawn_once.__getitem__
