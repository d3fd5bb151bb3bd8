"""The approximate index: what it finds, when it answers exactly, how it follows changes, and what is measured of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from placeprint.cli.app import app
from placeprint.errors import GalleryCorruptError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.index import approximate as clustered
from placeprint.gallery.index import quantization, widths
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.index.quantization import turning
from placeprint.gallery.index.tuning import recall_of
from placeprint.gallery.index.widths import Width
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage import published

DIM, ROWS = 32, 9000


def places(count: int, seed: int) -> Vectors:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count // 20, DIM))
    raw = np.repeat(centres, 20, axis=0) + 0.5 * rng.normal(size=(count, DIM))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return places(ROWS, 1)


@pytest.fixture(scope="module")
def index(vectors: Vectors) -> FaissIndex:
    return FaissIndex(vectors, approximate=True)


@pytest.fixture(scope="module")
def queries(vectors: Vectors) -> Vectors:
    rng = np.random.default_rng(2)
    return vectors[:200] + (0.06 * rng.normal(size=(200, DIM))).astype(np.float32)


def recall(index: FaissIndex, queries: Vectors, vectors: Vectors, k: int, only: np.ndarray | None = None) -> float:
    return recall_of(index.search(queries, k, only=only).rows, ExactIndex(vectors).search(queries, k, only=only).rows)


@pytest.mark.parametrize("k", [1, 10, 20, 90])
def test_it_finds_what_it_promises(index: FaissIndex, queries: Vectors, vectors: Vectors, k: int) -> None:
    assert recall(index, queries, vectors, k) >= 0.985


def test_ten_neighbours_take_few_of_the_lists(index: FaissIndex) -> None:
    width = index._lists.width(10)
    assert 1 < width.probes < index._lists._inner.nlist / 2
    assert index._lists.width(11).probes >= width.probes


@pytest.mark.parametrize("let", ["one in three", "other places"])
def test_filters_and_many_neighbours_are_answered_exactly(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex, queries: Vectors, vectors: Vectors, let: str
) -> None:
    monkeypatch.setattr(clustered.Clustered, "candidates", None)  # it must not be asked
    rows = np.arange(ROWS)
    only = rows % 3 == 0 if let == "one in three" else rows // 20 % 2 == 1
    assert recall(index, queries, vectors, 10, only) == 1
    assert recall(index, queries, vectors, 500) == 1


@pytest.mark.parametrize("let", ["one in three", "other places"])
def test_a_filter_that_leaves_many_rows_looks_at_all_lists(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex, queries: Vectors, vectors: Vectors, let: str
) -> None:
    monkeypatch.setattr("placeprint.gallery.index.faiss_index.APPROXIMATE_ROWS", 2000)
    rows = np.arange(ROWS)
    only = rows % 3 == 0 if let == "one in three" else rows // 20 % 2 == 1
    exact = recall(index, queries, vectors, 10, only)
    assert exact > 0.99
    with monkeypatch.context() as patched:
        patched.setattr(ExactIndex, "among", None)  # it is not asked
        assert only[index.search(queries, 10, only=only).rows].all()
        assert recall_of(index.search(queries[:1], 10).rows, index.search(queries[:1], 10, only=rows >= 0).rows) > 0.9


@pytest.mark.parametrize(("k", "level", "count"), [(20, (30, 9, 8), 8 * 26), (31, (100, 9, 64), 64 * 106)])
def test_between_two_levels_a_very_large_place_needs_the_candidates_of_the_next(
    index: FaissIndex, queries: Vectors, k: int, level: tuple[int, int, int], count: int
) -> None:
    assert index._lists.candidates(queries[:2], k, Width(*level)).shape == (2, count)


def test_an_index_that_says_how_to_search_wider_than_any_is_refused(tmp_path: Path, index: FaissIndex) -> None:
    index.save(tmp_path)
    settings = tmp_path / clustered.SETTINGS
    said = json.loads(settings.read_text())
    for name, value in (("spare", 10**9), ("spare", 0), ("probes", 10**9), ("k", 10**6)):
        settings.write_text(json.dumps(said | {"widths": [said["widths"][0] | {name: value}]}))
        with pytest.raises(GalleryCorruptError, match="cannot be read as a FAISS index: build"):
            clustered.Clustered.opened(tmp_path, ROWS)


def test_under_a_filter_as_many_candidates_are_looked_at_as_without(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex
) -> None:
    monkeypatch.setattr(index._lists, "widths", [Width(10, 3, 8), Width(100, 5, 64)])
    found = [index._lists.everywhere(k) for k in (10, 11, 100)]
    assert [(width.k, width.spare) for width in found] == [(10, 205), (11, 582), (100, 64)]
    assert index._lists.everywhere(101) is None  # as without a filter: what was tried lost too many


def test_too_few_candidates_are_made_up_for(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex, queries: Vectors, vectors: Vectors
) -> None:
    find = clustered.Clustered.candidates

    def few(self: clustered.Clustered, queries: Vectors, *rest: object) -> np.ndarray:
        found = find(self, queries, *rest)
        found[::2, 3:] = -1
        return found

    monkeypatch.setattr(clustered.Clustered, "candidates", few)
    assert recall(index, queries[::2], vectors, 10) >= 0.98


def test_where_no_width_is_enough_every_answer_is_exact(
    monkeypatch: pytest.MonkeyPatch, queries: Vectors, vectors: Vectors
) -> None:
    monkeypatch.setattr(clustered.Clustered, "_recall", lambda *_: 0.5)
    hard = FaissIndex(vectors[:600], approximate=True)
    monkeypatch.setattr(clustered.Clustered, "candidates", None)
    assert recall(hard, queries, vectors[:600], 10) == 1


@pytest.mark.parametrize(("needed", "few", "spares"), [(32, 1, [32, 32]), (32, 16, [32]), (64, 16, []), (64, 1, [64])])
def test_more_candidates_are_tried_while_they_are_few_beside_all_rows(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex, needed: int, few: int, spares: list[int]
) -> None:
    tried = list[int]()

    def recall(_: Vectors, __: np.ndarray, width: Width) -> float:
        tried.append(width.spare)
        return float(width.spare >= needed)

    monkeypatch.setattr(widths, "FEW", few)
    trials = [(np.zeros((2, DIM), np.float32), np.zeros((2, k), np.int64)) for k in (10, 200)]
    found = widths.narrowest_widths(trials, recall, lists=index._lists._inner.nlist, rows=ROWS)
    assert [width.spare for width in found] == spares
    assert max(tried) * (10 + 6) * few <= ROWS


def test_it_follows_changes_without_learning_again(
    monkeypatch: pytest.MonkeyPatch, index: FaissIndex, vectors: Vectors, queries: Vectors
) -> None:
    monkeypatch.setattr(clustered, "learned_index", None)  # it must not be called
    kept = np.flatnonzero(np.arange(ROWS) % 7 != 3)
    now = np.concatenate([vectors[kept], places(400, 5)])
    renewed = FaissIndex.renewed(index, kept, now)
    assert renewed is not None
    np.testing.assert_array_equal(renewed.search(now[::40], 1).rows[:, 0], np.arange(0, len(now), 40))
    assert recall(renewed, queries, now, 10) >= 0.98
    assert recall(index, queries, vectors, 10) >= 0.985  # the old one is as it was
    assert FaissIndex.renewed(index, kept[:900], vectors[kept[:900]]) is None  # outgrown


def test_a_graph_of_an_older_release_is_searched(tmp_path: Path, vectors: Vectors, queries: Vectors) -> None:
    import faiss

    graph = faiss.IndexHNSWFlat(DIM, 16, faiss.METRIC_INNER_PRODUCT)
    graph.add(vectors[:2000])
    faiss.write_index(graph, str(tmp_path / "index.faiss"))
    opened = FaissIndex(vectors[:2000], approximate=True, folder=tmp_path)
    assert opened.name == "faiss-hnsw"
    assert recall(opened, queries, vectors[:2000], 10) >= 0.98
    with pytest.raises(GalleryCorruptError, match="2000 vectors instead of 9000"):
        FaissIndex(vectors, approximate=True, folder=tmp_path)


def test_long_vectors_are_shortened_and_short_ones_only_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "BLOCK", 16)  # fewer than the 40 directions that all rows together have
    rng = np.random.default_rng(1)
    for dim, width in ((31, 32), (256, 256)):
        turn = turning(rng.normal(size=(50, dim)).astype(np.float32), rng)
        assert turn.shape == (width, dim)
        np.testing.assert_allclose(turn.T @ turn, np.eye(dim), atol=1e-5)
    low = (rng.normal(size=(600, 40)) @ rng.normal(size=(40, 700))).astype(np.float32)
    turn = turning(low, rng)
    assert turn.shape == (256, 700)
    np.testing.assert_allclose(low @ turn.T @ turn, low, atol=1e-2)


def test_rows_read_from_a_file_are_those_of_its_map(tmp_path: Path, vectors: Vectors) -> None:
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    read = rows_from_file(mapped)
    assert type(read).__name__ == "FileRows"
    np.testing.assert_array_equal(read[5:9000], vectors[5:])
    np.testing.assert_array_equal(read[np.array([7, 7, 8999])], vectors[[7, 7, 8999]])
    part = mapped[10:]
    assert rows_from_file(part) is part
    assert rows_from_file(vectors) is vectors


SPEC = ModelSpec(name="test", dim=DIM)


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setattr("placeprint.gallery.index.choice.APPROXIMATE_ROWS", 1000)
    records = [ImageRecord(path=f"{i // 20}/{i}.jpg", places=(str(i // 20),)) for i in range(1600)]
    return Gallery.build(tmp_path / "g", records=records, vectors=places(1600, 7), spec=SPEC)


def test_a_gallery_adds_and_removes_without_learning_again(monkeypatch: pytest.MonkeyPatch, gallery: Gallery) -> None:
    monkeypatch.setattr(clustered, "learned_index", None)
    smaller, change = gallery.remove(places=["3", "40"])
    assert (change.removed, len(smaller.index), smaller.index.name) == (40, 1560, "faiss-ivfpq")
    larger, _ = smaller.add([ImageRecord(path="new.jpg", places=("new",))], places(20, 9)[:1], spec=SPEC)
    asked = np.concatenate([gallery.vectors[1200:1210], places(20, 9)[:1]])
    np.testing.assert_array_equal(larger.search(asked, k=1).rows[:, 0], [*range(1160, 1170), 1560])
    assert larger.verify().ok


def test_the_audit_is_stored_until_rows_change(gallery: Gallery) -> None:
    assert gallery.audit is None
    found = gallery.audited(queries=60)
    assert found.ok
    assert [t.filter for t in found.trials] == ["none", "half of the places", "a tenth of the places", "one place"]
    assert [t.rows for t in found.trials] == [1600, 800, 160, 20]
    again = Gallery.open(gallery.path)
    assert again.audit == found
    assert again.verify().ok
    published.update_head(again.path, HEAD, {"audit": {**found.to_dict(), "data": "data-before"}})
    assert Gallery.open(gallery.path).audit is None
    published.update_head(again.path, HEAD, {"audit": found.to_dict()})
    smaller, _ = again.remove(places=["3"])
    assert smaller.audit is None


def test_whoever_builds_or_verifies_says_when_questions_do_without_the_index(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gallery: Gallery
) -> None:
    np.save(tmp_path / "e.npy", gallery.vectors[:])
    (tmp_path / "r.csv").write_text("path,places\n" + "".join(f"{r.path},{r.places[0]}\n" for r in gallery.records))
    monkeypatch.setattr("placeprint.gallery.index.choice.APPROXIMATE_ROWS", 1000)
    given = ["--embeddings", str(tmp_path / "e.npy"), "--records", str(tmp_path / "r.csv")]
    for command in (
        ["index", *given, "--preset", "fast", "-o", str(tmp_path / "made.gallery")],
        ["verify", str(tmp_path / "made.gallery"), "--recall", "--queries", "40", "--k", "5"],
        ["compact", str(tmp_path / "made.gallery")],
    ):
        said = CliRunner().invoke(app, command).stderr
        assert "note: more than 30 neighbours are found by comparing all 1600 images, as the 100 are that" in said
        for reach, look, note in (
            (0, 100, "note: all neighbours are found"),
            (100, 100, ""),
            (100, 200, "the 200 are"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(FaissIndex, "reach", property(lambda _, reach=reach: reach))
                patch.setattr("placeprint.presets.FIRST_LOOK", look)
                said = CliRunner().invoke(app, [*command, *(["--replace"] if command[0] == "index" else [])]).stderr
            assert ("note:" in said, note in said) == (bool(note), True)


def test_of_a_gallery_that_has_grown_nothing_is_read_to_say_so(
    monkeypatch: pytest.MonkeyPatch, gallery: Gallery
) -> None:
    grown, _ = gallery.add([ImageRecord(path="new.jpg", places=("new",))], places(20, 9)[:1], spec=SPEC)
    monkeypatch.setattr(Gallery, "index_of", lambda *_: pytest.fail("an index was read"))
    assert grown.reach is None


def test_verify_says_when_the_index_finds_too_little(monkeypatch: pytest.MonkeyPatch, gallery: Gallery) -> None:
    command = ["verify", str(gallery.path), "--recall", "--queries", "40", "--k", "5"]
    good = CliRunner().invoke(app, [*command, "--json"])
    assert good.exit_code == 0
    assert json.loads(good.stdout)["audit"]["recall"] >= 0.99
    find = clustered.Clustered.candidates
    monkeypatch.setattr(clustered.Clustered, "candidates", lambda self, *asked: find(self, *asked) // 2)
    bad = CliRunner().invoke(app, command)
    assert bad.exit_code == 1
    assert "build the gallery again" in bad.stdout
    assert not Gallery.open(gallery.path).audit.ok
