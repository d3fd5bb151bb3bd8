"""Photo to answer: embed, find neighbours, rank places, decide."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.embedder import AnyEmbedder, Description
from placeprint.errors import UsageError
from placeprint.gallery.filters import Flags, Near, Rows, rows_where
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery, Nearby
from placeprint.recognition.combined_answer import together
from placeprint.recognition.decision.rules import Decision, decide, decide_by_probability, why_undecided
from placeprint.recognition.gallery_model import embedder_for, open_for, probability_of
from placeprint.recognition.rerank.reranker import Parts, Reranker
from placeprint.recognition.voting import evidence_of, margin_of, matches_of, rank_places
from placeprint.records import Answer, Match, Neighbours

if TYPE_CHECKING:
    from placeprint.dataset.query_image import Photo

_FIRST_LOOK = 100
"""Neighbours fetched at first; more only while they are all of one place."""

_NOTHING_LEFT = "no image of the gallery is one of those that were asked for"


class Recognizer:
    """A gallery and its model, kept ready for many photos.

    Parameters
    ----------
    gallery : Gallery, Path or str
        An open gallery, a folder or an address.
    embedder : AnyEmbedder, optional
        The gallery's own model when not given.
    model, runner : str
        Of the embedder, when that is not given: as in `placeprint.recognition.gallery_model.embedder_for`.
    threshold, margin_threshold : float, optional
        Below which the answer is UNKNOWN. Without them the gallery's calibration decides, where it has one.
    only : ndarray of bool, shape (n_gallery,), optional
        The rows that are asked, see `placeprint.gallery.filters.rows_where`; all of them when not given. The others
        are not there: they are no matches, no company of their place, and no witnesses. A calibration was learned
        without a filter and stays as it is.
    """

    def __init__(
        self,
        gallery: AnyGallery | Path | str,
        embedder: AnyEmbedder | None = None,
        *,
        model: str | None = None,
        runner: str = "openvino",
        threshold: float | None = None,
        margin_threshold: float | None = None,
        only: Rows | None = None,
    ) -> None:
        gallery = open_gallery(gallery)
        self.gallery, self.only = gallery, only
        self._embedder, self._given, self._model, self._runner = embedder, embedder, model, runner
        self.threshold, self.margin_threshold = threshold, margin_threshold
        self._probability = probability_of(gallery.calibration) if gallery.calibration else None

    @cached_property
    def _whole(self) -> Gallery:
        """The gallery that is here and is asked itself; one that answers around a question is never copied for it."""
        return self.gallery.download()

    @cached_property
    def _again(self) -> Reranker | None:
        """What ranks again where the whole is asked."""
        return Reranker(self._whole) if self.gallery.preset.reranks else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the gallery's address and the settings; a model that was not given is found anew."""
        made = partial(
            type(self),
            embedder=self._given,
            model=self._model,
            runner=self._runner,
            threshold=self.threshold,
            margin_threshold=self.margin_threshold,
            only=self.only,
        )
        return made, (self.gallery,)

    @property
    def embedder(self) -> AnyEmbedder:
        """The model, loaded when it is first needed."""
        if self._embedder is None:
            self._embedder = embedder_for(self.gallery, model=self._model, runner=self._runner)
        return self._embedder

    def recognize(self, photo: Photo, *, k: int = 5, only: Rows | None = None) -> Answer:
        """Answer one photo.

        Parameters
        ----------
        photo : path, str, bytes, binary file, PIL.Image.Image or ndarray
            A file, its content, or its pixels: see `placeprint.dataset.query_image`.
        k : int
            How many matches the answer lists.
        only : ndarray of bool, shape (n_gallery,), optional
            The rows that are asked this time, instead of the recognizer's own.

        Raises
        ------
        ImageError
            When the photo cannot be read.
        UsageError
            When it is nothing that can be understood as a photo.
        """
        found = self.describe(photo)
        return self.answer(found.vector, k=k, parts=found.parts, only=only)

    def describe(self, photo: Photo) -> Description:
        """Return the embedding of a photo, and the parts that the gallery's model keeps.

        Raises
        ------
        ImageError
            When the photo cannot be read.
        UsageError
            When it is nothing that can be understood as a photo.
        """
        return self.embedder.describe(photo)

    def answer(
        self, vector: NDArray[np.float32], *, k: int = 5, parts: Parts | None = None, only: Rows | None = None
    ) -> Answer:
        """Answer one embedding, float32 of shape (dim,).

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
        k : int
            How many matches the answer lists.
        parts : mapping of str to ndarray, optional
            Of the photo, see `describe`; without them they give no evidence.
        only : ndarray of bool, shape (n_gallery,), optional
            As in `recognize`.
        """
        found, near = self.answer_within(vector, k=k, parts=parts, only=only)
        return found if near is None else near.renumbered(found)

    def answer_within(
        self, vector: NDArray[np.float32], *, k: int = 5, parts: Parts | None = None, only: Rows | None = None
    ) -> tuple[Answer, Nearby | None]:
        """Answer one embedding in the part of the gallery that it is about.

        Parameters
        ----------
        vector, k, parts, only
            As in `answer`.

        Returns
        -------
        Answer, Nearby or None
            The rows of the answer are those of the part; the whole was asked where there is none.
        """
        only = self.only if only is None else only
        asked, near = self.narrowed(vector, k=k, only=only)
        if near is None:
            return self._answer(vector, k, parts, cast("Flags | None", only)), None
        found = asked.answer(vector, k=k, parts=parts)
        return found if found.matches or only is None else replace(found, why=_NOTHING_LEFT), near

    def _answer(self, vector: NDArray[np.float32], k: int, parts: Parts | None, flags: Flags | None) -> Answer:
        """Answer from the whole gallery."""
        look = max(k, _FIRST_LOOK, self.gallery.preset.shortlist)
        size = len(self.gallery) if flags is None else int(flags.sum())
        while True:
            neighbours = self._whole.search(vector[None], k=min(look, max(size, 1)), only=flags)
            matches = self._matches(neighbours, vector, parts or {}, flags, k)
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
            calibrated_for=self.gallery.calibrated_for or None,
            why=decision.why if matches or flags is None else _NOTHING_LEFT,
        )

    def narrowed(
        self, vector: NDArray[np.float32], *, k: int, only: Rows | None = None
    ) -> tuple[Recognizer, Nearby | None]:
        """Return a recognizer of what a question is about: itself, but for a gallery on a server.

        Returns
        -------
        Recognizer, Nearby or None
            And the part of the gallery that it asks, where that is not the whole.
        """
        only = self.only if only is None else only
        near = self.gallery.around(vector, look=max(k, _FIRST_LOOK, self.gallery.preset.shortlist), only=only)
        if near is None:
            return self, None
        limits = self.threshold, self.margin_threshold
        return Recognizer(near.gallery, self._embedder, threshold=limits[0], margin_threshold=limits[1]), near

    def part(self, near: Nearby | None) -> Gallery:
        """Return what a question was put to, see `narrowed`: the part that was fetched for it, or the whole."""
        return self._whole if near is None else near.gallery

    def _matches(
        self, found: Neighbours, vector: NDArray[np.float32], parts: Parts, only: Flags | None, k: int
    ) -> tuple[Match, ...]:
        if self._again is None:
            return matches_of(found, 0, self._whole.records, named=k)
        there = found.rows[0] >= 0
        better = self._again.ranked(vector, parts, found.rows[0][there], found.scores[0][there], only=only)
        again = Neighbours(better.rows[None], better.scores[None])
        return matches_of(again, 0, self._whole.records, better.similarities[None], named=k)

    def _probability_of(self, matches: Sequence[Match], margin: float) -> float:
        return float(self._probability(evidence_of(matches, margin))[0]) if self._probability else float("nan")

    def _decide(self, score: float, margin: float, probability: float) -> tuple[Decision, float | None]:
        """Decide, and return the threshold of the probability when it was the calibration that decided."""
        learned = self.gallery.calibration
        if learned is None or self.threshold is not None or self.margin_threshold is not None:
            limits = self.threshold, self.margin_threshold
            return decide(
                score,
                margin,
                threshold=limits[0],
                margin_threshold=limits[1],
                undecided=why_undecided(self.gallery.calibrated_for, self.gallery.preset.name),
            ), None
        return decide_by_probability(
            probability, threshold=learned.threshold, rate=learned.false_accept_rate, stale=learned.stale
        ), learned.threshold


def recognize(
    gallery: AnyGallery | Path | str | None = None,
    photo: Photo | list[Photo] | tuple[Photo, ...] = (),
    *,
    url: str | None = None,
    model: str | None = None,
    runner: str = "openvino",
    k: int = 5,
    threshold: float | None = None,
    margin_threshold: float | None = None,
    places: Collection[str] = (),
    split: str | None = None,
    near: Near | None = None,
) -> Answer:
    """Answer one photo, or several of one place, against a gallery; for many photos keep a `Recognizer`.

    Parameters
    ----------
    gallery : Gallery, Path or str, optional
        Left out when `url` is given.
    photo : path, str, bytes, binary file, PIL.Image.Image or ndarray, or a list of those
        As in `Recognizer`; several are photos of one place, see `placeprint.recognition.combined_answer.together`.
    url : str, optional
        Ask a server of ``placeprint serve`` instead, as ``http://127.0.0.1:8000``: its gallery decides as it was
        calibrated.
    model, runner, k, threshold, margin_threshold
        As in `Recognizer`.
    places, split, near
        Ask only these images of the gallery, see `placeprint.gallery.filters.rows_where`.

    Raises
    ------
    ImageError, GalleryError, ModelError, UsageError
    ServerError
        When a server cannot be reached.
    """
    photos = list(photo) if isinstance(photo, list | tuple) else [photo]
    if not photos:
        raise UsageError("there is no photo to answer")
    if (gallery is None) == (url is None):
        raise UsageError("give a gallery, or the url of a server")
    if url is not None:
        if threshold is not None or margin_threshold is not None or model is not None:
            raise UsageError("a server decides as its gallery was calibrated: leave the thresholds and the model out")
        from placeprint.recognition.client import recognize_at  # what it needs takes 16 ms to import

        return recognize_at(url, photos, k=k, places=places, split=split, near=near)
    assert gallery is not None
    opened = open_for(gallery, photos)
    filtered = places or split is not None or near is not None
    only = rows_where(opened, places=places, split=split, near=near) if filtered else None
    recognizer = Recognizer(
        opened, model=model, runner=runner, threshold=threshold, margin_threshold=margin_threshold, only=only
    )
    return together([recognizer.recognize(one, k=k) for one in photos])[1]
