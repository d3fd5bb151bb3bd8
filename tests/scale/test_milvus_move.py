"""A gallery moved to a server and back is the gallery it was, also when that was interrupted."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import clustered, records_of
from test_milvus_verbs import said

from placeprint import Gallery, open_gallery, recognize
from placeprint.embedding.imported import imported_spec
from placeprint.embedding.models import DEFAULT_MODEL, WEIGHTS
from placeprint.errors import GalleryCorruptError, ModelError, UsageError
from placeprint.gallery.milvus import copy
from placeprint.gallery.milvus import store as milvus_store
from placeprint.gallery.move import move


def equal(one: Gallery, two: Gallery) -> None:
    assert one.records == tuple(two.records)
    np.testing.assert_array_equal(one.vectors, two.vectors)
    np.testing.assert_array_equal(one.root_of, two.root_of)
    assert one.roots == two.roots
    assert (one.spec, one.preset, one.calibration, one.failures) == (
        two.spec,
        two.preset,
        two.calibration,
        two.failures,
    )
    for name, parts in one.parts.items():
        for i in range(len(one)):
            np.testing.assert_array_equal(parts[i], two.parts[name][i])


def test_there_and_back(town: Path, address: str, tmp_path: Path) -> None:
    said("index", town, "-o", tmp_path / "one.gallery")
    first = Gallery.open(tmp_path / "one.gallery")
    there = said("move", tmp_path / "one.gallery", address)
    assert (there["compared"], there["change"]["added"]) == (len(first), len(first))
    again = said("move", tmp_path / "one.gallery", address)
    none = dict.fromkeys(("added", "replaced", "removed", "elsewhere", "contradicting"), 0)
    assert again["change"] == {**none, "missing": [], "unchanged": len(first)}
    assert said("move", address, tmp_path / "two.gallery")["compared"] == len(first)
    equal(Gallery.open(tmp_path / "two.gallery"), first)
    assert not (tmp_path / "two.gallery.parts").exists()


class KilledError(Exception):
    """Stands for a kill."""


def test_interrupted_moves_go_on(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_store, "MOST_ROWS", 100)
    monkeypatch.setattr(copy, "STRETCH", 250)
    spec, count = imported_spec("made", 12), 1000
    gallery = Gallery.build(
        tmp_path / "one", records=records_of(count), vectors=clustered(count, 12), spec=spec, root="a"
    )
    gallery, _ = gallery.add(records_of(30), clustered(30, 12, seed=5), spec=spec, root="b")
    upsert, images, calls = milvus_store.Store._upsert, milvus_store.Store.images, list[int]()

    def failing(self: Any, rows: Any) -> None:
        calls.append(len(rows))
        if len(calls) == 6:
            raise KilledError
        upsert(self, rows)

    monkeypatch.setattr(milvus_store.Store, "_upsert", failing)
    with pytest.raises(KilledError):
        move(tmp_path / "one", address)
    moved = move(tmp_path / "one", address)
    assert (moved.change.added, moved.change.unchanged) == (count + 30 - 500, 500)
    equal(moved.gallery.download(), gallery)

    def stopping(self: Any, end: int, *, first: int = 0) -> Any:
        if first == 500:
            raise KilledError
        return images(self, end, first=first)

    monkeypatch.setattr(milvus_store.Store, "images", stopping)
    with pytest.raises(KilledError):
        move(address, tmp_path / "two")
    assert len(list((tmp_path / "two.parts").glob("*/gallery.json"))) == 2
    fetched = list[int]()

    def counting(self: Any, end: int, *, first: int = 0) -> Any:
        fetched.append(first)
        return images(self, end, first=first)

    monkeypatch.setattr(milvus_store.Store, "images", counting)
    equal(move(address, tmp_path / "two").gallery, gallery)
    assert fetched == [500, 750, 1000]


def test_a_copy_that_differs_is_told(address: str, tmp_path: Path) -> None:
    Gallery.build(tmp_path / "one", records=records_of(50), vectors=clustered(50, 8), spec=imported_spec("made", 8))
    moved = move(tmp_path / "one", address)
    store = moved.gallery.opened.store  # type: ignore[attr-defined]
    row = store.query("row == 7", ["*"])[0]
    store.put([row | {"vector": row["vector"][::-1], "sum": "0" * 16}])
    with pytest.raises(GalleryCorruptError, match=r"000007\.jpg: its checksum on the server differs"):
        move(address, tmp_path / "two")
    with pytest.raises(UsageError, match="from a folder to an address"):
        move(tmp_path / "one", tmp_path / "three")


def test_where_the_model_is_moves_along(town: Path, address: str, tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / f"{DEFAULT_MODEL}.onnx", tmp_path / "mine.onnx")
    row = json.loads((WEIGHTS / f"{DEFAULT_MODEL}.json").read_text()) | {"name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(row))
    photo = sorted(p for p in town.glob("query/*/*.jpg") if p.stat().st_size > 5000)[0]
    said("index", town, "--store", address, "--model", tmp_path / "mine.onnx")
    assert open_gallery(address).model_file == tmp_path / "mine.onnx"
    [answer] = said("query", address, photo)
    assert [answer] == said("query", address, photo, "--model", tmp_path / "mine.onnx")
    said("move", address, tmp_path / "beside.gallery")
    assert json.loads((tmp_path / "beside.gallery" / "gallery.json").read_text())["model_file"] == "../mine.onnx"
    assert said("query", tmp_path / "beside.gallery", photo)[0]["matches"] == answer["matches"]
    moved = Path(shutil.copytree(tmp_path, tmp_path.parent / "moved"))
    said("move", moved / "beside.gallery", address)
    assert open_gallery(address).model_file == moved / "mine.onnx"
    (moved / "mine.onnx").unlink()
    with pytest.raises(ModelError, match=r"milvus://.* was built with model \"mine\".*, which is not here"):
        recognize(address, photo)
    newer = (tmp_path / "newer").mkdir() or tmp_path / "newer" / "mine.onnx"
    for suffix in (".onnx", ".json"):
        shutil.copy((tmp_path / "mine").with_suffix(suffix), newer.with_suffix(suffix))
    (town_copy := tmp_path / "more" / "gallery" / "somewhere").mkdir(parents=True)
    shutil.copy(photo, town_copy / "new.jpg")
    assert said("add", address, tmp_path / "more", "--model", newer)["change"]["added"] == 1
    assert open_gallery(address).model_file == newer
    assert recognize(address, photo).matches[0].path == "gallery/somewhere/new.jpg"
