"""A gallery on disk: build, open, add, remove, verify, and what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placeprint.errors import (
    GalleryBusyError,
    GalleryCorruptError,
    GalleryFormatError,
    GalleryMismatchError,
    GalleryNotFoundError,
    UsageError,
    VectorError,
)
from placeprint.gallery.changes import Change
from placeprint.gallery.filters import Filter
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.records import FailedImage, ImageRecord, ModelSpec, Split
from placeprint.storage.published import locked

SPEC = ModelSpec(name="test", dim=8)
OTHER = ModelSpec(name="other", dim=8)


def records(n: int, *, prefix: str = "a") -> list[ImageRecord]:
    places = [(f"place {i % 3}",) for i in range(n)]
    return [
        ImageRecord(path=f"{prefix}/{i}.jpg", places=places[i], split=Split.GALLERY, content_hash=f"{prefix}{i}")
        for i in range(n)
    ]


def vectors(n: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.build(tmp_path / "g", records=records(6), vectors=vectors(6), spec=SPEC)


def test_what_was_built_is_what_is_opened(gallery: Gallery) -> None:
    failed = (FailedImage("x.jpg", "empty", "the file has no bytes"),)
    rows = [
        ImageRecord(path="b/ü.jpg", places=("a|b", "c"), latitude=48.1, longitude=11.5, frame=0, extra={"note": "n"}),
        ImageRecord(path="b/\udcff.jpg", easting=1.0, northing=2.0, width=3, height=4, licence="CC0"),
    ]
    made = Gallery.build(
        gallery.path, records=rows, vectors=vectors(2), spec=SPEC, root="/photos", failures=failed, replace=True
    )
    again = Gallery.open(gallery.path)
    for one in (made, again):
        assert one.records == tuple(rows)
        assert one.failures == failed
        assert one.spec == SPEC
        assert one.image_file(0) == Path("/photos/b/ü.jpg")
        np.testing.assert_allclose(one.vectors, vectors(2), atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"places": ("Mill", 1)}, "places: 1 is not a text"),
        ({"latitude": np.float32(1), "longitude": 1.0}, r"latitude: .* is not a number"),
        ({"frame": np.int64(1)}, r"frame: .* is not a whole number"),
        ({"extra": {"note": 1}}, "extra: 1 is not a text"),
        ({"content_hash": b"a"}, "content_hash: .* is not a text"),
    ],
)
def test_a_record_that_could_not_be_read_again_is_refused(
    gallery: Gallery, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    odd = [ImageRecord(path="x.jpg", **changes)]
    with pytest.raises(UsageError, match=rf'the record of "x\.jpg" cannot be kept: {said}'):
        gallery.add(odd, vectors(1), spec=SPEC)
    with pytest.raises(UsageError, match=said):
        Gallery.build(tmp_path / "new", records=odd, vectors=vectors(1), spec=SPEC)
    assert len(Gallery.open(tmp_path / "g").remove(["a/0.jpg"])[0]) == 5
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("places", ["Abbey", ["Abbey"], {"Abbey"}, None])
def test_places_are_a_tuple(places: Any) -> None:
    for name in ("places", "titles"):
        with pytest.raises(UsageError, match="are tuples of texts"):
            ImageRecord(path="x.jpg", **{"places": ("Abbey",), name: places})


def test_frame_0_survives() -> None:
    row = ImageRecord(path="x.jpg", frame=0, latitude=0.0, longitude=0.0)
    assert ImageRecord.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_vectors_are_normalised_and_inputs_left_alone(tmp_path: Path) -> None:
    raw = vectors(4) * 5
    before = raw.copy()
    made = Gallery.build(tmp_path / "g", records=records(4), vectors=raw, spec=SPEC)
    np.testing.assert_allclose(made.vectors, vectors(4), atol=1e-6)
    np.testing.assert_array_equal(raw, before)


@pytest.mark.parametrize("index", ["exact", "faiss", "auto"])
def test_search_finds_a_stored_vector(tmp_path: Path, index: str) -> None:
    made = Gallery.build(tmp_path / "g", records=records(6), vectors=vectors(6), spec=SPEC, index=index)
    np.testing.assert_array_equal(Gallery.open(made.path).search(vectors(6), k=1).rows[:, 0], np.arange(6))


def test_add_replaces_keeps_and_adds(gallery: Gallery) -> None:
    changed = ImageRecord(path="a/1.jpg", places=("elsewhere",), split=Split.GALLERY, content_hash="new")
    fresh = vectors(3, seed=9)
    again, change = gallery.add([records(6)[0], changed, *records(1, prefix="b")], fresh, spec=SPEC)
    assert change == Change(added=1, replaced=1, unchanged=1)
    assert [r.path for r in again.records] == [
        "a/0.jpg",
        "a/2.jpg",
        "a/3.jpg",
        "a/4.jpg",
        "a/5.jpg",
        "a/1.jpg",
        "b/0.jpg",
    ]
    np.testing.assert_allclose(again.vectors[0], vectors(6)[0], atol=1e-7)
    np.testing.assert_allclose(again.vectors[5:], fresh[1:], atol=1e-6)
    assert again.verify().ok
    assert len(gallery) == 6, "the object from before shows the state before"


def test_adding_twice_changes_nothing(gallery: Gallery) -> None:
    once, _ = gallery.add(records(2, prefix="b"), vectors(2, seed=3), spec=SPEC)
    head = (gallery.path / HEAD).read_bytes()
    twice, change = once.add(records(2, prefix="b"), vectors(2, seed=3), spec=SPEC)
    assert change == Change(unchanged=2)
    assert twice.records == once.records
    assert (gallery.path / HEAD).read_bytes() == head


def test_the_same_path_under_another_root_is_another_image(gallery: Gallery) -> None:
    other = replace(records(1)[0], content_hash="another photo")
    again, change = gallery.add([other], vectors(1, seed=4), spec=SPEC, root="/elsewhere")
    assert change == Change(added=1)
    assert again.image_file(6) == Path("/elsewhere/a/0.jpg")
    assert again.image_file(0) == Path("a/0.jpg")


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_folder_that_was_moved_is_not_doubled(gallery: Gallery, on_disk: bool) -> None:
    known = gallery if on_disk else Gallery.in_memory(records(6), vectors(6), spec=SPEC)
    head = (gallery.path / HEAD).read_bytes()
    renamed = [replace(one, path=f"new/{i}.jpg", split=Split.NONE) for i, one in enumerate(records(6))]
    for moved, root in ((records(6), "/elsewhere"), (renamed, "."), (renamed, "/elsewhere")):
        again, change = known.add(moved, vectors(6, seed=3), spec=SPEC, root=root)
        assert change == Change(elsewhere=6)
        assert change.nothing
        assert again.records == known.records
    assert (gallery.path / HEAD).read_bytes() == head


def test_a_photo_that_is_there_as_another_place_is_added_and_told(gallery: Gallery) -> None:
    first, second, third = records(3)
    given = [
        replace(first, path="x.jpg", places=("other",)),  # contradicts
        replace(second, path="y.jpg", places=()),  # says nothing new
        replace(third, path="z.jpg", content_hash=""),  # nobody knows what it holds
    ]
    again, change = gallery.add(given, vectors(3, seed=3), spec=SPEC, root="/elsewhere")
    assert change == Change(added=2, elsewhere=1, contradicting=1)
    assert [one.path for one in again.records][6:] == ["x.jpg", "z.jpg"]


def test_remove_by_path_and_place(gallery: Gallery) -> None:
    again, change = gallery.remove(["a/0.jpg", "not there"], places=["place 1"])
    assert change == Change(removed=3, missing=("not there",))
    assert [r.path for r in again.records] == ["a/2.jpg", "a/3.jpg", "a/5.jpg"]
    np.testing.assert_allclose(again.vectors, vectors(6)[[2, 3, 5]], atol=1e-7)


def test_a_gallery_may_become_empty(gallery: Gallery) -> None:
    empty, _ = gallery.remove(places=["place 0", "place 1", "place 2"])
    assert len(empty) == 0
    assert (empty.search(vectors(2), k=3).rows == -1).all()


def test_in_memory_add_and_remove() -> None:
    made = Gallery.in_memory(records(3), vectors(3), spec=SPEC)
    more, _ = made.add(records(1, prefix="b"), vectors(1, seed=2), spec=SPEC)
    less, _ = more.remove(["a/0.jpg"])
    assert [r.path for r in less.records] == ["a/1.jpg", "a/2.jpg", "b/0.jpg"]
    assert made.verify().ok


def test_another_model_is_refused_by_name(gallery: Gallery) -> None:
    for act in (
        lambda: Gallery.open(gallery.path, spec=OTHER),
        lambda: gallery.add(records(1, prefix="b"), vectors(1), spec=OTHER),
    ):
        with pytest.raises(GalleryMismatchError, match=r'"test" \([0-9a-f]{6}\) but the query model is "other"'):
            act()


@pytest.mark.parametrize(
    "name",
    ["gallery.json", "records.jsonl", "failures.jsonl", "vectors.npy", "places.json", "column-lines.npy"],
)
def test_verify_finds_a_flipped_byte(gallery: Gallery, name: str) -> None:
    assert gallery.verify().ok
    path = next(p for p in gallery.path.rglob(name))
    data = bytearray(path.read_bytes() or b"\0")
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    if name == HEAD:
        with pytest.raises(GalleryCorruptError):
            gallery.verify()
    else:
        assert [p.split(":")[0] for p in gallery.verify().problems] == [name]


def test_verify_finds_a_missing_and_a_short_file(gallery: Gallery) -> None:
    next(gallery.path.rglob("failures.jsonl")).unlink()
    vectors_file = next(gallery.path.rglob("vectors.npy"))
    vectors_file.write_bytes(vectors_file.read_bytes()[:-4])
    problems = gallery.verify().problems
    assert any("failures.jsonl: the file is missing" in p for p in problems)
    assert any("vectors.npy" in p and "bytes instead of" in p for p in problems)
    with pytest.raises(GalleryCorruptError):
        Gallery.open(gallery.path)


def test_a_newer_format_says_upgrade(gallery: Gallery) -> None:
    from placeprint.storage.atomic import write_json
    from placeprint.storage.published import _seal

    head = json.loads((gallery.path / HEAD).read_text())
    del head["seal"]
    head["format"] = 99
    write_json(gallery.path / HEAD, {**head, "seal": _seal(head)})
    with pytest.raises(GalleryFormatError, match="upgrade"):
        Gallery.open(gallery.path)


def test_nothing_there_and_something_else_there(tmp_path: Path) -> None:
    with pytest.raises(GalleryNotFoundError, match="placeprint index"):
        Gallery.open(tmp_path / "nowhere")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="not a gallery"):
        Gallery.build(tmp_path / "photos", records=records(1), vectors=vectors(1), spec=SPEC)
    assert (tmp_path / "photos" / "x.jpg").read_bytes() == b"x"


def test_a_second_writer_is_refused(gallery: Gallery) -> None:
    with locked(gallery.path), pytest.raises(GalleryBusyError, match="another process"):
        gallery.remove(["a/0.jpg"])
    assert len(Gallery.open(gallery.path)) == 6


def test_a_reader_keeps_its_state_while_a_writer_replaces_it(gallery: Gallery) -> None:
    gallery.remove(["a/0.jpg"])
    np.testing.assert_array_equal(gallery.search(vectors(6), k=1).rows[:, 0], np.arange(6))


def test_bad_vectors_are_refused() -> None:
    with pytest.raises(VectorError, match="one to one"):
        Gallery.in_memory(records(2), vectors(3), spec=SPEC)
    with pytest.raises(VectorError, match="8"):
        Gallery.in_memory(records(2), np.ones((2, 5), np.float32), spec=SPEC)
    with pytest.raises(UsageError, match="auto, exact, faiss"):
        Gallery.in_memory(records(2), vectors(2), spec=SPEC, index="tree")


def test_a_large_gallery_saves_its_approximate_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.gallery.index.choice.APPROXIMATE_ROWS", 100)
    made = Gallery.build(tmp_path / "g", records=records(300), vectors=vectors(300), spec=SPEC)
    assert isinstance(made.index, FaissIndex)
    assert next(made.path.rglob("index.faiss")).is_file()
    np.testing.assert_array_equal(made.search(vectors(300), k=1).rows[:, 0], np.arange(300))
    assert made.verify().ok


def test_a_gallery_of_the_third_format_opens_and_can_be_changed(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[2] / "golden" / "format-3", tmp_path / "g")
    golden = Gallery.open(tmp_path / "g")
    rows = (
        ImageRecord(
            path="a/0.jpg", places=("place 0",), split=Split.GALLERY, content_hash="a0", latitude=48.1, longitude=11.5
        ),
        ImageRecord(path="a/ü\udcff.jpg", places=("place 1", "b|c"), split=Split.QUERY, frame=0, extra={"note": "n"}),
        ImageRecord(path="b/2.jpg", easting=1.5, northing=2.0, width=3, height=4),
    )
    assert golden.records == rows
    assert golden.failures == (FailedImage("x.jpg", "empty", "the file has no bytes"),)
    assert (golden.places, golden.image_file(1)) == (("b|c", "place 0", "place 1"), Path("photos/a/ü\udcff.jpg"))
    assert golden.preset.name == "balanced"
    assert [c.shape[2] for c in golden.parts["cells"]] == [4, 4, 4]
    assert golden.verify().ok
    np.testing.assert_allclose(golden.vectors, vectors(3), atol=1e-6)
    np.testing.assert_array_equal(golden.where_images(Filter(near=(48.1, 11.5, 1.0))), [True, False, False])
    less, change = golden.remove(["a/0.jpg"])
    assert (change, json.loads((tmp_path / "g" / HEAD).read_text())["format"]) == (Change(removed=1), 5)
    assert Gallery.open(less.path).records == rows[1:]
    assert less.failures == golden.failures
    for one, other in zip(less.parts["cells"], [golden.parts["cells"][i] for i in (1, 2)], strict=True):
        np.testing.assert_array_equal(one, other)
