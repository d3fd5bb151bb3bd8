"""Accept a place or say UNKNOWN: pure functions of scores, without files, images or galleries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats
from placeprint.records import Grade
from placeprint.records.answers import probable

NEAREST = 10
"""Neighbours that the agreement looks at."""
LIKELY = 0.5
"""The least probability of a place that is told as sure where it is accepted, and as likely where it is not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found around each query."""

    scores: Floats  # (n_queries, k): Of the nearest images, best first; -inf where there are fewer than k.
    same: NDArray[np.bool_]  # (n_queries, k): Which of them show the place of the best one.
    # (n_queries,): Score of the best image of another *place*, wherever it ranks; NaN when there is no other place.
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

    Returns shape (n_queries,): Above 0 and at most 1; NaN where there is no other place.
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
    """Calibrated probability that the best place is right: a logistic of standing and agreement."""

    coefficients: tuple[float, float, float]  # Intercept, of the standing, of the agreement.
    # low, high: The *standing* of a query is 0 where its best score is `low`, the usual one among other places, and 1
    # where it is `high`, the usual one of the same place. It makes scores of any model comparable.
    low: float
    high: float
    usual_agreement: float  # Stands in where there is no other place.

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
    """Whether the best place is accepted, how sure that is, and why, in one line."""

    accepted: bool
    grade: Grade
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
    """What a place must reach to be accepted; what is None asks nothing."""

    # threshold, margin_threshold: A best score, or a margin to the best other place, *below* it is rejected.
    threshold: float | None = None
    margin_threshold: float | None = None
    probability: float | None = None  # A calibrated probability *below* it is rejected.
    rate: float | None = None  # The false-accept rate that `probability` was chosen for; None where somebody gave it.
    # The rate that was asked for, where `rate` is the next lower one that is kept; only told.
    instead_of: float | None = None
    # stale, guessed: Whether many images changed since or how they are compared, and whether too few told anything;
    # only told.
    stale: bool = False
    guessed: bool = False
    undecided: str = ""  # Why a calibration does not decide, where there is one; only told.

    @property
    def decides(self) -> bool:
        """Whether any place can be rejected."""
        return any(limit is not None for limit in (self.threshold, self.margin_threshold, self.probability))

    def decide(self, score: float, margin: float, probability: float = math.nan) -> Decision:
        """Accept the best place unless something is too low.

        `score`: Of the best match; NaN when there is none.
        `margin`: To the best other place; NaN when there is no other place, and then it rejects nothing.
        `probability`: That the best place is right; NaN without a calibration.
        """
        if math.isnan(score if self.probability is None else probability):
            return Decision(False, Grade.UNKNOWN, "the gallery holds nothing to compare with")
        if why := self._too_low(score, margin, probability):
            return Decision(False, Grade.LIKELY if probability >= LIKELY else Grade.UNKNOWN, why)
        if not self.decides:
            why = self.undecided or "no threshold was asked for, so every photo gets a place"
            return Decision(True, Grade.LIKELY, f"the best score is {score:.3f}; {why}")
        if probability < LIKELY:  # a high rate accepts such places: they are named, and not called sure
            why = f"{self._reached(score, margin, probability)}; it is below one half, so the place is not called sure"
            return Decision(True, Grade.LIKELY, why)
        return Decision(True, Grade.SURE, self._reached(score, margin, probability))

    def _too_low(self, score: float, margin: float, probability: float) -> str:
        """Return what rejects the best place; empty where nothing does."""
        if self.probability is not None and probability < self.probability:
            return f"the probability {self._told(probability)} is below {self._probability_for()}"
        if self.threshold is not None and score < self.threshold:
            return f"the best score {score:.3f} is below the threshold {self.threshold:.3f}"
        if self.margin_threshold is not None and margin < self.margin_threshold:
            return f"the margin {margin:.3f} to another place is below the threshold {self.margin_threshold:.3f}"
        return ""

    def _reached(self, score: float, margin: float, probability: float) -> str:
        if self.probability is None:
            return f"the best score {score:.3f} and the margin {margin:.3f} reach what was asked for"
        told = "" if self.margin_threshold is None else f"the margin {margin:.3f} reaches what was asked for, and "
        return f"{told}the probability {self._told(probability)} reaches {self._probability_for()}"

    def _told(self, probability: float) -> str:
        """Return a probability as it is shown, in full beside a threshold that is as high."""
        return f"{probability:.3f}" if (self.probability or 0.0) > 0.999 else probable(probability)

    def _probability_for(self) -> str:
        """Return the least probability, and what it was chosen for."""
        if self.rate is None:
            return f"the threshold {self.probability:.3f} that was asked for"
        told = f"the threshold {self.probability:.3f}, calibrated for {100 * self.rate:g} % false accepts"
        if self.instead_of is not None:
            told += f", the next rate below the {100 * self.instead_of:g} % that were asked for"
        if self.guessed:
            told += "; a guess from other galleries, because this one has too few photos to tell"
        return told + ("; much changed since: calibrate it again" if self.stale else "")
