"""A calibration that a person made says, wherever it speaks, that the gallery has changed since, and what renews it."""

import dataclasses
import shlex
from pathlib import Path

import pytest

from placeprint import Gallery, add, calibrate, index
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture
def gallery(town: Path, tmp_path: Path) -> Path:
    made = index(town, tmp_path / "a town.gallery", preset="fast").gallery
    calibrate(made, false_accept_rate=0.2)
    return tmp_path / "a town.gallery"


def told(gallery: Path, changed: str) -> str:
    command = f"placeprint calibrate '{gallery}' --false-accept-rate 0.2"
    return f"calibrated before {changed} added, replaced or removed: renew it with: {command}"


def test_nothing_is_said_of_a_gallery_as_it_was(town: Path, gallery: Path) -> None:
    photo = next((town / "query").glob("*/*.jpg"))
    assert "calibrated before" not in run("query", gallery, photo).stderr
    assert "calibration_outdated" not in run_json("query", gallery, photo)[0]
    assert "Calibrated before" not in run("evaluate", town, "--gallery", gallery).stdout
    assert run_json("add", gallery, town)["calibration"]["outdated"] is None


def test_every_verb_that_asks_or_changes_says_it(town: Path, gallery: Path) -> None:
    first, second = [p.relative_to(town).as_posix() for p in sorted((town / "gallery").glob("*/*.jpg"))][:2]
    photo = next((town / "query").glob("*/*.jpg"))
    one = told(gallery, "1 image was")
    assert run("remove", gallery, first).stdout.splitlines()[-1] == one
    assert run("query", gallery, photo).stderr == f"{one}\n"
    assert run_json("query", gallery, photo)[0]["calibration_outdated"] == one
    assert one in run("query", gallery, photo, "--unknown-threshold", "0.5").stderr, "its probability decides"
    assert one not in run("query", gallery, photo, "--unknown-margin", "0.5").stderr
    assert f"C{one[1:]}" in run("evaluate", town, "--gallery", gallery).stdout.splitlines()
    assert run_json("evaluate", town, "--gallery", gallery)["calibration_outdated"] == one
    assert run_json("remove", gallery, second)["calibration_outdated"] == told(gallery, "2 images were")
    four = told(gallery, "4 images were")
    assert f"  {four}" in run("add", gallery, town).stdout.splitlines()
    assert run_json("add", gallery, town)["calibration"]["outdated"] == four
    run("calibrate", gallery, "--false-accept-rate", "0.2")
    assert "calibrated before" not in run("query", gallery, photo).stderr


def test_one_from_queries_is_renewed_from_queries(town: Path, gallery: Path) -> None:
    calibrate(gallery, queries=town)
    path = next((town / "gallery").glob("*/*.jpg")).relative_to(town).as_posix()
    assert run("remove", gallery, path).stdout.endswith(f"calibrate '{gallery}' --queries PHOTOS\n")


def of_an_earlier_release(gallery: Path) -> None:
    """Keep the calibration as one of other scores: how points tell did not matter to `fast`, and here it says so."""
    opened = Gallery.open(gallery)
    opened.with_calibration(dataclasses.replace(opened.calibration, evidence="log"))


def test_one_of_other_scores_is_told_and_renewed_by_its_command(town: Path, gallery: Path) -> None:
    of_an_earlier_release(gallery)
    photo = next((town / "query").glob("*/*.jpg"))
    old = "calibrated by another release of placeprint, which compared photos otherwise: renew it with: "
    old += f"placeprint calibrate '{gallery}' --false-accept-rate 0.2"
    assert run("query", gallery, photo).stderr == f"{old}\n"
    assert "much changed since: calibrate it again" in run_json("query", gallery, photo)[0]["why"]
    assert run_json("evaluate", town, "--gallery", gallery)["calibration_outdated"] == old
    assert old in run_json("info", gallery)["notes"]
    assert run_json("info", gallery)["calibration"]["outdated"] == old.replace(f"'{gallery}'", "GALLERY")
    assert run_json("add", gallery, town)["calibration"]["outdated"] == old, "what a person made stays"
    run(*shlex.split(old.partition("renew it with: placeprint ")[2]))
    assert run_json("info", gallery)["calibration"]["outdated"] is None


def test_add_renews_one_of_other_scores_that_index_made(town: Path, tmp_path: Path) -> None:
    made = index(town, tmp_path / "g", preset="fast").gallery
    of_an_earlier_release(tmp_path / "g")
    assert not Gallery.open(tmp_path / "g").calibration.compares_as_now
    assert add(tmp_path / "g", town).change.nothing
    assert Gallery.open(tmp_path / "g").calibration == made.calibration
