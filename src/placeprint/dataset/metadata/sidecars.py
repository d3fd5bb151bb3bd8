"""XMP sidecars: ``IMG.jpg.xmp`` or ``IMG.xmp`` beside ``IMG.jpg``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path, PurePosixPath

from placeprint.dataset.files import locate
from placeprint.dataset.metadata.facts import IMPOSSIBLE, Facts
from placeprint.dataset.metadata.xmp import xmp_facts
from placeprint.errors import ImageError
from placeprint.storage.regular_files import read_regular

LARGEST = 1 << 24
"""Bytes of a sidecar: those with masks of an editor have some millions."""
_ENDING = ".xmp"


class Sidecars:
    """The sidecars of a dataset; each folder is listed once.

    `root`: The dataset's folder; nothing outside of it is read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed = lru_cache(maxsize=64)(self._names)

    def facts(self, path: str) -> Facts:
        """Return what the sidecar of an image says, if there is one; the longer name goes first."""
        name = self.name_of(path)
        if not name:
            return Facts()
        try:
            return xmp_facts(read_regular(locate(self._root, str(PurePosixPath(path).parent / name)), LARGEST))
        except ImageError as error:
            return Facts(faults=((IMPOSSIBLE, f'its sidecar "{name}" is not read: {error.reason}'),))
        except OSError as error:
            return Facts(faults=((IMPOSSIBLE, f'its sidecar "{name}" is not read: {error.strerror}'),))

    def name_of(self, path: str) -> str:
        """Return the name of the sidecar of an image; empty when it has none."""
        image = PurePosixPath(path)
        there = self._listed(str(image.parent))
        wanted = (image.name.lower() + _ENDING, image.stem.lower() + _ENDING)
        return next((there[key] for key in wanted if key in there), "")

    def _names(self, folder: str) -> dict[str, str]:
        try:
            with os.scandir(self._root / folder) as entries:
                return {e.name.lower(): e.name for e in entries if e.name.lower().endswith(_ENDING)}
        except (OSError, ValueError):
            return {}
