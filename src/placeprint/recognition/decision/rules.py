"""Accept a place or say UNKNOWN: pure functions of scores, without files, images or galleries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats

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


def agreement(evidence: Evidence, *, softness: float) -> Floats:
    """Return the share of the best image's place among the nearest images, each weighted by its closeness.

    The weight is ``exp((score - best score) / softness)`` (distance-weighted nearest neighbours, Dudani 1976).

    Returns
    -------
    ndarray of float64, shape (n_queries,)
        Above 0 and at most 1; NaN where there is no other place.
    """
    top = evidence.top
    scores, same = evidence.scores[:, :NEAREST], evidence.same[:, :NEAREST]
    gaps = np.where(np.isneginf(scores), -np.inf, scores - np.nan_to_num(top)[:, None])
    weights = np.exp(gaps / softness)
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
        shares = agreement(evidence, softness=gap / 2)
        return np.stack([(evidence.top - self.low) / gap, np.where(np.isnan(shares), self.usual_agreement, shares)], 1)

    def __call__(self, evidence: Evidence, /) -> Floats:
        """Return the probability of each query, shape (n_queries,), 0 to 1; NaN when nothing was found."""
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


def why_undecided(calibrated_for: str, asked_by: str) -> str:
    """Return why a calibration does not decide because it is for another preset; empty where it is not.

    Scores of two presets do not compare.
    """
    if not calibrated_for:
        return ""
    return (
        f"the gallery is calibrated for preset {calibrated_for} and is asked by {asked_by}, so every photo gets a "
        "place: ask it by its own preset, or give a threshold"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a place must reach to be accepted: a calibrated probability, or else a score and a margin.

    Attributes
    ----------
    threshold, margin_threshold : float or None
        A best score, or a margin to the best other place, *below* it is rejected; None asks nothing.
    probability : float or None
        A probability *below* it is rejected; then score and margin are not looked at.
    rate : float
        The false-accept rate that `probability` was chosen for; only told.
    stale : bool
        Whether many images changed since; only told.
    undecided : str
        Why a calibration does not decide, where there is one; only told.
    """

    threshold: float | None = None
    margin_threshold: float | None = None
    probability: float | None = None
    rate: float = math.nan
    stale: bool = False
    undecided: str = ""

    def decide(self, score: float, margin: float, probability: float = math.nan) -> Decision:
        """Accept the best place unless something is too low.

        Parameters
        ----------
        score : float
            Of the best match; NaN when there is none.
        margin : float
            To the best other place; NaN when there is no other place, and then it rejects nothing.
        probability : float
            That the best place is right; only looked at where it has a limit.
        """
        if math.isnan(score if self.probability is None else probability):
            return Decision(False, "the gallery holds nothing to compare with")
        return self._by_scores(score, margin) if self.probability is None else self._by_probability(probability)

    def _by_scores(self, score: float, margin: float) -> Decision:
        if self.threshold is not None and score < self.threshold:
            return Decision(False, f"the best score {score:.3f} is below the threshold {self.threshold:.3f}")
        if self.margin_threshold is not None and margin < self.margin_threshold:
            told = f"the margin {margin:.3f} to another place is below the threshold {self.margin_threshold:.3f}"
            return Decision(False, told)
        if self.threshold is None and self.margin_threshold is None:
            why = self.undecided or "no threshold was asked for, so every photo gets a place"
            return Decision(True, f"the best score is {score:.3f}; {why}")
        return Decision(True, f"the best score {score:.3f} and the margin {margin:.3f} reach what was asked for")

    def _by_probability(self, probability: float) -> Decision:
        assert self.probability is not None
        accepted = probability >= self.probability
        verb = "reaches" if accepted else "is below"
        why = f"the probability {probability:.3f} {verb} the threshold {self.probability:.3f}, calibrated for "
        why += f"{100 * self.rate:g} % false accepts"
        changed = "; the gallery changed much since: calibrate it again"
        return Decision(accepted, why + changed if self.stale else why)
