"""Photo to answer: embed, find neighbours, rank places, decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset import images
from placeprint.embedding.embedder import Embedder
from placeprint.embedding.extract import embed_bytes
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.decision import decide
from placeprint.recognition.indexing import embedder_for
from placeprint.recognition.voting import margin_of, matches_of, rank_places
from placeprint.records import Answer

if TYPE_CHECKING:
    from PIL.Image import Image

_FIRST_LOOK = 100
"""Neighbours fetched at first; more only while they are all of one place."""


class Recognizer:
    """A gallery and its model, kept ready for many photos.

    Parameters
    ----------
    gallery : Gallery
    embedder : Embedder, optional
        The gallery's own model when not given.
    threshold, margin_threshold : float, optional
        Below which the answer is UNKNOWN.
    """

    def __init__(
        self,
        gallery: Gallery,
        embedder: Embedder | None = None,
        *,
        threshold: float | None = None,
        margin_threshold: float | None = None,
    ) -> None:
        self.gallery = gallery
        self._embedder = embedder
        self.threshold, self.margin_threshold = threshold, margin_threshold

    @property
    def embedder(self) -> Embedder:
        """The model, loaded when it is first needed."""
        if self._embedder is None:
            self._embedder = embedder_for(self.gallery)
        return self._embedder

    def recognize(self, photo: Path | str | bytes | Image, *, k: int = 5) -> Answer:
        """Answer one photo.

        Parameters
        ----------
        photo : Path, str, bytes or PIL.Image.Image
            A file, its content, or an upright RGB image.
        k : int
            How many matches the answer lists.

        Raises
        ------
        ImageError
            When the photo cannot be read.
        """
        return self.answer(self._embed(photo), k=k)

    def _embed(self, photo: Path | str | bytes | Image) -> NDArray[np.float32]:
        if isinstance(photo, str | Path):
            photo = images.read_bytes(Path(photo))
        if isinstance(photo, bytes):
            return embed_bytes(photo, self.embedder).vector
        return self.embedder.embed_one(photo.convert("RGB"))

    def answer(self, vector: NDArray[np.float32], *, k: int = 5) -> Answer:
        """Answer one embedding, float32 of shape (dim,)."""
        size = len(self.gallery)
        look = max(k, _FIRST_LOOK)
        while True:
            found = self.gallery.search(vector[None], k=min(look, max(size, 1)))
            matches = matches_of(found, 0, self.gallery.records)
            margin = margin_of(matches)
            if not np.isnan(margin) or look >= size:
                break
            look *= 10
        score = matches[0].score if matches else float("nan")
        decision = decide(score, margin, threshold=self.threshold, margin_threshold=self.margin_threshold)
        places = rank_places(matches)
        return Answer(
            place=places[0].place if decision.accepted else None,
            score=score,
            margin=margin,
            threshold=self.threshold,
            margin_threshold=self.margin_threshold,
            places=places[:k],
            matches=matches[:k],
            why=decision.why,
        )


def recognize(
    gallery: Gallery | Path | str,
    photo: Path | str | bytes | Image,
    *,
    k: int = 5,
    threshold: float | None = None,
    margin_threshold: float | None = None,
) -> Answer:
    """Answer one photo against a gallery; for many photos keep a `Recognizer`.

    Raises
    ------
    ImageError, GalleryError, ModelError
    """
    opened = gallery if isinstance(gallery, Gallery) else Gallery.open(gallery)
    recognizer = Recognizer(opened, threshold=threshold, margin_threshold=margin_threshold)
    return recognizer.recognize(photo, k=k)
