"""Files that somebody names, of every kind that a path may lead to: only regular ones are read, and so many bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placeprint.dataset.checks.baseline import Baseline
from placeprint.dataset.files import read_bytes
from placeprint.dataset.manifest import read_manifest
from placeprint.embedding.export.checkpoints import read_checkpoint
from placeprint.embedding.imported import read_embeddings
from placeprint.embedding.onnx_file import read_onnx
from placeprint.embedding.sidecar import read_sidecar
from placeprint.errors import PlaceprintError
from placeprint.storage.regular_files import NotRegularError, TooLargeError, read_regular

READERS: dict[str, Callable[[Path], object]] = {
    "photo": read_bytes,
    "table": read_manifest,
    "baseline": Baseline.read,
    "embeddings": lambda path: read_embeddings(path, path),
    "model": read_onnx,
    "description": read_sidecar,
    "checkpoint": lambda path: read_checkpoint(path, published=False),
}


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    return tmp_path / "sparse"


@pytest.mark.parametrize("reader", READERS)
def test_a_device_and_a_pipe_are_refused_at_once(reader: str, pipe: Path, tmp_path: Path) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (pipe, Path("/dev/zero"), tmp_path / "zero", tmp_path):
        with pytest.raises(PlaceprintError) as caught:
            READERS[reader](path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"embeddings"}))
def test_a_file_that_is_too_large_is_not_read(reader: str, sparse: Path) -> None:
    with pytest.raises(PlaceprintError, match=r"more than|larger than"):
        READERS[reader](sparse)


def test_an_array_that_says_more_than_there_is(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**13, 512)})
    with pytest.raises(PlaceprintError, match=r"cannot be read as a \.npy array"):
        read_embeddings(tmp_path / "a.npy", tmp_path / "a.csv")


def test_what_is_read_of_a_regular_file(tmp_path: Path, pipe: Path) -> None:
    (tmp_path / "five").write_bytes(b"12345")
    assert read_regular(tmp_path / "five", 5) == b"12345"
    with pytest.raises(TooLargeError, match=r"^the file has 5 bytes, more than 4$"):
        read_regular(tmp_path / "five", 4)
    with pytest.raises(NotRegularError, match=r"^this is not a regular file$"):
        read_regular(pipe, 5)


def test_a_file_that_says_no_size_is_read_up_to_the_limit() -> None:
    endless = Path("/proc/self/maps")
    if not endless.exists():
        pytest.skip("the system has no /proc")
    assert endless.stat().st_size == 0
    assert len(read_regular(endless, 1 << 20)) > 100
    with pytest.raises(TooLargeError, match=r"more than 100 bytes"):
        read_regular(endless, 100)
