"""Who is asked and who is not, what is left out together, and that a number has one interval."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from placeprint import Gallery, ImageRecord, calibrate, evaluate, imported_spec, index, read_embeddings
from placeprint.cli.app import app
from placeprint.errors import CalibrationError, DatasetError, VectorError
from placeprint.evaluation.diagnosis.coverage import gallery_coverage
from placeprint.evaluation.metrics.open_set_rates import unknown_answers
from placeprint.evaluation.mining.mine import mine
from placeprint.progress import Silent
from placeprint.records import Split
from placeprint.report.compare import compare
from placeprint.report.html import render

NOISE = np.random.default_rng(1).normal(size=(40, 64)).astype(np.float32)


def told(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, Path]:
    """Write 40 rows of noise, of ten places; every fourth is a query."""
    np.save(tmp_path / "noise.npy", NOISE)
    rows = [(f"{i}.jpg", f"p{i // 4}", "gallery" if i % 4 else "query") for i in range(40)]
    return tmp_path / "noise.npy", written(tmp_path / "noise.csv", rows)


def written(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("path", "place", "split")) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def of_noise(**settings: object) -> Gallery:
    records = [ImageRecord(path=f"{i}.jpg", places=(f"p{i // 4}",)) for i in range(40)]
    return Gallery.in_memory(records, NOISE, spec=imported_spec("m", 64), **settings)  # type: ignore[arg-type]


def test_one_table_has_two_sides(tmp_path: Path, table: tuple[Path, Path]) -> None:
    vectors, records = table
    flags = ["--embeddings", str(vectors), "--records", str(records)]
    assert "10 of the query split" in told("index", *flags, "-o", str(tmp_path / "g"))
    gallery = Gallery.open(tmp_path / "g")
    assert [r.path for r in gallery.records] == [f"{i}.jpg" for i in range(40) if i % 4]
    row = json.loads(told("evaluate", "--gallery", str(tmp_path / "g"), *flags, "--json"))
    unit = NOISE / np.linalg.norm(NOISE, axis=1, keepdims=True)
    held = [i for i in range(40) if i % 4]
    right = sum(held[int(np.argmax(unit[held] @ unit[i]))] // 4 == i // 4 for i in range(0, 40, 4))
    assert (row["n_gallery"], row["n_queries"], row["recall"]["1"]) == (30, 10, right / 10)
    assert [aside["says"] for aside in row["set_aside"]] == ["30 of the gallery split"]
    assert "30 of the gallery split" in told("mine", "--gallery", str(tmp_path / "g"), *flags)
    learned = calibrate(gallery, embeddings=vectors, records=records, false_accept_rate=0.3).calibration
    assert learned is not None
    assert learned.learned.startswith("10 questions with their place")
    assert learned.learned.endswith("not asked: 30 of the gallery split")


def test_a_table_is_read_whole_or_by_side(table: tuple[Path, Path]) -> None:
    assert len(read_embeddings(*table).records) == 40
    for side, count in (("gallery", 30), ("asked", 10)):
        done = read_embeddings(*table, side=side)  # type: ignore[arg-type]
        assert len(done.records) == len(done.vectors) == count
        np.testing.assert_array_equal(done.vectors, NOISE[[int(r.path[:-4]) for r in done.records]])


def test_a_table_of_queries_is_no_gallery(table: tuple[Path, Path]) -> None:
    written(table[1], [(f"{i}.jpg", "p", "query") for i in range(40)])
    with pytest.raises(DatasetError, match="no gallery rows"):
        read_embeddings(*table, side="gallery")


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (0.0, "only zeros")]
)
def test_a_vector_that_cannot_be_searched_is_named_by_its_row_in_the_file(
    table: tuple[Path, Path], value: float, said: str
) -> None:
    broken = NOISE.copy()
    broken[7] = value
    np.save(table[0], broken)
    with pytest.raises(VectorError, match=rf"row 7 \(from 0\), of 7.jpg, holds {said}"):
        read_embeddings(*table, side="gallery")
    assert len(read_embeddings(*table, side="asked").records) == 10


def test_index_tells_what_is_doubtful_about_the_table_of_embeddings(tmp_path: Path, table: tuple[Path, Path]) -> None:
    written(table[1], [(f"{i}.jpg", f"p{i // 4}", "gallery") for i in range(40)], ("path", "spot", "split"))
    words = ["index", "--embeddings", str(table[0]), "--records", str(table[1]), "-o", str(tmp_path / "g"), "--json"]
    done = CliRunner().invoke(app, words)
    [note] = json.loads(done.stdout)["notes"]
    assert note.startswith('no column is read as the place: the columns are "path", "spot", "split"; call it place')
    assert done.stderr == f"{table[1]}: {note}\n"


def test_progress_of_embeddings_is_told(tmp_path: Path, table: tuple[Path, Path]) -> None:
    started = []

    class Noting(Silent):
        def start(self, what: str, total: int) -> None:
            started.append((what, total > 0))

    index(None, tmp_path / "g", embeddings=table[0], records=table[1], progress=Noting())
    assert started == [("writing", True), ("calibrating", True)]


def test_a_table_without_a_split_does_not_find_itself(table: tuple[Path, Path]) -> None:
    written(table[1], [(f"{i}.jpg", f"p{i // 4}", "") for i in range(40)])
    found = evaluate(gallery=of_noise(), embeddings=table[0], records=table[1])
    alone = evaluate(gallery=of_noise())
    assert (found.protocol, found.n_queries) == ("leave one image out", 40)
    assert (found.recall, found.map) == (alone.recall, alone.map)
    assert found.recall[1] < 0.5


def around(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


def on_a_circle(tmp_path: Path, queries: list[tuple[str, float]], header: tuple[str, ...] = ("path", "place")) -> dict:
    """Return what `evaluate` takes: places a, b, c at 0, 90 and 180 degrees, and queries."""
    held = [ImageRecord(path=f"{place}.jpg", places=(place,)) for place in "abc"]
    gallery = Gallery.in_memory(held, around(0, 90, 180), spec=imported_spec("m", 2))
    np.save(tmp_path / "q.npy", around(*(at for _, at in queries)))
    written(tmp_path / "q.csv", [(f"q{i}.jpg", place) for i, (place, _) in enumerate(queries)], header)
    return {"gallery": gallery, "embeddings": tmp_path / "q.npy", "records": tmp_path / "q.csv"}


def test_queries_without_a_label_take_no_part(tmp_path: Path) -> None:
    bare = on_a_circle(tmp_path, [("a", 5), ("", 45), ("b", 80), ("", 130), ("c", 100)])
    found = evaluate(**bare, threshold=0.5)
    assert [q.path for q in found.queries] == ["q0.jpg", "q2.jpg", "q4.jpg"]
    assert (found.n_queries, found.n_answerable, found.n_unknown) == (3, 3, 0)
    [aside] = found.set_aside
    assert (aside.says, aside.paths) == ("2 without a label", ("q1.jpg", "q3.jpg"))
    assert np.isnan(found.open_set.auroc)
    assert np.isnan(found.open_set.unknown_precision or 0)
    assert found.to_dict()["set_aside"][0]["count"] == 2
    page = render(found, gallery=bare["gallery"], query_root=tmp_path)
    assert "2 without a label" in page
    assert compare(None, ["threshold=0.5"], **bare)[0].result.n_queries == 3
    learned = calibrate(**bare).calibration
    assert learned is not None
    assert (learned.n_known, learned.n_unknown) == (3, 3)
    assert learned.learned.endswith("not asked: 2 without a label")


def test_nothing_but_unlabelled_queries_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none of 1 query has a place"):
        evaluate(**on_a_circle(tmp_path, [("", 5)]))


def test_queries_without_a_position_take_no_part() -> None:
    held = [ImageRecord(path=f"{i}", places=("p",), latitude=48.0, longitude=i * 0.001) for i in range(1, 5)]
    bare = [
        replace(held[0], path="bare", latitude=None, longitude=None),
        ImageRecord(path="zero", latitude=0, longitude=0),
    ]
    found = evaluate(
        gallery=Gallery.in_memory([*held, *bare], NOISE[:6], spec=imported_spec("m", 64)),
        radius=100.0,
    )
    assert (found.n_queries, found.gallery_unjudged) == (4, 2)
    assert [aside.says for aside in found.set_aside] == ["2 without a position"]


def test_gallery_images_without_a_label_are_strangers_and_no_questions() -> None:
    gallery = of_noise()
    records = [replace(r, places=()) if i in (1, 6) else r for i, r in enumerate(gallery.records)]
    found = evaluate(gallery=Gallery.in_memory(records, NOISE, spec=imported_spec("m", 64)))
    assert (found.n_gallery, found.gallery_unjudged, found.n_queries, found.n_unknown) == (40, 2, 38, 0)
    learned = calibrate(
        Gallery.in_memory(records, NOISE + 3 * np.repeat(NOISE[::4], 4, 0), spec=imported_spec("m", 64))
    )
    assert learned.calibration is not None
    assert (learned.calibration.n_known, learned.calibration.n_unknown) == (38, 38)
    with pytest.raises(CalibrationError, match="none of 40 images has a place"):
        calibrate(Gallery.in_memory([replace(r, places=()) for r in records], NOISE, spec=imported_spec("m", 64)))


def test_copies_of_a_photo_are_left_out_with_it() -> None:
    content = {0: "x", 1: "x", 20: "x", 4: "y"}
    records = [replace(r, content_hash=content.get(i, f"{i}")) for i, r in enumerate(of_noise().records)]
    vectors = NOISE.copy()
    vectors[1] = vectors[20] = vectors[0]  # the same bytes, also under another place
    vectors[5] = 2 * vectors[4] + 1e-3  # nearly the same, other bytes
    gallery = Gallery.in_memory(records, vectors, spec=imported_spec("m", 64))
    found = evaluate(gallery=gallery)
    by_path = {q.path: q for q in found.queries}
    assert [by_path[f"{i}.jpg"].own_rows for i in (0, 1, 20, 4, 5, 8)] == [
        (0, 1, 20),
        (1, 0, 20),
        (20, 0, 1),
        (4, 5),
        (5, 4),
        (8,),
    ]
    assert found.n_copied == 5
    assert not {0, 1, 20} & {m.row for m in by_path["1.jpg"].matches}
    without = [i for i in range(40) if i not in (0, 20)]
    lone = Gallery.in_memory([records[i] for i in without], vectors[without], spec=imported_spec("m", 64))
    same = {q.path: q for q in evaluate(gallery=lone).queries}["1.jpg"]
    assert by_path["1.jpg"].average_precision == pytest.approx(same.average_precision)
    mined = {a.path: a for a in mine(gallery=gallery).anchors}
    assert {m.row for m in mined["0.jpg"].positives} <= {2, 3}
    coverage = {p.place: p for p in gallery_coverage(gallery).places}
    assert [point.photos for point in coverage["p0"].curve] == [2, 3]
    assert [point.photos for point in coverage["p2"].curve] == [2, 3, 4]


def test_a_photo_of_which_all_others_are_copies_has_no_right_answer() -> None:
    records = [
        ImageRecord(path=f"{i}", places=("ab"[i // 2],), content_hash="same" * (i < 2) or f"{i}") for i in range(4)
    ]
    found = evaluate(gallery=Gallery.in_memory(records, around(0, 0, 90, 120), spec=imported_spec("m", 2)))
    assert (found.n_queries, found.n_answerable, found.n_copied) == (4, 2, 2)


def test_one_number_has_one_interval(tmp_path: Path, table: tuple[Path, Path]) -> None:
    done = read_embeddings(*table, side="gallery")
    gallery = Gallery.build(tmp_path / "g", records=done.records, vectors=done.vectors, spec=imported_spec("m", 64))
    flags = ["--gallery", str(tmp_path / "g"), "--embeddings", str(table[0]), "--records", str(table[1])]
    result = evaluate(gallery=gallery, embeddings=table[0], records=table[1])
    lines = told("evaluate", *flags).splitlines()
    rows = {row["name"]: row["over_places"] for row in json.loads(told("evaluate", *flags, "--json"))["headlines"]}
    page = render(result, gallery=gallery, query_root=tmp_path)
    [compared] = compare(None, ["index=exact"], gallery=tmp_path / "g", embeddings=table[0], records=table[1])
    shown = {"Recall@1": ("recall_at_1", compared.recall_at_1), "mAP": ("map", compared.average_precision)}
    for name, (key, of_compare) in shown.items():
        text = f"{rows[key]['low']:.3f} to {rows[key]['high']:.3f}"
        assert any(line.startswith(name + " ") and line.rstrip().endswith(text) for line in lines)
        assert f"<small>{text}</small>" in page
        assert (of_compare.low, of_compare.high) == (rows[key]["low"], rows[key]["high"])


def test_unknown_has_no_precision_without_an_unknown_query(tmp_path: Path) -> None:
    known = np.ones(3, np.bool_)
    found = unknown_answers(known, np.array([True, False, True]))
    assert np.isnan([found.precision, found.recall, found.f1]).all()
    asked = on_a_circle(tmp_path, [("a", 5), ("b", 130), ("c", 170)])
    result = evaluate(**asked, threshold=0.99)
    headline = {h.name: h.over_places for h in result.headlines}["unknown_precision"]
    assert np.isnan([headline.value, headline.low, headline.high]).all()
    assert result.to_dict()["open_set"]["unknown_precision"] is None
    assert Split.QUERY not in {r.split for r in asked["gallery"].records}
