"""Accept a place or say UNKNOWN: pure functions of scores.

A *strategy* turns what was found around a query into one number, higher where the best place is surer.
It knows no files, images, galleries or settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAREST = 10
"""Neighbours that the agreement looks at."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found around each query.

    Attributes
    ----------
    scores : ndarray of float64, shape (n_queries, k)
        Of the nearest images, best first; -inf where there are fewer than k.
    same : ndarray of bool, shape (n_queries, k)
        Which of them show the place of the best one.
    other : ndarray of float64, shape (n_queries,)
        Score of the best image of another *place*, wherever it ranks; NaN when there is no other place.
    """

    scores: Floats
    same: NDArray[np.bool_]
    other: Floats

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.scores)

    @property
    def top(self) -> Floats:
        """Best score of each query, shape (n_queries,); NaN when nothing was found."""
        if not self.scores.shape[1]:
            return np.full(len(self), np.nan)
        return np.where(np.isneginf(self.scores[:, 0]), np.nan, self.scores[:, 0])


class Strategy(Protocol):
    """One way to be sure: evidence in, one number a query out, NaN where it is not defined."""

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return how sure the best place is, shape (n_queries,), higher is surer."""


@dataclass(frozen=True, slots=True)
class TopScore:
    """The score of the best image."""

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return it, shape (n_queries,)."""
        return evidence.top


@dataclass(frozen=True, slots=True)
class Margin:
    """The best score less that of the best other *place*; NaN when there is no other place."""

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return it, shape (n_queries,)."""
        return evidence.top - evidence.other


@dataclass(frozen=True, slots=True)
class Ratio:
    """Distance to the best other *place* over distance to the best image (Lowe 2004, turned upside down).

    Distances are those of unit vectors, ``sqrt(2 - 2 * score)``. Infinite for a perfect match.
    """

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return it, shape (n_queries,), at least 1."""
        near, far = (np.sqrt(np.maximum(2.0 - 2.0 * s, 0.0)) for s in (evidence.top, evidence.other))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = far / near
        return np.where((near == 0) & (far == 0), 1.0, ratio)


@dataclass(frozen=True, slots=True)
class Vote:
    """Share of the best image's place among the nearest images, each weighted by its closeness.

    The weight is ``exp((score - best score) / softness)`` (distance-weighted nearest neighbours, Dudani
    1976). NaN when there is no other place to vote for.
    """

    softness: float = 0.1
    nearest: int = NEAREST

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return it, shape (n_queries,), above 0 and at most 1."""
        top = evidence.top
        scores, same = evidence.scores[:, : self.nearest], evidence.same[:, : self.nearest]
        gaps = np.where(np.isneginf(scores), -np.inf, scores - np.nan_to_num(top)[:, None])
        weights = np.exp(gaps / self.softness)
        with np.errstate(invalid="ignore"):
            share = (weights * same).sum(axis=1) / weights.sum(axis=1)
        return np.where(np.isnan(top) | np.isnan(evidence.other), np.nan, share)


@dataclass(frozen=True, slots=True)
class Probability:
    """Calibrated probability that the best place is right: a logistic of standing and agreement.

    Attributes
    ----------
    coefficients : tuple of 3 floats
        Intercept, of the standing, of the agreement.
    low, high : float
        The *standing* of a query is 0 where its best score is `low`, the usual one among other places, and 1
        where it is `high`, the usual one of the same place. It makes scores of any model comparable.
    usual_agreement : float
        Stands in where there is no other place.
    """

    coefficients: tuple[float, float, float]
    low: float
    high: float
    usual_agreement: float

    def features(self, evidence: Evidence) -> Floats:
        """Return standing and agreement, shape (n_queries, 2)."""
        gap = self.high - self.low
        votes = Vote(softness=gap / 2)(evidence)
        return np.stack([(evidence.top - self.low) / gap, np.where(np.isnan(votes), self.usual_agreement, votes)], 1)

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return it, shape (n_queries,), 0 to 1; NaN when nothing was found."""
        return logistic(self.features(evidence), self.coefficients)


def logistic(features: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Return ``1 / (1 + exp(-(c0 + c1 x1 + ...)))``, shape (n,), for features of shape (n, d)."""
    linear = coefficients[0] + features @ np.array(coefficients[1:], np.float64)
    halves: Floats = np.tanh(linear / 2)
    return 0.5 + 0.5 * halves


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the best place is accepted, and why, in one line."""

    accepted: bool
    why: str


_NOTHING = Decision(False, "the gallery holds nothing to compare with")


def why_undecided(calibrated_for: str, asked_by: str) -> str:
    """Return why a calibration decides nothing, where it is for another preset than a gallery is asked by; or nothing.

    Scores of two presets do not compare.
    """
    if not calibrated_for:
        return ""
    return (
        f"the gallery is calibrated for preset {calibrated_for} and is asked by {asked_by}, so every photo gets a "
        "place: ask it by its own preset, or give a threshold"
    )


def decide(
    score: float, margin: float, *, threshold: float | None, margin_threshold: float | None, undecided: str = ""
) -> Decision:
    """Accept the best place unless its score or its margin is too low.

    Parameters
    ----------
    score : float
        Cosine similarity of the best match; NaN when there is none.
    margin : float
        To the best other place; NaN when there is no other place, and then it rejects nothing.
    threshold, margin_threshold : float or None
        A value *below* the threshold is rejected; None asks nothing.
    undecided : str
        Why a calibration does not decide, where there is one; only told.
    """
    if math.isnan(score):
        return _NOTHING
    if threshold is not None and score < threshold:
        return Decision(False, f"the best score {score:.3f} is below the threshold {threshold:.3f}")
    if margin_threshold is not None and margin < margin_threshold:
        return Decision(
            False, f"the margin {margin:.3f} to another place is below the threshold {margin_threshold:.3f}"
        )
    if threshold is None and margin_threshold is None:
        why = undecided or "no threshold was asked for, so every photo gets a place"
        return Decision(True, f"the best score is {score:.3f}; {why}")
    return Decision(True, f"the best score {score:.3f} and the margin {margin:.3f} reach what was asked for")


def decide_by_probability(probability: float, *, threshold: float, rate: float, stale: bool = False) -> Decision:
    """Accept the best place when its probability reaches the calibrated threshold.

    Parameters
    ----------
    probability : float
        NaN when there is no match.
    threshold : float
        A probability *below* it is rejected.
    rate : float
        The false-accept rate that the threshold was chosen for; only told.
    stale : bool
        Whether many images changed since; only told.
    """
    if math.isnan(probability):
        return _NOTHING
    accepted = probability >= threshold
    verb = "reaches" if accepted else "is below"
    why = f"the probability {probability:.3f} {verb} the threshold {threshold:.3f}, calibrated for "
    why += f"{100 * rate:g} % false accepts"
    return Decision(accepted, f"{why}; the gallery changed much since: calibrate it again" if stale else why)
