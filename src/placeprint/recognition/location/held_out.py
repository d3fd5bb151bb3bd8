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
from placeprint.gallery.position_evidence import FARTHEST, LEAST_CONFIDENCE
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import NEAR_DUPLICATE
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.spots.estimate import ELSEWHERE, SPOT, Estimate
from placeprint.recognition.spots.spots import Spots
from placeprint.storage.ragged import parts_at

MOST_ASKED = 400
MOST_RANKED_AGAIN = 120
"""Images held out at most; the second where neighbours are ranked again, which takes tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Question:
    """An image whose position is known."""

    vector: NDArray[np.float32]  # Shape (dim,).
    parts: Parts
    here: tuple[float, float]  # Its latitude and longitude, degrees.
    row: int = -1  # Its row in the gallery, where it is left out with its copies; -1 where it is not there.


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of questions."""

    rows: Rows  # (n,): Of the gallery; -1 for other images.
    spots: tuple[Estimate | None, ...]  # The estimate from all others.
    errors: Floats  # (n,): Its distance from the image's own position, metres; infinite without one.
    has_company: Flags  # (n,): Whether another image stands within `SPOT`, so that the estimate can be right.
    at_own: Floats  # (n,): Best score of the matches that stand within twice `SPOT` of the image's own position.
    unknown: Floats  # (n,): Confidence of the estimate from those elsewhere.

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
    def distrusted(self) -> set[int]:
        """Rows of the gallery that are contradicted."""
        return set(self.rows[self.contradicted].tolist()) - {-1}

    @property
    def known_kept(self) -> tuple[tuple[float, float], ...]:
        """Confidence and error (metres) of images that can be found and are not contradicted, as they are kept."""
        kept = self.has_company & ~self.contradicted
        sure, errors = _kept(self.known[kept]), np.round(np.minimum(self.errors[kept], FARTHEST), 2)
        return tuple(zip(sure.tolist(), errors.tolist(), strict=True))

    @property
    def unknown_kept(self) -> tuple[float, ...]:
        """Confidence of the estimates from elsewhere of images that are not contradicted, as a gallery keeps them."""
        return tuple(_kept(self.unknown[~self.contradicted]).tolist())

    @property
    def elsewhere(self) -> Flags:
        """Which images look like another spot more than like their own, in the eyes of two witnesses.

        One alone may be a copy with a wrong position.
        """
        witness = np.array([-math.inf if spot is None else spot.witness for spot in self.spots], np.float64)
        return (self.errors > ELSEWHERE) & (witness > self.at_own)


def _kept(confidences: Floats) -> Floats:
    return np.round(np.maximum(confidences, np.float64(LEAST_CONFIDENCE)), 6).astype(np.float64)


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


def ask(
    recognizer: Recognizer,
    gallery: Gallery,
    questions: Sequence[Question],
    *,
    elsewhere: bool = True,
    distrusted: Collection[int] = (),
    progress: Progress | None = None,
) -> Asked:
    """Ask images with a position among all others and, where that is wanted, among those elsewhere alone.

    Rows that are distrusted are no witnesses; nor are those that turn out to be contradicted, once that is known.
    """
    asker = _Asker(recognizer, gallery, distrusted)
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
        wrong = asked.distrusted
        # Others would find their own kind where those are said to stand.
        asker.spots = Spots(gallery, wrong | set(distrusted))
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

    def __init__(self, recognizer: Recognizer, gallery: Gallery, distrusted: Collection[int]) -> None:
        self._recognizer, self._gallery, self.spots = recognizer, gallery, Spots(gallery, distrusted)

    def among_all(self, question: Question) -> tuple[Estimate | None, bool, float]:
        """Return the estimate without the image and its copies, whether others stand with it, and their best score."""
        away = metres_between(self.spots.positions, question.here)
        others = ~(~(away > ELSEWHERE) & (self._gallery.vectors @ question.vector >= NEAR_DUPLICATE))
        if question.row >= 0:
            others[question.row] = False
        found = self._recognizer.matches(question.vector, parts=question.parts, only=others)
        rows, scores = self.spots.witnesses(found)
        near = away[rows] <= 2 * SPOT
        best = float(scores[near].max()) if near.any() else -math.inf
        return self.spots.among(rows, scores), bool((others & self.spots.there & (away <= SPOT)).any()), best

    def elsewhere(self, question: Question) -> float:
        """Return the confidence of the estimate from images that are elsewhere, which is wrong."""
        away = metres_between(self.spots.positions, question.here)
        only = self.spots.there & (away > ELSEWHERE)
        spot = self.spots.of(self._recognizer.matches(question.vector, parts=question.parts, only=only))
        return -math.inf if spot is None else spot.confidence
