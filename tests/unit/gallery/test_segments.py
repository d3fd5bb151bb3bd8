"""A gallery that grows answers as one that was built at once; what is there is neither copied nor changed."""

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_gallery_damage import CELLS, GOLDEN, built, cells, records, vectors

import placeprint
from placeprint.errors import GalleryError, UsageError
from placeprint.gallery import files, segments
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index import choice, faiss_index
from placeprint.gallery.index.approximate import Clustered
from placeprint.presets import PRESETS
from placeprint.records import ImageRecord
from program import run_json


def equal(one: Gallery, two: Gallery) -> None:
    """Fail where two galleries differ in anything that can be asked of them."""
    assert (one.records, one.places, one.inventory()) == (two.records, two.places, two.inventory())
    assert np.array_equal(one.vectors, two.vectors)
    assert [one.vectors[row].tolist() for row in (0, -1)] == [two.vectors[row].tolist() for row in (0, -1)]
    np.testing.assert_allclose(one.vectors @ vectors(2, 4).T, two.vectors @ vectors(2, 4).T, atol=1e-6)
    codes = [gallery.records.place_codes for gallery in (one, two)]
    assert np.array_equal(*(each[:, None] == each for each in codes))
    contents = {record.content_hash for record in two.records} | {"none"}
    assert one.records.rows_with_contents(contents) == two.records.rows_with_contents(contents)
    for k, only in ((1, None), (5, None), (60, None), (5, np.arange(len(one)) % 3 == 0)):
        found, wanted = (each.search(vectors(6, 5), k=k, only=only) for each in (one, two))
        assert np.array_equal(found.rows, wanted.rows)
        assert np.array_equal(found.scores, wanted.scores)
    for name, parts in two.parts.items():
        assert all(np.array_equal(a, b) for a, b in zip(one.parts[name], parts, strict=True))


CHANGE = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 9)),
    st.tuples(st.just("remove"), st.integers(1, 5)),
    st.tuples(st.just("replace"), st.integers(1, 3)),
    st.tuples(st.just("place"), st.integers(0, 2)),
    st.tuples(st.just("compact"), st.just(0)),
)


def changed(gallery: Gallery, change: tuple[str, int], number: int) -> Gallery:
    what, count = change
    if what == "compact":
        return gallery.compact()
    if what == "place":
        return gallery.remove(places=[f"place {count}"])[0]
    paths = [record.path for record in gallery.records][::3][:count]
    if what == "remove":
        return gallery.remove(paths)[0]
    made = records(count, f"n{number}") if what == "add" else [ImageRecord(path=p, places=("new",)) for p in paths]
    if not made:
        return gallery
    return gallery.add(made, vectors(len(made), number), spec=CELLS, parts=cells(len(made), number))[0]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(CHANGE, min_size=6, max_size=9))
def test_a_gallery_that_grows_is_the_one_that_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Sequence[tuple[str, int]]
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    given_ = {"records": records(20), "vectors": vectors(20), "spec": CELLS, "parts": cells(20)}
    here = Gallery.in_memory(**given_, preset=PRESETS["balanced"])
    disk = Gallery.build(tmp_path / "g", **given_, preset=PRESETS["balanced"], replace=True)
    for number, change in enumerate(changes):
        here, disk = (changed(each, change, number) for each in (here, disk))
        if len(here):
            equal(disk, here)
        assert len(disk) == len(here)
    report = disk.verify()
    assert (report.rows, report.problems, report.leftovers) == (len(here), (), ())
    whole = disk.compact()
    assert len(list((tmp_path / "g").glob("data-*"))) == 1
    assert (whole.records, whole.places) == (here.records, here.places)


def test_adding_and_removing_write_only_what_is_new(tmp_path: Path) -> None:
    path = built(tmp_path / "g", "balanced")
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in path.rglob("data-*/*")}
    opened = Gallery.open(path)
    reader = Gallery.open(path)
    opened.add(records(2, "z"), vectors(2, 9), spec=opened.spec, parts=cells(2, 7))[0].remove(["a/3.jpg"])
    assert before == {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in before}
    assert len(list(path.glob("data-*"))) == 2
    assert len(reader) == 12
    compacted = Gallery.open(path).compact()
    assert len(compacted) == 13
    assert [record.path for record in reader.records] == [f"a/{i}.jpg" for i in range(12)], "a reader keeps its state"
    assert reader.parts["cells"][3].shape[2] == 4
    assert not {file.parent for file in before} & set(path.glob("data-*"))


def test_small_segments_are_merged_so_that_few_are_left() -> None:
    sizes: list[int] = [100_000]
    written = 0
    for _ in range(3000):
        sizes.append(10)
        first = segments.merged_from(sizes)
        written += sum(sizes[first:])
        sizes[first:] = [sum(sizes[first:])]
    assert sum(sizes) == 130_000
    assert len(sizes) <= 20
    assert written <= 8 * 30_000, "each image is written a few times, and not with every change"


@pytest.fixture
def approximate(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (choice, faiss_index):
        monkeypatch.setattr(module, "APPROXIMATE_ROWS", 256)


@pytest.mark.usefixtures("approximate")
def test_the_index_grows_with_the_gallery(tmp_path: Path) -> None:
    gallery = Gallery.open(built(tmp_path / "g", "approximate"))
    assert (gallery.index.name, gallery.index.capabilities.exact) == ("faiss-ivfpq", False)
    fresh = vectors(40, 8)
    gallery, _ = gallery.add(records(40, "z"), fresh, spec=gallery.spec)
    assert gallery.search(fresh, k=1).rows[:, 0].tolist() == list(range(300, 340)), "what is new is found exactly"
    gone = gallery.search(fresh[:5], k=8).rows.ravel().tolist()
    gallery, _ = gallery.remove([gallery.records[row].path for row in set(gone)])
    found, wanted = (
        gallery.search(fresh, k=10),
        Gallery.in_memory(gallery.records, np.asarray(gallery.vectors), spec=gallery.spec, index="exact").search(
            fresh, k=10
        ),
    )
    assert (found.rows == wanted.rows).mean() >= 0.99
    assert gallery.audited(k=10, queries=50).recall >= 0.99
    names = {record.path for record in gallery.records}
    assert {gallery.records[row].path for row in found.rows.ravel().tolist()} <= names
    whole = gallery.compact()
    assert whole.index.name == "faiss-ivfpq"
    assert (whole.search(fresh, k=10).rows == wanted.rows).mean() >= 0.99


def test_an_index_takes_a_few_new_vectors_and_is_learned_anew_for_many() -> None:
    many = vectors(600)
    index = Clustered.built(many[:560])
    index.widths = ()
    made = index.renewed(np.arange(560), many[:580])
    assert made is not None
    assert made.widths, "how wide to search is tried again: what is new lies elsewhere"
    assert index.renewed(np.arange(560), many) is None


@pytest.mark.parametrize("kind", ["format-3", "format-4", "format-5"])
def test_a_gallery_of_each_format_is_read_and_upgraded_by_the_next_change(tmp_path: Path, kind: str) -> None:
    path = built(tmp_path / "g", kind)
    before = Gallery.open(path)
    paths = [record.path for record in before.records]
    assert len(paths) == {"format-3": 3, "format-4": 2, "format-5": 10}[kind]
    after, change = before.remove([paths[-1]])
    assert (change.removed, [record.path for record in after.records]) == (1, paths[:-1])
    head = json.loads((path / "gallery.json").read_bytes())
    assert head["format"] == 5
    assert all("column-contents.npy" in entry["files"] for entry in head["segments"])
    assert Gallery.open(path).verify().ok
    assert {name for name in before.places if name not in after.places} <= {"place 9"}
    equal(after.compact(), after)


def test_what_is_removed_leaves_the_files_when_they_are_compacted(tmp_path: Path) -> None:
    path = built(tmp_path / "g", "balanced")
    placeprint.remove(path, ["a/3.jpg"])
    assert b'"a/3.jpg"' in b"".join(file.read_bytes() for file in path.rglob("records.jsonl"))
    shown = run_json("compact", path)
    assert (shown["images"], shown["segments"], shown["removed"]) == (11, 1, 1)
    assert shown["bytes_after"] < shown["bytes_before"] + 1000
    assert b'"a/3.jpg"' not in b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    again = placeprint.compact(path)
    assert (again.segments, again.removed, again.bytes_before) == (1, 0, again.bytes_after)


def test_progress_tells_every_row_that_is_written_and_every_part_of_an_index(tmp_path: Path) -> None:
    told = list[str]()

    class Noting:
        def start(self, what: str, total: int) -> None:
            told.append(f"{what} {total}")

        def advance(self, steps: int = 1) -> None:
            what, total = told[-1].rsplit(" ", 1)
            told[-1] = f"{what} {int(total) - steps}"

        def finish(self) -> None:
            told.append("done")

    path = built(tmp_path / "g", "balanced")
    placeprint.remove(path, ["a/3.jpg"])
    placeprint.compact(path, progress=Noting())
    assert told == ["writing 0", "done"]
    placeprint.compact(path, progress=Noting())
    assert len(told) == 2
    learned = Clustered.built(vectors(3300), progress=Noting())
    done = ["trying out the index 0", "done"]
    assert told[2:] == ["making the index 0", "done", *done]
    assert learned.renewed(np.arange(3300), vectors(3310), progress=Noting()) is not None
    assert told[6:] == done


def test_a_gallery_of_many_segments_keeps_few_files_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = Gallery.open(built(tmp_path / "g", "format-5"))
    assert not any(isinstance(array, np.memmap) for array in grown.vectors.arrays)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(files, "open_array", refused)
    with pytest.raises(GalleryError, match=r"more files than may be open.*ulimit -n.*placeprint compact"):
        Gallery.open(tmp_path / "g")


def test_only_a_folder_is_compacted() -> None:
    here = Gallery.in_memory(records(3), vectors(3), spec=placeprint.imported_spec("mine", 8))
    assert here.compact() is here
    with pytest.raises(UsageError, match="only a gallery in a folder"):
        placeprint.compact(here)
    with pytest.raises(UsageError, match=r'only a gallery in a folder.*"milvus://localhost/town" is none'):
        placeprint.compact("milvus://localhost/town")


def test_golden_files_are_those_of_their_formats() -> None:
    for number in (3, 4, 5):
        assert json.loads((GOLDEN / f"format-{number}" / "gallery.json").read_text())["format"] == number
