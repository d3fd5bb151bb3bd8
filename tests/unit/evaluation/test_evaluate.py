"""An evaluation of hand-made vectors, where every number is known."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import DatasetError, GalleryMismatchError, UsageError, VectorError
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.ranking import rank_queries
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.queries import Queries
from placeprint.records import ImageRecord, ModelSpec

SPEC = ModelSpec(name="hand", dim=3)


def record(path: str, *places: str) -> ImageRecord:
    return ImageRecord(path=path, places=places)


def vectors(*rows: tuple[float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


@pytest.fixture
def gallery() -> Gallery:
    rows = [record("a0", "a"), record("a1", "a"), record("b0", "b"), record("c0", "c")]
    return Gallery.in_memory(rows, vectors((1, 0, 0), (0.8, 0.6, 0), (0, 1, 0), (0, 0, 1)), spec=SPEC)


def write(folder: Path, rows: list[tuple[str, str]], array: np.ndarray) -> dict[str, Path]:
    np.save(folder / "q.npy", array)
    (folder / "q.csv").write_text("path,place\n" + "".join(f"{p},{place}\n" for p, place in rows))
    return {"embeddings": folder / "q.npy", "records": folder / "q.csv"}


def test_every_number_of_a_small_run(gallery: Gallery, tmp_path: Path) -> None:
    asked = [("q0", "a"), ("q1", "b"), ("q2", "z"), ("q3", "b|c")]
    given = write(tmp_path, asked, vectors((1, 0, 0), (0.8, 0.6, 0), (0.6, 0, 0.8), (0, 1, 0)))
    result = evaluate(gallery=gallery, **given, threshold=0.9, ks=(1, 2, 3))
    assert (result.n_gallery, result.n_queries, result.n_answerable, result.n_unknown) == (4, 4, 3, 1)
    assert result.recall == {1: 2 / 3, 2: 2 / 3, 3: 1.0}
    assert result.recall_over_all == {1: 0.5, 2: 0.5, 3: 0.75}
    precision = {"q0": 1.0, "q1": 1 / 3, "q3": (1 + 2 / 4) / 2}
    assert {q.path: q.average_precision for q in result.queries if q.known} == pytest.approx(precision)
    assert result.map == pytest.approx(sum(precision.values()) / 3)
    assert result.mrr == pytest.approx((1 + 1 / 3 + 1) / 3)
    q0, q1, q2, q3 = result.queries
    assert (q0.score, q0.margin) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (q1.predicted, q1.first_positive, q1.positive_score) == ("a", 3, pytest.approx(0.6))
    assert q1.margin == pytest.approx(1.0 - 0.6)
    assert (q2.known, q2.right, q2.first_positive) == (False, False, None)
    assert math.isnan(q2.average_precision)
    assert q3.right
    assert [f.path for f in result.failures] == ["q1"]
    assert [(c.true, c.predicted, c.count) for c in result.confusions] == [("b", "a", 1)]
    opened = result.open_set
    assert opened.auroc == 1.0, "the unknown query scores 0.8, the others 1"
    assert (opened.recall_at_1, opened.false_accepts, opened.false_rejects) == (pytest.approx(2 / 3), 0, 0)
    assert (opened.unknown_precision, opened.unknown_recall) == (1.0, 1.0)
    by_place = {p.place: (p.gallery, p.queries, p.recall_at_1) for p in result.places}
    assert by_place["a"] == (2, 1, 1.0)
    assert by_place["b"] == (1, 2, 0.5)
    assert by_place["z"][:2] == (0, 1)


def test_a_threshold_that_accepts_all_and_one_that_rejects_all(gallery: Gallery, tmp_path: Path) -> None:
    given = write(tmp_path, [("q0", "a"), ("q2", "z")], vectors((1, 0, 0), (0.6, 0, 0.8)))
    lax, strict = (evaluate(gallery=gallery, **given, threshold=t).open_set for t in (0.1, 1.1))
    assert (lax.false_accepts, lax.false_rejects, lax.unknown_recall) == (1, 0, 0.0)
    assert math.isnan(lax.unknown_precision or 0.0), "nothing was answered UNKNOWN"
    assert (strict.false_accepts, strict.false_rejects, strict.recall_at_1) == (0, 1, 0.0)
    assert strict.unknown_precision == 0.5


def test_leaving_one_out_never_finds_itself(gallery: Gallery) -> None:
    result = evaluate(gallery=gallery)
    assert result.protocol == "leave one image out"
    assert all(q.path not in [m.path for m in q.matches] for q in result.queries)
    assert (result.n_answerable, result.n_unknown) == (2, 2)
    assert result.recall[1] == 1.0


def test_the_metrics_of_a_place_less_run_are_nan_not_zero(tmp_path: Path, gallery: Gallery) -> None:
    result = evaluate(gallery=gallery, **write(tmp_path, [("q", "z")], vectors((1, 0, 0))))
    assert math.isnan(result.recall[1])
    assert math.isnan(result.map)
    assert result.to_dict()["map"] is None


def test_blocks_change_nothing(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [record(f"q{i}", "b") for i in range(5)]
    asked = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    truth = ByPlace.of(gallery.records)
    whole = rank_queries(gallery, Queries(queries, asked), truth=truth, k=3)
    monkeypatch.setattr("placeprint.evaluation.ranking.BLOCK_BYTES", 1)
    parts = rank_queries(gallery, Queries(queries, asked), truth=truth, k=3)
    np.testing.assert_array_equal(whole.positives.ranks, parts.positives.ranks)
    np.testing.assert_array_equal(whole.top.rows, parts.top.rows)
    np.testing.assert_allclose(whole.margins, parts.margins, atol=1e-6)


def test_imported_files_that_do_not_fit(gallery: Gallery, tmp_path: Path) -> None:
    given = write(tmp_path, [("q", "a")], vectors((1, 0, 0), (1, 0, 0)))
    with pytest.raises(VectorError, match="2 rows"):
        evaluate(gallery=gallery, **given)
    with pytest.raises(GalleryMismatchError):
        evaluate(gallery=gallery, **write(tmp_path, [("q", "a")], np.ones((1, 4), np.float32)))
    with pytest.raises(UsageError, match="three things"):
        evaluate(embeddings=tmp_path / "q.npy", records=tmp_path / "q.csv")
    (tmp_path / "q.npy").write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(VectorError, match="cannot be read"):
        evaluate(gallery=gallery, **{"embeddings": tmp_path / "q.npy", "records": tmp_path / "q.csv"})


def test_an_empty_gallery_is_searched_not_replaced(town: Path, indexed_town: Path, tmp_path: Path) -> None:
    made = Gallery.open(shutil.copytree(indexed_town, tmp_path / "g"))
    empty, _ = made.remove(places=made.places)
    result = evaluate(town, gallery=empty)
    assert (len(empty), result.n_gallery, result.n_answerable) == (0, 0, 0)
    assert all(q.predicted == "" for q in result.queries)


def test_a_pickle_is_never_loaded(gallery: Gallery, tmp_path: Path) -> None:
    given = write(tmp_path, [("q", "a")], vectors((1, 0, 0)))
    np.save(given["embeddings"], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(VectorError):
        evaluate(gallery=gallery, **given)


def test_a_row_that_cannot_be_used_would_shift_the_others(gallery: Gallery, tmp_path: Path) -> None:
    given = write(tmp_path, [("q", "a"), ("r", "a")], vectors((1, 0, 0), (1, 0, 0)))
    given["records"].write_text("path,place,split\nq,a,sideways\nr,a,query\n")
    with pytest.raises(DatasetError, match="sideways"):
        evaluate(gallery=gallery, **given)
