"""The records of a gallery as a sequence: read one by one from disk, and their columns."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import GalleryCorruptError, VectorError
from placeprint.gallery import chunked_vectors, record_lines
from placeprint.gallery.changes import Change
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.place_table import PlaceTable, StoredNames
from placeprint.gallery.segments import Segment
from placeprint.gallery.table import RecordTable
from placeprint.recognition.voting import place_codes
from placeprint.records import ImageRecord, ModelSpec, Split
from placeprint.storage import arrays
from placeprint.storage.atomic import sha256_file
from placeprint.storage.data_folder import DataFolder
from placeprint.storage.rows import Rows

SPEC = ModelSpec(name="test", dim=8)
PLACES = [("a",), ("b",), (), ("a",), ("a|b",), ("a", "b"), ("b",), (), ("ü",)]


def records(prefix: str = "") -> list[ImageRecord]:
    """Return records with every kind of label, split and position."""
    return [
        ImageRecord(
            path=f"{prefix}{i}ü\udcff.jpg",
            places=places,
            split=[Split.GALLERY, Split.QUERY, Split.NONE][i % 3],
            latitude=None if i % 2 else 48.0 + i,
            longitude=None if i % 2 else -11.0 - i,
            frame=i,
            extra={"note": str(i)},
        )
        for i, places in enumerate(PLACES)
    ]


def vectors(count: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.build(tmp_path / "g", records=records(), vectors=vectors(9), spec=SPEC, root="/photos")


def assert_is(table: RecordTable, wanted: list[ImageRecord]) -> None:
    """The table is a sequence of these records, and its columns are theirs."""
    assert table == tuple(wanted)
    assert tuple(wanted) == table
    assert hash(table) == hash(tuple(wanted))
    assert [*table] == wanted == [table[i] for i in range(len(table))]
    columns = table.columns
    assert [columns.table.names[p] if p >= 0 else () for p in columns.places.tolist()] == [r.places for r in wanted]
    assert len(columns.without_unused().table.names) == len({r.places for r in wanted if r.places})
    assert [table.places_of(i) for i in range(len(table))] == [r.places for r in wanted]
    assert table.places == tuple(sorted({place for r in wanted for place in r.places}))
    fresh = RecordTable.of(wanted).columns
    for name, array in columns.arrays().items():
        if name not in ("places", "roots"):
            np.testing.assert_array_equal(array, fresh.arrays()[name])
    for place in table.places:
        assert table.rows_showing([place]).tolist() == [i for i, r in enumerate(wanted) if place in r.places]


def saved(table: RecordTable, folder: Path) -> RecordTable:
    """Write a table, and open it."""
    folder = folder / "segment"
    folder.mkdir()
    places = table.compacted().save(folder)
    data = DataFolder(folder, {p.name: (p.stat().st_size, sha256_file(p)) for p in folder.iterdir()})
    return RecordTable.load([Segment(data, len(table), places)], Rows([len(table)]))


def test_on_disk_and_in_memory_it_is_the_same_sequence(gallery: Gallery) -> None:
    for table in (gallery.records, RecordTable.of(records())):
        assert_is(table, records())
        assert table[-1] == records()[-1]
        assert table[2:5] == tuple(records()[2:5])
        assert table[::-2] == tuple(records()[::-2])
        assert (*table[:1], *table[7:]) == (*records()[:1], *records()[7:])
        assert records()[4] in table
        assert table.index(records()[4]) == 4
        assert table[np.int64(3)] == records()[3]
        with pytest.raises(IndexError):
            table[9]


def test_tables_differ_by_one_record(gallery: Gallery) -> None:
    other = records()
    other[8] = dataclasses.replace(other[8], frame=99)
    assert gallery.records != RecordTable.of(other)
    assert gallery.records != tuple(other)
    assert gallery.records != tuple(records()[:8])
    assert gallery.records != records(), "a list never equals a tuple"
    assert gallery.records == Gallery.open(gallery.path).records


def test_opening_parses_no_record(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    whole = ImageRecord.from_dict.__func__

    def counted(cls: type[ImageRecord], row: dict[str, object]) -> ImageRecord:
        parsed.append(1)
        return whole(cls, row)

    monkeypatch.setattr(ImageRecord, "from_dict", classmethod(counted))
    opened = Gallery.open(gallery.path)
    assert opened.places == ("a", "a|b", "b", "ü")
    assert place_codes(opened.records).shape == (9,)
    assert opened.root_of.tolist() == [0] * 9
    opened.search(vectors(1), k=3)
    assert opened.records == Gallery.open(gallery.path).records
    assert parsed == []
    opened.remove(["5ü\udcff.jpg"])
    assert len(parsed) == 1, "only what has the hash of a path is read"


@pytest.mark.parametrize("disk", [True, False])
def test_codes_are_equal_where_places_are(gallery: Gallery, disk: bool) -> None:
    codes = place_codes(gallery.records if disk else records())
    assert codes.dtype == np.int64
    same = [[a == b and (bool(a) or i == j) for j, b in enumerate(PLACES)] for i, a in enumerate(PLACES)]
    np.testing.assert_array_equal(codes[:, None] == codes[None], same)
    table = gallery.records if disk else RecordTable.of(records())
    for code in codes.tolist():
        assert table.rows_of(code).tolist() == np.flatnonzero(codes == code).tolist()


def test_chosen_and_joined_rows_are_written_as_they_were(gallery: Gallery, tmp_path: Path) -> None:
    fresh = [dataclasses.replace(r, places=("new",) if r.places == ("b",) else r.places) for r in records("x/")]
    wanted = [records()[i] for i in (1, 2, 6, 7)] + [fresh[i] for i in (8, 0, 1)]
    made = gallery.records.kept([0, 1, 2, 6, 7]).joined(RecordTable.of([fresh[i] for i in (8, 0, 1)], roots=[4, 4, 5]))
    made = made.kept(np.arange(1, 8))
    assert_is(made, wanted)
    assert made.columns.roots.tolist() == [0, 0, 0, 0, 4, 4, 5]
    again = saved(made, tmp_path)
    assert_is(again, wanted)
    assert again.columns.roots.tolist() == [0, 0, 0, 0, 4, 4, 5]
    lines = next(gallery.path.rglob("records.jsonl")).read_bytes().splitlines()
    assert (tmp_path / "segment" / "records.jsonl").read_bytes().splitlines()[:4] == [lines[i] for i in (1, 2, 6, 7)]
    assert [json.loads(line)["root"] for line in (tmp_path / "segment" / "records.jsonl").read_text().splitlines()][
        4:
    ] == [4, 4, 5]


def test_no_records_are_a_table_too(tmp_path: Path) -> None:
    empty = RecordTable.of([])
    for table in (empty, saved(empty, tmp_path), RecordTable.of(records()).kept([])):
        assert (len(table), table, table.places, place_codes(table).tolist()) == (0, (), (), [])
        assert table.joined(RecordTable.of(records())) == tuple(records())


def test_a_column_of_equal_rows_is_one_row(tmp_path: Path) -> None:
    same = [ImageRecord(path=f"{i}.jpg", places=("a",)) for i in range(5)]
    again = saved(RecordTable.of(same), tmp_path)
    assert len(np.load(tmp_path / "segment" / "column-places.npy")) == 1
    assert len(np.load(tmp_path / "segment" / "column-positions.npy")) == 1
    assert len(np.load(tmp_path / "segment" / "column-paths.npy")) == 5
    assert_is(again, same)


@pytest.mark.parametrize("name", ["lines", "places", "splits", "positions", "roots", "paths", "contents"])
@pytest.mark.parametrize("damage", ["other rows", "other kind", "short", "empty", "missing"])
def test_a_damaged_column_says_what_to_do(gallery: Gallery, name: str, damage: str) -> None:
    path = next(gallery.path.rglob(f"column-{name}.npy"))
    array, whole = np.load(path), path.read_bytes()
    if damage == "other rows":
        np.save(path, np.concatenate([array, array[:1]]) if len(array) > 1 else np.repeat(array, 5, axis=0))
    elif damage == "other kind":
        np.save(path, array.astype(np.float32))
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[:-3] if damage == "short" else b"")
    with pytest.raises(GalleryCorruptError, match="build it again"):
        Gallery.open(gallery.path)


def test_damage_that_only_reading_shows_is_told(gallery: Gallery) -> None:
    data = next(gallery.path.glob("data-*"))
    whole = (data / "records.jsonl").read_bytes()
    (data / "records.jsonl").write_bytes(whole.replace(b'{"path"', b'("path"', 1))
    opened = Gallery.open(gallery.path)
    with pytest.raises(GalleryCorruptError, match=r"line 1 .*placeprint verify"):
        opened.records[0]
    (data / "records.jsonl").write_bytes(whole[:-1])
    with pytest.raises(GalleryCorruptError, match="build it again"):
        Gallery.open(gallery.path)
    (data / "records.jsonl").write_bytes(whole)
    lines = np.load(data / "column-lines.npy")
    lines[3] = lines[5]
    np.save(data / "column-lines.npy", lines)
    with pytest.raises(GalleryCorruptError, match=r"column-lines\.npy: the checksum differs"):
        Gallery.open(gallery.path).remove(["0ü\udcff.jpg"])


def test_lines_that_are_parsed_soon_are_asked_for_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "UNMAPPED", 0)
    made = saved(RecordTable.of(records()), tmp_path)
    (lines,) = made._blocks
    asked, done = list[int](), lines.ask_for
    monkeypatch.setattr(lines, "ask_for", lambda row: asked.append(row) or done(row))
    rows = np.array([0, 1, 3, 4, 6])
    assert made.places_of_rows(rows) == [("a",), ("b",), ("a",), ("a|b",), ("b",)]
    assert asked == [3, 6, 4], "one of each place"
    assert made.places_of_rows(np.array([0, 5])) == [("a",), ("a", "b")]
    assert made.places_of_rows(rows)[3] == ("a|b",)
    assert asked == [3, 6, 4], "a single line has nothing to be read beside"
    starts = np.load(tmp_path / "segment" / "column-lines.npy")
    for first, last in ((starts[3], 1 << 40), (-5, 9), (9, 9), (9, 3)):  # of a damaged column nothing is asked
        record_lines.LinesOnDisk(lines._data, np.array([first, last])).ask_for(0)


@pytest.mark.parametrize("text", ["[", '[["a"], ["b"]]', "7", "[[]]", '["a"]', '[["a", 7]]', '{"a": 1}', "[" * 100_000])
def test_a_table_of_places_that_does_not_fit_is_told(
    gallery: Gallery, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "UNMAPPED", 0)  # as a table of many places, which is read later
    path = next(gallery.path.rglob("places.json"))
    whole = path.read_bytes()
    opened = Gallery.open(gallery.path)
    path.write_text(text)
    with pytest.raises(GalleryCorruptError, match=r"places\.json.*build it again"):
        Gallery.open(gallery.path)
    path.write_bytes(whole.replace(b"a", b"b", 1))
    with pytest.raises(GalleryCorruptError, match=r"places\.json.*its checksum differs.*build it again"):
        opened.places  # noqa: B018 - reading them is what is tested
    with pytest.raises(GalleryCorruptError, match=r"places\.json.*build it again"):
        PlaceTable(StoredNames(text.encode(), 1)).names  # noqa: B018


def test_failures_that_cannot_be_read_are_told_when_asked_for(gallery: Gallery) -> None:
    next(gallery.path.rglob("failures.jsonl")).write_text('{"path": 1}\n')
    with pytest.raises(GalleryCorruptError, match=r"failures\.jsonl"):
        Gallery.open(gallery.path).failures  # noqa: B018


def test_a_path_with_the_hash_of_another_is_another(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("columns", "changes", "table", "record_lines"):
        monkeypatch.setattr(f"placeprint.gallery.{module}.path_hash", lambda path: len(path))
    made = Gallery.build(gallery.path, records=records(), vectors=vectors(9), spec=SPEC, root="/photos")
    more, change = made.add([records()[2], *records("b")], vectors(10, 3), spec=SPEC, root="/photos")
    assert change == Change(added=9, unchanged=1)
    assert more.records == (*records(), *records("b"))
    less, change = more.remove(["b0ü\udcff.jpg", "4ü\udcff.jpg"])
    assert change == Change(removed=2)
    assert less.records == tuple(
        r for r in more.records if r.frame not in (0, 4) or r.path[0] not in "b4"[r.frame // 4]
    )


def test_a_change_in_many_blocks_is_the_change_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_vectors, "BLOCK_BYTES", 5 * 8 * 4)
    many = [ImageRecord(path=f"{i}.jpg", places=(f"{i // 3}",)) for i in range(67)]
    raw = vectors(67) * np.linspace(0.1, 9, 67, dtype=np.float32)[:, None]
    np.save(tmp_path / "raw.npy", raw)
    mapped = np.load(tmp_path / "raw.npy", mmap_mode="r")
    made = Gallery.build(tmp_path / "g", records=many, vectors=mapped, spec=SPEC)
    np.testing.assert_allclose(made.vectors, vectors(67), atol=1e-6)
    before = np.array(made.vectors)
    changed = [dataclasses.replace(many[i], frame=1) for i in (0, 17, 66)]
    more, change = made.add([*changed, many[5], ImageRecord(path="new.jpg")], vectors(5, 9) * 7, spec=SPEC)
    assert change == Change(added=1, replaced=3, unchanged=1)
    less, _ = more.remove(["2.jpg", "new.jpg"], places=["6"])
    gone = {0, 17, 66, 2, 18, 19, 20}
    rest = [i for i in range(67) if i not in gone]
    assert less.records == (*(many[i] for i in rest), *changed)
    np.testing.assert_array_equal(less.vectors[:-3], before[rest], "kept vectors are copied bit by bit")
    np.testing.assert_allclose(less.vectors[-3:], vectors(5, 9)[:3], atol=1e-6)
    assert less.verify().ok


def test_vectors_in_pieces_are_chosen_across_their_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_vectors, "BLOCK_BYTES", 3 * 8 * 4)
    one, two = vectors(7), vectors(5, 2)
    both = ChunkedVectors.of(one).joined(ChunkedVectors.raw(two * 3, dim=8))
    whole = np.concatenate([one, two])
    for rows in ([0, 6, 7, 11], [8, 9], [1, 2, 3], [], list(range(12))):
        np.testing.assert_allclose(both.kept(np.array(rows, np.int64)).whole(), whole[rows], atol=1e-6)
        assert len(both.kept(np.array(rows, np.int64))) == len(rows)
    assert max(len(block) for block in both.blocks()) == 3


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN or infinity .first in row 8"), (0.0, "zeros .row 8")])
def test_a_bad_vector_in_a_later_block_is_named_and_nothing_is_written(
    gallery: Gallery, value: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunked_vectors, "BLOCK_BYTES", 3 * 8 * 4)
    bad = vectors(9)
    bad[8] = value
    before = {p: p.read_bytes() for p in gallery.path.rglob("*") if p.is_file()}
    with pytest.raises(VectorError, match=words):
        Gallery.build(gallery.path, records=records(), vectors=bad, spec=SPEC)
    assert {p: p.read_bytes() for p in gallery.path.rglob("*") if p.is_file()} == before


def test_a_gallery_is_built_from_the_records_of_another(gallery: Gallery, tmp_path: Path) -> None:
    made = Gallery.build(tmp_path / "h", records=gallery.records, vectors=gallery.vectors, spec=SPEC)
    assert made.records == gallery.records
    moved, _ = gallery.add([ImageRecord(path="z.jpg")], vectors(1), spec=SPEC, root="/elsewhere")
    assert moved.root_of.tolist() == [0] * 9 + [1]
    again = Gallery.build(
        tmp_path / "h", records=moved.records, vectors=moved.vectors, spec=SPEC, root="/here", replace=True
    )
    assert (again.root_of.tolist(), again.image_file(9)) == ([0] * 10, Path("/here/z.jpg"))


def test_a_record_is_parsed_once_and_few_are_kept(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_lines, "_MOST_KEPT", 3)
    opened = Gallery.open(gallery.path)
    parsed = []
    parse = record_lines.parsed_line
    monkeypatch.setattr(record_lines, "parsed_line", lambda line, row: parsed.append(row) or parse(line, row))
    wanted = records()
    assert [opened.records[row] for row in (4, 4, 5, 4, 6, 7, 4)] == [wanted[row] for row in (4, 4, 5, 4, 6, 7, 4)]
    assert parsed == [4, 5, 6, 7, 4]
    monkeypatch.setattr(record_lines, "_LONGEST_KEPT", 10)
    parsed.clear()
    assert opened.records[8] == opened.records[8] == wanted[8]
    assert parsed == [8, 8]


def test_titles_are_looked_for_once(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, usual = [], RecordTable.titled.fget
    monkeypatch.setattr(RecordTable, "titled", property(lambda table: (asked.append(1), usual(table))[1]))
    assert len(gallery.inventory().places) > 2
    assert len(asked) == 1


def test_no_rows_of_one_array_are_an_array_of_none() -> None:
    one = ChunkedVectors.of(vectors(9))
    for made in (one, one.kept(np.array([2, 5])), one.kept(np.zeros(0, np.int64))):
        assert made[:0].shape == made[np.zeros(0, np.int64)].shape == (0, 8)
        assert (made[:0] @ np.ones(8)).shape == (0,)
    assert (one.kept(np.zeros(0, np.int64)) @ np.ones(8)).shape == (0,)
