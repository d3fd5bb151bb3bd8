"""What `info` says of a gallery is so, and `--csv` prints the rows of each table."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

import placeprint
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture
def gallery(town: Path, tmp_path: Path) -> Path:
    made = placeprint.index(town, tmp_path / "town.gallery", preset="fast").gallery
    assert made.path is not None
    return made.path


def rows(*arguments: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(run(*arguments, "--csv").stdout.splitlines()))


def test_info_counts_what_is_there(gallery: Path) -> None:
    opened = placeprint.Gallery.open(gallery)
    found = placeprint.info(gallery, places=True)
    shown = [place for record in opened.records for place in record.places]
    assert {row.place: row.images for row in found.place_rows} == {p: shown.count(p) for p in opened.places}
    first = next(record for record in opened.records if record.place == found.place_rows[0].place)
    assert opened.records[found.place_rows[0].first] == first
    assert found.facts.located == sum(record.latitude is not None for record in opened.records)
    files = [*gallery.glob("data-*/*"), gallery / "gallery.json"]
    assert found.bytes == sum(file.stat().st_size for file in files if file.name != ".placeprint")
    assert found.failures == len(opened.failures) > 0
    assert opened.calibration is not None
    assert found.notes == opened.calibration.doubts


def test_info_says_what_is_wrong_at_a_glance(gallery: Path, town: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(town, tmp_path / "moved")
    made = placeprint.index(moved, tmp_path / "moved.gallery", preset="fast").gallery
    placeprint.remove(made, places=[made.places[0]])
    shutil.rmtree(moved)
    said = run("info", tmp_path / "moved.gallery").stdout
    assert f'its photos are not at "{moved}" any more' in said
    assert "renew it with: placeprint calibrate" in said
    assert "renew it" not in run("info", gallery).stdout
    assert f"{town}\n" in run("info", gallery).stdout
    assert "from the gallery\n" in run("info", gallery).stdout
    placeprint.calibrate(gallery)
    assert "from the gallery; add keeps it as it is\n" in run("info", gallery).stdout


def test_a_file_of_another_size_is_told(gallery: Path) -> None:
    data = placeprint.gallery.head.read_head(gallery).segments[0].data  # type: ignore[attr-defined]
    name = next(name for name in data.files if "column" not in name and "vectors" not in name)
    (data.path / name).write_bytes(b"")
    assert any(line.startswith(f"{name}: 0 bytes instead of") for line in data.missized())
    (data.path / name).unlink()
    assert f"{name}: the file is missing" in data.missized()


def test_json_and_csv_and_the_table_say_the_same(gallery: Path) -> None:
    told = run_json("info", gallery, "--places")
    assert told["images"] == len(placeprint.Gallery.open(gallery))
    assert [row["place"] for row in told["place_rows"]] == [row["place"] for row in rows("info", gallery)]
    assert "place_rows" not in run_json("info", gallery)
    said = run("info", gallery, "--places").stdout
    assert [row["place"] for row in told["place_rows"] if row["place"] not in said] == []


def test_csv_of_every_verb_with_a_table(gallery: Path, town: Path) -> None:
    photos = [town / "gallery" / "town-hall" / "01.jpg", town / "gallery" / "castle-gate" / "01.jpg"]
    assert [row["answer"] for row in rows("query", gallery, *photos)] == ["town-hall", "castle-gate"]
    together = rows("query", gallery, *photos[:1], *photos[:1], "--one-place")
    assert [(row["photo"], row["answer"]) for row in together] == [("2 photos", "town-hall")]
    asked = rows("evaluate", town, "--gallery", gallery)
    assert len(asked) == placeprint.evaluate(town, gallery=gallery).n_queries
    assert [row["setting"] for row in rows("compare", "fast", "fast,index=exact", "--on", town)][:1] == ["fast"]
    assert {row["path"] for row in rows("locate", gallery, *photos)} == {"town-hall/01.jpg", "castle-gate/01.jpg"}
    assert {"anchor", "negative"} < set(rows("mine", "--gallery", gallery)[0])
    assert "efficientnet-lite0" in {row["name"] for row in rows("models")}
    assert "pitts30k" in {row["name"] for row in rows("protocols")}
    found = list(csv.DictReader(run("check", town, "--csv", expect=1).stdout.splitlines()))
    assert {"empty", "truncated"} <= {row["check"] for row in found}
    assert "two forms" in run("query", gallery, photos[0], "--csv", "--json", expect=2).stderr


def test_quiet_answers_in_one_line_a_photo(gallery: Path, town: Path) -> None:
    photos = [town / "gallery" / "town-hall" / "01.jpg", town / "gallery" / "castle-gate" / "01.jpg"]
    said = run("query", gallery, *photos, "-q").stdout.splitlines()
    assert [line.partition(" (sure")[0] for line in said] == [f"{photos[0]}: town-hall", f"{photos[1]}: castle-gate"]
    assert len(run("query", gallery, *photos, "--one-place", "--quiet").stdout.splitlines()) == 1


def test_a_path_that_is_nearly_right_is_answered_with_the_right_one(gallery: Path, town: Path) -> None:
    photo = town / "gallery" / "town-hall" / "01.jpg"
    for wrong in (photo.with_name("1.jpg"), town / "gallery" / "town-hal" / "01.jpg"):
        said = run("query", gallery, wrong, expect=3).stderr
        assert f'{wrong}: the file is not there: did you mean "{photo}"?' in said
    assert f'did you mean "{gallery}"?' in run("query", gallery.with_name("twn.gallery"), photo, expect=3).stderr
    assert f'did you mean "{town}"?' in run("check", town.with_name("twon"), expect=3).stderr
    assert "did you mean" not in run("check", town.with_name("qqqqqq"), expect=3).stderr
