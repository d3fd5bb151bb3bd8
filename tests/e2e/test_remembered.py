"""Unknown photos become a new place: kept when asked, grouped, named and added to the gallery."""

import json
import shutil
from pathlib import Path

import pytest

import placeprint
from tests.program import run


@pytest.fixture
def asked(town: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A gallery of one place, and a folder with two photos of another one and one that is broken."""
    places = sorted(place for place in (town / "gallery").iterdir())[:2]
    shutil.copytree(places[0], tmp_path / "dataset" / places[0].name)
    placeprint.index(tmp_path / "dataset", tmp_path / "own.gallery", preset="fast")
    (tmp_path / "photos").mkdir()
    usable = [photo for photo in sorted(places[1].glob("0*.jpg")) if photo.stat().st_size > 5000]
    for photo in usable[:2]:
        shutil.copy(photo, tmp_path / "photos")
    (tmp_path / "photos" / "broken.jpg").write_text("no photo")
    return tmp_path / "own.gallery", tmp_path / "photos"


@pytest.mark.usefixtures("shared_cache")
def test_unknown_photos_become_a_new_place(asked: tuple[Path, Path], tmp_path: Path) -> None:
    gallery, photos = asked
    kept, always = tmp_path / "kept", ("--unknown-threshold", "1")
    done = run("query", gallery, photos, *always, "--remember", kept, expect=3)
    assert "2 unknown photos kept" in done.stderr
    few = run("query", gallery, photos, *always, "--remember", tmp_path / "few", "--remember-limit", "1", expect=3)
    assert "1 not: the limit is 1" in few.stderr
    said = [{"link": "must", "a": a, "b": b} for a, b in [placeprint.remembered(kept).photos]]  # however alike they are
    (tmp_path / "said.json").write_text(json.dumps({"format": 1, "answers": said}))
    told = json.loads(run("remembered", kept, "--corrections", tmp_path / "said.json", "--json").stdout)
    [group] = told["groups"]["groups"]
    assert len(group["photos"]) == 2
    photo = group["photos"][0]
    assert "--name" in run("remembered", kept, gallery, "--accept", photo, expect=2).stderr
    added = json.loads(run("remembered", kept, gallery, "--accept", photo, "--name", "Old Mill", "--json").stdout)
    assert added["added"] == {"place": "Old Mill", "photos": 2, "images": 2}
    assert added["groups"] is None
    assert placeprint.recognize(gallery, photos / "01.jpg").best_guess == "Old Mill"
    found = placeprint.open_gallery(gallery)
    assert sum(record.place == "Old Mill" for record in found.records) == 2
    assert found.verify().problems == ()
    shown = json.loads(run("remembered", tmp_path / "few", "--forget-all", "--json").stdout)
    assert (len(shown["forgotten"]), shown["groups"], shown["accepted"]) == (1, None, {})
