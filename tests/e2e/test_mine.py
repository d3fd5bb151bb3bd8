"""The verb mine as a person uses it, on the rendered town."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def doubtful(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three places of the town: a photo filed under two of them, one place with a single photo."""
    root = tmp_path_factory.mktemp("doubtful")
    for place, names in (("town-hall", ("01", "02")), ("castle-gate", ("01", "02")), ("water-tower", ("01",))):
        (root / place).mkdir()
        for name in names:
            shutil.copy(town / "gallery" / place / f"{name}.jpg", root / place)
    shutil.copy(root / "town-hall" / "01.jpg", root / "castle-gate" / "wrong.jpg")
    return root


def test_json_triplets_and_tables_agree(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "triplets.jsonl"
    row = run_json("mine", str(town), "--negatives", "3", "--out", str(out))
    first = row["pairs"][0]
    assert first["places"] == ["town-hall", "town-hall-2"]  # rendered to be taken for each other
    assert first["highest"] >= first["mean"]
    assert row["without_positives"] == ["water-tower-2"]
    assert [f["path"] for f in row["unusable"]] != []
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert (
        row["triplets"] == len(lines) == 3 * (row["n_anchors"] - 4)
    )  # four photos show a place that the gallery lacks
    for line in lines:
        places = [Path(line[role]).parent.name for role in ("anchor", "positive", "negative")]
        assert places[0] == places[1] != places[2]
        assert [[p] for p in places] == [line[f"{role}_places"] for role in ("anchor", "positive", "negative")]
        assert line["anchor"] != line["positive"]
        assert line["positive"].startswith("gallery/")
        assert line["negative"].startswith("gallery/")
    table = run("mine", str(town), "--out", str(tmp_path / "t.csv"), "--negatives", "3")
    assert "Confusable pairs of places" in table.stdout
    assert "t.csv" in table.stdout
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["anchor"] for r in rows] == [line["anchor"] for line in lines]
    assert [float(r["negative_score"]) for r in rows] == [line["negative_score"] for line in lines]
    assert [r["negative_places"] for r in rows] == [line["negative_places"][0] for line in lines]


def test_a_wrong_label_is_told_apart(doubtful: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.jsonl"
    row = run_json("mine", str(doubtful), "--negatives", "50", "--out", str(out))
    assert [(s["path"], s["other"]["path"], s["same_bytes"]) for s in row["suspects"]] == [
        ("castle-gate/wrong.jpg", "town-hall/01.jpg", True)
    ]
    assert row["without_positives"] == ["water-tower"]
    text = run("mine", str(doubtful)).stdout
    assert "Suspect labels (1)" in text
    assert "the same bytes" in text
    assert "without a positive (1): water-tower" in text
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    kept = {(line["anchor"], line["negative"]) for line in lines}
    assert ("castle-gate/wrong.jpg", "town-hall/02.jpg") in kept
    assert not {("castle-gate/wrong.jpg", "town-hall/01.jpg"), ("town-hall/01.jpg", "castle-gate/wrong.jpg")} & kept


def test_a_gallery_alone_and_one_place(doubtful: Path, tmp_path: Path) -> None:
    gallery = str(tmp_path / "g")
    run("index", doubtful, "-o", gallery)
    alone = run_json("mine", "--gallery", gallery)
    both = run_json("mine", str(doubtful), "--gallery", gallery)
    folder = run_json("mine", str(doubtful))
    for key in ("pairs", "suspects", "violations", "n_anchors", "roots", "says"):
        assert alone[key] == folder[key] == both[key]
    (tmp_path / "one").mkdir()
    shutil.copytree(doubtful / "town-hall", tmp_path / "one" / "town-hall")
    assert "there is no image of another place to learn from" in run("mine", str(tmp_path / "one")).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "UsageError: give a dataset"),
        (["nowhere"], 3, "DatasetError: there is no dataset"),
        (["TOWN", "--negatives", "0"], 2, "at least 1"),
        (["TOWN", "--out", "triplets.txt"], 2, ".jsonl or .csv"),
        (["--gallery", "nowhere"], 3, "GalleryNotFoundError"),
        (["TOWN", "--model", "resnet9000"], 2, "is not known"),
    ],
)
def test_mistakes_get_one_clear_line(arguments: list[str], code: int, words: str, town: Path) -> None:
    assert words in run("mine", *(a.replace("TOWN", str(town)) for a in arguments), expect=code).stderr
