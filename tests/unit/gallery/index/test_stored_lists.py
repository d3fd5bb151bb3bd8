"""The lists of an index that are read when a query first looks at them."""

import copy
import json
import os
import pickle
import struct
import threading
from contextlib import suppress
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index import stored_lists
from placeprint.gallery.index.approximate import FILE, SETTINGS, Clustered, Width
from placeprint.gallery.index.base import Vectors

ROWS, DIM = 6_000, 32
NARROW = Width(10, 6, 8)
ALL_OF_THEM = Width(10, 6, 64)
"""As many candidates as all the lists have that are looked at."""


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    rng = np.random.default_rng(3)  # ten photos a place: few lists are tried out then
    raw = np.repeat(rng.normal(size=(ROWS // 10, DIM)), 10, axis=0) + 0.4 * rng.normal(size=(ROWS, DIM))
    rng.shuffle(raw)
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def built(vectors: Vectors) -> Clustered:
    return Clustered.built(vectors)


@pytest.fixture
def folder(built: Clustered, tmp_path: Path) -> Path:
    built.save(tmp_path)
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each reading of a file asked for."""
    asked, usual = [], os.pread

    def pread(file: int, count: int, at: int) -> bytes:
        asked.append(count)
        return usual(file, count, at)

    monkeypatch.setattr(stored_lists.os, "pread", pread)
    return asked


def lists_of(index: Clustered) -> list[int]:
    lists = index._inner.invlists
    return [lists.list_size(number) for number in range(lists.nlist)]


def test_it_reads_what_a_query_looks_at_and_nothing_twice(
    built: Clustered, folder: Path, vectors: Vectors, read: list[int]
) -> None:
    opened, sizes = Clustered.opened(folder, ROWS), lists_of(built)
    assert not any(lists_of(opened))
    read.clear()
    assert np.array_equal(opened.candidates(vectors[:1], 10, NARROW), built.candidates(vectors[:1], 10, NARROW))
    there = lists_of(opened)
    assert all(now in (0, full) for now, full in zip(there, sizes, strict=True))
    assert sum(map(bool, there)) == len(read) == NARROW.probes
    assert sum(read) < 0.1 * (folder / FILE).stat().st_size
    read.clear()
    opened.candidates(vectors[:1], 10, NARROW)
    assert read == []


def test_it_finds_what_one_finds_that_was_read_whole(built: Clustered, folder: Path, vectors: Vectors) -> None:
    opened = Clustered.opened(folder, ROWS)
    only = np.arange(ROWS) % 3 > 0
    for i in range(0, 300, 2):
        for asked in (None, only):
            found = opened.candidates(vectors[i : i + 2], 10, NARROW, asked)
            assert np.array_equal(found, built.candidates(vectors[i : i + 2], 10, NARROW, asked))
    assert opened._stored is None, "most lists were looked at: the rest was read at once"
    assert lists_of(opened) == lists_of(built)


def test_many_queries_read_everything_at_once(built: Clustered, folder: Path, vectors: Vectors) -> None:
    opened = Clustered.opened(folder, ROWS)
    assert np.array_equal(opened.candidates(vectors[:64], 10, NARROW), built.candidates(vectors[:64], 10, NARROW))
    assert opened._stored is None


def test_what_was_removed_is_left_out_of_lists_that_are_read_later(folder: Path, vectors: Vectors) -> None:
    kept = np.flatnonzero(np.random.default_rng(1).random(ROWS) < 0.6)
    opened, whole = Clustered.opened(folder, ROWS), Clustered.opened(folder, ROWS)
    whole._read_all()
    assert opened.forget(kept)
    assert whole.forget(kept)
    for i in range(0, 200, 2):
        found = [np.sort(each.candidates(vectors[i : i + 2], 10, ALL_OF_THEM)) for each in (opened, whole)]
        assert np.array_equal(*found)
        assert np.isin(found[0][found[0] >= 0], kept).all()
    late = Clustered.opened(folder, ROWS)
    late.candidates(vectors[:1], 10, NARROW)
    assert late.forget(kept), "some had been read before"
    assert np.isin(late.candidates(vectors[:50], 10, NARROW), [-1, *kept.tolist()]).all()


def test_many_threads_may_come_first(built: Clustered, folder: Path, vectors: Vectors) -> None:
    opened, found = Clustered.opened(folder, ROWS), dict[int, np.ndarray]()

    def ask(first: int) -> None:
        for i in range(first, 120, 4):
            found[i] = opened.candidates(vectors[i : i + 1], 10, NARROW)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 120
    assert all(np.array_equal(rows, built.candidates(vectors[i : i + 1], 10, NARROW)) for i, rows in found.items())


def test_one_that_was_opened_is_saved_and_follows_changes(folder: Path, vectors: Vectors) -> None:
    opened = Clustered.opened(folder, ROWS)
    made = opened.renewed(np.arange(ROWS // 2, ROWS), vectors[ROWS // 2 :])
    assert made is not None
    found = made.candidates(vectors[-5:], 1, Width(10, 64, 8))
    assert [ROWS // 2 - 5 + i in rows for i, rows in enumerate(found)] == [True] * 5
    (folder / "again").mkdir()
    Clustered.opened(folder, ROWS).save(folder / "again")
    for name in (FILE, SETTINGS):
        assert (folder / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_an_index_of_an_older_release_is_read_whole(built: Clustered, folder: Path, vectors: Vectors) -> None:
    settings = json.loads((folder / SETTINGS).read_text())
    del settings["lists"]
    (folder / SETTINGS).write_text(json.dumps(settings))
    opened = Clustered.opened(folder, ROWS)
    assert lists_of(opened) == lists_of(built)
    assert np.array_equal(opened.candidates(vectors[:3], 10, NARROW), built.candidates(vectors[:3], 10, NARROW))


def test_a_layout_that_is_not_known_is_not_described(built: Clustered, folder: Path) -> None:
    with (folder / FILE).open("ab") as file:
        file.write(b"more")
    assert stored_lists.lists_at(folder / FILE, faiss.downcast_InvertedLists(built._inner.invlists)) == {}


@given(st.data())
def test_any_damage_to_a_list_is_an_answer_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, built: Clustered, vectors: Vectors, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    built.save(folder)
    at = json.loads((folder / SETTINGS).read_text())["lists"]["at"]
    whole = bytearray((folder / FILE).read_bytes())
    place = data.draw(st.integers(at, len(whole) - 8))
    struct.pack_into("<Q", whole, place, data.draw(st.integers(0, 2**64 - 1)))
    (folder / FILE).write_bytes(whole)
    found = np.zeros(1, np.int64)
    with suppress(GalleryCorruptError):
        found = Clustered.opened(folder, ROWS).candidates(vectors[:64], 10, NARROW)
    assert found.min() >= -1
    assert found.max() < ROWS


@pytest.mark.parametrize(
    "lists",
    [[], {}, {"at": 0}, {"at": -1, "sizes": [ROWS]}, {"at": 1 << 70, "sizes": [ROWS]}, {"at": "x", "sizes": [ROWS]},
     {"at": 0, "sizes": ["x"]}, {"at": 0, "sizes": [1 << 70]}, {"at": 0, "sizes": [[ROWS]]}, {"at": 0, "sizes": []},
     {"at": 0, "sizes": [ROWS + 1, -1]}, {"at": 0, "sizes": [ROWS]}, {"at": None, "sizes": [ROWS]}],
)  # fmt: skip
def test_a_description_that_does_not_fit_is_one_line(folder: Path, lists: object) -> None:
    (folder / SETTINGS).write_text(json.dumps({"widths": [], "lists": lists}))
    with pytest.raises(GalleryCorruptError, match=FILE):
        Clustered.opened(folder, ROWS)


def test_a_file_that_became_shorter_is_one_line(folder: Path, vectors: Vectors) -> None:
    opened = Clustered.opened(folder, ROWS)
    os.truncate(folder / FILE, (folder / FILE).stat().st_size // 4)
    with pytest.raises(GalleryCorruptError, match="is damaged"):
        opened.candidates(vectors[:5], 10, NARROW)


def test_a_copy_has_all_lists(built: Clustered, folder: Path, vectors: Vectors) -> None:
    opened = Clustered.opened(folder, ROWS)
    for made in (copy.copy(opened), copy.deepcopy(opened), pickle.loads(pickle.dumps(Clustered.opened(folder, ROWS)))):
        assert lists_of(made) == lists_of(built)
        assert np.array_equal(made.candidates(vectors[:3], 10, NARROW), built.candidates(vectors[:3], 10, NARROW))


@pytest.mark.parametrize("second", [False, True])
def test_lengths_are_checked_before_all_is_read_by_them(
    built: Clustered, folder: Path, vectors: Vectors, monkeypatch: pytest.MonkeyPatch, second: bool
) -> None:
    """FAISS takes as much memory as they say."""
    at, size = json.loads((folder / SETTINGS).read_text())["lists"]["at"], lists_of(built)[0]
    whole = bytearray((folder / FILE).read_bytes())
    struct.pack_into("<Q", whole, at + stored_lists.HEADER.size + 8 * second * (1 + size), 1 << 33)
    (folder / FILE).write_bytes(whole)
    opened = Clustered.opened(folder, ROWS)
    monkeypatch.setattr(faiss, "read_index", None)  # it must not be called
    with pytest.raises(GalleryCorruptError, match="list 0"):
        opened.candidates(vectors[:64], 10, NARROW)
