"""What a score promises: risk against coverage, and whether a probability is kept.

Pure functions. A query without a positive is never right: answering it is an error like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.errors import UsageError
from placeprint.evaluation.metrics.open_set_rates import undefined
from placeprint.evaluation.metrics.precision_recall import steps


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The share of wrong answers among those given, as the threshold falls."""

    thresholds: tuple[float, ...]  # Every different score, the highest first; answers at or above it are given.
    coverage: tuple[float, ...]  # The share of all queries that get an answer.
    risk: tuple[float, ...]  # Of those, the share that is wrong.
    area: float  # Mean risk over all coverages; lower is better. NaN where nothing defines it.


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers with a probability above `low` and up to `high` (0 is in the first bin)."""

    low: float
    high: float
    count: int
    probability: float  # Mean probability that was claimed; NaN in an empty bin.
    right: float  # Share that is right; NaN in an empty bin.


@dataclass(frozen=True, slots=True)
class Reliability:
    """Claimed against observed."""

    error: float  # Expected calibration error, 0 to 1; NaN where nothing defines it.
    bins: tuple[ReliabilityBin, ...]  # All of them, also the empty ones, from low to high; none where `error` is NaN.


def risk_coverage(scores: Floats, right: Flags) -> RiskCoverage:
    """Return the risk-coverage curve and its area.

    El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification"; the area is that
    of Geifman et al. 2019, "Bias-Reduced Uncertainty Estimation": the mean over i of the risk of the i most
    certain answers. Equal scores are accepted together, so the order of the queries changes nothing.

    `scores`, shape (n_queries,): Higher is surer. A NaN makes all of it NaN.
    `right`, shape (n_queries,): Whether the answer is right; False for a query without a positive.
    """
    if undefined(scores):
        return RiskCoverage((), (), (), float("nan"))
    wrong, given = steps(scores, ~right)
    risk = wrong / given
    area = float((risk * np.diff(given, prepend=0)).sum() / len(scores))
    thresholds = np.unique(scores)[::-1]
    return RiskCoverage(tuple(thresholds.tolist()), tuple((given / len(scores)).tolist()), tuple(risk.tolist()), area)


def reliability(probabilities: Floats, right: Flags, *, bins: int = 10) -> Reliability:
    """Return the expected calibration error and the bins it is made of.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; bins of one width,
    open below and closed above, as Guo et al. 2017, "On Calibration of Modern Neural Networks": the mean
    over answers of how far the share right and the mean probability of their bin are apart.

    `probabilities`, shape (n,): That the answer is right. A NaN makes the error NaN.
    `right`: shape (n,).
    `bins`: How many.
    Raises `UsageError` for a probability outside 0 to 1, or fewer than one bin.
    """
    if bins < 1:
        raise UsageError(f"calibration error needs at least one bin, not {bins}")
    if undefined(probabilities):
        return Reliability(float("nan"), ())
    if probabilities.min() < 0 or probabilities.max() > 1:
        worst = probabilities[np.argmax(np.abs(probabilities - 0.5))]
        raise UsageError(f"a probability must be between 0 and 1, not {worst:g}")
    edges = np.linspace(0, 1, bins + 1)
    index = np.searchsorted(edges[1:], probabilities, side="left")
    rows = tuple(
        _bin(float(edges[i]), float(edges[i + 1]), probabilities[index == i], right[index == i]) for i in range(bins)
    )
    gaps = [row.count * abs(row.right - row.probability) for row in rows if row.count]
    return Reliability(float(sum(gaps) / len(probabilities)), rows)


def _bin(low: float, high: float, probabilities: Floats, right: Flags) -> ReliabilityBin:
    if not len(probabilities):
        return ReliabilityBin(low, high, 0, float("nan"), float("nan"))
    return ReliabilityBin(low, high, len(right), float(probabilities.mean()), float(right.mean()))
