"""The bundled model in 8 bits: as far from 32 bit as is said, whatever an image's shape, and only where a table is."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.dataset.decoding.images import decode
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.models import DEFAULT_MODEL, WEIGHTS, find_model
from placeprint.embedding.runners import openvino_runner
from placeprint.embedding.runners.int8 import EightBits, save_table, table_of
from placeprint.errors import ModelError

PRESETS = ("fast", "balanced")
needs_the_instructions = pytest.mark.skipif(
    not openvino_runner.multiplies_bytes(), reason="without VNNI sums of bytes may run over"
)


@pytest.fixture(scope="module")
def photos(town: Path) -> list[Image.Image]:
    """Photographs of the town, among them an upright one and a long one."""
    whole = [decode(path.read_bytes()) for path in sorted(town.glob("gallery/*/01.jpg"))]
    wide, high = whole[0].size
    return [*whole, whole[0].crop((0, 0, high // 2, high)), whole[1].crop((0, 0, wide, high // 3))]


def of_bundled(preset: str, precision: str) -> Embedder:
    return load_embedder(preset=preset, precision=precision, threads=1)


@needs_the_instructions
@pytest.mark.parametrize("preset", PRESETS)
def test_it_is_near_32_bit_and_not_the_same(preset: str, photos: list[Image.Image]) -> None:
    small, single = (of_bundled(preset, precision) for precision in ("int8", "f32"))
    assert small.cache_key.endswith("-int8")
    assert single.cache_key.endswith("-f32")
    for photo in photos:
        found, wanted = small.describe(photo), single.describe(photo)
        assert 0.998 < found.vector @ wanted.vector < 0.99999  # without the moved biases 0.996
        if "cells" in wanted.parts:  # XFeat never computes in 8 bits
            ours, theirs = (each.parts["cells"].astype(np.float64).ravel() for each in (found, wanted))
            assert ours @ theirs / np.sqrt((ours @ ours) * (theirs @ theirs)) > 0.996


@pytest.mark.parametrize(
    ("bfloat16", "bytes_faster", "preset", "asked", "expected"),
    [
        (True, True, "fast", "auto", "bf16"),
        (False, True, "fast", "auto", "int8"),
        (False, True, "balanced", "auto", "f32"),
        (False, False, "fast", "auto", "f32"),
        (False, False, "balanced", "int8", "int8"),
        (True, True, "fast", "f32", "f32"),
    ],
)
def test_what_auto_means(
    bfloat16: bool, bytes_faster: bool, preset: str, asked: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_runner, "_halves", lambda _: bfloat16)
    monkeypatch.setattr(openvino_runner, "multiplies_bytes", lambda: bytes_faster)
    assert of_bundled(preset, asked).cache_key.rpartition("-")[2] == expected


def test_the_environment_may_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_PRECISION", "f32")
    assert load_embedder(threads=1).cache_key.endswith("-f32")
    assert load_embedder(threads=1, precision="int8").cache_key.endswith("-int8")


def test_a_model_without_a_table_computes_in_32_bit(tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    shutil.copy(WEIGHTS / f"{DEFAULT_MODEL}.onnx", mine)
    row = (WEIGHTS / f"{DEFAULT_MODEL}.json").read_text().replace(f'"{DEFAULT_MODEL}"', '"mine"')
    mine.with_suffix(".json").write_text(row)
    assert load_embedder(str(mine), precision="int8", threads=1).cache_key.endswith("-f32")


def test_a_table_is_kept_as_it_was_and_belongs_to_one_file(tmp_path: Path) -> None:
    ranges, moves = {"a": (0.25, 0), "b": (0.5, 130)}, {"x": np.array([1.5, -2.0], np.float32), "y": np.float32([7.0])}
    save_table(tmp_path / "m.onnx", EightBits("ab" * 32, "", ranges, moves))
    kept = table_of(tmp_path / "m.onnx", "ab" * 32)
    assert kept is not None
    assert kept.ranges == ranges
    assert {name: move.tolist() for name, move in kept.moves.items()} == {"x": [1.5, -2.0], "y": [7.0]}
    assert table_of(tmp_path / "m.onnx", "cd" * 32) is None
    assert table_of(tmp_path / "other.onnx", "ab" * 32) is None


@pytest.mark.parametrize("data", [b"", b"no table", b"PK\x03\x04 cut off"])
def test_a_damaged_table_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.int8.npz").write_bytes(data)
    with pytest.raises(ModelError, match=r'm\.int8\.npz" is damaged'):
        table_of(tmp_path / "m.onnx", "ab" * 32)


def test_the_table_is_of_the_bundled_file() -> None:
    file = find_model(DEFAULT_MODEL)
    table = table_of(file.path, file.spec.weights_sha256)
    assert table is not None
    assert len(table.moves) == 46
    assert {"_conv_stem", "_blocks.0._depthwise_conv", "_blocks.0._project_conv"}.isdisjoint(table.moves)
