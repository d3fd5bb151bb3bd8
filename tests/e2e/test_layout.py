"""The verbs say how they understood a dataset, and ask where two readings fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from placeprint import evaluate, index, read_dataset
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def three(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return photographs under train, val and test."""
    root = tmp_path_factory.mktemp("three")
    places = sorted(p.name for p in (town / "gallery").iterdir())[:3]
    for place in places:
        photos = [p for p in sorted(town.glob(f"*/{place}/*.jpg")) if p.stat().st_size > 5000]
        for split, photo in zip(("train", "train", "val", "test"), photos, strict=False):
            (root / split / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, root / split / place)
    return root


@pytest.mark.parametrize("verb", ["check", "evaluate", "mine", "index", "run"])
def test_two_readings_end_with_3_and_both_are_named(three: Path, tmp_path: Path, verb: str) -> None:
    out = ("-o", str(tmp_path / "out")) if verb in ("index", "run") else ()
    told = run(verb, str(three), *out, expect=3).stderr
    assert "by --layout train/test or train/val" in told
    assert not (tmp_path / "out").exists()
    assert "there is no layout" in run(verb, str(three), *out, "--layout", "upside-down", expect=2).stderr


def test_the_layout_chooses_and_the_verbs_say_it(three: Path, tmp_path: Path) -> None:
    chosen = ("--layout", "train/test")
    line = "6 gallery images of 3 places, 3 query images of 3 places: folders gallery/<place>/*, query/<place>/*"
    assert "(layout split-first); places" in run("check", str(three), *chosen).stdout.splitlines()[0]
    assert run_json("check", str(three), *chosen)["understood"]["left_out"] == {"in val": 3}
    made = run("index", str(three), "-o", str(tmp_path / "g"), *chosen)
    assert line in made.stderr.splitlines()[0]
    assert "left out: 3 in val" in made.stderr.splitlines()[0]
    assert line in run("add", str(tmp_path / "g"), str(three), *chosen).stderr
    found = run_json("evaluate", str(three), *chosen)
    assert (found["n_gallery"], found["n_queries"]) == (6, 3)
    assert found["understood"]["images"] == {"gallery": 6, "query": 3, "none": 0}
    assert line in run("run", str(three), "-o", str(tmp_path / "o"), "-q", *chosen).stderr
    again = evaluate(read_dataset(three, layout="train/val"))
    assert (again.n_gallery, again.n_queries, again.dataset) == (6, 3, str(three))


def test_a_linked_place_is_named_by_index(three: Path, tmp_path: Path) -> None:
    root = tmp_path / "ds"
    shutil.copytree(three / "train", root)
    (root / "Linked").symlink_to(three / "train")
    why = "links to folders are not followed: copy the folder itself there"
    told = f"Linked: {why}"
    assert told in run("check", str(root), expect=1).stdout
    assert told in run("index", str(root), "-o", str(tmp_path / "g"), "-q").stderr.splitlines()[-1]
    assert [f.reason for f in index(root, tmp_path / "h").failures] == [why]
    assert run_json("index", str(root), "-o", str(tmp_path / "i"))["failures"][0]["kind"] == "linked-folder"


def test_a_table_takes_no_layout(three: Path) -> None:
    table = three / "some.csv"
    table.write_text("path,place\n")
    assert "is a table" in run("check", str(table), "--layout", "places", expect=2).stderr
    table.unlink()


@pytest.mark.parametrize("splits", [("",), ("gallery", "query")])
@pytest.mark.parametrize("verb", ["check", "index", "run", "evaluate", "mine"])
def test_the_folder_of_one_place_is_told_from_a_dataset(
    three: Path, tmp_path: Path, verb: str, splits: tuple[str, ...]
) -> None:
    (tmp_path / "town" / "Galata").mkdir(parents=True)
    for split, photo in zip(splits * 2, sorted((three / "train").glob("*/*.jpg")), strict=False):
        (tmp_path / "town" / "Galata" / split).mkdir(exist_ok=True)
        with Image.open(photo) as bare:  # written anew without its position, by which it could be judged
            bare.save(tmp_path / "town" / "Galata" / split / photo.name)
    out = ("-o", tmp_path / "out", "--preset", "fast") if verb in ("index", "run") else ()
    code = 0 if verb in ("check", "index", "run") else 3  # `run` ends with groups
    said = run(verb, tmp_path / "town" / "Galata", *out, expect=code)
    told = f'no places; if this folder is one place, give the folder above it ("{tmp_path / "town"}")'
    assert told in said.stderr + said.stdout
    assert "if this folder is one place" not in run("check", tmp_path / "town").stdout


def test_photographs_with_positions_need_no_places(three: Path, tmp_path: Path) -> None:
    photo = next((three / "train").glob("*/*.jpg"))
    shutil.copy(photo, tmp_path / "@431000.1@4580000.2@31@T@41.3@2.1@@@@@@@@.jpg")
    assert "if this folder" not in run("check", tmp_path).stdout
