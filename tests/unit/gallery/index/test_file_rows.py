"""Rows that are read from the file of a memory map, and asked for together where the system has to read a disk."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index import file_rows
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.file_rows import FileRows, rows_from_file

ROWS = np.array([3, 4, 5, 90, 17, 18, 60])
STRETCHES = [(3, 3), (90, 1), (17, 2), (60, 1)]
WIDTH = 4 * 8

needs_nowait = pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="this system cannot read without waiting")


@pytest.fixture
def kept(tmp_path: Path) -> Vectors:
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32))
    return np.load(tmp_path / "v.npy", mmap_mode="r")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The first byte, and how many, of each stretch that the system is asked to read."""
    found = list[tuple[int, int]]()
    monkeypatch.setattr(file_rows.os, "posix_fadvise", lambda _, first, count, __: found.append((first, count)))
    return found


def reading(refuses: Callable[[int], int | None]) -> Callable[..., int]:
    """Return a way to read that fails with an error of the system, by the number of the call without waiting."""
    usual, calls = os.preadv, iter(range(1000))

    def preadv(file: int, into: Sequence[memoryview], at: int, flags: int = 0) -> int:
        number = refuses(next(calls)) if flags else None
        if number is not None:
            raise OSError(number, os.strerror(number))
        return usual(file, into, at, flags)

    return preadv


def test_rows_that_are_in_memory_are_read_at_once(kept: Vectors, asked: list[tuple[int, int]]) -> None:
    read = rows_from_file(kept)
    assert isinstance(read, FileRows)
    assert np.array_equal(kept[ROWS], read[ROWS])
    assert asked == []


@needs_nowait
@pytest.mark.parametrize("first", range(5))
def test_the_rest_is_asked_for_from_the_first_that_is_not(
    kept: Vectors, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(file_rows.os, "preadv", reading(lambda call: errno.EAGAIN if call >= first else None))
    assert np.array_equal(kept[ROWS], rows_from_file(kept)[ROWS])
    assert asked == [(kept.offset + WIDTH * row, WIDTH * count) for row, count in STRETCHES[first:]]


@needs_nowait
def test_a_system_that_cannot_tell_is_asked_all_the_same(kept: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rows.os, "preadv", reading(lambda _: errno.EOPNOTSUPP))
    assert np.array_equal(kept[ROWS], rows_from_file(kept)[ROWS])
    monkeypatch.delattr(file_rows.os, "RWF_NOWAIT")
    assert np.array_equal(kept[ROWS], rows_from_file(kept)[ROWS])


def test_no_rows_and_a_file_that_became_shorter(kept: Vectors, tmp_path: Path) -> None:
    read = rows_from_file(kept)
    assert read[np.zeros(0, np.int64)].shape == (0, 8)
    os.truncate(tmp_path / "v.npy", kept.offset + 20 * WIDTH)
    assert np.isfinite(read[ROWS[:3]]).all()
    with pytest.raises(GalleryCorruptError, match="shorter"):
        read[ROWS]
