"""What verbs print with --json is as docs/schemas says."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import placeprint
from program import run

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture
def gallery(town: Path, tmp_path: Path) -> Path:
    return placeprint.index(town, tmp_path / "town.gallery", preset="fast").gallery.path


@pytest.fixture
def table(gallery: Path, tmp_path: Path) -> Path:
    """Embeddings that somebody has already, of queries and gallery."""
    records = placeprint.Gallery.open(gallery).records
    np.save(tmp_path / "e.npy", np.asarray(placeprint.Gallery.open(gallery).vectors))
    rows = [f"{r.path},{r.places[0]},{'gallery' if i % 5 else 'query'}" for i, r in enumerate(records)]
    (tmp_path / "e.csv").write_text("\n".join(["path,place,split", *rows]))
    return tmp_path / "e.csv"


def told(schema: str, *arguments: object, expect: int = 0) -> Any:
    row = json.loads(run(*arguments, "--json", expect=expect).stdout)
    jsonschema.validate(row, json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    return row


def test_the_files_are_what_the_tool_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import build_json_schemas

    sys.modules.pop("build_json_schemas")
    assert {path.name: path.read_text("utf-8") for path in SCHEMAS.iterdir()} == build_json_schemas.texts()


OUTDATED = ("calibration_outdated", "positions_outdated")


def test_a_schema_tells_what_is_wrong() -> None:
    schema = json.loads((SCHEMAS / "remove.json").read_text("utf-8"))
    right = {"removed": 1, "images": 2, "places": 1, "missing": []} | dict.fromkeys(OUTDATED)
    jsonschema.validate(right, schema)
    for wrong in (right | {"removed": "1"}, right | {"more": 1}, {k: v for k, v in right.items() if k != "missing"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_verbs_that_make_and_change_galleries(town: Path, gallery: Path, table: Path, tmp_path: Path) -> None:
    told("index", "index", town, "-o", tmp_path / "g")
    told("add", "add", gallery, town)
    told("index-embeddings", "index", "--embeddings", tmp_path / "e.npy", "--records", table, "-o", tmp_path / "i")
    told("calibrate", "calibrate", gallery, "--false-accept-rate", "0.1")
    told("remove", "remove", gallery, "--place", "town-hall", "nowhere.jpg", expect=3)


def test_verbs_that_answer(town: Path, gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    photo = town / "gallery" / "town-hall" / "01.jpg"
    assert len(told("query", "query", gallery, photo)) == 1
    assert "too few to tell how far" in told("locate", "locate", gallery, photo)["photos"][0]["why"]
    for_people = run("locate", gallery, photo, photo.with_name("02.jpg"), "-q").stdout
    assert for_people.count("too few to tell how far") == 1, "what holds for all photos is told once"
    located = told("locate", "locate", gallery, photo, tmp_path / "bad.jpg", tmp_path / "gone.jpg", expect=3)
    assert {Path(failure["path"]).name for failure in located["failures"]} == {"bad.jpg", "gone.jpg"}
    told("locate-undo", "locate", gallery, photo, "--undo")
    assert len(told("query", "query", gallery, photo, tmp_path / "bad.jpg", "--place", "town-hall", expect=3)) == 2
    told("info", "info", gallery)
    told("info", "info", gallery, "--places")
    told("cache", "cache")
    told("query", "query", gallery, photo, "--explain", "--unknown-threshold", "1")
    placeprint.remembered(tmp_path / "kept", make=True).keep(photo.read_bytes(), photo.name)
    assert told("remembered", "remembered", tmp_path / "kept")["groups"]["images"] == 1
    together = told("query", "query", gallery, photo, photo, tmp_path / "bad.jpg", "--one-place", expect=3)
    assert [("error" in one) for one in together[0]["photos"]] == [False, False, True]


def test_verbs_that_measure(town: Path, gallery: Path) -> None:
    told("check", "check", town, expect=1)
    told("evaluate", "evaluate", town, "-g", gallery)
    told("evaluate", "evaluate", "-g", gallery, "--unknown-threshold", "0.9")
    told("compare", "compare", "threshold=0.5", "preset=fast", "--on", town, "-g", gallery)
    told("mine", "mine", town, "-g", gallery)
    told("pairs", "pairs", town, "--preset", "fast", "--window", "1")
    photos = (town / "gallery" / "town-hall").glob("*.jpg")
    assert told("group", "group", *photos)["images"] == 2


def test_verbs_that_look(gallery: Path) -> None:
    told("models", "models")
    told("models", "models", "--known")
    told("verify", "verify", gallery, "--recall")
    file = next(path for path in gallery.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:-1] + b"\xff\xff")
    told("verify", "verify", gallery, expect=3)
