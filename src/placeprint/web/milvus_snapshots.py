"""The newest state of a gallery in Milvus: polled, and an engine that is away is reported at once."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from placeprint.embedding.embedder import AnyEmbedder
from placeprint.errors import GalleryEngineError, GalleryNotFoundError, PlaceprintError
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.connection import Connection, knock
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head_store import HeadStore
from placeprint.options import ModelOptions
from placeprint.recognition.gallery_model import embedder_for
from placeprint.web.milvus_catalogue import MilvusCatalogue
from placeprint.web.snapshots import Snapshot

LOG = logging.getLogger("placeprint.web")

LOOK_SECONDS = 1.0
"""Between two looks at whether the gallery has changed; images that were added are found at once."""
LOOK_LIMIT = 3.0
"""Seconds that a look may take."""
ASK_LIMIT = 8.0
"""Seconds that a request to the engine may take for an answer."""


class MilvusSnapshots:
    """Keeps the newest snapshot of a gallery in Milvus. Safe under threads.

    `photos`: Folder for the images that are added.
    Raises `GalleryError` or `ModelError` when the gallery cannot be opened, or its model not be found.
    """

    def __init__(self, address: str, *, photos: Path | None = None, model: ModelOptions = ModelOptions()) -> None:
        self.address, self.photos, self._model = parse_address(address), photos, model
        self._lock = threading.Lock()
        self.reloads, self.failing, self._looked = 0, "", time.monotonic()
        self.answers = True  # where it cannot, `reload` raises
        self._asking = Connection(self.address)
        self._heads = HeadStore(self._asking)
        self._seen = self._heads.text()
        gallery = MilvusGallery.over(self._asking)
        self._asking.seconds = min(self._asking.seconds, ASK_LIMIT)
        self._embedder = self._embedder_for(gallery)
        self._newest = Snapshot(gallery, self._embedder, photos, MilvusCatalogue(gallery))

    def _embedder_for(self, gallery: MilvusGallery) -> AnyEmbedder:
        return embedder_for(gallery, model=self._model.model, runner=self._model.runner)

    @property
    def name(self) -> str:
        """Of the collection."""
        return self.address.name

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot that could be opened."""
        return self._newest

    @property
    def stale(self) -> bool:
        """True when it is time to look, and while the engine is away."""
        return bool(self.failing) or time.monotonic() - self._looked > LOOK_SECONDS

    def reload(self, *, sure: bool = False) -> Snapshot:
        """Look at the head, and open the gallery again where it changed.

        Raises `GalleryEngineError` when the engine does not answer; the next look may find it.
        """
        with self._lock:
            if sure or time.monotonic() - self._looked > LOOK_SECONDS:
                try:
                    self._look("Strong" if sure else "Eventually")
                    self.failing = ""
                except PlaceprintError as error:
                    if str(error) != self.failing:
                        LOG.error("the gallery cannot be asked: %s", error)
                    self.failing = str(error)
                self._looked = time.monotonic()
            if self.failing:
                raise GalleryEngineError(self.failing)
            return self._newest

    def _look(self, level: str) -> None:
        knock(self.address, LOOK_LIMIT)
        text = self._heads.text(level=level, seconds=LOOK_LIMIT)
        if text is None:
            raise GalleryNotFoundError(f"the gallery {self.address} was removed: index it again")
        if text == self._seen and not self.failing:
            return
        gallery = MilvusGallery.over(self._asking, numbered=False)
        if gallery.spec.fingerprint() != self._embedder.spec.fingerprint():
            self._embedder = self._embedder_for(gallery)
        self._newest = Snapshot(gallery, self._embedder, self.photos, self._newest.catalogue.renewed(gallery))
        self._seen = text
        self.reloads += 1
