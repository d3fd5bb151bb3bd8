"""The gallery as it is now: an immutable snapshot that every request takes once, swapped when the folder changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from placeprint import published
from placeprint.embedding.embedder import Looker
from placeprint.errors import PlaceprintError
from placeprint.gallery.files import PHOTOS
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.recognition.loading import embedder_for
from placeprint.recognition.recognizer import Recognizer
from placeprint.web.catalogue import Catalogue, catalogue_of
from placeprint.web.identity import UPLOADS

LOG = logging.getLogger("placeprint.web")

Mark = tuple[int, int, int]
"""What tells one head file from the next."""


class Snapshot:
    """One state of the gallery, ready to be asked; one in a folder never changes.

    Attributes
    ----------
    gallery : Gallery
    recognizer : Recognizer
    catalogue : Catalogue
    uploads : Path or None
        Folder of the photos that were added through a server, each named by its content's hash; None where they are
        not kept.
    upload_root : str
        What the gallery calls it.
    """

    def __init__(
        self, gallery: Gallery, embedder: Looker, uploads: Path | None, before: Catalogue | None = None
    ) -> None:
        self.gallery, self.uploads = gallery, uploads
        self.recognizer = Recognizer(gallery, embedder)
        self.catalogue: Catalogue = catalogue_of(gallery, before)
        self.upload_root = str(uploads.resolve()) if uploads and gallery.path else UPLOADS
        if gallery.path is not None:
            # Whatever is read from disk only when it is asked for is read now: the files may be replaced at any time.
            _ = gallery.index, gallery.records.places, gallery.failures

    def now(self) -> Catalogue:
        """Return the catalogue of the gallery as it is kept now; the snapshot stays as it is."""
        path = self.gallery.path
        return self.catalogue if path is None else catalogue_of(Gallery.open(path))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other servers from changing the gallery, where it is in a folder."""
        if self.gallery.path is None:
            yield
        else:
            with published.locked(self.gallery.path):
                yield


class Keeper(Protocol):
    """Keeps the newest snapshot of a gallery. Safe under threads."""

    reloads: int
    failing: str

    @property
    def name(self) -> str:
        """Of the gallery."""

    @property
    def newest(self) -> Snapshot:
        """The snapshot as it was last looked at."""

    @property
    def stale(self) -> bool:
        """True when it is time to look again."""

    def reload(self, *, sure: bool = False) -> Snapshot:
        """Look again, and return the newest; `sure` waits for all that was acknowledged to anybody."""


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
        self._newest = Snapshot(gallery, self._embedder, path / PHOTOS)
        self._seen = mark

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.name

    @property
    def newest(self) -> Snapshot:
        """The snapshot as it was last looked at."""
        return self._newest

    @property
    def stale(self) -> bool:
        """True when the folder changed since: a look at one file, microseconds."""
        return self._mark() != self._seen

    def reload(self, *, sure: bool = False) -> Snapshot:  # noqa: ARG002  # a folder is always sure
        """Open the gallery again where its folder changed.

        When that fails the snapshot stays as it was, and `failing` says why, until the folder changes again.
        """
        with self._lock:
            mark = self._mark()
            if mark == self._seen:
                return self._newest
            try:
                self._take(Gallery.open(self.path))
                self.failing = ""
            except PlaceprintError as error:
                self.failing = str(error)
                LOG.error("the gallery changed and cannot be opened: %s", error)
            self._seen = mark
            self.reloads += 1
            return self._newest

    def _take(self, gallery: Gallery) -> None:
        if gallery.spec.fingerprint() != self._embedder.spec.fingerprint():
            self._embedder = embedder_for(gallery, model=self._model, runner=self._runner)
        self._newest = Snapshot(gallery, self._embedder, self.path / PHOTOS)

    def _mark(self) -> Mark:
        try:
            found = (self.path / HEAD).stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)
