"""Images whose position is known, asked as if it were not: a gallery's own, each held out, and photos.

An image is asked against the others, and against those that are elsewhere alone: then the right answer is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Floats, Parts, Rows
from placeprint.cores import available_cores
from placeprint.dataset.distances import metres_apart, metres_between
from placeprint.gallery.gallery import Gallery
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import NEAR_DUPLICATE
from placeprint.recognition.location.estimate import SPOT, Estimate, estimate
from placeprint.recognition.recognizer import Recognizer
from placeprint.storage.ragged import parts_at

LOOKED_AT = 30
"""Matches whose positions are looked at."""
MOST_ASKED = 400
MOST_RANKED_AGAIN = 120
"""Images held out at most; the second where neighbours are ranked again, which takes tens of milliseconds."""
ELSEWHERE = 4 * SPOT
"""Metres from which an image is taken not to show the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """An image whose position is known.

    Attributes
    ----------
    vector : ndarray of float32, shape (dim,)
    parts : mapping of str to ndarray
    here : (float, float)
        Its latitude and longitude, degrees.
    row : int
        Its row in the gallery, where it is left out with its copies; -1 where it is not there.
    """

    vector: NDArray[np.float32]
    parts: Parts
    here: tuple[float, float]
    row: int = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of questions.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Of the gallery; -1 for other images.
    spots : tuple of Estimate or None
        The estimate from all others.
    errors : ndarray of float64, shape (n,)
        Its distance from the image's own position, metres; infinite without one.
    has_company : ndarray of bool, shape (n,)
        Whether another image stands within `SPOT`, so that the estimate can be right.
    at_own : ndarray of float64, shape (n,)
        Best score of the matches that stand within twice `SPOT` of the image's own position.
    unknown : ndarray of float64, shape (n,)
        Confidence of the estimate from those elsewhere.
    """

    rows: Rows
    spots: tuple[Estimate | None, ...]
    errors: Floats
    has_company: Flags
    at_own: Floats
    unknown: Floats

    @property
    def known(self) -> Floats:
        """Confidence of the estimate from all others."""
        return np.array([-math.inf if spot is None else spot.confidence for spot in self.spots], np.float64)

    @property
    def contradicted(self) -> Flags:
        """Which images' own positions are probably wrong.

        They are `elsewhere`, as confident as three quarters of those that agree. Such an image is no measure of the
        others: its own spot counts as elsewhere.
        """
        right = self.errors <= 2 * SPOT
        usual = float(np.quantile(self.known[right], 0.25)) if right.any() else math.inf
        return self.elsewhere & (self.known >= usual)

    @property
    def elsewhere(self) -> Flags:
        """Which images look like another spot more than like their own, in the eyes of two witnesses.

        One alone may be a copy with a wrong position.
        """
        witness = np.array([-math.inf if spot is None else spot.witness for spot in self.spots], np.float64)
        return (self.errors > ELSEWHERE) & (witness > self.at_own)


def questions_of(gallery: Gallery, *, seed: int = 0) -> list[Question]:
    """Return a sample of a gallery's own images with a position."""
    positions = gallery.records.columns.positions
    rows = sampled(np.flatnonzero(np.isfinite(positions[:, 0])), gallery, seed)
    where = [(float(positions[row, 0]), float(positions[row, 1])) for row in rows]
    return [
        Question(np.asarray(gallery.vectors[row]), parts_at(gallery.parts, row), here, row)
        for row, here in zip(rows, where, strict=True)
    ]


def sampled(rows: Rows, gallery: Gallery, seed: int) -> list[int]:
    """Return these, or a seeded sample where asking all would take too long."""
    most = MOST_RANKED_AGAIN if gallery.preset.reranks else MOST_ASKED
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return [int(row) for row in rows]


def spot_of(recognizer: Recognizer, gallery: Gallery, question: Question, only: Flags) -> Estimate | None:
    """Estimate the position of an image from some of a gallery's."""
    return _spot(gallery.records.columns.positions, *matches_of(recognizer, question, only))


def matches_of(recognizer: Recognizer, question: Question, only: Flags) -> tuple[Rows, Floats]:
    """Return the rows and scores of an image's matches among some of a gallery, best first."""
    found = recognizer.answer(question.vector, k=LOOKED_AT, parts=question.parts, only=only).matches
    return np.array([m.row for m in found], np.int64), np.array([m.score for m in found], np.float64)


def _spot(positions: Floats, rows: Rows, scores: Floats) -> Estimate | None:
    spot = estimate(positions[rows], scores)
    return None if spot is None else replace(spot, support=tuple(int(rows[number]) for number in spot.support))


def ask(
    recognizer: Recognizer,
    gallery: Gallery,
    questions: Sequence[Question],
    *,
    elsewhere: bool = True,
    progress: Progress | None = None,
) -> Asked:
    """Ask images with a position among all others and, where that is wanted, among those elsewhere alone."""
    asker = _Asker(recognizer, gallery)
    stretch = Stretch(progress, "asking held-out images", (1 + elsewhere) * len(questions))
    with stretch as step, ThreadPoolExecutor(available_cores()) as pool:

        def each(look: Callable[[Question], Any]) -> list[Any]:
            found = []
            for one in pool.map(look, questions):
                found.append(one)
                step()
            return found

        known = each(asker.among_all)
        asked = _asked(questions, known)
        wrong = set(asked.rows[asked.contradicted].tolist()) - {-1}
        asker.distrust(wrong)
        for number, spot in enumerate(asked.spots):
            if spot is not None and wrong.intersection(spot.support):  # it stands where a wrong one is said to stand
                known[number] = asker.among_all(questions[number])
        unknown = np.array(each(asker.elsewhere) if elsewhere else [], np.float64)
        return replace(_asked(questions, known), unknown=unknown)


def _asked(questions: Sequence[Question], known: Sequence[tuple[Estimate | None, bool, float]]) -> Asked:
    spots = tuple(spot for spot, _, _ in known)
    errors = [math.inf if s is None else metres_apart(s.where, q.here) for s, q in zip(spots, questions, strict=True)]
    return Asked(
        np.array([question.row for question in questions], np.int64),
        spots,
        np.array(errors, np.float64),
        np.array([there for _, there, _ in known], np.bool_),
        np.array([best for _, _, best in known], np.float64),
        np.empty(0),
    )


class _Asker:
    """A gallery that is asked about spots."""

    def __init__(self, recognizer: Recognizer, gallery: Gallery) -> None:
        self._recognizer, self._gallery = recognizer, gallery
        self._positions = gallery.records.columns.positions
        self._there: Flags = np.isfinite(self._positions[:, 0])

    def distrust(self, rows: Collection[int]) -> None:
        """Leave images out whose position is wrong: others would find their own kind where those are said to stand."""
        self._there = self._there.copy()
        self._there[list(rows)] = False

    def among_all(self, question: Question) -> tuple[Estimate | None, bool, float]:
        """Return the estimate without the image and its copies, whether others stand with it, and their best score."""
        away = metres_between(self._positions, question.here)
        others = self._there & ~((away <= ELSEWHERE) & (self._gallery.vectors @ question.vector >= NEAR_DUPLICATE))
        if question.row >= 0:
            others[question.row] = False
        rows, scores = matches_of(self._recognizer, question, others)
        near = away[rows] <= 2 * SPOT
        best = float(scores[near].max()) if near.any() else -math.inf
        return _spot(self._positions, rows, scores), bool((others & (away <= SPOT)).any()), best

    def elsewhere(self, question: Question) -> float:
        """Return the confidence of the estimate from images that are elsewhere, which is wrong."""
        away = metres_between(self._positions, question.here)
        spot = spot_of(self._recognizer, self._gallery, question, self._there & (away > ELSEWHERE))
        return -math.inf if spot is None else spot.confidence
