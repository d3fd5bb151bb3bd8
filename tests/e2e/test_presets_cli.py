"""Presets as a person uses them, on the rendered town."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from placeprint import Gallery, evaluate
from placeprint.dataset.decoding.images import decode
from placeprint.errors import ImageError
from program import Said, run

PRESETS = ["fast", "balanced"]


@pytest.fixture(scope="module")
def store(session_folder: Path) -> Path:
    """One embedding cache for all the runs of this file, those of its fixtures too."""
    return session_folder / "embeddings"


class Program:
    """The program, with the cache that it uses."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def run(self, *arguments: object, expect: int = 0) -> Said:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PLACEPRINT_CACHE", str(self._store))
            return run(*arguments, expect=expect)

    def json(self, *arguments: object) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def program(store: Path) -> Program:
    return Program(store)


@pytest.fixture(scope="module")
def galleries(town: Path, program: Program, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("galleries")
    for preset in PRESETS:
        made = program.json("index", town, "-o", folder / preset, "--preset", preset)
        assert (made["preset"], made["images"]) == (preset, len(Gallery.open(folder / preset)))
    return {preset: folder / preset for preset in PRESETS}


def photos_of(town: Path, split: str) -> list[Path]:
    """Return the whole photographs of places that the gallery has."""
    known = {p.name for p in (town / "gallery").iterdir()}
    return [p for p in sorted((town / split).glob("*/*.jpg")) if p.parent.name in known and is_whole(p)]


def is_whole(photo: Path) -> bool:
    try:
        decode(photo.read_bytes())
    except ImageError:
        return False
    return True


def ranked(rows: Sequence[dict[str, Any]], key: str) -> bool:
    values = [row[key] for row in rows]
    return values == sorted(values, reverse=True)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_photo_of_the_gallery_is_found(town: Path, program: Program, galleries: dict[str, Path], preset: str) -> None:
    photos = photos_of(town, "gallery")[::6]
    for photo, row in zip(photos, program.json("query", galleries[preset], *photos, "-k", 9), strict=True):
        assert row["place"] == photo.parent.name
        first = row["matches"][0]
        assert (first["path"], first["score"]) == (photo.relative_to(town).as_posix(), row["score"])
        assert first["similarity"] == pytest.approx(1, abs=1e-4)
        assert len(row["matches"]) == 9
        assert ranked(row["matches"], "score")
        same = [m["score"] == m["similarity"] for m in row["matches"]]
        assert all(same) if preset == "fast" else not any(same)


def test_a_balanced_gallery_asked_as_fast(town: Path, program: Program, galleries: dict[str, Path]) -> None:
    photo, gallery = photos_of(town, "query")[0], galleries["balanced"]
    head = (gallery / "gallery.json").read_bytes()
    [row] = program.json("query", gallery, photo, "--preset", "fast", "-k", 20)
    [again] = program.json("query", gallery, photo, "-k", 20)
    assert all(m["score"] == m["similarity"] for m in row["matches"])
    assert ranked(row["matches"], "similarity")
    assert (row["probability"], row["probability_threshold"]) == (None, None)
    assert again["probability"] is not None
    alike = {m["path"]: m["similarity"] for m in again["matches"]}
    assert [alike[m["path"]] for m in row["matches"]] == pytest.approx([m["similarity"] for m in row["matches"]])
    assert (gallery / "gallery.json").read_bytes() == head
    figures = program.json("evaluate", town, "--gallery", gallery, "--preset", "fast")
    assert (figures["preset"], figures["open_set"]["probability_threshold"]) == ("fast", None)


@pytest.fixture(scope="module")
def figures(town: Path, program: Program) -> dict[str, Any]:
    return {preset: program.json("evaluate", town, "--preset", preset) for preset in PRESETS}


def test_evaluate_says_the_preset_and_asks_as_query_does(
    town: Path,
    program: Program,
    galleries: dict[str, Path],
    figures: dict[str, Any],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [figures[preset]["preset"] for preset in PRESETS] == PRESETS
    by_gallery = program.json("evaluate", town, "--gallery", galleries["balanced"])
    assert by_gallery["recall"] == figures["balanced"]["recall"]
    assert by_gallery["map"] == pytest.approx(figures["balanced"]["map"])
    photos = photos_of(town, "query")[::2]
    monkeypatch.setenv("PLACEPRINT_CACHE", str(store))
    scores = {row.path: row for row in evaluate(town, gallery=galleries["balanced"]).queries}
    compared = 0
    for photo, row in zip(photos, program.json("query", galleries["balanced"], *photos), strict=True):
        if "; the photo was" in row["why"]:
            continue  # it was looked at again, which an evaluation never does
        measured = scores[photo.relative_to(town).as_posix()]
        compared += 1
        assert measured.score == pytest.approx(row["score"], abs=1e-5)
        assert measured.predicted == row["places"][0]["place"]
        assert measured.accepted == (row["place"] is not None)
    assert compared >= len(photos) // 2
    assert "preset balanced" in program.run("evaluate", town).stdout


def test_compare_takes_presets(town: Path, program: Program, figures: dict[str, Any]) -> None:
    settings = ["preset=fast", "preset=balanced", "preset=balanced:verified=0:place_weight=0"]
    rows = program.json("compare", *settings, "--on", town)
    assert [row["setting"] for row in rows] == settings
    assert [row["result"]["preset"] for row in rows] == [text.removeprefix("preset=") for text in settings]
    for row, preset in zip(rows, PRESETS, strict=False):
        assert row["map"]["value"] == pytest.approx(figures[preset]["map"])
    assert rows[2]["map"]["value"] != rows[1]["map"]["value"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_gallery_of_one_image_and_a_blank_photo(town: Path, program: Program, tmp_path: Path, preset: str) -> None:
    photo = photos_of(town, "gallery")[0]
    (tmp_path / "one" / "home").mkdir(parents=True)
    (tmp_path / "one" / "home" / "a.jpg").write_bytes(photo.read_bytes())
    Image.new("RGB", (400, 300), (128, 128, 128)).save(tmp_path / "blank.png")
    made = program.json("index", tmp_path / "one", "-o", tmp_path / "g", "--preset", preset)
    assert (made["images"], made["preset"], made["calibration"]["n_known"]) == (1, preset, 0)
    same, blank = program.json("query", tmp_path / "g", photo, tmp_path / "blank.png")
    assert (same["place"], same["margin"], len(same["matches"])) == ("home", None, 1)
    if preset == "fast":
        assert same["score"] == pytest.approx(1, abs=1e-4)
    else:  # its points match its own
        assert same["score"] > 1.2
    assert blank["matches"][0]["score"] == pytest.approx(blank["matches"][0]["similarity"], abs=1e-6)
    assert blank["score"] < 0.7
    assert blank["place"] is None


def test_a_blank_photo_is_answered(program: Program, galleries: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), (255, 255, 255)).save(tmp_path / "white.png")
    [row] = program.json("query", galleries["balanced"], tmp_path / "white.png", "-k", 30)
    assert (row["answer"], row["place"]) == ("UNKNOWN", None)
    assert len(row["matches"]) == len(Gallery.open(galleries["balanced"]))
    assert ranked(row["matches"], "score")


def manifest(path: Path, photos: Iterable[Path]) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "place", "split"])
        rows.writerows((p.relative_to(path.parent).as_posix(), p.parent.name, "gallery") for p in photos)
    return path


def test_adding_to_a_balanced_gallery_answers_as_one_of_all(town: Path, program: Program, tmp_path: Path) -> None:
    photos = photos_of(town, "gallery")
    for photo in photos:
        copy = tmp_path / "photos" / photo.parent.name / photo.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(photo.read_bytes())
    copies = sorted((tmp_path / "photos").glob("*/*.jpg"))
    whole = manifest(tmp_path / "whole.csv", copies)
    first, second = manifest(tmp_path / "first.csv", copies[1::2]), manifest(tmp_path / "second.csv", copies[::2])
    program.json("index", whole, "-o", tmp_path / "g")
    program.json("index", first, "-o", tmp_path / "grown")
    added = program.json("add", tmp_path / "grown", second)
    assert (added["change"]["added"], added["images"], added["preset"]) == (len(copies[::2]), len(copies), "balanced")
    assert program.json("verify", tmp_path / "grown")["ok"] is True
    asked = photos_of(town, "query")[::2]
    answers = [program.json("query", tmp_path / name, *asked, "-k", 99) for name in ("g", "grown")]
    for one, other in zip(*answers, strict=True):
        assert one["place"] == other["place"]
        assert one["probability"] == pytest.approx(other["probability"], abs=0.01)
        scores = [{m["path"]: m["score"] for m in row["matches"]} for row in (one, other)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-6)


def test_each_image_is_left_out_in_turn(town: Path, program: Program, tmp_path: Path) -> None:
    by_folder = program.json("evaluate", town / "gallery")
    program.json("index", town / "gallery", "-o", tmp_path / "g")
    by_gallery = program.json("evaluate", "--gallery", tmp_path / "g")
    assert (by_folder["protocol"], by_folder["preset"]) == ("leave one image out", "balanced")
    assert by_folder["n_queries"] == by_folder["n_gallery"] == len(photos_of(town, "gallery"))
    assert by_folder["recall"] == by_gallery["recall"]
    assert by_folder["map"] == pytest.approx(by_gallery["map"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["index", "TOWN", "-o", "NEW", "--preset", "quick"], 'preset "quick" is not known: choose one of fast'),
        (["query", "GALLERY", "PHOTO", "--preset", "quick"], 'preset "quick" is not known'),
        (["evaluate", "TOWN", "--preset", "balanced:speed=3"], '"speed=3": what can be changed in a preset'),
        (["evaluate", "--gallery", "GALLERY", "--preset", "quick"], 'preset "quick" is not known'),
        (["compare", "preset=fast", "preset=quick", "--on", "TOWN"], 'preset "quick" is not known'),
    ],
)
def test_a_preset_that_is_not_known_gets_one_line(
    arguments: list[str], words: str, town: Path, program: Program, galleries: dict[str, Path], tmp_path: Path
) -> None:
    names = {"TOWN": town, "NEW": tmp_path / "g", "GALLERY": galleries["fast"], "PHOTO": photos_of(town, "query")[0]}
    told = program.run(*[names.get(a, a) for a in arguments], expect=2).stderr.splitlines()
    assert len([line for line in told if "UsageError" in line]) == 1
    assert told[-1].startswith("UsageError: ")
    assert words in told[-1]
    assert not (tmp_path / "g").exists()
