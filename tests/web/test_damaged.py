"""A gallery whose files change under a server: the last good state answers, and /v1/ready says which file it is."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from served import TOKEN, WRITER, served_in_thread, until

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from placeprint.gallery import files as gallery_files  # noqa: E402
from placeprint.gallery import images as gallery_images  # noqa: E402
from placeprint.gallery.files import PHOTOS  # noqa: E402
from placeprint.gallery.gallery import Gallery  # noqa: E402
from placeprint.gallery.head import HEAD  # noqa: E402
from placeprint.storage import arrays, published  # noqa: E402
from placeprint.web.settings import digest_of  # noqa: E402


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def data_of(gallery: Path) -> Path:
    return gallery / published.read_head(gallery, HEAD)["segments"][0]["data"]


def told(url: str, photo: bytes) -> list[Any]:
    """What a server says of a photo and of the gallery, but for how long it took."""
    answer = httpx.post(f"{url}/v1/recognize", content=photo, timeout=60)
    assert answer.status_code == 200, answer.text
    listed = httpx.get(f"{url}/v1/places").json()
    place = httpx.get(url + listed["places"][0]["url"]).json() if listed["places"] else None
    return [{**answer.json(), "milliseconds": 0}, listed, place]


def problem(url: str) -> str | None:
    ready = httpx.get(f"{url}/v1/ready")
    assert ready.status_code == 200, ready.text
    return ready.json()["problem"]


def shorten(file: Path, size: int) -> bytes:
    """Write over a file in place, as `cp` and `rsync --inplace` begin; return what it held."""
    whole = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(size)
    return whole


def test_a_file_that_is_shortened_in_place_ends_nothing(own_gallery, queries, programs):
    program, photo = programs(own_gallery, token=TOKEN), queries[0].read_bytes()
    before = told(program.url, photo)
    for number, file in enumerate(sorted([own_gallery / HEAD, *data_of(own_gallery).glob("[!.]*")])):
        whole = shorten(file, (0, file.stat().st_size // 2)[number % 2])
        assert told(program.url, photo) == before, file.name
        assert file.name in problem(program.url)
        file.write_bytes(whole)
        assert problem(program.url) is None, file.name
    assert told(program.url, photo) == before
    whole = shorten(data_of(own_gallery) / "vectors.npy", 300)
    added = httpx.post(f"{program.url}/v1/places/new/images", content=photo, headers=WRITER, timeout=60)
    assert added.status_code == 500
    assert "vectors.npy" in added.json()["detail"]
    (data_of(own_gallery) / "vectors.npy").write_bytes(whole)
    assert program.process.poll() is None
    assert Gallery.open(own_gallery).verify().ok


def test_other_bytes_of_the_same_length_are_seen(own_gallery, queries):
    photo, file = queries[0].read_bytes(), data_of(own_gallery) / "vectors.npy"
    whole = file.read_bytes()
    with served_in_thread(own_gallery) as url:
        before = told(url, photo)
        file.write_bytes(whole[:-4] + b"\0\0\0\1")
        assert "vectors.npy" in problem(url)
        assert told(url, photo) == before
        file.unlink()
        assert "vectors.npy" in problem(url)
        assert told(url, photo) == before
        file.with_name("another").write_bytes(whole)
        file.with_name("another").replace(file)
        assert problem(url) is None
        os.utime(file, (1, 1))  # looks otherwise, and is the same
        assert problem(url) is None
        assert told(url, photo) == before


def test_a_gallery_that_is_copied_over_another_is_served_when_it_is_whole(own_gallery, town_gallery, queries, tmp_path):
    """As `cp -r` does it: first the head, then the files, each of them short at first."""
    photo, other = queries[0].read_bytes(), shutil.copytree(town_gallery, tmp_path / "other.gallery")
    smaller = Gallery.open(other).remove(places=[Gallery.open(other).places[0]])[0]
    with served_in_thread(own_gallery) as url:
        before = told(url, photo)
        shutil.copy(other / HEAD, own_gallery / HEAD)
        assert problem(url)
        data = own_gallery / data_of(other).name
        data.mkdir()
        for file in sorted(data_of(other).iterdir()):
            (data / file.name).write_bytes(file.read_bytes()[:5])
            assert problem(url)
            (data / file.name).write_bytes(bytes(file.stat().st_size))  # as long as it will be
            assert problem(url)
            (data / file.name).write_bytes(file.read_bytes())
            assert httpx.get(f"{url}/v1/places").json() == before[1] or not problem(url)
        assert problem(url) is None
        assert told(url, photo)[1]["total"] == len(smaller.places)


@pytest.mark.parametrize("back", ["in place", "another file"])
def test_what_is_too_large_to_be_held_is_refused_while_it_is_damaged(own_gallery, queries, monkeypatch, back):
    photo = queries[0].read_bytes()
    with served_in_thread(own_gallery) as url:
        before = told(url, photo)
    for module in (arrays, gallery_files, gallery_images):
        monkeypatch.setattr(module, "HELD", 100)
    with served_in_thread(own_gallery, token_digest=digest_of(TOKEN)) as url:
        assert told(url, photo) == before
        for name in ("vectors.npy", "cells.npy"):
            file = data_of(own_gallery) / name
            whole = shorten(file, 300)
            answer = httpx.post(f"{url}/v1/recognize", content=photo, timeout=60)
            assert (answer.status_code, answer.json()["error"]) == (500, "GalleryCorruptError")
            assert "\n" not in answer.json()["detail"]
            ready = httpx.get(f"{url}/v1/ready")
            assert ready.status_code == 503
            assert name in ready.json()["detail"]
            assert httpx.get(f"{url}/v1/places").status_code == 200
            if back == "in place":
                file.write_bytes(whole)
            else:
                file.with_name("another").write_bytes(whole)
                file.with_name("another").replace(file)
            assert problem(url) is None
            assert told(url, photo) == before
        image = before[0]["matches"][0]["image"]
        assert httpx.delete(f"{url}/v1/images/{image}", headers=WRITER, timeout=60).status_code == 200
        until(lambda: told(url, photo)[0]["matches"][0]["image"] != image)


def test_a_server_maps_no_file_of_its_gallery(own_gallery, queries, programs):
    """What is mapped may end the process: also what a change opens."""
    program = programs(own_gallery, token=TOKEN)
    told(program.url, queries[0].read_bytes())
    added = httpx.post(
        f"{program.url}/v1/places/new/images", content=queries[1].read_bytes(), headers=WRITER, timeout=60
    )
    assert added.status_code in (200, 201)
    maps = Path(f"/proc/{program.process.pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not list what a process maps")
    assert str(own_gallery) not in maps.read_text()


def test_an_image_is_removed_where_the_disk_is_full(own_gallery, queries, monkeypatch):
    photo = queries[0].read_bytes()
    with served_in_thread(own_gallery, token_digest=digest_of(TOKEN)) as url:
        added = httpx.post(f"{url}/v1/places/new/images", content=photo, headers=WRITER, timeout=60).json()
        images = len(Gallery.open(own_gallery))
        files = sorted(p.name for p in data_of(own_gallery).iterdir())
        monkeypatch.setattr(published, "make_folder", full)
        address = f"{url}/v1/images/{added['images'][0]['image']}"
        assert httpx.post(f"{url}/v1/places/other/images", content=queries[1].read_bytes(), headers=WRITER,
                          timeout=60).status_code == 507  # fmt: skip
        assert httpx.delete(address, headers=WRITER, timeout=60).status_code == 200
        assert httpx.delete(address, headers=WRITER, timeout=60).status_code == 404
        assert "new" not in {place["place"] for place in httpx.get(f"{url}/v1/places").json()["places"]}
        assert problem(url) is None
        assert httpx.get(f"{url}/v1/ready").json()["images"] == images - 1
        assert told(url, photo)[0]["place"] != "new"
    assert [p.name for p in (own_gallery / PHOTOS).iterdir()] == []
    assert sorted(p.name for p in data_of(own_gallery).iterdir()) == files
