"""`group` on rendered photographs, without labels."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import placeprint
from placeprint import Constraint, Link
from placeprint.grouping.table import write_groups
from placeprint.recognition.rerank import matches
from placeprint.recognition.rerank.known_pairs import KNOWN_PAIRS
from tests.program import run


@pytest.fixture(scope="module")
def flat(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of each of two places and a copy, in one folder, without names."""
    folder = tmp_path_factory.mktemp("flat")
    places = sorted(p for p in (town / "gallery").iterdir())[:2]
    photos = [photo for place in places for photo in sorted(place.glob("0*.jpg"))[:2]]
    for number, photo in enumerate(photos):
        shutil.copy(photo, folder / f"{number}.jpg")
    shutil.copy(photos[0], folder / "again.jpg")
    return folder


@pytest.mark.usefixtures("shared_cache")
def test_places_are_found_answered_and_kept(flat: Path) -> None:
    out = flat / "places.csv"
    told = json.loads(run("group", flat, "-o", out, "--json").stdout)
    together = [set(group["photos"]) for group in told["groups"]]
    assert (told["images"], told["looks"]) == (5, 4)
    assert any({"0.jpg", "again.jpg"} <= photos for photos in together)
    for photos in together:
        assert photos <= {"0.jpg", "1.jpg", "again.jpg"} or photos == {"2.jpg", "3.jpg"}
    answers = [Constraint(Link.MUST, "0.jpg", "2.jpg"), Constraint(Link.CANNOT, "0.jpg", "1.jpg")]
    for again in (placeprint.group(flat, out, constraints=answers), placeprint.group(flat, out)):
        of = {path: group.place for group in again.groups for path in group.photos}
        assert of["0.jpg"] == of["2.jpg"] != of.get("1.jpg")
        assert set(again.constraints) == set(answers)
    run("group", flat, "-o", out, "--report", flat / "groups.html")
    page = (flat / "groups.html").read_text("utf-8")
    assert ("<script src" in page, page.count('class="tile"')) == (False, 4)
    said = [{"place": "Mill", "photos": ["0.jpg", "again.jpg"]}, {"place": None, "photos": ["3.jpg"]}]
    said += [{"link": "must", "a": "0.jpg", "b": "1.jpg"}, {"link": "cannot", "a": "2.jpg", "b": "0.jpg"}]
    (flat / "said.json").write_text(json.dumps({"format": 1, "answers": said}))
    for more in ({"corrections": flat / "said.json"}, {}):  # the table keeps them
        again = placeprint.group(flat, out, **more)
        of = {path: group.place for group in again.groups for path in group.photos}
        assert (of["0.jpg"], of["1.jpg"], of.get("2.jpg") != "Mill") == ("Mill", "Mill", True)
        assert [one.why for one in again.alone if one.path == "3.jpg"] == ["you said that it shows no place"]
    way = [Constraint(Link.MUST, "1.jpg", "2.jpg"), Constraint(Link.CANNOT, "0.jpg", "2.jpg")]
    assert again.contradictions == ()
    told = placeprint.group(flat, constraints=[Constraint(Link.MUST, "0.jpg", "1.jpg"), *way]).contradictions
    assert told == (
        '"0.jpg" and "2.jpg" are said to show two places, and the same one through "1.jpg": they count as one',
    )
    with pytest.raises(placeprint.PlaceprintError, match="none of them below"):
        placeprint.group(flat.parent, corrections=flat / "said.json")
    records = placeprint.read_dataset(out).records
    assert {r.path: r.place for r in records if r.place} == of


@pytest.mark.usefixtures("shared_cache")
def test_run_on_photos_without_labels_ends_with_groups(flat: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("0.jpg", "again.jpg", "2.jpg"):
        shutil.copy(flat / name, tmp_path / "in")
    said = run("run", tmp_path / "in", "-o", tmp_path / "out", "--preset", "fast", "-q").stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"groups.html", "photos.kml", "report.html"}
    assert (tmp_path / "out" / "photos.kml").read_text().count("<Placemark>") == 2, "of those with a position"
    assert f"placeprint group {tmp_path / 'in'} -o {tmp_path / 'in' / 'places.csv'}" in said
    for name in ("0", "again", "2"):  # without EXIF, and so without a position
        Image.open(tmp_path / "in" / f"{name}.jpg").save(tmp_path / "in" / f"{name}.png")
        (tmp_path / "in" / f"{name}.jpg").unlink()
    done = placeprint.run(tmp_path / "in", tmp_path / "bare", preset="fast")
    assert (done.evaluation, done.map, done.report.name) == (None, None, "groups.html")
    assert done.grouping is not None
    assert done.gallery is not None
    assert [*done.gallery.places] == [group.place for group in done.grouping.groups] == ["place 1"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "groups.html").write_text("mine")
    assert "was not made by placeprint" in run("run", tmp_path / "in", "-o", tmp_path / "mine", expect=2).stderr


def test_what_was_matched_and_answered_outlives_a_run_that_dies(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, matched, asked = flat / "kept.csv", matches._matched, list[int]()
    answers = [Constraint(Link.CANNOT, "0.jpg", "1.jpg")]
    write_groups(replace(placeprint.group([flat / "0.jpg"]), constraints=tuple(answers), root=flat), out)
    before = out.read_bytes()

    def dies(*parts: Any) -> Any:
        asked.append(1)
        if len(asked) > 1:
            raise OSError(5, "Input/output error")
        return matched(*parts)

    KNOWN_PAIRS._known.clear()
    monkeypatch.setattr(matches, "_matched", dies)
    with pytest.raises(OSError, match="Input"):
        placeprint.group(flat, out)
    assert out.read_bytes() == before
    again = list[int]()
    KNOWN_PAIRS._known.clear()  # as in another process
    monkeypatch.setattr(matches, "_matched", lambda *parts: again.append(1) or matched(*parts))
    assert placeprint.group(flat, out).matched == len(again) + 1 == 2


def test_photos_that_cannot_be_grouped_are_told_in_one_line(tmp_path: Path) -> None:
    said = run("group", tmp_path / "gone.jpg", expect=3).stderr
    assert "none of 1 image" in said
    assert "the file is not there" in said
    (tmp_path / "p.csv").write_text("path,place,named_by\na.jpg,,you\n")
    assert "said to show no place" in run("group", tmp_path / "p.csv", expect=3).stderr
    assert "must be at least" in run("group", tmp_path, "--false-merge-rate", "0", expect=2).stderr
