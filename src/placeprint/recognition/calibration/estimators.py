"""Fits and quantiles of the calibration: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats, Numbers
from placeprint.errors import VectorError
from placeprint.rates import most_of_none
from placeprint.recognition.decision.rules import logistic

_STEPS = 100
_CONVERGED = 1e-10
_DRAWS, _DRAWN_AT_ONCE = 1000, 50
_ROUNDING = 1e-12


def fit_logistic(
    features: Floats, right: NDArray[np.bool_], *, weights: Floats, centre: tuple[float, ...], strength: float
) -> tuple[float, ...]:
    """Fit a logistic regression with a pull towards known coefficients.

    Newton's method, which is iteratively reweighted least squares (McCullagh and Nelder 1989,
    "Generalized Linear Models"), on the log likelihood less ``strength / 2 * |c - centre|^2`` (a Gaussian
    prior). Steps are halved while they would lower it.

    `features`: shape (n, d).
    `right`: shape (n,).
    `weights`, shape (n,): How much each row counts.
    `centre`: Intercept first.
    `strength`: Above 0; then there is exactly one answer, also when the two sides do not overlap.
    Raises `VectorError` when the features are not finite.
    """
    if not np.isfinite(features).all():
        raise VectorError("the scores to calibrate with hold NaN or infinity")
    design = np.column_stack([np.ones(len(features)), features])
    target, mean = right.astype(np.float64), np.array(centre, np.float64)
    found = mean.copy()

    def loss(c: Floats) -> float:
        linear = design @ c
        return float(weights @ (np.logaddexp(0, linear) - target * linear) + strength / 2 * ((c - mean) ** 2).sum())

    for _ in range(_STEPS):
        p = logistic(features, tuple(found))
        slope = design.T @ (weights * (p - target)) + strength * (found - mean)
        curve = (design * (weights * p * (1 - p))[:, None]).T @ design + strength * np.eye(len(mean))
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while loss(found - size * step) > loss(found) and size > 1e-6:
            size /= 2
        found = found - size * step
        if np.abs(step).max() < _CONVERGED:
            break
    return tuple(found.tolist())


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of unknown queries, in groups that count alike."""

    values: Floats  # (n,): Higher is surer: these are the ones that must not be accepted.
    groups: Numbers  # (n,): The place of each.

    def shares_above(self, thresholds: Floats) -> Floats:
        """Return, for each group, the share of its values above each threshold, shape (groups, thresholds)."""
        names, index = np.unique(self.groups, return_inverse=True)
        out = np.empty((len(names), len(thresholds)))
        for i in range(len(names)):
            own = np.sort(self.values[index == i])
            out[i] = 1 - np.searchsorted(own, thresholds, side="right") / len(own)
        return out


def conformal_threshold(sample: Sample, rate: float) -> float:
    """Return the value above which an image of a new place comes with a chance of at most `rate`.

    Hierarchical split-conformal prediction (Lee, Barber and Willett 2023, "Distribution-free inference with
    hierarchical data"): every place counts alike, and the new one counts as infinitely high. With one value
    a place it is the usual quantile ``ceil((n + 1) (1 - rate)) / n``. It holds when the new place could as
    well have been one of these places, whatever the distribution.

    Returns: Accept what is above it. Infinity when there are fewer than ``1 / rate - 1`` places.
    """
    candidates = np.unique(sample.values)
    shares = sample.shares_above(candidates)
    bound = (shares.sum(axis=0) + 1) / (len(shares) + 1)
    kept = np.flatnonzero(bound <= rate + _ROUNDING)
    return float(candidates[kept[0]]) if len(kept) else float("inf")


class Mixture:
    """What is expected of a new place: some places, and a prior that counts as a few more.

    The expectation is that of a Dirichlet process: the places of the sample count one each, and a prior
    learned elsewhere counts as `worth` places (Ferguson 1973, "A Bayesian Analysis of Some Nonparametric
    Problems"). Intervals are its Bayesian bootstrap (Rubin 1981) over places.

    The sample's values come from galleries that lacked one place; a new query meets all ``P`` of them. So a
    share ``s`` counts as ``1 - (1 - s) ** (P / (P - 1))``.

    `sample`, `prior`: Either may be empty, not both.
    `worth`: Places; above 0 when the sample is empty.
    """

    def __init__(self, sample: Sample, prior: Sample, *, worth: float) -> None:
        self._thresholds = np.unique(np.concatenate([sample.values, prior.values]))
        own, other = sample.shares_above(self._thresholds), prior.shares_above(self._thresholds)
        places = len(own)
        if places > 1:
            own = 1 - (1 - own) ** (places / (places - 1))
        self._mass = np.concatenate([np.ones(places), np.full(len(other), worth / max(len(other), 1))])
        self._shares = np.concatenate([own, other])

    def threshold(self, rate: float) -> float:
        """Return the lowest value above which at most `rate` of a new place's images are expected."""
        return float(self._thresholds[_first_below(self._mass / self._mass.sum() @ self._shares, rate)])

    def threshold_interval(self, rate: float, *, seed: int) -> tuple[float, float]:
        """Return a 95 % interval of the threshold, over the places that could have been drawn instead."""
        parts = np.array_split(self._drawn(seed), _DRAWS // _DRAWN_AT_ONCE)  # or it would take most of the memory
        found = [self._thresholds[_first_below(line, rate)] for part in parts for line in part @ self._shares]
        low, high = np.quantile(found, [0.025, 0.975])
        return float(low), float(high)

    def rate(self, threshold: float) -> float:
        """Return the share of a new place's images that is expected to lie above `threshold`."""
        return float(self._mass @ self._shares[:, self._at(threshold)] / self._mass.sum())

    def rate_interval(self, threshold: float, *, seed: int) -> tuple[float, float]:
        """Return a 95 % interval of the share of new places' images that lie above `threshold`.

        It ends no lower than it would if nothing of as many places did, which no weights of nothing can tell.
        """
        low, high = np.quantile(self._drawn(seed) @ self._shares[:, self._at(threshold)], [0.025, 0.975])
        return float(low), max(float(high), most_of_none(float(self._mass.sum())))

    def _at(self, threshold: float) -> int:
        return max(int(np.searchsorted(self._thresholds, threshold, side="right")) - 1, 0)

    def _drawn(self, seed: int) -> Floats:
        """Draw the weights of the places, shape (_DRAWS, places)."""
        weights = np.random.default_rng(seed).gamma(self._mass, size=(_DRAWS, len(self._mass)))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights


def _first_below(shares: Floats, rate: float) -> int:
    """Return the first candidate with at most `rate` above it; the last has nothing above it."""
    return int(np.flatnonzero(shares <= rate + _ROUNDING)[0])
