"""The scripts in examples/ run, as far as what they need is here."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

import placeprint

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("shared_cache")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_photos_that_are_sure_are_sorted_and_no_other_is_moved(town: Path, tmp_path: Path) -> None:
    gallery = placeprint.index(town, tmp_path / "g", preset="fast").gallery
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(town / "gallery" / "town-hall" / "01.jpg", inbox / "hall.jpg")
    (inbox / "broken.jpg").write_bytes(b"no photo")
    (inbox / "notes.txt").write_text("mine")
    moved = script("watch_folder").sort_once(placeprint.Recognizer(gallery), inbox, tmp_path / "sorted")
    assert moved == 1
    assert (tmp_path / "sorted" / "town-hall" / "hall.jpg").is_file()
    assert sorted(path.name for path in inbox.iterdir()) == ["broken.jpg", "notes.txt"]
    answer = placeprint.recognize(gallery, tmp_path / "sorted" / "town-hall" / "hall.jpg")
    assert script("answer_bot").sentence(answer) == "That is town-hall."


def test_every_query_becomes_a_row(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_PRESET", "fast")
    script("export_table").main(str(town), tmp_path / "answers.csv")
    lines = (tmp_path / "answers.csv").read_text().splitlines()
    assert lines[0].startswith("path,places,predicted")
    assert len(lines) == 1 + placeprint.evaluate(town).n_queries


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "examples").glob("*.py")))
def test_every_example_can_be_imported_and_says_how_it_is_run(name: str) -> None:
    assert f"python examples/{name}.py" in (script(name).__doc__ or "")
