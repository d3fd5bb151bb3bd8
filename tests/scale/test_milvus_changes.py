"""What is at an address after a change, whole or interrupted, is what was asked for, row by row."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import clustered, records_of, stored
from numpy.typing import NDArray

from placeprint import Gallery, index
from placeprint.embedding.imported import imported_spec
from placeprint.errors import GalleryEngineError, GalleryMismatchError, UsageError
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.move import move
from placeprint.presets import PRESETS
from placeprint.storage.ragged import Ragged


def test_fewer_images_in_another_order_are_what_is_there_then(address: str) -> None:
    vectors, records = clustered(40, 8), records_of(40)
    stored(address, vectors, records=records)
    chosen = [*range(30, 4, -3), 39]
    gallery = stored(address, vectors[chosen], records=[records[i] for i in chosen])
    assert gallery.verify().problems == ()
    assert gallery.download().records == tuple(records[i] for i in chosen)
    np.testing.assert_array_equal(gallery.download().vectors, vectors[chosen])
    assert gallery.opened.store.count() == len(chosen)


def test_a_changed_photo_is_embedded_again(town: Path, address: str, tmp_path: Path) -> None:
    first, second, third = sorted((town / "gallery" / "castle-gate").glob("*.jpg"))[:3]
    folder = tmp_path / "photos" / "castle-gate"
    folder.mkdir(parents=True)
    for source, name in ((first, "1.jpg"), (second, "2.jpg")):
        shutil.copy(source, folder / name)
    assert index(tmp_path / "photos", address, preset="fast").change.added == 2
    shutil.copy(third, folder / "2.jpg")
    done = index(tmp_path / "photos", address, preset="fast")
    assert (done.change.replaced, done.change.unchanged, done.computed) == (1, 1, 1)
    here = index(tmp_path / "photos", tmp_path / "g", preset="fast").gallery
    assert done.gallery.download().records == tuple(here.records)
    np.testing.assert_array_equal(done.gallery.download().vectors, here.vectors)


def test_a_removal_that_was_interrupted_is_told_and_completed(address: str) -> None:
    vectors = clustered(30, 8)
    gallery = stored(address, vectors)
    opened = gallery.opened
    opened.heads.write(dataclasses.replace(opened.head, writing=True))
    opened.store.delete("row == 4")  # and here the client was killed
    left = MilvusGallery.at(address)
    kept = np.delete(np.arange(30), 4)
    assert len(left) == 29
    np.testing.assert_array_equal(left.search(vectors[kept], k=1).rows[:, 0], np.arange(29))
    assert any("interrupted" in problem for problem in left.verify().problems)
    done = stored(address, vectors[kept], records=[records_of(30)[i] for i in kept])
    assert done.verify().problems == ()
    np.testing.assert_array_equal(done.download().vectors, vectors[kept])


def test_what_others_were_acknowledged_is_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a reading waits shows in few runs: what it asks the server for is compared instead."""
    from pymilvus import MilvusClient

    gallery, asked = stored(address, clustered(20, 8)), list[str]()

    def told(method: str) -> Any:
        original = getattr(MilvusClient, method)

        def call(client: Any, name: str, *words: Any, **settings: Any) -> Any:
            if not name.endswith("_head"):
                asked.append(settings["consistency_level"])
            return original(client, name, *words, **settings)

        return call

    for method in ("query", "search"):
        monkeypatch.setattr(MilvusClient, method, told(method))
    gallery = MilvusGallery.at(address)
    gallery.search(clustered(2, 8), k=3)
    assert asked == ["Strong", "Session"]
    gallery.opened.store.delete("row == 3")
    gallery.search(clustered(2, 8), k=3)
    gallery.search(clustered(2, 8), k=3)
    assert asked[2:] == ["Strong", "Session"]


def test_a_calibration_of_other_images_is_refused(address: str) -> None:
    gallery = stored(address, clustered(20, 8))
    gallery.remove([gallery.download().records[3].path])
    with pytest.raises(GalleryMismatchError, match="was changed while it was calibrated"):
        gallery.with_calibration(None)  # type: ignore[arg-type]


def test_images_that_the_server_did_not_take_are_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymilvus import MilvusClient

    upsert = MilvusClient.upsert

    def most(client: Any, name: str, rows: list[Any], **settings: Any) -> Any:
        return upsert(client, name, rows[:-1] if len(rows) > 1 else rows, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusClient, "upsert", most)
        with pytest.raises(GalleryEngineError, match="29 of 30 images were written: run the same command again"):
            stored(address, clustered(30, 8))
    assert stored(address, clustered(30, 8)).verify().problems == ()


def test_parts_and_what_was_learned_go_along_and_are_checked(address: str, tmp_path: Path) -> None:
    rng, count = np.random.default_rng(4), 12
    spec = dataclasses.replace(imported_spec("made", 8), cells=40, cells_output="c", cells_stride=16)
    cells: list[NDArray[Any]] = [rng.integers(-127, 128, (2, 1 + i % 3, 4), dtype=np.int8) for i in range(count)]
    learned = {"directions": rng.normal(size=(90, 300)).astype(np.float32)}  # longer than one string
    made = Gallery.build(
        tmp_path / "one",
        records=records_of(count),
        vectors=clustered(count, 8),
        spec=spec,
        preset=PRESETS["balanced"],
        parts={"cells": Ragged.of(cells)},
        learned=learned,
    )
    there = move(tmp_path / "one", address).gallery
    assert isinstance(there, MilvusGallery)
    back = move(address, tmp_path / "two").gallery
    for gallery in (made, there, back):
        assert gallery.learned.keys() == learned.keys()
        np.testing.assert_array_equal(gallery.learned["directions"], learned["directions"])
        for i in range(count):
            np.testing.assert_array_equal(gallery.download().parts["cells"][i], cells[i])
    store = there.opened.store
    rows = store.query("row in [3, 4]", ["*"])
    store.put([rows[0] | {"cells": rows[1]["cells"]}])
    assert there.verify().problems == (f"00000{rows[0]['row']}.jpg: the checksum differs",)


def test_a_gallery_that_would_lose_something_is_not_written_to(address: str, tmp_path: Path) -> None:
    vectors, records = clustered(30, 8), records_of(30)
    gallery = stored(address, vectors)
    with pytest.raises(UsageError, match=r"would lose 10 of its 30 images: to replace it all the same give --replace"):
        stored(address, vectors[10:], records=records[10:], replace=False)
    few = Gallery.build(tmp_path / "few", records=records[:3], vectors=vectors[:3], spec=gallery.spec)
    with pytest.raises(UsageError, match="would lose 27 of its 30 images"):
        move(few.path, address)
    assert MilvusGallery.at(address).download().records == tuple(records)
    assert gallery.verify().problems == ()
    Gallery.build(tmp_path / "there", records=records, vectors=vectors, spec=gallery.spec, root="elsewhere")
    with pytest.raises(UsageError, match="would lose 30 of its 30 images, of "):
        move(address, tmp_path / "there")
    assert not (tmp_path / "there.parts").exists()
    assert Gallery.open(tmp_path / "there").roots == ("elsewhere",)
    assert len(move(address, tmp_path / "there", replace=True).gallery) == 30
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "there"]
    more = [*records, *records_of(31)[30:]]
    assert len(stored(address, clustered(31, 8), records=more, replace=False)) == 31  # nothing is lost by it
    assert len(move(few.path, address, replace=True).gallery) == 3
