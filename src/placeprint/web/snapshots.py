"""The gallery as it is now: an immutable snapshot that every request takes once, swapped when the folder changes."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.embedder import Looker
from placeprint.errors import PlaceprintError
from placeprint.gallery.files import HEAD
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.loading import embedder_for
from placeprint.recognition.recognizer import Recognizer

LOG = logging.getLogger("placeprint.web")

Mark = tuple[int, int, int]
"""What tells one head file from the next."""


@dataclass(frozen=True)
class Place:
    """A place in a list: its images, the row of the first, and the mean of their coordinates."""

    name: str
    images: int
    cover: int
    position: tuple[float, float] | None


class Snapshot:
    """One state of the gallery, ready to be asked; it never changes.

    Attributes
    ----------
    gallery : Gallery
    recognizer : Recognizer
    mark : tuple of int
    """

    def __init__(self, gallery: Gallery, embedder: Looker, mark: Mark) -> None:
        self.gallery, self.mark = gallery, mark
        self.recognizer = Recognizer(gallery, embedder)
        # Whatever is read from disk only when it is asked for is read now: the files may be replaced at any time.
        _ = gallery.index, gallery.records.places, gallery.failures

    @cached_property
    def places(self) -> dict[str, Place]:
        """The places by name, sorted."""
        columns = self.gallery.records.columns
        codes, count = columns.places, len(columns.table)
        shown = np.bincount(codes[codes >= 0], minlength=count)
        first = np.full(count, len(codes), np.int64)
        np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
        there, sums = self._positions(codes, count)
        found = {}
        for name, numbers in sorted(columns.table.holding.items()):
            known = int(there[numbers].sum())
            mean = (sums[numbers].sum(axis=0) / known).tolist() if known else None
            found[name] = Place(
                name, int(shown[numbers].sum()), int(first[numbers].min()), (mean[0], mean[1]) if mean else None
            )
        return found

    def _positions(self, codes: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how many images of each combination of places have coordinates, and the sums of those."""
        positions = self.gallery.records.columns.positions
        rows = np.flatnonzero(~np.isnan(positions[:, 0]) & (codes >= 0))
        sums = np.zeros((count, 2))
        np.add.at(sums, codes[rows], positions[rows])
        return np.bincount(codes[rows], minlength=count), sums

    @cached_property
    def located(self) -> int:
        """How many images have coordinates."""
        return int((~np.isnan(self.gallery.records.columns.positions[:, 0])).sum())


class Snapshots:
    """Keeps the newest snapshot of a gallery's folder. Safe under threads.

    Parameters
    ----------
    path : Path
    model, runner
        As in `placeprint.recognition.loading.embedder_for`.

    Raises
    ------
    GalleryError, ModelError
        When the gallery cannot be opened, or its model not be found.
    """

    def __init__(self, path: Path, *, model: str | None = None, runner: str = "openvino") -> None:
        self.path, self._model, self._runner = path, model, runner
        self._lock = threading.Lock()
        self.reloads, self.failing = 0, ""
        mark = self._mark()
        gallery = Gallery.open(path)
        self._embedder = embedder_for(gallery, model=model, runner=runner)
        self._newest = Snapshot(gallery, self._embedder, mark)
        self._seen = mark

    @property
    def newest(self) -> Snapshot:
        """The snapshot as it was last looked at."""
        return self._newest

    @property
    def stale(self) -> bool:
        """True when the folder changed since: a look at one file, microseconds."""
        return self._mark() != self._seen

    def reload(self) -> Snapshot:
        """Open the gallery again where its folder changed.

        When that fails the snapshot stays as it was, and `failing` says why, until the folder changes again.
        """
        with self._lock:
            mark = self._mark()
            if mark == self._seen:
                return self._newest
            try:
                self._take(Gallery.open(self.path), mark)
                self.failing = ""
            except PlaceprintError as error:
                self.failing = str(error)
                LOG.error("the gallery changed and cannot be opened: %s", error)
            self._seen = mark
            self.reloads += 1
            return self._newest

    def _take(self, gallery: Gallery, mark: Mark) -> None:
        if gallery.spec.fingerprint() != self._embedder.spec.fingerprint():
            self._embedder = embedder_for(gallery, model=self._model, runner=self._runner)
        self._newest = Snapshot(gallery, self._embedder, mark)

    def _mark(self) -> Mark:
        try:
            found = (self.path / HEAD).stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)
