"""The embedding cache when something happened to it: what does not fit is embedded again, and nothing ends a run."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placeprint.dataset.scan import read_dataset
from placeprint.embedding import cache_rows
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_rows import CachedEmbedding, found_row, make_tables
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.pipeline import embed_records

NAMES = [f"photo-{i}" for i in range(30)]


def entry(name: str) -> CachedEmbedding:
    number = NAMES.index(name)
    cells = np.arange(24, dtype=np.int8).reshape(2, 3, 4) + np.int8(number)
    return CachedEmbedding(np.full(64, number + 0.5, np.float32), 30 + number, 20, {"cells": cells})


def filled(path: Path) -> Path:
    with EmbeddingCache(path) as cache:
        cache.put("model", [(name, entry(name)) for name in NAMES])
    return path


def assert_same(one: CachedEmbedding | None, other: CachedEmbedding) -> None:
    assert one is not None
    assert (one.width, one.height, one.parts.keys()) == (other.width, other.height, other.parts.keys())
    np.testing.assert_array_equal(one.vector, other.vector)
    for name, part in one.parts.items():
        np.testing.assert_array_equal(part, other.parts[name])


@pytest.mark.parametrize(
    "change",
    [
        "update embeddings set vector = substr(vector, 1, 240)",
        "update embeddings set vector = zeroblob(256)",
        "update embeddings set vector = 'text'",
        "update embeddings set vector = cast(vector as text)",
        "update embeddings set vector = 7",
        "update embeddings set vector = x''",
        "update embeddings set width = height, height = width",
        "update embeddings set width = '30 pixels'",
        "update embeddings set width = width + 0.5",
        "update embeddings set checksum = null",
        "update embeddings set checksum = 'text'",
        "update embeddings set vector = (select vector from embeddings where content = 'photo-9')",
        "update parts set rows = x'00'",
        "update parts set rows = 'abc'",
        "update parts set height = width, width = height",
        "update parts set kind = 'uint8'",
        "update parts set kind = 'object'",
        "update parts set name = cast(x'ff00fe' as text)",
        "update parts set depth = 'text'",
        "delete from parts",
        "insert into parts select content, model, 'more', kind, height, width, depth, rows from parts",
    ],
)
def test_a_row_that_is_not_what_was_written_is_none_and_is_replaced(tmp_path: Path, change: str) -> None:
    path = filled(tmp_path / "c.sqlite")
    base = sqlite3.connect(path)
    with base:
        base.execute(f"{change} where content = 'photo-3'")
    base.close()
    with EmbeddingCache(path) as cache:
        assert cache.get("photo-3", "model") is None
        assert_same(cache.get("photo-4", "model"), entry("photo-4"))
        cache.put("model", [("photo-3", entry("photo-3"))])
        assert_same(cache.get("photo-3", "model"), entry("photo-3"))


def test_numbers_that_are_none_are_no_embedding(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        for value in (np.nan, np.inf, -np.inf):
            cache.put("model", [("one", CachedEmbedding(np.array([0.5, value], np.float32), 3, 2))])
            assert cache.get("one", "model") is None


def test_tables_of_something_else_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = sqlite3.connect(tmp_path / "c.sqlite")
    with base:
        base.execute("create table embeddings (photo text)")
    base.close()
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put("model", [("photo-1", entry("photo-1"))])
        assert cache.get("photo-1", "model") is None
    base = sqlite3.connect(tmp_path / "c.sqlite")
    assert base.execute("select * from embeddings").fetchall() == []
    base.close()
    assert "something else" in capsys.readouterr().err


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    share=st.floats(0, 1),
    damage=st.sampled_from([b"\x01", b"\xe7", b"\0" * 5000, b"text in the place of bytes", None]),
)
def test_a_damaged_file_gives_what_was_written_or_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float, damage: bytes | None
) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    good = filled(path := tmp_path / "c.sqlite").read_bytes()
    at = int(share * (len(good) - 1))
    path.write_bytes(good[:at] if damage is None else (good[:at] + damage + good[at + len(damage) :])[: len(good)])
    capsys.readouterr()
    with EmbeddingCache(path) as cache:
        for name in NAMES:
            if (found := cache.get(name, "model")) is not None:
                assert_same(found, entry(name))
            cache.put("model", [(name, entry(name))])
    assert capsys.readouterr().err.count("\n") <= 1


def test_a_row_of_another_length_moves_no_other_photo(town: Path, own_cache: Path) -> None:
    records, embedder = read_dataset(town).records[:5], load_embedder()
    with EmbeddingCache() as cache:
        wanted = embed_records(records, town, embedder=embedder, cache=cache)
        some = wanted.records[1].content_hash
        cache.put(embedder.cache_key, [(some, CachedEmbedding(np.ones(7, np.float32), 3, 2))])
        found = embed_records(records, town, embedder=embedder, cache=cache)
        again = embed_records(records, town, embedder=embedder, cache=cache)
    assert (found.computed, found.cached, again.computed) == (1, 4, 0)
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    assert (own_cache / "embeddings.sqlite").is_file()


@pytest.mark.parametrize("size", [(0, 20), (-3, 20), ("wide", 20), (30, 0.5), (30, b"20")])
def test_a_size_that_is_none_is_no_row_whatever_its_checksum(tmp_path: Path, size: tuple[object, object]) -> None:
    with closing(sqlite3.connect(tmp_path / "cache.sqlite")) as base:
        make_tables(base)
        vector = np.ones(4, "<f4").tobytes()
        for name, (width, height) in {"odd": size, "fine": (30, 20)}.items():
            checksum = cache_rows._checksum((name, "model", width, height), vector, [])
            base.execute(cache_rows._KEEP, (name, "model", width, height, vector, checksum))
        assert found_row(base, "odd", "model") is None
        assert found_row(base, "fine", "model") is not None
