"""A model of one's own, named once: every verb and Python name finds it again by the gallery."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from placeprint import Gallery, Recognizer, explain, mine, recognize
from placeprint.embedding.models import DEFAULT_MODEL, WEIGHTS
from placeprint.errors import GalleryMismatchError, ModelError
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def folder(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a mean of its own, so that the bundled one answers otherwise, and a gallery beside it."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(WEIGHTS / f"{DEFAULT_MODEL}.onnx", folder / "mine.onnx")
    row = json.loads((WEIGHTS / f"{DEFAULT_MODEL}.json").read_text()) | {"name": "mine", "mean": [90.0, 90.0, 90.0]}
    (folder / "mine.json").write_text(json.dumps(row))
    run("index", town, "-o", folder / "g", "--model", folder / "mine.onnx", "--preset", "fast", "--quiet")
    return folder


@pytest.fixture
def photo(town: Path) -> Path:
    return sorted(p for p in town.glob("query/*/*.jpg") if p.stat().st_size > 5000)[0]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("seconds", "dataset")}


def test_every_verb_takes_what_the_gallery_says(folder: Path, town: Path, photo: Path, tmp_path: Path) -> None:
    gallery, given = folder / "g", ("--model", folder / "mine.onnx")
    assert Gallery.open(gallery).model_file == folder / "mine.onnx"
    [answer] = run_json("query", gallery, photo)
    assert [answer] == run_json("query", gallery, photo, *given)
    assert answer["matches"][0]["similarity"] == pytest.approx(
        recognize(gallery, photo).matches[0].similarity, abs=1e-6
    )
    alone, named = run_json("evaluate", town, "-g", gallery), run_json("evaluate", town, "-g", gallery, *given)
    assert plain(alone) == plain(named)
    assert (alone["model"], alone["fingerprint"]) == ("mine", Gallery.open(gallery).spec.fingerprint())
    compared = run_json("compare", "index=exact", "threshold=0.5", "--on", town, "-g", gallery)
    assert [row["recall_at_1"]["value"] for row in compared] == [alone["recall"]["1"]] * 2
    assert run_json("mine", town, "-g", gallery, "-o", tmp_path / "mined.csv")["model"] == "mine"
    mined = mine(town, gallery=gallery)
    assert mined.model == "mine"
    copy = Path(shutil.copytree(gallery, folder / "copy"))
    one, two = (run_json("calibrate", copy, "--queries", town, *more) for more in ((), given))
    assert one == two
    assert one["source"] != Gallery.open(gallery).calibration.source
    assert run_json("add", copy, town)["change"]["unchanged"] == len(Gallery.open(gallery))
    other = Path(shutil.copytree(folder, tmp_path / "other", ignore=shutil.ignore_patterns("g", "copy")))
    (more := tmp_path / "more" / "somewhere").mkdir(parents=True)
    shutil.copy(photo, more)
    assert run_json("add", copy, tmp_path / "more", "--model", other / "mine.onnx")["change"]["added"] == 1
    assert Gallery.open(copy).model_file == other / "mine.onnx"
    [explained] = run_json("query", gallery, photo, "--explain")
    assert [match["path"] for match in explained["matches"]] == [match["path"] for match in answer["matches"]]


def test_from_python(folder: Path, photo: Path) -> None:
    gallery, file = Gallery.open(folder / "g"), str(folder / "mine.onnx")
    answer = recognize(gallery, photo)
    assert answer == recognize(folder / "g", photo, model=file) == Recognizer(gallery, model=file).recognize(photo)
    assert explain(Recognizer(gallery), photo).answer == answer
    with pytest.raises(GalleryMismatchError, match="Rebuild it"):
        recognize(gallery, photo, model=DEFAULT_MODEL)


def test_moved_together_and_missing(folder: Path, photo: Path, tmp_path: Path) -> None:
    [answer] = run_json("query", folder / "g", photo)
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    assert run_json("query", moved / "g", photo) == [answer]
    assert run_json("verify", moved / "g")["model"] == {
        "name": "mine",
        "fingerprint": Gallery.open(folder / "g").spec.fingerprint(),
        "file": str(moved / "mine.onnx"),
        "here": True,
        "says": str(moved / "mine.onnx"),
    }
    (moved / "mine.onnx").unlink()
    lines = run("query", moved / "g", photo, expect=3).stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f'ModelError: gallery "{moved / "g"}" was built with model "mine"')
    assert "--model PATH.onnx" in lines[0]
    state = run_json("verify", moved / "g")
    assert (state["ok"], state["model"]["here"], state["model"]["file"]) == (True, False, None)
    assert "which is not here" in run("verify", moved / "g").stdout
    with pytest.raises(ModelError, match="which is not here"):
        recognize(moved / "g", photo)
    (moved / "mine.onnx").write_bytes(b"another")
    assert f'"{moved / "mine.onnx"}" is another file' in run("query", moved / "g", photo, expect=3).stderr


def test_an_errors_line_is_one_line_and_moves_no_cursor(photo: Path, tmp_path: Path) -> None:
    error = run("query", tmp_path / "no\x1b[2Jsuch\ngallery", photo, expect=3).stderr
    assert "\x1b" not in error
    assert error.count("\n") == 1
