"""Removing images where the disk is full: the head notes it, and whoever opens the gallery finds it without them."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from test_gallery_damage import Embedder, built, cells, records, vectors

from placeprint.errors import GalleryError, GalleryFormatError
from placeprint.evaluation.evaluate import evaluate
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.index import choice, faiss_index
from placeprint.gallery.index.approximate import Clustered
from placeprint.recognition.recognizer import Recognizer
from placeprint.storage import published
from placeprint.storage.reserve import RESERVE
from program import run, run_json

KINDS = ("fast", "balanced", "approximate")


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two equal galleries."""
    if request.param == "approximate":
        for module in (choice, faiss_index):
            monkeypatch.setattr(module, "APPROXIMATE_ROWS", 100)
    one = built(tmp_path / "one", request.param)
    return one, Path(shutil.copytree(one, tmp_path / "two"))


def remove(gallery: Path, *paths: str, on_a_full_disk: bool, **named: list[str]) -> Gallery:
    with pytest.MonkeyPatch.context() as patch:
        if on_a_full_disk:
            patch.setattr(published, "make_folder", full)
        return Gallery.open(gallery).remove(paths, **named)[0]


def same(noted: Path, written: Path) -> None:
    """Fail where two galleries differ in anything that can be asked of them."""
    one, two = Gallery.open(noted), Gallery.open(written)
    assert one.records == two.records
    assert (one.places, one.roots, one.failures) == (two.places, two.roots, two.failures)
    assert (one.calibration, one.preset, one.audit) == (two.calibration, two.preset, two.audit)
    assert np.array_equal(one.vectors, two.vectors)
    assert np.array_equal(one.records.place_codes, two.records.place_codes)
    assert one.records.rows_with_contents({"a7"}) == two.records.rows_with_contents({"a7"})
    assert one.index.name == two.index.name
    for k in (1, 5, 40):
        found, wanted = one.search(vectors(6, 5), k=k), two.search(vectors(6, 5), k=k)
        assert np.array_equal(found.rows, wanted.rows)
        assert np.array_equal(found.scores, wanted.scores)
    for name, parts in two.parts.items():
        assert all(np.array_equal(a, b) for a, b in zip(one.parts[name], parts, strict=True))
    for vector in vectors(4, 6):
        seen = {name: parts[0] for name, parts in two.parts.items()}
        answers = [Recognizer(each, Embedder(each.spec)).answer(vector, parts=seen) for each in (one, two)]  # type: ignore[arg-type]
        assert answers[0] == answers[1]
    assert (one.verify().rows, one.verify().ok) == (len(two), True)
    if len(two) > 1:
        assert evaluate(gallery=noted).recall == evaluate(gallery=written).recall


def test_removing_on_a_full_disk_is_removing(pair):
    noted, written = pair
    before = sorted(p.name for p in noted.rglob("*"))
    for paths, named in ((("a/3.jpg", "a/7.jpg", "a/0.jpg"), {}), (("a/4.jpg",), {"places": ["place 2"]})):
        made = remove(noted, *paths, on_a_full_disk=True, **named)
        assert made.records == remove(written, *paths, on_a_full_disk=False, **named).records
        same(noted, written)
    assert sorted(p.name for p in noted.rglob("*")) == before  # nothing was written but the head
    for gallery in (noted, written):
        opened = Gallery.open(gallery)
        parts = {name: kept for name, kept in cells(2, 7).items() if name in opened.spec.parts}
        opened.add(records(2, "z"), vectors(2, 9), spec=opened.spec, parts=parts)
    same(noted, written)
    for gallery in (noted, written):
        (entry,) = published.read_head(Gallery.open(gallery).compact().path, HEAD)["segments"]
        assert "removed" not in entry
    same(noted, written)


def test_all_images_may_go(pair):
    noted, written = pair
    for gallery, is_full in ((noted, True), (written, False)):
        assert len(remove(gallery, on_a_full_disk=is_full, places=["place 0", "place 1", "place 2"])) == 0
    assert Gallery.open(noted).places == Gallery.open(written).places == ()
    assert len(Gallery.open(noted).search(vectors(1), k=3).rows[0]) == 3
    assert Gallery.open(noted).verify().rows == 0


def test_what_was_measured_or_calibrated_is_of_these_images(tmp_path):
    gallery = built(tmp_path / "g", "fast")
    Gallery.open(gallery).audited(k=1, queries=4)
    before = Gallery.open(gallery)
    remove(gallery, "a/3.jpg", on_a_full_disk=True)
    assert Gallery.open(gallery).audit is None
    Gallery.open(gallery).audited(k=1, queries=4)
    assert Gallery.open(gallery).audit is not None
    calibration = Gallery.open(gallery).calibration
    assert calibration.changed == 1
    Gallery.open(gallery).with_calibration(before.calibration)
    assert len(Gallery.open(gallery)) == 11
    assert Gallery.open(gallery).calibration == before.calibration


@pytest.mark.parametrize("rows", [[12], [-1], [3, 3], [4, 3], ["3"], [2**70], [True], 3, None, {"a": 1}])
def test_rows_that_cannot_be_are_refused(tmp_path, rows):
    gallery = built(tmp_path / "g", "fast")
    (entry,) = published.read_head(gallery, HEAD)["segments"]
    with published.locked(gallery):
        published.update_head(gallery, HEAD, {"segments": [{**entry, "removed": rows}]})
    with pytest.raises(GalleryFormatError):
        Gallery.open(gallery)


@pytest.mark.parametrize("say", [[], {}, None, [[]], ["data"], "twice", "outside"])
def test_segments_that_cannot_be_are_refused(tmp_path, say):
    gallery = built(tmp_path / "g", "fast")
    (entry,) = published.read_head(gallery, HEAD)["segments"]
    said = {"twice": [entry, entry], "outside": [entry, {**entry, "data": "../g/" + entry["data"]}]}
    with published.locked(gallery):
        published.update_head(gallery, HEAD, {"segments": said.get(say, say) if isinstance(say, str) else say})
    with pytest.raises(GalleryFormatError):
        Gallery.open(gallery)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False).returncode:
        pytest.skip("only the administrator of a Linux system may make a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "fill").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0


def test_a_disk_without_a_free_byte(disk):
    gallery = built(disk / "g", "balanced")
    fill(disk)
    before = {p: p.read_bytes() for p in gallery.rglob("*") if p.is_file()}
    opened = Gallery.open(gallery)
    with pytest.raises(OSError, match="No space") as raised:
        opened.add(records(2, "z"), vectors(2, 9), spec=opened.spec, parts=cells(2, 7))
    assert raised.value.errno == errno.ENOSPC
    assert {p: p.read_bytes() for p in gallery.rglob("*") if p.is_file()} == before
    for left in range(11, 6, -1):
        done = run("remove", gallery, f"a/{left}.jpg")
        assert ("the disk is full" in done.stderr) == (left < 9)  # when the segment should have been written anew
        assert len(Gallery.open(gallery)) == left
        fill(disk)
    shown = run_json("verify", gallery)
    assert (shown["images"] if "images" in shown else shown["rows"]) == 7
    (disk / "fill").unlink()
    run("remove", gallery, "a/0.jpg")
    head = json.loads((gallery / HEAD).read_bytes())
    assert (head["format"], [entry["rows"] for entry in head["segments"]]) == (5, [6])
    assert (gallery / RESERVE).stat().st_size == max(p.stat().st_size for p in gallery.iterdir())


@pytest.mark.parametrize("name", ["vectors.npy", "records.jsonl", "column-paths.npy", "cells.npy", "index.faiss"])
def test_every_file_says_that_the_disk_is_full(tmp_path, disk, monkeypatch, name):
    """NumPy's own writer says nothing of it, and FAISS says it in its own words."""
    for module in (choice, faiss_index):
        monkeypatch.setattr(module, "APPROXIMATE_ROWS", 100)
    source = built(tmp_path / "g", "approximate" if name == "index.faiss" else "balanced")
    gallery = Path(shutil.copytree(source, disk / "g"))
    opened, write, save = Gallery.open(gallery), Path.open, Clustered.save

    def opening(path: Path, mode: str = "r", **given: str) -> object:
        if path.name == name and "w" in mode:
            fill(disk)
        return write(path, mode, **given)

    def saving(index: Clustered, folder: Path) -> None:
        fill(disk)
        save(index, folder)

    monkeypatch.setattr(Path, "open", opening)
    if name == "index.faiss":
        monkeypatch.setattr(Clustered, "save", saving)
    parts = {part: kept for part, kept in cells(2, 7).items() if part in opened.spec.parts}
    with pytest.raises(OSError, match="No space") as raised:
        opened.add(records(2, "z"), vectors(2, 9), spec=opened.spec, parts=parts)[0].compact()
    assert raised.value.errno == errno.ENOSPC
    assert {p.name for p in gallery.iterdir() if p.is_dir()} == {
        entry["data"] for entry in published.read_head(gallery, HEAD)["segments"]
    }


def test_a_stranger_s_file_is_no_reserve(tmp_path):
    gallery = built(tmp_path / "g", "fast")
    (gallery / RESERVE).write_text("mine")
    Gallery.open(gallery).remove(["a/3.jpg"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "write_atomic", full)
        with pytest.raises(OSError, match="No space"):
            Gallery.open(gallery).remove(["a/4.jpg"])
    assert (gallery / RESERVE).read_text() == "mine"


def test_no_head_is_written_that_cannot_be_read_again(tmp_path, monkeypatch):
    """A head notes each row that is removed on a full disk: of millions it would be refused as too large ever after."""
    gallery = built(tmp_path / "g", "fast")
    before = (gallery / HEAD).read_bytes()
    monkeypatch.setattr(published, "LARGEST_HEAD", len(before) + 10)
    with pytest.raises(GalleryError, match="nothing was changed"):
        remove(gallery, "a/3.jpg", on_a_full_disk=True)
    assert (gallery / HEAD).read_bytes() == before
    assert len(Gallery.open(gallery)) == 12
