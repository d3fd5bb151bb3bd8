"""Galleries that keep vectors in 8 bits a number: the same in memory and in a folder, through changes, and refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding.imported import imported_spec
from placeprint.errors import GalleryCorruptError, UsageError
from placeprint.gallery.compact import compact
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.short_vectors import as_kept
from placeprint.gallery.size import kept_bytes
from placeprint.presets import find_preset
from placeprint.records import ImageRecord
from placeprint.storage.arrays import save_array

COUNT, DIM = 300, 40
SPEC = imported_spec("ours", DIM)
VECTORS = np.random.default_rng(3).normal(size=(COUNT, DIM)).astype(np.float32)
RECORDS = [ImageRecord(path=f"{i}.jpg", places=(f"place {i // 3}",)) for i in range(COUNT)]
SHORT, WHOLE = "fast:vector_bits=8", "fast"


def built(path: Path, preset: str = SHORT, index: str = "auto") -> Gallery:
    return Gallery.build(path, records=RECORDS, vectors=VECTORS, spec=SPEC, preset=preset, index=index)


def files(path: Path) -> list[np.ndarray]:
    return [np.load(file) for file in sorted(path.glob("*/vectors.npy"), key=lambda file: file.stat().st_size)]


def assert_same_answers(one: Gallery, two: Gallery) -> None:
    for queries in (VECTORS[:1], -VECTORS[:9]):
        found, right = one.search(queries, k=12), two.search(queries, k=12)
        np.testing.assert_array_equal(found.rows, right.rows)
        np.testing.assert_array_equal(found.scores, right.scores)


@pytest.mark.parametrize("index", ["exact", "faiss"])
def test_a_folder_answers_as_memory_does(tmp_path: Path, index: str) -> None:
    memory = Gallery.in_memory(RECORDS, VECTORS, spec=SPEC, preset=SHORT)
    built(tmp_path / "g", index=index)
    [numbers] = files(tmp_path / "g")
    assert (numbers.dtype, numbers.shape) == (np.dtype(np.int8), (COUNT, DIM + 4))
    for mapped in (True, False):
        opened = Gallery.open(tmp_path / "g", mapped=mapped)
        np.testing.assert_array_equal(np.asarray(opened.vectors), memory.vectors)
        assert_same_answers(opened, memory)
        assert opened.verify().ok
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    assert (memory.vectors != unit).any()
    np.testing.assert_array_equal(memory.vectors, as_kept(unit.astype(np.float32), 8))


def test_changes_keep_8_bits_and_older_galleries_32(tmp_path: Path) -> None:
    more = [ImageRecord(path="new.jpg", places=("place 1",))]
    for preset, kind, whole_kind in ((SHORT, np.int8, np.int8), (WHOLE, np.float32, np.float32)):
        folder = tmp_path / preset.partition(":")[2]
        gallery = built(folder / "g", preset)
        before = np.asarray(gallery.vectors)
        grown, _ = gallery.add(more, VECTORS[:1] + VECTORS[1:2], spec=SPEC)
        assert [each.dtype for each in files(folder / "g")] == [kind, kind]
        shrunk, _ = grown.remove(paths=["7.jpg"])
        np.testing.assert_array_equal(np.asarray(shrunk.vectors)[:-1], np.delete(before, 7, axis=0))
        compact(folder / "g")
        whole = Gallery.open(folder / "g")
        assert [each.dtype for each in files(folder / "g")] == [whole_kind]
        np.testing.assert_array_equal(np.asarray(whole.vectors), np.asarray(shrunk.vectors))
        assert_same_answers(whole, shrunk)


def test_a_gallery_that_is_asked_by_another_preset_keeps_its_vectors() -> None:
    for preset, other in ((SHORT, "fast:shortlist=3"), (WHOLE, "fast:shortlist=3:vector_bits=8")):
        memory = Gallery.in_memory(RECORDS, VECTORS, spec=SPEC, preset=preset)
        asked = memory.asked_as(find_preset(other))
        assert asked.preset.shortlist == 3
        np.testing.assert_array_equal(np.asarray(asked.vectors), memory.vectors)


def test_the_bytes_that_are_counted_are_those_on_disk(tmp_path: Path) -> None:
    memory = [kept_bytes(Gallery.in_memory(RECORDS, VECTORS, spec=SPEC, preset=p)) for p in (WHOLE, SHORT)]
    assert memory[0] - memory[1] == COUNT * (4 * DIM - DIM - 4)
    folders = [kept_bytes(built(tmp_path / str(i), p)) for i, p in enumerate((WHOLE, SHORT))]
    assert abs(folders[0] - folders[1] - COUNT * (3 * DIM - 4)) < 100  # heads differ by the preset's name


@pytest.mark.parametrize("damage", [np.int8(np.zeros((COUNT, DIM))), np.zeros((COUNT, DIM + 4), np.uint8)])
def test_what_is_no_such_file_is_refused(tmp_path: Path, damage: np.ndarray) -> None:
    built(tmp_path / "g")
    [file] = (tmp_path / "g").glob("*/vectors.npy")
    size = file.stat().st_size
    save_array(file, damage)
    with file.open("ab") as longer:
        longer.truncate(size)
    with pytest.raises(GalleryCorruptError):
        Gallery.open(tmp_path / "g")


def test_a_damaged_scale_gives_no_answer(tmp_path: Path) -> None:
    built(tmp_path / "g")
    [file] = (tmp_path / "g").glob("*/vectors.npy")
    data = bytearray(file.read_bytes())
    data[-4:] = np.array([np.inf], "<f4").tobytes()
    file.write_bytes(data)
    with pytest.raises(GalleryCorruptError, match="invalid vectors"):
        Gallery.open(tmp_path / "g").search(np.abs(VECTORS[:2]), k=3)
    assert not Gallery.open(tmp_path / "g").verify().ok


@pytest.mark.parametrize("preset", [SHORT, WHOLE])
def test_where_all_vectors_are_damaged_there_is_no_answer(tmp_path: Path, preset: str) -> None:
    rows = [ImageRecord(path=f"{i}.jpg", places=("here",)) for i in range(2000)]
    Gallery.build(tmp_path / "g", records=rows, vectors=np.resize(VECTORS, (2000, DIM)), spec=SPEC, preset=preset)
    [file] = (tmp_path / "g").glob("*/vectors.npy")
    damaged = np.load(file, mmap_mode="r+")
    damaged[:, -4:] = np.full(1 if preset == SHORT else 4, np.nan, "<f4").view(damaged.dtype)
    damaged.flush()
    with pytest.raises(GalleryCorruptError, match="invalid vectors"):
        Gallery.open(tmp_path / "g").search(VECTORS[:1], k=3)


def test_other_numbers_of_bits_are_refused() -> None:
    assert dataclasses.replace(find_preset("fast"), name=SHORT) == find_preset(SHORT)
    with pytest.raises(UsageError, match="vector_bits must be 0 or 8, not 4"):
        find_preset("balanced:vector_bits=4")
