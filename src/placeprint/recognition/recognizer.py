"""Query image to answer: embed, find neighbours, rank places, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Parts
from placeprint.embedding.embedder import AnyEmbedder, Description
from placeprint.gallery.filters import Selection
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery, Nearby
from placeprint.options import DecisionOptions, DecisionWords, ModelOptions, ModelWords, records_of
from placeprint.recognition.decision.rules import Limits
from placeprint.recognition.gallery_model import embedder_for, limits_of, probability_of
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.recognition.second_look import seen
from placeprint.recognition.spots.spots import Spots, distrusted_rows
from placeprint.recognition.voting import evidence_of, margin_of, matches_of, rank_places, with_others
from placeprint.records import Answer, Match, Neighbours

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput

_NOTHING_LEFT = "no image of the gallery meets the conditions"


class RecognizerWords(ModelWords, DecisionWords, total=False):
    """Keywords of `Recognizer`."""


class Recognizer:
    """A gallery and its model, kept ready for many images.

    Parameters
    ----------
    gallery : Gallery, Path or str
        In a folder, or at an address of a server.
    embedder : AnyEmbedder, optional
        The gallery's own model when not given.
    only : ndarray of bool, shape (n_gallery,), optional
        The rows that are asked, see `where_images` of a gallery; all of them when not given. The others
        are not there: they are no matches, no company of their place, and no witnesses. A calibration was learned
        without a filter and stays as it is.
    **options
        ``model``, ``runner``: what embeds, where no embedder is given; ``threshold``, ``margin_threshold``,
        ``false_accept_rate``: when a place is accepted, see `placeprint.options.DecisionOptions`.

    Examples
    --------
    >>> import placeprint
    >>> recognizer = placeprint.Recognizer("town.gallery")
    >>> [recognizer.recognize(photo).place for photo in ("town-hall.jpg", "castle-gate.jpg")]
    ['town-hall', 'castle-gate']
    """

    def __init__(
        self,
        gallery: AnyGallery | Path | str,
        embedder: AnyEmbedder | None = None,
        *,
        only: Selection | None = None,
        **options: Unpack[RecognizerWords],
    ) -> None:
        self._model, self.decision = records_of(options, ModelOptions, DecisionOptions)
        self.gallery, self.only = open_gallery(gallery), only
        self._embedder, self._given = embedder, embedder
        self._probability = probability_of(self.gallery.calibration) if self.gallery.calibration else None
        self._limits = limits_of(self.gallery, self.decision)

    @property
    def threshold(self) -> float | None:
        """The least score that was asked for."""
        return self.decision.threshold

    @property
    def margin_threshold(self) -> float | None:
        """The least margin that was asked for."""
        return self.decision.margin_threshold

    @cached_property
    def _whole(self) -> Gallery:
        """The whole gallery, downloaded where a server has it; one that is asked around a query is never copied."""
        return self.gallery.download()

    @cached_property
    def _again(self) -> Reranker | None:
        """Re-ranks where the whole gallery is searched."""
        return Reranker(self._whole) if self.gallery.preset.reranks else None

    @cached_property
    def _spots(self) -> Spots:
        return Spots(self._whole, distrusted_rows(self._whole, self._whole.position_evidence))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the gallery and the options; a model that was not given is loaded again."""
        made = partial(type(self), embedder=self._given, only=self.only, **asdict(self._model), **asdict(self.decision))
        return made, (self.gallery,)

    def __repr__(self) -> str:
        """Name the gallery and its model."""
        return f"<Recognizer of {self.gallery.where}: model {self.gallery.spec.name}>"

    @property
    def embedder(self) -> AnyEmbedder:
        """The model, loaded when it is first needed."""
        if self._embedder is None:
            self._embedder = embedder_for(self.gallery, model=self._model.model, runner=self._model.runner)
        return self._embedder

    def recognize(self, photo: ImageInput, *, k: int = 5, only: Selection | None = None) -> Answer:
        """Answer one image.

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
            When the image cannot be read.
        UsageError
            When it is nothing that can be understood as an image.
        """
        found = seen(self, photo, k=k, only=only)
        return found.answer if found.near is None else found.near.renumbered(found.answer)

    def describe(self, photo: ImageInput) -> Description:
        """Return the embedding of an image, and the parts that the gallery's model keeps.

        Raises
        ------
        ImageError
            When the image cannot be read.
        UsageError
            When it is nothing that can be understood as an image.
        """
        return self.embedder.describe(photo)

    def answer(
        self, vector: NDArray[np.float32], *, k: int = 5, parts: Parts | None = None, only: Selection | None = None
    ) -> Answer:
        """Answer one embedding, float32 of shape (dim,).

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
        k : int
            How many matches the answer lists.
        parts : mapping of str to ndarray, optional
            Of the image, see `describe`; without them they give no evidence.
        only : ndarray of bool, shape (n_gallery,), optional
            As in `recognize`.
        """
        found, near = self.answer_within(vector, k=k, parts=parts, only=only)
        return found if near is None else near.renumbered(found)

    def answer_within(
        self,
        vector: NDArray[np.float32],
        *,
        k: int = 5,
        parts: Parts | None = None,
        only: Selection | None = None,
        decision: DecisionOptions | None = None,
    ) -> tuple[Answer, Nearby | None]:
        """Answer one embedding, from the part of the gallery around it where a server fetches one.

        Parameters
        ----------
        vector, k, parts, only
            As in `answer`.
        decision : DecisionOptions, optional
            When a place is accepted this time, instead of the recognizer's own.

        Returns
        -------
        Answer, Nearby or None
            The rows of the answer are those of the part; the whole was asked where there is none.
        """
        only = self.only if only is None else only
        limits = self._limits if decision is None else limits_of(self.gallery, decision)
        asked, near = self.narrowed(vector, k=k, only=only)
        flags, rate = None if near else cast("Flags | None", only), (decision or self.decision).false_accept_rate
        found = asked._answer(vector, k, parts, flags, limits, rate)
        if near is None:
            return found, None
        return found if found.matches or only is None else replace(found, why=_NOTHING_LEFT), near

    def _answer(
        self,
        vector: NDArray[np.float32],
        k: int,
        parts: Parts | None,
        flags: Flags | None,
        limits: Limits,
        rate: float | None,
    ) -> Answer:
        """Answer from the whole gallery."""
        matches, margin = self._looked_at(vector, k, parts, flags)
        score = matches[0].score if matches else float("nan")
        probability = self._probability_of(matches, margin)
        decision = limits.decide(score, margin, probability)
        places = rank_places(matches)
        best = places[0].place if places else None
        return Answer(
            place=best if decision.accepted else None,
            grade=decision.grade,
            best_guess=best,
            title=places[0].title if places else None,
            score=score,
            margin=margin,
            threshold=limits.threshold,
            margin_threshold=limits.margin_threshold,
            probability=None if np.isnan(probability) else probability,
            probability_threshold=limits.probability,
            false_accept_rate=limits.rate,
            places=places[:k],
            matches=matches[:k],
            calibrated_for=self.gallery.calibrated_for or None,
            position=self._spots.position(matches, rate),
            why=decision.why if matches or flags is None else _NOTHING_LEFT,
        )

    def matches(
        self, vector: NDArray[np.float32], *, parts: Parts | None = None, only: Flags | None = None
    ) -> tuple[Match, ...]:
        """Return all matches of an embedding that are looked at, best first; their paths may be empty.

        Parameters
        ----------
        vector, parts, only
            As in `answer`, of the whole gallery.
        """
        return self._looked_at(vector, 0, parts, only)[0]

    def _looked_at(
        self, vector: NDArray[np.float32], k: int, parts: Parts | None, flags: Flags | None
    ) -> tuple[tuple[Match, ...], float]:
        """Return the matches, the best `k` named, and the margin.

        Where all that are near are of one place, however large, what is nearest of the others comes after them.
        """
        look, whole = max(k, self.gallery.preset.first_look), self._whole
        size = len(whole) if flags is None else int(flags.sum())
        if self._again is not None:
            self._again.begin(parts or {})
        found = whole.search(vector[None], k=min(look, max(size, 1)), only=flags)
        if look < size:
            found = with_others(whole, found, vector, only=flags)
        matches = self._matches(found, vector, parts or {}, flags, k)
        return matches, margin_of(matches)

    def narrowed(
        self, vector: NDArray[np.float32], *, k: int, only: Selection | None = None
    ) -> tuple[Recognizer, Nearby | None]:
        """Return the recognizer to ask: itself, or for a gallery on a server one of the part around the query.

        Returns
        -------
        Recognizer, Nearby or None
            And the part of the gallery that it asks, where that is not the whole.
        """
        only = self.only if only is None else only
        near = self.gallery.around(vector, look=max(k, self.gallery.preset.first_look), only=only)
        if near is None:
            return self, None
        return Recognizer(near.gallery, self._embedder, **asdict(self.decision)), near

    def part(self, near: Nearby | None) -> Gallery:
        """Return the gallery that was searched, see `narrowed`: the part that was fetched, or the whole."""
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
