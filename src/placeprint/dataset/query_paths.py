"""Which images are asked about: files, all images of folders, and lists of paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from placeprint.dataset.walk import walk
from placeprint.errors import UsageError
from placeprint.records import FailedImage
from placeprint.spelling import meant_path


def listed_paths(data: bytes) -> list[Path]:
    """Return the paths of a list: one a line, or separated by NUL as ``find -print0`` writes them.

    Raises `UsageError` when it names none.
    """
    lines = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    paths = [Path(os.fsdecode(line)) for line in lines if line.strip()]
    if not paths:
        raise UsageError("the list of photos is empty: give one path a line, as from: find photos -name '*.jpg'")
    return paths


def query_paths(paths: Iterable[Path]) -> Iterator[Path | FailedImage]:
    """Yield images in the order in which they are given, and those of a folder sorted, also from folders in it.

    A folder that cannot be looked into is yielded as a failure, under its path.

    Raises `UsageError` when a folder holds no image.
    """
    for path in paths:
        if not path.is_dir():
            near = "" if os.path.lexists(path) else meant_path(path)
            yield FailedImage(str(path), "missing", f"the file is not there{near}") if near else path
            continue
        found = walk(path)
        if not found.files and not found.failures:
            raise UsageError(f'"{path}" is a folder without photos')
        yield from (path.joinpath(*names) for names in found.files)
        yield from (replace(failure, path=str(path / failure.path)) for failure in found.failures)
