"""A room without a home: everything works without a cache, and says so in one line."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.embedding.cache import EmbeddingCache, default_path
from placeprint.embedding.cache_rows import CachedEmbedding
from placeprint.embedding.model_folder import find_exported, models_folder, place_for_export
from placeprint.errors import UsageError
from placeprint.storage.user_cache import cache_folder

NO_HOME = "there is no cache folder (the home directory is unknown): going on without one"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither HOME nor an entry in the system's list of users."""
    import pwd

    def nobody(_: object) -> None:
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME", "PLACEPRINT_CACHE", "PLACEPRINT_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr("placeprint.storage.user_cache._said", set())


def entry() -> CachedEmbedding:
    return CachedEmbedding(np.full(4, 1, np.float32), 30, 20)


@pytest.mark.usefixtures("homeless")
def test_no_home_is_said_once_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with EmbeddingCache() as cache:
            cache.put("model", [("one", entry())])
            assert cache.get("one", "model") is None
    assert find_exported("timm:net") is None
    assert not default_path().exists()
    with pytest.raises(UsageError, match="PLACEPRINT_MODELS"):
        place_for_export("timm:net")
    said = capsys.readouterr().err
    assert said == f"{NO_HOME}; PLACEPRINT_CACHE names another folder\n"


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("name", "value"), [("HOME", "relative"), ("XDG_CACHE_HOME", "odd"), ("PLACEPRINT_CACHE", "~/x")]
)
def test_no_folder_is_made_where_the_program_was_started(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    EmbeddingCache().close()
    assert list(tmp_path.iterdir()) == []
    assert NO_HOME in capsys.readouterr().err


def test_the_home_is_known_in_a_named_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACEPRINT_CACHE", "~/x")
    assert cache_folder() == tmp_path / "x"
    monkeypatch.delenv("PLACEPRINT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if sys.platform == "linux":
        assert models_folder() == tmp_path / ".cache" / "placeprint" / "models"


def a_file(folder: Path) -> Path:
    folder.write_text("")
    return folder


def below_a_file(folder: Path) -> Path:
    folder.write_text("")
    return folder / "cache"


def a_broken_link(folder: Path) -> Path:
    folder.symlink_to(folder.parent / "nowhere")
    return folder


def a_circle(folder: Path) -> Path:
    folder.symlink_to(folder)
    return folder


def a_name_too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


def a_folder_for_a_database(folder: Path) -> Path:
    (folder / "embeddings.sqlite").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "make", [a_file, below_a_file, a_broken_link, a_circle, a_name_too_long, a_folder_for_a_database]
)
def test_what_is_in_the_way_is_said_once(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(tmp_path / "cache")
    monkeypatch.setenv("PLACEPRINT_CACHE", str(folder))
    for _ in range(2):
        with EmbeddingCache() as cache:
            cache.put("model", [("one", entry())])
            assert cache.get("one", "model") is None
    assert find_exported("timm:net") is None
    said = capsys.readouterr().err
    assert said.startswith(f'the cache "{folder}" cannot be used (')
    assert said.endswith("): going on without it; PLACEPRINT_CACHE names another folder\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("make", [a_file, below_a_file, a_circle])
def test_nothing_is_looked_for_where_something_is_in_the_way(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE", str(make(tmp_path / "cache")))
    assert not cache_folder().is_relative_to(tmp_path)


def test_a_folder_that_may_not_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may do everything
    assert not cache_folder().is_relative_to(tmp_path)
    assert "(permission denied)" in capsys.readouterr().err


def test_a_disk_that_fills_up_ends_the_cache_and_not_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        assert cache._base is not None
        cache._base.execute("pragma max_page_count = 8")
        big = CachedEmbedding(np.zeros(100_000, np.float32), 1, 1)
        for name in ("one", "two"):
            cache.put("model", [(name, big)])
            assert cache.get(name, "model") is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "full" in said


def test_a_locked_database_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("placeprint.embedding.cache._PATIENCE", 0.05)
    other = sqlite3.connect(tmp_path / "c.sqlite")
    other.execute("begin exclusive")
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put("model", [("one", entry())])
        assert cache.get("one", "model") is None
    other.close()
    assert "database is locked" in capsys.readouterr().err


def test_a_database_with_a_damaged_page_is_done_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.sqlite"
    with EmbeddingCache(path) as cache:
        cache.put("model", [(f"{n:064}", entry()) for n in range(3000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    with EmbeddingCache(path) as cache:
        for n in range(3000):
            cache.get(f"{n:064}", "model")
        cache.put("model", [("new", entry())])
    assert capsys.readouterr().err.count("\n") == 1


HOMELESS = """
import sys, pwd
def nobody(_): raise KeyError
pwd.getpwuid = nobody
from placeprint.cli.program import run
run()
"""


def test_the_program_works_without_a_home(tmp_path: Path) -> None:
    for place in "ab":
        (tmp_path / "data" / place).mkdir(parents=True)
        noise = np.random.default_rng(ord(place)).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "data" / place / "0.png")
    clean = {n: v for n, v in os.environ.items() if n == "PATH" or n.startswith("COV")}

    def program(*arguments: str, **more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", HOMELESS, *arguments],
            cwd=tmp_path,
            env=clean | more,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    line = f"{NO_HOME}; PLACEPRINT_CACHE names another folder\n"
    assert program("models") == (0, line)
    code, said = program("index", "data", "-o", "g", "--preset", "fast", "--quiet")
    assert (code, said.splitlines(keepends=True)[1:]) == (0, [line])  # the first says what was understood
    assert program("query", "g", "data/a/0.png") == (0, line)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "g"]
