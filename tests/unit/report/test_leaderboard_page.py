"""The page of a leaderboard: what stands in its tables, and which curves are drawn."""

import json
import re
from pathlib import Path

import pytest

from placeprint import leaderboard
from placeprint.errors import DatasetError, UsageError

METRES = [5.0, 25.0, 100.0]


def run(model: str, shares: list[float], **more: object) -> dict:
    """A run as `evaluate --json` writes it, with Recall@1 at three distances."""
    steps = [
        {"tolerance": metres, "unit": "m", "answerable": 4, "recall": {"1": share, "5": 1.0}}
        for metres, share in zip(METRES, shares, strict=True)
    ]
    return {
        "model": model,
        "preset": "fast",
        "dataset": "data/<b>mill",
        "truth": "within 25 m",
        "protocol": "queries against gallery",
        "n_gallery": 8,
        "n_queries": 4,
        "recall": {"1": shares[1]},
        "map": None,
        "test_set": {"names": "a" * 64, "positives": "b" * 64},
        "tolerances": steps,
    } | more


def written(folder: Path, runs: list[dict]) -> list[Path]:
    files = [folder / f"{number}.json" for number in range(len(runs))]
    for file, one in zip(files, runs, strict=True):
        file.write_text(json.dumps(one))
    return files


def test_runs_are_drawn_in_their_group(tmp_path: Path) -> None:
    page = tmp_path / "made" / "lead.html"
    alone = run("other", [0, 0, 0], truth="same place", tolerances=[])
    runs = [run("worse", [0, 0.5, 0.75]), alone, run("better", [0.25, 1, 1])]
    found = leaderboard(written(tmp_path, runs), report=page)
    assert [(row.model, [step.recall[1] for step in row.tolerances]) for row in found] == [
        ("better", [0.25, 1, 1]),
        ("worse", [0, 0.5, 0.75]),
        ("other", []),
    ]
    text = page.read_text("utf-8")
    first, second = text.split("<section id=")[1:]
    assert re.findall(r'<polyline class="(\w+)" points="([^"]+)"', first) == [
        ("step1", "0.0,750.0 500.0,0.0 1000.0,0.0"),
        ("step2", "0.0,1000.0 500.0,500.0 1000.0,250.0"),
        ("step1", "0.0,0.0 500.0,0.0 1000.0,0.0"),
        ("step2", "0.0,0.0 500.0,0.0 1000.0,0.0"),
    ]
    assert re.findall(r"Recall@\d by distance", text) == ["Recall@1 by distance", "Recall@5 by distance"]
    assert "<polyline" not in second
    assert "Not comparable with the first: other truth: right is same place, not within 25 m." in second
    assert "<b>mill" not in text, "names are escaped"
    leaderboard(written(tmp_path, runs[:1]), report=page)  # its own page is written again


def test_runs_that_measured_other_distances_are_not_drawn_together(tmp_path: Path) -> None:
    near = run("near", [0.25, 1, 1])
    near["tolerances"] = near["tolerances"][:2]
    names = [f"m{number}" for number in range(8)]
    leaderboard(written(tmp_path, [*(run(name, [0, 0.5, 1]) for name in names), near]), report=tmp_path / "p.html")
    drawn = (tmp_path / "p.html").read_text("utf-8").split("<polyline")[1:]
    assert len(drawn) == 2, "only the best has these distances, for two K"
    leaderboard(written(tmp_path, [run(name, [0, 0.5, 1]) for name in names]), report=tmp_path / "p.html")
    assert (tmp_path / "p.html").read_text("utf-8").count("<polyline") == 2 * 6, "no more than can be told apart"


def test_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs.html").write_text("<p>mine")
    files = written(tmp_path, [run("m", [0, 0, 0])])
    with pytest.raises(UsageError, match="was not made by placeprint"):
        leaderboard(files, report=tmp_path / "theirs.html")
    with pytest.raises(UsageError, match="is a folder: name the file"):
        leaderboard(files, report=tmp_path)
    for wrong in (
        "x",
        [3],
        [{"tolerance": "far"}],
        [{"tolerance": 1, "unit": "m", "answerable": 1, "recall": {"x": 1}}],
    ):
        with pytest.raises(DatasetError, match="no results"):
            leaderboard(written(tmp_path, [run("m", [0, 0, 0], tolerances=wrong)]))
