"""With and without the queries that have their own copy in the gallery, on real files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.dataset.checks.check import check
from placeprint.evaluation.diagnosis.leaks import LeakNumbers, Twin, compare_leaks, twins_of_queries
from placeprint.evaluation.evaluate import evaluate
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec, Split

ROWS = [
    ("g/a.png", "a", "gallery", [1.0, 0, 0]),
    ("g/b.png", "b", "gallery", [0, 1.0, 0]),
    ("g/c.png", "c", "gallery", [0, 0, 1.0]),
    ("q/copy.png", "a", "query", [1.0, 0, 0]),  # the bytes of g/a.png, and right
    ("q/near.png", "c", "query", [0, 1.0, 0.1]),  # nearly g/b.png, labelled c, and wrong
    ("q/own.png", "c", "query", [0, 0.1, 1.0]),  # right, without a copy
    ("q/miss.png", "b", "query", [1.0, 0.5, 0]),  # wrong, without a copy: rank 2
    ("q/twin.png", "d", "query", [1.0, 0, 0.1]),  # the copy of another query only; unknown
]


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12)).astype(np.uint8)
    return Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("g", "q"):
        (tmp_path / name).mkdir()
    for i, (path, *_) in enumerate(ROWS):
        picture(i).save(tmp_path / path)
    (tmp_path / "q/copy.png").write_bytes((tmp_path / "g/a.png").read_bytes())
    picture(1).point(lambda value: value * 0.9).save(tmp_path / "q/near.png")
    picture(6).save(tmp_path / "q/twin.png")
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "place", "split"), *(row[:3] for row in ROWS)])
    with (tmp_path / "q.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "place", "split"), *(row[:3] for row in ROWS[3:])])
    np.save(tmp_path / "q.npy", np.array([row[3] for row in ROWS[3:]], np.float32))
    return tmp_path


@pytest.fixture
def gallery() -> Gallery:
    records = [ImageRecord(path=path, places=(place,), split=Split.GALLERY) for path, place, *_ in ROWS[:3]]
    vectors = np.array([row[3] for row in ROWS[:3]], np.float32)
    return Gallery.in_memory(records, vectors, spec=ModelSpec(name="hand", dim=3))


def test_numbers_with_and_without(folder: Path, gallery: Gallery) -> None:
    result = evaluate(gallery=gallery, embeddings=folder / "q.npy", records=folder / "q.csv")
    report = check(folder)
    twins = twins_of_queries(result, report)
    assert twins["q/copy.png"] == (Twin("g/a.png", ("a",), True, 0),)
    assert [(t.path, t.exact) for t in twins["q/near.png"]] == [("g/b.png", False)]
    assert set(twins) == {"q/copy.png", "q/near.png"}
    found = compare_leaks(result, twins)
    assert (found.checked, found.leaked, found.exact, found.other_place) == (True, 2, 1, 1)
    # Right: copy and own. near finds c at rank 2; miss finds b at rank 2.
    assert found.everything == LeakNumbers(4, 0.5, 0.75)
    assert found.without == LeakNumbers(2, 0.5, 0.75)
    assert found.says == "2 of 5 query photos have a copy in the gallery: Recall@1 0.500 with them, 0.500 without."
    only_exact = {path: tuple(t for t in found if t.exact) for path, found in twins.items()}
    cut = compare_leaks(result, only_exact)
    assert (cut.leaked, cut.without) == (1, LeakNumbers(3, pytest.approx(1 / 3), pytest.approx(2 / 3)))


def test_only_what_was_searched_counts(folder: Path, gallery: Gallery) -> None:
    result = evaluate(gallery=gallery, embeddings=folder / "q.npy", records=folder / "q.csv")
    report = check(folder)
    searched = [r for r in report.images.records if r.path in ("g/b.png", "g/c.png")]
    assert set(twins_of_queries(result, report, gallery=searched)) == {"q/near.png"}


def test_not_checked_is_not_none(folder: Path, gallery: Gallery) -> None:
    result = evaluate(gallery=gallery, embeddings=folder / "q.npy", records=folder / "q.csv")
    unknown, none = compare_leaks(result, None), compare_leaks(result, {})
    assert (unknown.checked, unknown.leaked, np.isnan(unknown.without.map)) == (False, 0, True)
    assert unknown.everything == none.everything == none.without
    assert unknown.says.endswith("not checked, the images were not compared.")
    assert none.says == "None of the 5 query photos has a copy in the gallery."


def test_leave_one_out_and_a_big_group_of_copies(tmp_path: Path) -> None:
    """The report pairs only the first of a big group; here each must find a copy."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for i in range(40):
        picture(0).save(tmp_path / f"a/{i}.png")
    picture(5).save(tmp_path / "b/alone.png")
    report = check(tmp_path)
    result = evaluate(
        gallery=Gallery.in_memory(
            report.images.records, np.ones((41, 2), np.float32), spec=ModelSpec(name="hand", dim=2)
        )
    )
    twins = twins_of_queries(result, report)
    assert set(twins) == {f"a/{i}.png" for i in range(40)}
    assert all(t.path != path and t.exact for path, found in twins.items() for t in found)
    assert compare_leaks(result, twins).says.endswith("no query with a right answer is left without them.")
