"""How sure a number is: bootstrap intervals, and paired tests of two runs.

Everything is drawn from the one random Generator that the caller passes in: same seed, same numbers.
Queries of one place are alike, so an interval over places (`clusters`) is the honest, wider one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import UsageError

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

RESAMPLES = 2000
LEVEL = 0.95

BLOCK_BYTES = 16 * 1024 * 1024
"""Draws and drawn values of one block of resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and where it may lie.

    Attributes
    ----------
    value : float
        Of the queries themselves.
    low, high : float
        NaN when there are fewer than two units: one says nothing about the spread.
    level : float
        The share of intervals that would hold the truth.
    units : int
        Queries, or places, that were drawn from.
    resamples : int
        How many resamples gave a value; the others were NaN (no unknown query among the drawn) and are out.
    """

    value: float
    low: float
    high: float
    level: float
    units: int
    resamples: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """First minus second on the same queries.

    Attributes
    ----------
    interval : Interval
        Of the mean difference.
    p_value : float
        Two-sided: below 1 - level when the interval leaves out 0. NaN with fewer than two units.
    """

    interval: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two runs on the same queries, where they disagree.

    Attributes
    ----------
    first_only, second_only : int
        Queries that only the one got right.
    pairs : int
        Queries that have a value in both.
    p_value : float
        Exact and two-sided; NaN without a pair.
    """

    first_only: int
    second_only: int
    pairs: int
    p_value: float


def interval(
    values: Floats,
    rng: np.random.Generator,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Return the mean of per-query values with its percentile bootstrap interval.

    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; whole clusters are drawn
    as in Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.

    Parameters
    ----------
    values : ndarray of float64, shape (n_queries,)
        NaN = not counted.
    rng : numpy.random.Generator
    clusters : ndarray, shape (n_queries,), optional
        What is drawn as a whole: the place of each query. Without it, single queries.
    resamples : int
    level : float
        Above 0, below 1.

    Raises
    ------
    UsageError
        For a bad number of resamples, a bad level, or clusters of another length.
    """
    _check(resamples, level)
    sums, counts = _units(values, clusters)
    value = float(sums.sum() / counts.sum()) if len(sums) else float("nan")
    return _interval(value, _means(values, clusters, rng, resamples), len(sums), level)


def interval_of(
    statistic: Callable[..., float],
    columns: Sequence[NDArray[Any]],
    *,
    rng: np.random.Generator,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Return any statistic of the queries with its percentile bootstrap interval.

    For what is no mean, such as ``interval_of(lambda s, k: auroc(s[k], s[~k]), (scores, known), rng=rng)``.

    Parameters
    ----------
    statistic : callable
        Takes the columns of the drawn queries, returns a number; NaN where nothing defines it.
    columns : sequence of ndarray, each of shape (n_queries,)
    rng, clusters, resamples, level
        As in `interval`.

    Raises
    ------
    UsageError
        As `interval`, or when the columns differ in length.
    """
    _check(resamples, level)
    count = len(columns[0]) if columns else 0
    if any(len(c) != count for c in columns):
        raise UsageError(f"the columns of a statistic must have one length, not {[len(c) for c in columns]}")
    order, begins, sizes = _members(count, clusters)
    value = float(statistic(*columns)) if count else float("nan")
    if np.isnan(value) or len(sizes) < 2:
        return Interval(value, float("nan"), float("nan"), level, len(sizes), 0)
    draws = np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(0, len(sizes), len(sizes))
        rows = order[_runs(begins[drawn], sizes[drawn])]
        draws[i] = statistic(*(c[rows] for c in columns))
    return _interval(value, draws[~np.isnan(draws)], len(sizes), level)


def paired_difference(
    first: Floats,
    second: Floats,
    *,
    rng: np.random.Generator,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> PairedDifference:
    """Compare two runs on the same queries by the mean of their differences (average precision, hits).

    The paired bootstrap; the p-value is that of the percentile interval, the level at which 0 comes to lie
    on its border (Efron and Tibshirani 1993, section 15.4), and never below 2 / (resamples + 1).

    Parameters
    ----------
    first, second : ndarray of float64, shape (n_queries,)
        A query that is NaN in either is not counted.
    rng, clusters, resamples, level
        As in `interval`.

    Raises
    ------
    UsageError
        As `interval`, or when the two differ in length.
    """
    _check(resamples, level)
    difference = _paired(first, second)
    sums, counts = _units(difference, clusters)
    value = float(sums.sum() / counts.sum()) if len(sums) else float("nan")
    draws = _means(difference, clusters, rng, resamples)
    found = _interval(value, draws, len(sums), level)
    if not len(draws):
        return PairedDifference(found, float("nan"))
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return PairedDifference(found, min(1.0, 2 * (tail + 1) / (resamples + 1)))


def mcnemar(first: Floats, second: Floats) -> McNemar:
    """Compare two runs by the queries that only one of them got right: McNemar's exact test.

    McNemar 1947; the exact form is the two-sided sign test of the disagreements: twice the chance of so
    few heads in so many throws of a fair coin, at most 1.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n_queries,)
        1 where right, 0 where not, as `hits_at` gives it; a query that is NaN in either is not counted.

    Raises
    ------
    UsageError
        When the two differ in length or hold something else than 0, 1 and NaN.
    """
    difference = _paired(first, second)
    if not all(np.isin(side[~np.isnan(side)], (0.0, 1.0)).all() for side in (first, second)):
        raise UsageError("McNemar's test compares right (1) and wrong (0) answers; some values are neither")
    pairs = int((~np.isnan(difference)).sum())
    one, other = int((difference > 0).sum()), int((difference < 0).sum())
    return McNemar(one, other, pairs, _sign_test(min(one, other), one + other) if pairs else float("nan"))


def _sign_test(heads: int, throws: int) -> float:
    # Whole numbers of any size: no rounding, no overflow, and each term comes from the one before.
    ways = total = 1
    for i in range(heads):
        ways = ways * (throws - i) // (i + 1)
        total += ways
    return min(1.0, 2 * total / (1 << throws)) if 2 * total < (1 << throws) else 1.0


def _check(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise UsageError(f"a bootstrap needs resamples and a level between 0 and 1, not {resamples} and {level:g}")


def _paired(first: Floats, second: Floats) -> Floats:
    if first.shape != second.shape:
        raise UsageError(f"two runs are compared on the same queries, not on {len(first)} and {len(second)}")
    return first - second


def _units(values: Floats, clusters: NDArray[Any] | None) -> tuple[Floats, Floats]:
    """Return sum and number of the counted values of each unit that is drawn."""
    counted = ~np.isnan(values)
    order, begins, sizes = _members(int(counted.sum()), None if clusters is None else _checked(clusters, counted))
    kept = values[counted][order]
    return (np.add.reduceat(kept, begins) if len(kept) else kept), sizes.astype(np.float64)


def _checked(clusters: NDArray[Any], counted: NDArray[np.bool_]) -> NDArray[Any]:
    if clusters.shape != counted.shape:
        raise UsageError(f"there are {len(counted)} values, but clusters for {len(clusters)}")
    return clusters[counted]
