"""`check --against`: a photo that is said to be far from what it shows, as people look for it."""

import csv
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from placeprint import index
from program import run

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "check.json").read_text("utf-8"))
RATE = ("--false-alarm-rate", "0.3")

pytestmark = pytest.mark.usefixtures("shared_cache")


def test_a_planted_position_is_found_and_a_right_one_is_not(town: Path, tmp_path: Path) -> None:
    shutil.copytree(town / "gallery", tmp_path / "photos" / "gallery")
    gallery = index(town, tmp_path / "g", preset="fast").gallery
    wrong, far = "gallery/castle-gate/01.jpg", gallery.records[len(gallery) - 1].degrees
    with (tmp_path / "photos" / "said.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "latitude", "longitude"))
        table.writerows((r.path, *(far if r.path == wrong else r.degrees)) for r in gallery.records)
    asked = ("check", tmp_path / "photos" / "said.csv", "--against", tmp_path / "g", *RATE)
    told = json.loads(run(*asked, "--page", tmp_path / "wrong.html", "--json", expect=0).stdout)
    jsonschema.validate(told, SCHEMA)
    found = [one for one in told["findings"] if one["check"] == "position-contradicted"]
    assert [one["paths"] for one in found] == [[wrong]]
    assert "castle-gate" in (tmp_path / "wrong.html").read_text("utf-8")
    people = run(*asked, expect=0).stdout
    assert "position-contradicted" in people
    assert "from where it is said to be" in people
    right = json.loads(
        run("check", town, "--against", tmp_path / "g", *RATE, "--json", expect=1).stdout
    )  # broken files
    assert wrong not in str([one for one in right["findings"] if one["check"] == "position-contradicted"])
