"""A gallery of photographs whose folder was renamed: the same command loses nothing, and reads what it must."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from placeprint import Gallery, ImageRecord, ModelSpec, index
from placeprint.indexing import moved_dataset
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture
def photos(town: Path, tmp_path: Path) -> Path:
    """Eight photographs of two places in turn, all different."""
    for number in range(8):
        place = ("castle-gate", "town-hall")[number % 2]
        photo = [p for p in sorted(town.glob(f"*/{place}/*.jpg")) if p.stat().st_size > 5000][number // 2]
        (tmp_path / "photos" / f"place {number % 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, tmp_path / "photos" / f"place {number % 2}" / f"{number}.jpg")
    return tmp_path / "photos"


@pytest.fixture
def gallery(photos: Path, tmp_path: Path) -> Path:
    index(photos, tmp_path / "g", preset="fast")
    return tmp_path / "g"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What is read to be compared, counted by path."""
    counts: Counter[str] = Counter()
    usual = moved_dataset._content_of
    monkeypatch.setattr(
        moved_dataset, "_content_of", lambda source, path: (counts.update([path]), usual(source, path))[1]
    )
    return counts


def test_a_folder_that_was_renamed_loses_nothing(photos: Path, gallery: Path, read: Counter[str]) -> None:
    photos.rename(renamed := photos.with_name("renamed"))
    row = run_json("index", renamed, "-o", gallery, "--preset", "fast")
    assert (row["images"], row["change"]["added"]) == (8, 8)
    assert Gallery.open(gallery).roots == (str(renamed),)
    assert set(read.values()) == {1}
    assert len(read) == 8
    run("index", renamed, "-o", gallery, "--preset", "fast")
    assert read.total() == 8, "where the paths agree nothing is read to be compared"


def test_nor_do_files_and_places_of_other_names(photos: Path, gallery: Path) -> None:
    (photos / "place 0").rename(photos / "Town Hall")
    (photos / "place 1" / "1.jpg").rename(photos / "place 1" / "first.jpg")
    assert run_json("index", photos, "-o", gallery, "--preset", "fast")["images"] == 8
    assert Gallery.open(gallery).places == ("Town Hall", "place 1")


def test_what_is_really_gone_is_told(photos: Path, gallery: Path, read: Counter[str]) -> None:
    photos.rename(renamed := photos.with_name("renamed"))
    (renamed / "place 0" / "2.jpg").unlink()
    with (renamed / "place 1" / "3.jpg").open("ab") as changed:
        changed.write(b"x")
    said = run("index", renamed, "-o", gallery, "--preset", "fast", expect=2).stderr.splitlines()[-1]
    assert "would lose 2 of its 8 images, of 2 places (place 0/2.jpg, place 1/3.jpg)" in said
    assert read.total() == 7
    assert Gallery.open(gallery).roots == (str(photos),)
    run("index", renamed, "-o", gallery, "--preset", "fast", "--replace")


def test_a_calibration_that_a_person_made_is_still_told(photos: Path, gallery: Path) -> None:
    run("calibrate", gallery, "--false-accept-rate", "0.9")
    photos.rename(renamed := photos.with_name("renamed"))
    said = run("index", renamed, "-o", gallery, "--preset", "fast", expect=2).stderr.splitlines()[-1]
    assert "would lose the calibration that `placeprint calibrate` stored: " in said


def test_what_a_manifest_says_of_contents_is_not_believed(photos: Path, gallery: Path) -> None:
    records = Gallery.open(gallery).records
    other = photos.with_name("other")
    other.mkdir()
    lines = []
    for record in records:
        (other / Path(record.path).name).write_bytes((photos / records[0].path).read_bytes())
        lines.append(f"{Path(record.path).name},{record.place},{record.content_hash}\n")
    (other / "labels.csv").write_text("path,place,sha256\n" + "".join(lines))
    assert "would lose 7 of its 8" in run("index", other, "-o", gallery, "--preset", "fast", expect=2).stderr


def test_few_files_are_read_for_few_images(
    photos: Path, gallery: Path, read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moved_dataset, "MORE", 1)
    (photos / "place 0" / "0.jpg").unlink()
    for number in range(20):
        shutil.copy(photos / "place 1" / "1.jpg", photos / "place 1" / f"new {number}.jpg")
    assert "would lose 1 of its 8" in run("index", photos, "-o", gallery, "--preset", "fast", expect=2).stderr
    assert read.total() == 3


def test_a_gallery_made_in_python_goes_by_what_its_records_say(tmp_path: Path) -> None:
    spec, vectors = ModelSpec(name="made", dim=2), np.eye(2, dtype=np.float32)
    old = [ImageRecord(path=f"{n}.jpg", content_hash=f"{n}" * 64) for n in "ab"]
    Gallery.build(tmp_path / "g", records=old, vectors=vectors, spec=spec, root="/old")
    Gallery.build(tmp_path / "g", records=old[::-1], vectors=vectors, spec=spec, root="/new")
    with pytest.raises(ValueError, match=r"would lose 1 of its 2 images, of 0 places \(b.jpg\)"):
        Gallery.build(tmp_path / "g", records=old[:1], vectors=vectors[:1], spec=spec, root="/new")
    nobody_knows = [ImageRecord(path=f"{n}.jpg") for n in "ab"]
    with pytest.raises(ValueError, match="would lose 2 of its 2 images"):
        Gallery.build(tmp_path / "g", records=nobody_knows, vectors=vectors, spec=spec, root="/third")
    Gallery.build(tmp_path / "bare", records=nobody_knows, vectors=vectors, spec=spec, root="/old")
    with pytest.raises(ValueError, match="would lose 2 of its 2 images"):
        Gallery.build(tmp_path / "bare", records=nobody_knows, vectors=vectors, spec=spec, root="/new")
