"""A gallery that keeps parts: what is stored, what survives a change, and what is refused."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from placeprint.embedding.xfeat import ROW_BYTES
from placeprint.errors import GalleryCorruptError, GalleryFormatError, GalleryMismatchError, VectorError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change
from placeprint.gallery.files import FILES
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.presets import FAST, PRESETS, find_preset
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.records import ImageRecord, ModelSpec, Split
from placeprint.storage import published
from placeprint.storage.marker import make_folder
from placeprint.storage.ragged import Ragged

SPEC = ModelSpec(name="test", dim=8, cells=40, cells_output="c", cells_stride=16, xfeat=9)
CELLS = dataclasses.replace(SPEC, xfeat=0)
BARE = dataclasses.replace(SPEC, cells=0, xfeat=0)
BALANCED = PRESETS["balanced"]

Parts = dict[str, Ragged]


def records(count: int, *, prefix: str = "a") -> list[ImageRecord]:
    return [
        ImageRecord(
            path=f"{prefix}/{i}.jpg", places=(f"place {i % 3}",), split=Split.GALLERY, content_hash=f"{prefix}{i}"
        )
        for i in range(count)
    ]


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    raw = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def arrays(count: int, seed: int = 0) -> dict[str, list[NDArray[np.generic]]]:
    """Return cells of a shape of their own for each image, and local features of which some have none."""
    rng = np.random.default_rng(seed)
    shapes = [(int(h), int(w)) for h, w in rng.integers(1, 6, (count, 2))]
    return {
        "cells": [rng.integers(-127, 128, (*shape, 4), dtype=np.int8) for shape in shapes],
        "xfeat": [rng.integers(0, 256, ((i + seed) % 3, 1, ROW_BYTES), dtype=np.uint8) for i in range(count)],
    }


def parts(count: int, seed: int = 0) -> Parts:
    return {name: Ragged.of(found) for name, found in arrays(count, seed).items()}


def assert_parts(gallery: Gallery, wanted: dict[str, list[NDArray[np.generic]]]) -> None:
    assert set(gallery.parts) == set(wanted)
    for name, rows in wanted.items():
        found = list(gallery.parts[name])
        assert [(f.shape, f.dtype) for f in found] == [(w.shape, w.dtype) for w in rows]
        for one, other in zip(found, rows, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.build(
        tmp_path / "g", records=records(6), vectors=vectors(6), spec=SPEC, preset=BALANCED, parts=parts(6)
    )


def test_what_was_built_is_what_is_opened(gallery: Gallery) -> None:
    for one in (gallery, Gallery.open(gallery.path, spec=SPEC)):
        assert_parts(one, arrays(6))
        assert one.preset == BALANCED
        assert one.spec == SPEC
        assert one.verify().ok
    files = {p.name for p in gallery.path.glob("data-*/*")}
    assert {"cells.npy", "cells-shapes.npy", "xfeat.npy", "xfeat-shapes.npy"} <= files


def test_a_preset_with_changes_travels_with_the_gallery(tmp_path: Path) -> None:
    preset = find_preset("best:verified=7:budget_ms=12.5")
    Gallery.build(tmp_path / "g", records=records(2), vectors=vectors(2), spec=BARE, preset=preset)
    assert Gallery.open(tmp_path / "g").preset == preset


def test_each_row_keeps_its_parts_when_images_are_added_and_replaced(gallery: Gallery) -> None:
    changed = ImageRecord(path="a/1.jpg", places=("elsewhere",), split=Split.GALLERY, content_hash="new")
    given = [records(6)[0], changed, *records(2, prefix="b"), records(2, prefix="b")[0]]  # one of them twice
    again, change = gallery.add(given, vectors(5, seed=9), spec=SPEC, parts=parts(5, seed=9))
    assert change == Change(added=2, replaced=1, unchanged=1)
    assert [r.path for r in again.records] == [*(f"a/{i}.jpg" for i in (0, 2, 3, 4, 5, 1)), "b/0.jpg", "b/1.jpg"]
    old, new = arrays(6), arrays(5, seed=9)
    wanted = {name: [*(old[name][i] for i in (0, 2, 3, 4, 5)), *(new[name][i] for i in (1, 4, 3))] for name in old}
    for one in (again, Gallery.open(gallery.path)):
        assert_parts(one, wanted)
        np.testing.assert_allclose(one.vectors[5:], vectors(5, seed=9)[[1, 4, 3]], atol=1e-6)
        assert one.preset == BALANCED
        assert one.verify().ok
    assert_parts(gallery, arrays(6))


def test_each_row_keeps_its_parts_when_images_are_removed(gallery: Gallery) -> None:
    again, _ = gallery.remove(["a/0.jpg"], places=["place 1"])
    assert [r.path for r in again.records] == ["a/2.jpg", "a/3.jpg", "a/5.jpg"]
    assert_parts(again, {name: [rows[i] for i in (2, 3, 5)] for name, rows in arrays(6).items()})


def test_an_emptied_gallery_can_be_filled_again(gallery: Gallery) -> None:
    empty, _ = gallery.remove(places=["place 0", "place 1", "place 2"])
    assert_parts(empty, {"cells": [], "xfeat": []})
    again, _ = Gallery.open(gallery.path).add(records(3), vectors(3, 2), spec=SPEC, parts=parts(3, seed=2))
    assert_parts(Gallery.open(again.path), arrays(3, seed=2))
    assert again.verify().ok


def test_in_memory_it_is_the_same(gallery: Gallery) -> None:
    made = Gallery.in_memory(records(6), vectors(6), spec=SPEC, preset=BALANCED, parts=parts(6))
    more = (records(2, prefix="b"), vectors(2, 3))
    for one, other in (
        (made, gallery),
        (made.remove(["a/3.jpg"])[0], gallery.remove(["a/3.jpg"])[0]),
        (
            made.remove(["a/3.jpg"])[0].add(*more, spec=SPEC, parts=parts(2, seed=3))[0],
            gallery.add(*more, spec=SPEC, parts=parts(2, seed=3))[0],
        ),
    ):
        assert one.records == other.records
        assert_parts(one, {name: list(other.parts[name]) for name in ("cells", "xfeat")})


@pytest.mark.parametrize("name", ["cells.npy", "cells-shapes.npy", "xfeat.npy", "xfeat-shapes.npy"])
def test_verify_finds_a_flipped_byte(gallery: Gallery, name: str) -> None:
    path = next(gallery.path.rglob(name))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert [p.split(":")[0] for p in gallery.verify().problems] == [name]


@pytest.mark.parametrize(
    "shapes", [[(1, 1)] * 6, [(1, 1)], [(1, 1, 1)], np.zeros((0, 2))], ids=["less", "one", "odd", "none"]
)
def test_shapes_that_do_not_fit_are_told(gallery: Gallery, shapes: Sequence[object]) -> None:
    np.save(next(gallery.path.rglob("cells-shapes.npy")), np.array(shapes, np.uint16))
    with pytest.raises(GalleryCorruptError, match="build it again"):
        Gallery.open(gallery.path)


def test_as_many_cells_for_another_number_of_images_are_told(gallery: Gallery) -> None:
    path = next(gallery.path.rglob("cells-shapes.npy"))
    np.save(path, np.array([[np.load(path).astype(int).prod(axis=1).sum(), 1]], np.uint16))
    with pytest.raises(GalleryCorruptError, match="do not belong together"):
        Gallery.open(gallery.path)


@pytest.mark.parametrize("name", ["cells.npy", "cells-shapes.npy"])
def test_a_short_or_missing_file_is_told(gallery: Gallery, name: str) -> None:
    path = next(gallery.path.rglob(name))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(GalleryCorruptError, match="build it again"):
        Gallery.open(gallery.path)
    path.unlink()
    with pytest.raises(GalleryCorruptError, match="missing"):
        Gallery.open(gallery.path)


@pytest.mark.parametrize(
    ("spec", "given", "words"),
    [
        (SPEC, {}, r"keeps cells, xfeat of each of 4 images, and what was given is nothing"),
        (SPEC, {"cells": 4}, "given is cells of 4"),
        (SPEC, {"cells": 4, "xfeat": 3}, "xfeat of 3"),
        (CELLS, {"cells": 4, "xfeat": 4}, "keeps cells of each of 4 images"),
        (CELLS, {"cells": 5}, "cells of 5"),
        (BARE, {"cells": 4}, "keeps no parts of each of 4 images"),
    ],
)
def test_parts_that_are_missing_or_too_many_are_refused(spec: ModelSpec, given: dict[str, int], words: str) -> None:
    ragged = {name: parts(count)[name] for name, count in given.items()}
    with pytest.raises(VectorError, match=words):
        Gallery.in_memory(records(4), vectors(4), spec=spec, parts=ragged)
    wanted = {"cells": spec.cells, "xfeat": spec.xfeat}
    started = {name: rows for name, rows in parts(2).items() if wanted[name]}
    made = Gallery.in_memory(records(2), vectors(2), spec=spec, parts=started)
    with pytest.raises(VectorError, match=words):
        made.add(records(4, prefix="b"), vectors(4), spec=spec, parts=ragged)


def test_more_cells_of_an_image_than_can_be_read_again_are_refused_when_they_come() -> None:
    many = {"cells": Ragged.of([np.zeros((64, 33, 4), np.int8)])}
    with pytest.raises(VectorError, match="an image has 2112 cells, and at most 2048 are compared: keep fewer"):
        Gallery.in_memory(records(1), vectors(1), spec=CELLS, parts=many)


def write_head(path: Path, **values: object) -> None:
    """Write a gallery whose head says something else."""
    Gallery.build(path, records=records(4), vectors=vectors(4), spec=BARE)
    with published.locked(path):
        published.update_head(path, HEAD, values)


@pytest.mark.parametrize(
    ("number", "advice"),
    [(6, "upgrade placeprint"), (0, "build the gallery again"), (2, "again"), (True, "again"), ("3", "again")],
)
def test_another_format_is_refused_with_advice(tmp_path: Path, number: object, advice: str) -> None:
    write_head(tmp_path / "g", format=number)
    with pytest.raises(GalleryFormatError, match=f"has format {number!r}, this release reads 5: .*{advice}"):
        Gallery.open(tmp_path / "g")


@pytest.mark.parametrize(
    "said", [{"cells": 2049}, {"xfeat": 10**9}, {"cells": -1}, {"views": ["crop"] * 9}, {"views": ["flip"] * 10**5}]
)
def test_a_model_that_takes_longer_for_an_image_than_any_is_refused_in_one_line(
    tmp_path: Path, said: dict[str, object]
) -> None:
    write_head(tmp_path / "g", model={**SPEC.to_dict(), **said})
    with pytest.raises(GalleryFormatError, match=r"at most 8 views, 2048 cells and as many xfeat\): build it again$"):
        Gallery.open(tmp_path / "g")


@pytest.mark.parametrize("name", ["shortlist", "verified", "matched", "cells", "xfeat"])
def test_a_preset_that_compares_more_than_can_be_waited_for_is_refused(tmp_path: Path, name: str) -> None:
    write_head(tmp_path / "g", preset={**FAST.to_dict(), name: 10**6})
    with pytest.raises(GalleryFormatError, match=rf"{name} must lie between 0 and [\d,]+, not 1000000"):
        Gallery.open(tmp_path / "g")


def test_a_preset_of_another_release_is_refused(tmp_path: Path) -> None:
    write_head(tmp_path / "g", preset={**FAST.to_dict(), "telepathy": 3})
    with pytest.raises(GalleryFormatError, match=r"telepathy.*build it again"):
        Gallery.open(tmp_path / "g")


def test_a_gallery_that_keeps_keypoints_of_an_earlier_release_is_refused_in_one_line(tmp_path: Path) -> None:
    write_head(tmp_path / "g", model={**BARE.to_dict(), "keypoints": 300}, parts=["keypoints"])
    with pytest.raises(GalleryFormatError, match=r"gallery\.json.*RootSIFT keypoints, which.*: build it again$"):
        Gallery.open(tmp_path / "g")


def test_asked_as_another_preset_it_has_no_calibration_and_the_disk_stays(gallery: Gallery) -> None:
    kept: Calibration = learn_calibration(gallery, automatic=True)
    calibrated = gallery.with_calibration(kept)
    before = {p: p.read_bytes() for p in gallery.path.rglob("*") if p.is_file()}
    asked = calibrated.asked_as(FAST)
    assert (asked.preset, asked.calibration, asked.records) == (FAST, None, calibrated.records)
    assert_parts(asked, arrays(6))
    np.testing.assert_array_equal(asked.search(vectors(6), k=1).rows[:, 0], np.arange(6))
    assert calibrated.asked_as(BALANCED) is calibrated
    assert {p: p.read_bytes() for p in gallery.path.rglob("*") if p.is_file()} == before
    assert Gallery.open(gallery.path).calibration == calibrated.calibration == kept
    assert Gallery.open(gallery.path).preset == BALANCED


@pytest.mark.parametrize("name", ["cells.npy", "cells-shapes.npy", "vectors.npy"])
def test_a_file_of_no_bytes_is_a_damaged_gallery(gallery: Gallery, name: str) -> None:
    next(gallery.path.glob(f"data-*/{name}")).write_bytes(b"")
    with pytest.raises(GalleryCorruptError, match="cannot be read"):
        Gallery.open(gallery.path)


def test_a_calibration_of_another_preset_is_not_stored(gallery: Gallery) -> None:
    near = vectors(6) + 3 * np.eye(8, dtype=np.float32)[[i % 3 for i in range(6)]]
    made = Gallery.build(gallery.path, records=records(6), vectors=near, spec=SPEC, preset=BALANCED, parts=parts(6))
    other = made.asked_as(FAST)
    learned = learn_calibration(other)
    with pytest.raises(GalleryMismatchError, match="preset"):
        other.with_calibration(learned)
    assert Gallery.open(gallery.path).calibration == gallery.calibration


@pytest.mark.parametrize("marked", [True, False])
def test_a_change_of_nothing_clears_what_an_interrupted_write_left(gallery: Gallery, marked: bool) -> None:
    left = gallery.path / "data-000000000000"
    if marked:
        make_folder(left, FILES)
        (left / "vectors.npy").write_bytes(b"half")
    else:  # killed before the marker, or between the marker and the folder
        left.mkdir()
    assert gallery.verify().leftovers == (left.name,)
    same, change = gallery.remove(["nothing has this path"])
    assert change.nothing
    assert same.verify().leftovers == ()
    assert not left.exists()
