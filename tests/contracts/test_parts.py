"""What is kept of an image besides its vector: the same by every runner, thread and order, and in the cache."""

import dataclasses
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from placeprint.dataset.decoding.images import decode
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_rows import CachedEmbedding
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.models import WEIGHTS
from placeprint.embedding.pipeline import embed_records
from placeprint.embedding.preprocess import CELL_SCALE, FEWEST, cell_grid, cells_of, prepare, prepare_whole
from placeprint.errors import ModelError
from placeprint.records import ImageRecord

RUNNERS = ["openvino", "onnx"]


def picture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return soft shapes with grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    soft = coarse.resize((320, 240), Image.Resampling.NEAREST).filter(ImageFilter.GaussianBlur(2)).resize(size)
    return Image.fromarray(np.clip(np.asarray(soft) + rng.normal(0, 4, (size[1], size[0], 1)), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module", params=RUNNERS)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "onnx":
        pytest.importorskip("onnxruntime")
    return load_embedder(preset="balanced", runner=request.param, threads=2)


def cosines(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.float64]:
    a, b = (x.reshape(-1, x.shape[2]).astype(np.float64) for x in (one, other))
    return np.asarray((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


def test_cells_are_unit_vectors_in_8_bits_in_the_shape_of_the_image(embedder: Embedder) -> None:
    for size, shape in (((320, 240), (16, 22)), ((240, 320), (22, 16)), ((300, 300), (18, 18))):
        found = embedder.describe(picture(0, size))
        cells = found.parts["cells"]
        assert list(found.parts) == ["cells", "xfeat"]
        assert found.parts["xfeat"].shape[1:] == (1, 68)
        assert cells.dtype == np.int8
        assert cells.shape[:2] == shape
        assert cells.shape[2] > 16
        lengths = np.linalg.norm(cells.astype(float), axis=2) / CELL_SCALE
        assert 0.98 < np.median(lengths) < 1.02
        assert lengths.max() < 1.02
        np.testing.assert_array_equal(found.vector, embedder.embed_one(picture(0, size)))


def test_cells_lie_where_the_image_shows_them(embedder: Embedder) -> None:
    grey = Image.new("RGB", (320, 320), (120, 120, 120))
    marked = grey.copy()
    marked.paste(picture(1, (80, 80)), (240, 0))
    changed = cosines(embedder.describe(grey).parts["cells"], embedder.describe(marked).parts["cells"]).reshape(18, 18)
    assert changed[:5, 13:].mean() < 0.7 < 0.95 < changed[9:, :9].mean()


def test_order_and_threads_change_nothing(embedder: Embedder) -> None:
    images = [picture(i, (320 - 20 * i, 240)) for i in range(4)]
    one_by_one = [embedder.describe(image) for image in images]
    backwards = [embedder.describe(image) for image in images[::-1]][::-1]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(embedder.describe, images))
    for first, *others in zip(one_by_one, backwards, threaded, strict=True):
        for other in others:
            np.testing.assert_array_equal(first.vector, other.vector)
            np.testing.assert_array_equal(first.parts["cells"], other.parts["cells"])


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (255, 257), (1, 5000)])
def test_any_size_has_cells(embedder: Embedder, size: tuple[int, int]) -> None:
    cells = embedder.describe(picture(0, size)).parts["cells"]
    rows, columns = cells.shape[:2]
    assert min(rows, columns) >= FEWEST
    assert rows * columns <= embedder.spec.cells
    assert (rows > columns) == (size[1] > size[0]) or size == (1, 1) or rows == columns


def test_both_runners_agree(town: Path) -> None:
    pytest.importorskip("onnxruntime")
    photos = [decode(p.read_bytes()) for p in sorted(town.glob("gallery/*/01.jpg"))]
    onnx = load_embedder(preset="balanced", runner="onnx")
    wanted = [onnx.describe(photo) for photo in photos]
    for precision, least in (("auto", 0.99), ("f32", 0.9999)):
        openvino = load_embedder(preset="balanced", precision=precision)
        for photo, other in zip(photos, wanted, strict=True):
            found = openvino.describe(photo)
            assert found.parts["cells"].shape == other.parts["cells"].shape
            assert cosines(found.parts["cells"], other.parts["cells"]).mean() >= least
            assert found.vector @ other.vector >= min(least, 0.999)


def test_an_embedding_is_the_mean_of_its_views(embedder: Embedder) -> None:
    image = picture(2, (400, 240))
    views = ("crop", "squash", "flip")
    looks = {
        view: load_embedder(
            preset=dataclasses.replace(embedder.spec, views=(view,), cells=0), runner=embedder._runner.name, threads=2
        ).embed_one(image)
        for view in views
    }
    mean = looks["crop"] + looks["squash"]
    both = dataclasses.replace(embedder.spec, views=("crop", "squash"), cells=0)
    found = load_embedder(preset=both, runner=embedder._runner.name, threads=2).embed_one(image)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)
    plain = load_embedder(runner=embedder._runner.name, threads=2)
    np.testing.assert_array_equal(looks["crop"], plain.embed_one(image))
    assert looks["crop"] @ looks["squash"] < 0.999
    np.testing.assert_array_equal(
        prepare(image, embedder.spec, "flip"), prepare(image, embedder.spec, "squash")[:, ::-1]
    )
    assert looks["flip"] @ looks["squash"] < 0.9999


def test_the_whole_is_pooled_from_the_pass_that_gives_the_cells(embedder: Embedder) -> None:
    image = picture(2, (700, 240))
    look = embedder._runner.run_whole(prepare_whole(image, embedder.spec))
    assert look.features is not None
    assert (look.features.shape[0], look.features.shape[1] < look.features.shape[2]) == (1280, True)
    pooled = np.sqrt((np.maximum(look.features.astype(np.float64), 1e-6) ** 2).mean(axis=(1, 2)))
    found = embedder.describe(image)
    np.testing.assert_allclose(found.vector, pooled / np.linalg.norm(pooled), atol=1e-6)
    np.testing.assert_array_equal(found.parts["cells"], cells_of(look.cells))
    np.testing.assert_array_equal(embedder.embed_one(image), found.vector)


def test_a_map_of_more_cells_than_are_kept_is_refused(monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> None:
    monkeypatch.setattr("placeprint.embedding.preprocess.MOST_PARTS", 323)
    with pytest.raises(ModelError, match="gives a map of 324 cells, more than the 323 that are kept"):
        embedder.describe(picture(0, (300, 300)))


@pytest.mark.parametrize("aspect", [1.0, 4 / 3, 3 / 4, 16 / 9, 21 / 9, 30.0, 1e-3])
@pytest.mark.parametrize("step", [1, 2, 4])
def test_the_grid_is_the_largest_that_fits_the_aspect(aspect: float, step: int) -> None:
    rows, columns = cell_grid(aspect, 360, step)
    assert rows % step == columns % step == 0
    assert rows * columns <= 360
    assert cell_grid(1 / aspect, 360, step) == (columns, rows)
    if 0.5 < aspect < 2:
        assert rows * columns >= 250
        assert columns / rows == pytest.approx(aspect, rel=0.2)


def test_the_input_for_cells_is_the_whole_image_in_multiples_of_32() -> None:
    spec = load_embedder(preset="balanced").spec
    left_half = Image.new("RGB", (640, 300))
    left_half.paste((200, 100, 50), (0, 0, 320, 300))
    pixels = prepare_whole(left_half, spec)
    height, width = pixels.shape[:2]
    assert (height % 32, width % 32, pixels.dtype) == (0, 0, np.uint8)
    assert pixels[:, : width // 2 - 4].reshape(-1, 3).min(axis=0).tolist() == [200, 100, 50]
    assert pixels[:, width // 2 + 4 :].max() == 0


def test_cells_of_a_map_by_value() -> None:
    features = np.zeros((3, 1, 3), np.float32)
    features[:, 0, 0], features[:, 0, 1] = [0.3, -0.4, 1.2], [5, 0, 0]
    cells = cells_of(features)
    assert cells.tolist() == [[[59, -78, 127], [127, 0, 0], [0, 0, 0]]]
    assert cells.flags.c_contiguous


def test_the_preset_is_in_the_fingerprint_where_it_changes_what_is_kept() -> None:
    fast, balanced = load_embedder().spec, load_embedder(preset="balanced").spec
    assert (fast.views, fast.cells) == ((), 0)
    assert dataclasses.replace(fast, cells_output="", cells_stride=0).fingerprint() == fast.fingerprint()
    assert balanced.fingerprint() != fast.fingerprint()
    cheaper = load_embedder(preset="balanced:verified=3:budget_ms=5").spec
    assert cheaper.fingerprint() == balanced.fingerprint()
    again = load_embedder(preset=balanced).spec
    assert again == balanced


def by_path(folder: Path, **changes: object) -> Path:
    shutil.copy(WEIGHTS / "efficientnet-lite0.onnx", folder / "m.onnx")
    row = json.loads((WEIGHTS / "efficientnet-lite0.json").read_text()) | {"weights_sha256": ""} | changes
    (folder / "m.json").write_text(json.dumps(row))
    return folder / "m.onnx"


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_model_without_a_map_keeps_no_cells_and_one_that_lies_is_told(tmp_path: Path, runner: str) -> None:
    if runner == "onnx":
        pytest.importorskip("onnxruntime")
    bare = load_embedder(str(by_path(tmp_path, cells_output="", cells_stride=0)), preset="balanced", runner=runner)
    found = bare.describe(picture(0))
    assert (list(found.parts), bare.spec.cells, bare.spec.views) == (["xfeat"], 0, ("crop", "squash"))
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ModelError, match='no output called "nothing"'):
        load_embedder(str(by_path(tmp_path, cells_output="nothing")), preset="balanced", runner=runner)


def test_the_cache_keeps_parts_and_a_damaged_row_costs_nothing(tmp_path: Path, embedder: Embedder) -> None:
    for i in range(3):
        picture(i, (160 + 40 * i, 160)).save(tmp_path / f"{i}.png")
    records = [ImageRecord(path=f"{i}.png") for i in range(3)]

    def embedded(cache: EmbeddingCache | None) -> tuple[int, NDArray[np.float32], list[NDArray[np.int8]]]:
        done = embed_records(records, tmp_path, embedder=embedder, cache=cache)
        return done.computed, done.vectors, list(done.parts["cells"])

    _, vectors, cells = embedded(None)
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        runs = [embedded(cache), embedded(cache)]
        base = sqlite3.connect(tmp_path / "c.sqlite")
        with base:
            base.execute("update parts set rows = substr(rows, 2) where rowid = 2")
            base.execute("update parts set kind = 'float9' where rowid = 3")
        base.close()
        runs += [embedded(cache), embedded(cache)]
    assert [run[0] for run in runs] == [3, 0, 2, 0]
    for _, again, parts in runs:
        np.testing.assert_array_equal(again, vectors)
        for one, other in zip(parts, cells, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_cache_by_value(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = {
        "cells": rng.integers(-127, 128, (2, 3, 5), dtype=np.int8),
        "xfeat": rng.integers(0, 256, (7, 1, 4), dtype=np.uint8),
    }
    none = {"cells": np.zeros((0, 1, 5), np.int8)}
    vector = np.ones(4, np.float32)
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put("m", [("a", CachedEmbedding(vector, 3, 2, parts)), ("b", CachedEmbedding(vector, 3, 2, none))])
        cache.put("n", [("a", CachedEmbedding(vector, 3, 2))])
        for content, model, wanted in (("a", "m", parts), ("b", "m", none), ("a", "n", {})):
            got = cache.get(content, model)
            assert got is not None
            assert set(got.parts) == set(wanted)
            for name, rows in wanted.items():
                assert (got.parts[name].shape, got.parts[name].dtype) == (rows.shape, rows.dtype)
                np.testing.assert_array_equal(got.parts[name], rows)
