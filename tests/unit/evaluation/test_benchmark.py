"""Runs by a protocol, in the figures that papers print, and what they were measured on."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest

from field_trees import SCALE_25_M, frame_name, gnd, photo, utm_name, utm_tree
from placeprint.dataset.protocols import table
from placeprint.dataset.protocols.protocol import Count
from placeprint.dataset.protocols.reading import read_protocol
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.result import EvaluationResult
from placeprint.evaluation.test_set import TestSet, digest, order_of
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.queries import Queries
from placeprint.records import ImageRecord, ModelSpec, Split
from placeprint.report.leaderboard import leaderboard


def run(root: Path, protocol: str, similarities: np.ndarray, **options: object) -> EvaluationResult:
    """Measure made-up similarities, shape (queries, gallery), on the images of a protocol."""
    found = read_protocol(root, protocol)
    gallery, queries = found.manifest.gallery(), found.manifest.split(Split.QUERY)
    size = len(gallery)
    # Query i has its similarities as the first coordinates, and what makes it a unit vector in one of its own.
    asked = np.zeros((len(queries), size + len(queries)), np.float32)
    asked[:, :size] = similarities
    asked[:, size:] = np.diag(np.sqrt(1 - (similarities**2).sum(1)))
    spec = ModelSpec(name="hand", dim=asked.shape[1])
    held = Gallery.in_memory(gallery, np.eye(size, asked.shape[1], dtype=np.float32), spec=spec)
    return evaluate_inputs(Inputs(held, Queries(queries, asked)), protocol=found, **options)  # type: ignore[arg-type]


def official_map(ranks: list[int], ok: list[int], junk: list[int]) -> tuple[float, dict[int, float]]:
    """Average precision and mP@k as revisitop's evaluate.py counts them: one query, its ranking of gallery numbers."""
    kept = [number for number in ranks if number not in junk]
    places = sorted(kept.index(number) for number in ok)
    area = 0.0
    for j, rank in enumerate(places):
        before = 1.0 if rank == 0 else j / rank
        area += (before + (j + 1) / (rank + 1)) / 2 / len(ok)
    at = {k: sum(p + 1 <= min(max(places) + 1, k) for p in places) / min(max(places) + 1, k) for k in (1, 5, 10)}
    return area, at


def test_revisited_figures_are_those_of_the_published_code(tmp_path: Path) -> None:
    rng, count = random.Random(4), 24
    lists = []
    for _ in range(5):
        mixed = rng.sample(range(count), 12)
        lists.append({"easy": sorted(mixed[:4]), "hard": sorted(mixed[4:7]), "junk": sorted(mixed[7:])})
    lists.append({"easy": [], "hard": [1, 2], "junk": []})
    gnd(tmp_path, "rparis6k", lists, count, form="json")
    similarities = np.random.default_rng(4).permuted(np.tile(np.linspace(0.01, 0.15, count), (6, 1)), axis=1)
    kinds = {
        "easy": (["easy"], ["junk", "hard"]),
        "medium": (["easy", "hard"], ["junk"]),
        "hard": (["hard"], ["junk", "easy"]),
    }
    for level, (right, junk) in kinds.items():
        expected = [
            official_map(
                np.argsort(-similarities[i]).tolist(),
                [n for k in right for n in one[k]],
                [n for k in junk for n in one[k]],
            )
            for i, one in enumerate(lists)
            if any(one[k] for k in right)
        ]
        figures = run(tmp_path, f"rparis6k-{level}", similarities).benchmark
        assert figures is not None
        assert figures.figures["mAP"] == pytest.approx(np.mean([area for area, _ in expected]))
        for k in (1, 5, 10):
            assert figures.figures[f"mP@{k}"] == pytest.approx(np.mean([at[k] for _, at in expected])), (level, k)


def test_recall_is_told_at_other_distances(tmp_path: Path) -> None:
    east, north = 584_000.0, 4_477_000.0
    gallery = [utm_name(east + away, north) for away in (0, 60, 500)]
    queries = [utm_name(east + 5, north), utm_name(east + 35, north), utm_name(east + 9000, north)]
    utm_tree(tmp_path / "images/test", gallery, queries)
    names = sorted(queries)
    # The first query finds its own image; the second the far one, then the one 25 m away; the third has none.
    similarities = {queries[0]: (0.5, 0.2, 0.1), queries[1]: (0.1, 0.4, 0.5), queries[2]: (0.3, 0.2, 0.1)}
    result = run(tmp_path, "st-lucia", np.array([similarities[name] for name in names]), ks=(1, 2))
    assert [(t.tolerance, t.unit, t.answerable) for t in result.tolerances] == [
        (5.0, "m", 1),
        (25.0, "m", 2),
        (100.0, "m", 2),
    ]
    thirds = [{1: 1 / 3, 2: 1 / 3}, {1: 1 / 3, 2: 2 / 3}, {1: 1 / 3, 2: 2 / 3}]
    assert [t.recall for t in result.tolerances] == [pytest.approx(one) for one in thirds]
    assert result.recall == {1: 0.5, 2: 1.0}, "over the queries that have a right image"
    assert result.benchmark is not None
    assert result.benchmark.figures["R@1"] == pytest.approx(1 / 3), "papers count the others as misses"


def test_frames_are_a_distance_too(tmp_path: Path) -> None:
    names = [frame_name(i, SCALE_25_M) for i in range(14)]
    utm_tree(tmp_path / "images/test", names, names)
    # Every query takes the image three frames further for its own.
    similarities = 0.01 + 0.2 * np.eye(14)[(np.arange(14) + 3) % 14]
    result = run(tmp_path, "nordland", similarities, ks=(1,))
    assert [(t.tolerance, t.recall[1]) for t in result.tolerances] == [
        (0, 0.0),
        (1, 0.0),
        (2, 0.0),
        (5, pytest.approx(11 / 14)),
        (10, pytest.approx(11 / 14)),
    ]


def test_the_published_set_stands_beside_published_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tuple(
        dataclasses.replace(p, gallery=Count(4), queries=Count(4)) if p.name == "sped" else p for p in table._ALL
    )
    names = [f"@0@{number * 1000}@@@@@{number}@@@@@@@@.jpg" for number in range(4)]
    utm_tree(tmp_path / "images/test", names, names)
    ours = 0.1 + 0.2 * np.eye(4)
    one = run(tmp_path, "sped", ours).benchmark
    assert one is not None
    assert one.published == ()
    assert one.doubts == (
        "4 gallery images and 4 queries, where the published set has 607 gallery images and 607 queries",
    )
    monkeypatch.setattr(table, "_ALL", small)
    result = run(tmp_path, "sped", ours)
    assert result.benchmark is not None
    assert [(f.model, f.values["R@1"]) for f in result.benchmark.published] == [("SALAD (DINOv2)", 92.1)]
    rows = leaderboard([result])
    assert [(row.rank, row.model, row.figures["R@1"]) for row in rows] == [
        (1, "hand", 1.0),
        (2, "SALAD (DINOv2)", pytest.approx(0.921)),
    ]
    assert len(leaderboard([result], with_published=False)) == 1


def records(*paths: str) -> list[ImageRecord]:
    return [ImageRecord(path=path) for path in paths]


def test_a_fingerprint_is_of_names_and_truth_and_not_of_where_they_lie() -> None:
    digests = [b"1", b"2"]

    def of(gallery: list[ImageRecord], queries: list[ImageRecord], found: list[bytes] = digests) -> TestSet:
        return TestSet.of(gallery, queries, found)

    one = of(records("a/db/x/1.jpg", "a/db/y/2.jpg"), records("a/q/3.jpg", "a/q/4.jpg"))
    assert of(records("y/2.jpg", "x/1.jpg"), records("4.jpg", "3.jpg"), digests[::-1]) == one
    assert of(records("x/1.jpg", "y/3.jpg"), records("3.jpg", "4.jpg")).names != one.names
    assert of(records("x/1.jpg", "y/2.jpg"), records("3.jpg", "5.jpg")).names != one.names
    other = of(records("x/1.jpg", "y/2.jpg"), records("3.jpg", "4.jpg"), [b"1", b"3"])
    assert (other.names, other.positives != one.positives) == (one.names, True)


def test_a_digest_is_of_names_and_not_of_rows() -> None:
    one, other = records("g/a", "g/b", "g/c"), records("g/c", "g/a", "g/b")
    assert digest(np.array([0, 2]), order_of(one)) == digest(np.array([0, 1]), order_of(other))
    assert digest(np.array([0, 2]), order_of(one)) != digest(np.array([0, 2]), order_of(other))


def written(folder: Path, name: str, result: EvaluationResult, **changes: object) -> Path:
    (folder / f"{name}.json").write_text(json.dumps(result.to_dict() | changes))
    return folder / f"{name}.json"


def test_a_leaderboard_marks_what_is_not_comparable(tmp_path: Path) -> None:
    names = [frame_name(i, SCALE_25_M) for i in range(30)]
    utm_tree(tmp_path / "all/images/test", names, names)
    utm_tree(tmp_path / "few/images/test", names[:25], names[:25])
    good, bad = (0.01 + 0.1 * np.eye(30)[(np.arange(30) + shift) % 30] for shift in (0, 15))
    best, worse = run(tmp_path / "all", "nordland", good), run(tmp_path / "all", "nordland", bad)
    few = run(tmp_path / "few", "nordland", good[:25, :25])
    tenth = run(tmp_path / "all", "nordland-2760", good)
    files = [
        written(tmp_path, name, result)
        for name, result in {"worse": worse, "few": few, "best": best, "tenth": tenth}.items()
    ]
    files.append(written(tmp_path, "near", best, truth="within 3 frames"))
    files.append(written(tmp_path, "moved", best, test_set=best.test_set.to_dict() | {"positives": "0"}))
    files.append(written(tmp_path, "alone", best, protocol="leave one image out"))
    files.append(written(tmp_path, "old", best, test_set=None))
    found = leaderboard(files)
    assert [(Path(row.source).stem, row.group, row.rank) for row in found][:3] == [
        ("best", 1, 1),
        ("worse", 1, 2),
        ("few", 2, 1),
    ]
    assert {Path(row.source).stem: row.why_not for row in found} == {
        "best": "",
        "worse": "",
        "few": "other images: 25 gallery images and 25 queries, not 30 gallery images and 30 queries",
        "tenth": "other protocol: nordland-2760, not nordland",
        "near": "other truth: right is within 3 frames, not within 10 frames",
        "moved": "other truth: right is within 10 frames in both, by other labels or positions",
        "alone": "asked in another way: leave one image out, not queries against gallery",
        "old": "it does not say what it was measured on: evaluate again with this version",
    }
    assert found.to_dict()["comparable"] is False
    assert repr(leaderboard(files[:1])) == "<Leaderboard of 1 run, all comparable: hand 0.000>"


def test_files_that_are_no_results(tmp_path: Path) -> None:
    for text in (
        "",
        "[]",
        "[]x",
        "3",
        "[3]",
        "{}",
        '{"model": 1, "recall": [], "truth": ""}',
        '{"model": 1, "recall": {"1": "x"}, "truth": ""}',
    ):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(DatasetError, match=r"r\.json"):
            leaderboard([tmp_path / "r.json"])
    with pytest.raises(DatasetError, match="cannot be read"):
        leaderboard([tmp_path / "nowhere.json"])
    with pytest.raises(UsageError, match="at least one"):
        leaderboard([])


def test_a_gallery_of_other_images_is_refused(tmp_path: Path) -> None:
    for name in ("database", "queries"):
        photo(tmp_path / "images/test" / name / utm_name(1, 2), 1)
    found = read_protocol(tmp_path, "st-lucia")
    spec = ModelSpec(name="hand", dim=2)
    held = Gallery.in_memory(records("elsewhere.jpg"), np.eye(1, 2, dtype=np.float32), spec=spec)
    asked = Queries(found.manifest.queries(), np.eye(1, 2, dtype=np.float32))
    with pytest.raises(DatasetError, match=r'"elsewhere\.jpg" is in the gallery and not among the images of st-lucia'):
        evaluate_inputs(Inputs(held, asked), protocol=found)
