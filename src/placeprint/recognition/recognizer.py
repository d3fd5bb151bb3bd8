"""Photo to answer: embed, find neighbours, rank places, decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset import images
from placeprint.embedding.embedder import Description, Looker
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.calibration import probability_of
from placeprint.recognition.decision import Decision, decide, decide_by_probability
from placeprint.recognition.indexing import embedder_for
from placeprint.recognition.rerank import Parts, Reranker
from placeprint.recognition.voting import evidence_of, margin_of, matches_of, rank_places
from placeprint.records import Answer, Match, Neighbours

if TYPE_CHECKING:
    from PIL.Image import Image

_FIRST_LOOK = 100
"""Neighbours fetched at first; more only while they are all of one place."""


class Recognizer:
    """A gallery and its model, kept ready for many photos.

    Parameters
    ----------
    gallery : Gallery
    embedder : Looker, optional
        The gallery's own model when not given.
    threshold, margin_threshold : float, optional
        Below which the answer is UNKNOWN. Without them the gallery's calibration decides, where it has one.
    """

    def __init__(
        self,
        gallery: Gallery,
        embedder: Looker | None = None,
        *,
        threshold: float | None = None,
        margin_threshold: float | None = None,
    ) -> None:
        self.gallery = gallery
        self._embedder = embedder
        self.threshold, self.margin_threshold = threshold, margin_threshold
        self._probability = probability_of(gallery.calibration) if gallery.calibration else None
        self._again = Reranker(gallery) if gallery.preset.reranks else None

    @property
    def embedder(self) -> Looker:
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
        found = self.describe(photo)
        return self.answer(found.vector, k=k, parts=found.parts)

    def describe(self, photo: Path | str | bytes | Image) -> Description:
        """Return the embedding of a photo, and the parts that the gallery's model keeps.

        Raises
        ------
        ImageError
            When the photo cannot be read.
        """
        if isinstance(photo, str | Path):
            photo = images.read_bytes(Path(photo))
        if isinstance(photo, bytes):
            image, _ = images.decode_sized(photo, min_side=self.embedder.decode_side)
            return self.embedder.describe(image)
        return self.embedder.describe(photo.convert("RGB"))

    def answer(self, vector: NDArray[np.float32], *, k: int = 5, parts: Parts | None = None) -> Answer:
        """Answer one embedding, float32 of shape (dim,).

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
        k : int
            How many matches the answer lists.
        parts : mapping of str to ndarray, optional
            Of the photo, see `describe`; without them they give no evidence.
        """
        size = len(self.gallery)
        look = max(k, _FIRST_LOOK, self.gallery.preset.shortlist)
        while True:
            found = self.gallery.search(vector[None], k=min(look, max(size, 1)))
            matches = self._matches(found, vector, parts or {})
            margin = margin_of(matches)
            if not np.isnan(margin) or look >= size:
                break
            look *= 10
        score = matches[0].score if matches else float("nan")
        probability = self._probability_of(matches, margin)
        decision, limit = self._decide(score, margin, probability)
        places = rank_places(matches)
        return Answer(
            place=places[0].place if decision.accepted else None,
            score=score,
            margin=margin,
            threshold=self.threshold,
            margin_threshold=self.margin_threshold,
            probability=None if np.isnan(probability) else probability,
            probability_threshold=limit,
            places=places[:k],
            matches=matches[:k],
            why=decision.why,
        )

    def _matches(self, found: Neighbours, vector: NDArray[np.float32], parts: Parts) -> tuple[Match, ...]:
        if self._again is None:
            return matches_of(found, 0, self.gallery.records)
        there = found.rows[0] >= 0
        better = self._again.ranked(vector, parts, found.rows[0][there], found.scores[0][there])
        again = Neighbours(better.rows[None], better.scores[None])
        return matches_of(again, 0, self.gallery.records, better.similarities[None])

    def _probability_of(self, matches: Sequence[Match], margin: float) -> float:
        return float(self._probability(evidence_of(matches, margin))[0]) if self._probability else float("nan")

    def _decide(self, score: float, margin: float, probability: float) -> tuple[Decision, float | None]:
        """Decide, and return the threshold of the probability when it was the calibration that decided."""
        learned = self.gallery.calibration
        if learned is None or self.threshold is not None or self.margin_threshold is not None:
            return decide(score, margin, threshold=self.threshold, margin_threshold=self.margin_threshold), None
        return decide_by_probability(
            probability, threshold=learned.threshold, rate=learned.false_accept_rate, stale=learned.stale
        ), learned.threshold


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
