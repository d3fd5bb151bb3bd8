"""What a gallery can be asked, wherever it is kept: all that recognition, the command line and a server ask of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change
from placeprint.gallery.filters import Filter, Selection
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.inventory import Inventory
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.verification import VerifyReport
from placeprint.presets import Preset
from placeprint.records import Answer, FailedImage, ImageRecord, ModelSpec, Neighbours
from placeprint.storage.ragged import Ragged


@dataclass(frozen=True, slots=True)
class Nearby:
    """A part of a gallery that answers one question as the whole would.

    Attributes
    ----------
    gallery : Gallery
    rows : ndarray of int64
        The rows in the whole gallery, ascending.
    keys : tuple of int
        Of the images, in the same order; see `placeprint.gallery.keys.key_of`.

    Examples
    --------
    >>> import placeprint
    >>> vector = placeprint.load_embedder().embed_one("town-hall.jpg")  # doctest: +SKIP
    >>> gallery = placeprint.open_gallery("milvus://localhost:19530/town")  # doctest: +SKIP
    >>> len(gallery.around(vector, look=100).gallery)  # doctest: +SKIP
    """

    gallery: Gallery
    rows: NDArray[np.int64]
    keys: tuple[int, ...]

    def renumbered(self, answer: Answer) -> Answer:
        """Return an answer of the part with the rows of the whole."""
        matches = tuple(dataclasses.replace(m, row=int(self.rows[m.row])) for m in answer.matches)
        return dataclasses.replace(answer, matches=matches)


class AnyGallery(Protocol):
    """A gallery in a folder, in memory or on a server; `placeprint.open_gallery` opens one.

    It tells of itself and of single images. Records, embeddings and parts of all images are those of a `Gallery`, which
    is what `download` returns.

    Examples
    --------
    >>> import placeprint
    >>> gallery = placeprint.open_gallery("town.gallery")
    >>> len(gallery), gallery.places[:2]
    (11, ('castle-gate', 'town-hall'))
    """

    @property
    def spec(self) -> ModelSpec:
        """The model whose embeddings it keeps."""

    @property
    def preset(self) -> Preset:
        """What is kept of every image, and how neighbours are re-ranked."""

    @property
    def calibration(self) -> Calibration | None:
        """When to accept a place; None when that was not learned."""

    @property
    def position_evidence(self) -> PositionEvidence | None:
        """What its own images tell of positions by picture; None when that was not learned."""

    @property
    def calibrated_for(self) -> str:
        """The preset that its calibration is for, where it is asked by another one and so without; else empty."""

    @property
    def learned(self) -> Mapping[str, NDArray[Any]]:
        """What the model learned from its images; see `placeprint.embedding.learned`."""

    @property
    def model_file(self) -> Path | None:
        """Where the file of a model of one's own was; see `placeprint.recognition.model_lookup`."""

    @property
    def index_name(self) -> str:
        """The index that was asked for."""

    @property
    def roots(self) -> tuple[str, ...]:
        """Folders that paths of images are relative to."""

    @property
    def path(self) -> Path | None:
        """The folder that keeps it; None where none does."""

    @property
    def where(self) -> str:
        """Where it is kept, for people."""

    @property
    def failures(self) -> tuple[FailedImage, ...]:
        """Images that could not be used when it was built."""

    @property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once."""

    def __len__(self) -> int:
        """Return the number of images."""

    def inventory(self) -> Inventory:
        """Return what it holds, place by place; one that a server keeps is read for it."""

    def located(self, row: int) -> tuple[Path, str]:
        """Return the root of the image of a row, and its path there."""

    def image_file(self, row: int) -> Path:
        """Return where the image of a row was when it was indexed; it may be gone."""

    def search(self, vectors: Vectors, *, k: int = 20, only: Any = None) -> Neighbours:
        """Return the nearest images of each query vector, of those that `where_images` returned."""

    def where_images(self, asked: Filter) -> Selection:
        """Return the images that meet every condition, as `search` takes them for `only`.

        Raises
        ------
        UsageError
            For a place that the gallery does not have, or a distance in a gallery without coordinates.
        """

    def around(self, vector: NDArray[np.float32], *, look: int, only: Any = None) -> Nearby | None:
        """Return a part that answers one question as the whole would; None where the whole is here and is asked.

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
        look : int
            Neighbours that are looked at.
        only : optional
            What `where_images` returned.
        """

    def download(self) -> Gallery:
        """Return all of it: a gallery that is here already itself, one that a server keeps as a copy.

        A copy takes time and disk for every image: it is made for what ranks all images, and never for a question.
        """

    def require(self, spec: ModelSpec) -> None:
        """Refuse a model that is not the gallery's; see `placeprint.gallery.same_model.require_same_model`."""

    def require_undamaged(self) -> None:
        """Compare what is read of all images with its checksums, where that is not done whenever it is read."""

    def add(
        self,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        *,
        spec: ModelSpec,
        root: str = ".",
        parts: Mapping[str, Ragged] | None = None,
        model_file: Path | None = None,
    ) -> tuple[Self, Change]:
        """Add images; those that are there, equal, are left alone. Return the gallery afterwards."""

    def remove(
        self, paths: Iterable[str] = (), *, places: Iterable[str] = (), root: str | None = None
    ) -> tuple[Self, Change]:
        """Remove images by path, under one root or under any, and by place."""

    def asked_as(self, preset: Preset) -> Self:
        """Return the gallery as it is asked by another preset, without its calibration; what is kept stays."""

    def with_calibration(self, calibration: Calibration) -> Self:
        """Keep a calibration, and return the gallery with it."""

    def with_positions(self, evidence: PositionEvidence) -> Self:
        """Keep what its images tell of positions, and return the gallery with it."""

    def verify(self) -> VerifyReport:
        """Read everything and compare it with its checksums."""

    @property
    def audit(self) -> Audit | None:
        """What `audited` measured of these very images; None when it did not."""

    def audited(self, *, k: int = 10, queries: int = 200) -> Audit:
        """Measure the index against the exact one on the gallery's own vectors, and store what was found."""
