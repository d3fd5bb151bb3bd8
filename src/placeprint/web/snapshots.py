"""The gallery as it is now: an immutable snapshot, taken once by each request and replaced when the folder changes."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from placeprint.embedding.embedder import AnyEmbedder
from placeprint.errors import PlaceprintError
from placeprint.gallery.files import PHOTOS, read_later
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD, read_head
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import ModelOptions
from placeprint.recognition.gallery_model import embedder_for
from placeprint.recognition.recognizer import Recognizer
from placeprint.storage import published
from placeprint.web.catalogue import Catalogue, FolderCatalogue
from placeprint.web.identity import UPLOADED_ROOT

LOG = logging.getLogger("placeprint.web")

Mark = tuple[int, int, int]
"""Time, inode and size: when one differs, the file has changed."""
Marks = dict[Path, Mark]
GONE: Mark = (0, 0, 0)


class Snapshot:
    """One state of the gallery, ready to be asked; one in a folder never changes.

    `uploads`: Folder of the images that were added through a server, each named by the hash of its content; None where
    they are not kept.
    `upload_root`: The root under which the gallery knows them.
    """

    def __init__(self, gallery: AnyGallery, embedder: AnyEmbedder, uploads: Path | None, catalogue: Catalogue) -> None:
        self.gallery, self.uploads, self.catalogue = gallery, uploads, catalogue
        self.recognizer = Recognizer(gallery, embedder)
        self.upload_root = str(uploads.resolve()) if uploads and gallery.path else UPLOADED_ROOT

    @classmethod
    def of_folder(cls, gallery: Gallery, embedder: AnyEmbedder, uploads: Path) -> Snapshot:
        """Return the snapshot of a gallery in a folder, whose files may be replaced at any time."""
        gallery = gallery.held()
        _ = gallery.index, gallery.records.places, gallery.failures  # loaded lazily: load them now
        return cls(gallery, embedder, uploads, FolderCatalogue(gallery))

    def now(self) -> Catalogue:
        """Return the catalogue of the gallery as it is on disk now; the snapshot stays as it is."""
        path = self.gallery.path
        return self.catalogue if path is None else self.catalogue.renewed(Gallery.open(path, mapped=False))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other servers from changing the gallery, where it is in a folder."""
        if self.gallery.path is None:
            yield
        else:
            with published.locked(self.gallery.path):
                yield


class SnapshotSource(Protocol):
    """Keeps the newest snapshot of a gallery. Safe under threads."""

    reloads: int
    failing: str
    answers: bool
    """False when files are damaged that answers need."""

    @property
    def name(self) -> str:
        """Of the gallery."""

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot that could be opened."""

    @property
    def stale(self) -> bool:
        """True when it is time to look again."""

    def reload(self, *, sure: bool = False) -> Snapshot:
        """Look again, and return the newest; `sure` waits for all that was acknowledged to anybody."""


class FolderSnapshots:
    """Keeps the newest snapshot of a gallery's folder. Safe under threads.

    The files of a gallery never change: one that looks otherwise was damaged, or mended. Then, and when the head was
    replaced, the gallery is opened again, and what cannot be opened leaves the snapshot as it was.

    Raises `GalleryError` or `ModelError` when the gallery cannot be opened, or its model not be found.
    """

    def __init__(self, path: Path, *, model: ModelOptions = ModelOptions()) -> None:
        self.path, self._model = path, model
        self._lock = threading.Lock()
        self.reloads, self.failing, self.answers = 0, "", True
        self._files = [path / HEAD]
        self._good: Marks = {}
        self._embedder: AnyEmbedder | None = None
        self._newest, self._later = self._open()

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.name

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot that could be opened."""
        return self._newest

    @property
    def stale(self) -> bool:
        """True when a file of the gallery has changed since; a dozen calls of stat, microseconds."""
        return self._marks() != self._seen

    def reload(self, *, sure: bool = False) -> Snapshot:  # noqa: ARG002  # a folder is always sure
        """Open the gallery again where its folder changed.

        When that fails the snapshot stays as it was, and `failing` says why, until the folder changes again.
        """
        with self._lock:
            if not self.stale:
                return self._newest
            self._seen = self._marks()
            try:
                self._newest, self._later = self._open()
                self.failing, self.answers = "", True
                gc.collect()  # the snapshot before holds as much memory, and may lie in a cycle of garbage
            except PlaceprintError as error:
                self.failing = str(error)
                self.answers = all(self._seen.get(file, GONE) in (mark, GONE) for file, mark in self._later.items())
                LOG.error("the gallery changed and cannot be opened: %s", error)
            self.reloads += 1
            return self._newest

    def _open(self) -> tuple[Snapshot, Marks]:
        """Open what is there now; return also the files that it reads when they are asked for."""
        head = read_head(self.path)
        folders = [segment.data for segment in head.segments]
        self._files = [self.path / HEAD, *(data.path / name for data in folders for name in data.files)]
        self._seen = seen = self._marks()  # before anything is read: what changes meanwhile is seen at the next look
        believed = {} if self.failing else seen
        for data in folders:
            data.require([name for name in data.files if self._changed(data.path / name, believed)])
        gallery = Gallery.open(self.path, mapped=False)
        if self._embedder is None or gallery.spec.fingerprint() != self._embedder.spec.fingerprint():
            self._embedder = embedder_for(gallery, model=self._model.model, runner=self._model.runner)
        made = Snapshot.of_folder(gallery, self._embedder, self.path / PHOTOS)
        self._good = seen
        return made, {file: seen[file] for file in read_later(head)}

    def _changed(self, file: Path, believed: Marks) -> bool:
        """Return whether a file is not as it was when the gallery could be opened; new ones may be believed."""
        return self._good.get(file, believed.get(file)) != self._seen[file]

    def _marks(self) -> Marks:
        return {file: _mark(file) for file in self._files}


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError:
        return GONE
    return (found.st_mtime_ns, found.st_ino, found.st_size)
