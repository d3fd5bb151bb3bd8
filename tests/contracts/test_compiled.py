"""Compiled graphs that are kept: the same numbers, and never a run that fails because of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.runners import compiled


@pytest.fixture
def graphs(own_cache: Path) -> Path:
    """A cache of its own for compiled graphs too."""
    (own_cache / "compiled").unlink()
    return own_cache / "compiled"


def look(precision: str = "f32") -> np.ndarray:
    rng = np.random.default_rng(3)
    image = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((320, 240))
    return load_embedder(preset="balanced:xfeat=0", precision=precision, threads=1).describe(image).vector


def never(*_: object) -> object:
    raise AssertionError("compiled again")


def test_a_kept_graph_gives_the_same_numbers_without_compiling(graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for precision in ("f32", "int8"):
        first = look(precision)
        with monkeypatch.context() as patched:
            patched.setattr("placeprint.embedding.runners.openvino_runner._graph", never)
            np.testing.assert_array_equal(look(precision), first)
    assert len(list(graphs.glob("*.blob"))) == 2


def other_weights(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(100_000) + data[middle + 100_000 :]


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda _: b"", other_weights])
def test_a_damaged_one_is_compiled_again(graphs: Path, harm: object, monkeypatch: pytest.MonkeyPatch) -> None:
    first = look()
    (kept,) = graphs.glob("*.blob")
    whole = kept.read_bytes()
    kept.write_bytes(harm(whole))  # type: ignore[operator]
    np.testing.assert_array_equal(look(), first)
    monkeypatch.setattr("placeprint.embedding.runners.openvino_runner._graph", never)
    np.testing.assert_array_equal(look(), first)


def test_without_a_place_to_keep_it_all_goes_on(graphs: Path) -> None:
    graphs.write_text("a file where the folder should be")
    np.testing.assert_array_equal(look(), look())
    assert graphs.read_text().startswith("a file")


def test_those_used_last_are_kept(graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST", 1)
    look("f32")
    (old,) = graphs.glob("*.blob")
    look("int8")
    (new,) = graphs.glob("*.blob")
    assert new != old
