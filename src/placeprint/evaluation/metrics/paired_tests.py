"""Paired tests of two runs on the same queries: whether one is better, or it may be luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats
from placeprint.errors import UsageError
from placeprint.evaluation.metrics.intervals import RESAMPLES, Interval, bootstrap_means
from placeprint.rates import LEVEL


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """First minus second on the same queries."""

    interval: Interval  # Of the mean difference.
    p_value: float  # Two-sided; small when the interval lies clear of 0. NaN with fewer than two units.


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two runs on the same queries, where they disagree."""

    # first_only, second_only: Queries that only this one got right.
    first_only: int
    second_only: int
    pairs: int  # Queries that have a value in both.
    p_value: float  # Exact and two-sided: 1 when they never disagree, NaN without a pair.


def paired_difference(
    first: Floats,
    second: Floats,
    *,
    rng: np.random.Generator,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> PairedDifference:
    """Compare two runs by the mean difference of their per-query values (average precision).

    The paired bootstrap. Its p-value belongs to its interval: the level at which 0 comes to lie on the
    border (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 15.4). With B resamples
    it is never below 2 / (B + 1).

    `first`, `second`, shape (n_queries,): A query that is NaN in either is not counted.
    `rng`, `clusters`, `resamples`, `level`: As in `placeprint.evaluation.metrics.intervals.interval`.
    Raises `UsageError`: as `interval`, or when the two differ in length.
    """
    draws = bootstrap_means(_difference(first, second), rng, clusters=clusters, resamples=resamples)
    tail = min((draws.resampled <= 0).sum(), (draws.resampled >= 0).sum())
    p_value = min(1.0, 2 * (float(tail) + 1) / (resamples + 1)) if len(draws.resampled) else float("nan")
    return PairedDifference(draws.interval(level), p_value)


def mcnemar(first: Floats, second: Floats) -> McNemar:
    """Compare two runs by the queries that only one of them got right: McNemar's exact test.

    McNemar 1947, "Note on the Sampling Error of the Difference between Correlated Proportions", in its
    exact form: the two-sided sign test of the disagreements.

    `first`, `second`, shape (n_queries,): 1 where right, 0 where not, as `hits_at` gives it. A query that is NaN in
    either is not counted.
    Raises `UsageError` when the two differ in length or hold something else than 0, 1 and NaN.
    """
    difference = _difference(first, second)
    if not all(np.isin(side[~np.isnan(side)], (0.0, 1.0)).all() for side in (first, second)):
        raise UsageError("McNemar's test compares right (1) and wrong (0) answers; some values are neither")
    pairs = int((~np.isnan(difference)).sum())
    one, other = int((difference > 0).sum()), int((difference < 0).sum())
    return McNemar(one, other, pairs, _sign_test(min(one, other), one + other) if pairs else float("nan"))


def _sign_test(heads: int, throws: int) -> float:
    """Return twice the chance of at most `heads` heads in `throws` of a fair coin, at most 1."""
    # Whole numbers of any size neither round nor overflow; each term comes from the one before.
    ways = total = 1
    for i in range(heads):
        ways = ways * (throws - i) // (i + 1)
        total += ways
    return min(1.0, 2 * total / (1 << throws))


def _difference(first: Floats, second: Floats) -> Floats:
    if first.shape != second.shape:
        raise UsageError(f"two runs are compared on the same queries, not on {len(first)} and {len(second)}")
    return first - second
