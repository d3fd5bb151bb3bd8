"""The embedding cache: what it keeps, and that it never costs a run."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest

from placeprint.dataset.scan import read_dataset
from placeprint.embedding.cache import EmbeddingCache, default_path
from placeprint.embedding.cache_rows import CachedEmbedding
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.pipeline import embed_records


def entry(value: float) -> CachedEmbedding:
    return CachedEmbedding(np.full(4, value, np.float32), 30, 20)


def test_what_is_put_is_got_by_content_and_model(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put("model", [("one", entry(1)), ("two", entry(2))])
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        got = cache.get("two", "model")
        assert got is not None
        np.testing.assert_array_equal(got.vector, [2, 2, 2, 2])
        assert (got.width, got.height) == (30, 20)
        assert cache.get("two", "other model") is None
        assert cache.get("three", "model") is None


def test_the_same_image_twice_among_others_is_one_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    twice = [("one", CachedEmbedding(np.full(4, value, np.float32), 30, 20, {"cells": cells})) for value in (1, 1)]
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put("model", [*twice, ("two", entry(2))])
        got = cache.get("one", "model")
        assert got is not None
        np.testing.assert_array_equal(got.parts["cells"], cells)
        assert cache.get("two", "model") is not None
    assert capsys.readouterr().err == ""
    assert [path.name for path in tmp_path.glob("*damaged*")] == []


def test_closing_waits_for_a_thread_that_asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As an interruption closes it in the middle of work: a file that is whole was set aside as damaged."""
    inside, on = threading.Event(), threading.Event()

    def ask(base: sqlite3.Connection) -> object:
        inside.set()
        on.wait(5)
        return base.execute("select 1").fetchone()

    cache = EmbeddingCache(tmp_path / "c.sqlite")
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(cache._asked, ask)
        inside.wait(5)
        closed = pool.submit(cache.close)
        wait([closed], timeout=0.1)
        on.set()
        assert asked.result() == (1,)
        closed.result()
    assert cache.get("one", "model") is None
    assert capsys.readouterr().err == ""
    assert [path.name for path in tmp_path.glob("*damaged*")] == []


def test_a_connection_that_was_closed_is_no_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = EmbeddingCache(tmp_path / "c.sqlite")
    assert cache._base is not None
    cache._base.close()
    assert cache.get("one", "model") is None
    assert "closed" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*damaged*")] == []


@pytest.mark.usefixtures("own_cache")
def test_the_time_is_shared_out_and_cached_images_are_not_decoded(town: Path) -> None:
    manifest, embedder = read_dataset(town), load_embedder(threads=2)
    records = manifest.records[:8]
    with EmbeddingCache() as cache:
        fresh, cached = (embed_records(records, manifest.root, embedder=embedder, cache=cache) for _ in range(2))
    for done in (fresh, cached):
        assert list(done.shares) == ["read", "decode", "embed", "wait"]
        assert sum(done.shares.values()) == pytest.approx(1)
        assert min(done.shares.values()) >= 0
        assert done.shares["read"] > 0
    assert min(fresh.shares["decode"], fresh.shares["embed"]) > 0
    assert (cached.computed, cached.shares["decode"], cached.shares["embed"]) == (0, 0, 0)
    assert embed_records((), manifest.root, embedder=embedder).shares["wait"] == 1


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_no_number(town: Path, workers: int) -> None:
    records = read_dataset(town).records[:6]
    wanted = embed_records(records, town, embedder=load_embedder(preset="balanced"))
    found = embed_records(records, town, embedder=load_embedder(preset="balanced", threads=workers))
    assert found.records == wanted.records
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    for mine, theirs in zip(found.parts["cells"], wanted.parts["cells"], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_parts_that_were_lost_are_taken_again(town: Path, own_cache: Path) -> None:
    manifest = read_dataset(town)
    embedder = load_embedder(preset="balanced")
    with EmbeddingCache() as cache:
        first = embed_records(manifest.records[:2], manifest.root, embedder=embedder, cache=cache)
    base = sqlite3.connect(own_cache / "embeddings.sqlite")
    with base:
        base.execute("delete from parts where content = ?", (first.records[0].content_hash,))
        base.execute("update parts set rows = 'abc' where content = ?", (first.records[1].content_hash,))
    base.close()
    with EmbeddingCache() as cache:
        again = embed_records(manifest.records[:2], manifest.root, embedder=embedder, cache=cache)
    assert (first.computed, again.computed) == (2, 2)
    for one, other in zip(first.parts["cells"], again.parts["cells"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_environment_names_the_folder(own_cache: Path) -> None:
    assert default_path() == own_cache / "embeddings.sqlite"


def test_a_damaged_file_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"this is no database, but long enough to be looked at as one" * 50)
    with EmbeddingCache(path) as cache:
        cache.put("model", [("one", entry(1))])
        assert cache.get("one", "model") is not None
    assert (tmp_path / "c.damaged").is_file()
    assert "damaged" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_costs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with EmbeddingCache(tmp_path / "file" / "c.sqlite") as cache:
        cache.put("model", [("one", entry(1))])
        assert cache.get("one", "model") is None
    assert "going on without it" in capsys.readouterr().err


_WRITER = """
import sys, numpy as np
from pathlib import Path
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_rows import CachedEmbedding
with EmbeddingCache(Path(sys.argv[1])) as cache:
    for i in range(60):
        cache.put("model", [(f"{sys.argv[2]}-{i}", CachedEmbedding(np.full(4, i, np.float32), 1, 1))])
"""


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name]) for name in "ab"]
    assert [w.wait(timeout=60) for w in writers] == [0, 0]
    with EmbeddingCache(path) as cache:
        for name in "ab":
            for i in range(60):
                got = cache.get(f"{name}-{i}", "model")
                assert got is not None
                np.testing.assert_array_equal(got.vector, np.full(4, i))
    base = sqlite3.connect(path)
    assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    base.close()
