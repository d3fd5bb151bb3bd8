"""How sure a number is: bootstrap intervals over queries, or over places.

Everything is drawn from the one random Generator that the caller passes in: same seed, same numbers.
Queries of one place are alike, so the interval over places (`clusters`) is the honest, mostly wider one.
A bootstrap knows only the values it has: of nothing but right answers it makes an interval from 1 to 1. Of shares the
end is that of a binomial then (`placeprint.rates`); of an area of 1 it stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Floats, Rows
from placeprint.errors import UsageError
from placeprint.evaluation.metrics.open_set_rates import auroc
from placeprint.rates import LEVEL, most_of_none

RESAMPLES = 2000

BLOCK_BYTES = 8 * 1024 * 1024
"""Drawn units and their values in one block of resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and where it may lie."""

    value: float  # Of the queries themselves.
    # low, high: NaN when there are fewer than two units: one alone says nothing about the spread.
    low: float
    high: float
    level: float  # The share of such intervals that hold the truth.
    units: int  # Queries, or places, that were drawn from.
    resamples: int  # How many gave a number; the others (no unknown query among the drawn) are left out.


@dataclass(frozen=True, slots=True)
class Draws:
    """A number and what it became in every resample."""

    value: float
    resampled: Floats  # (resamples,): Empty when nothing could be drawn; NaN where a resample has no value.
    units: int  # Queries, or places, that were drawn from.

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the percentile interval (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13).

        Raises `UsageError` when `level` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise UsageError(f"the level of an interval must be between 0 and 1, not {level:g}")
        usable = self.resampled[~np.isnan(self.resampled)]
        ends = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2]) if len(usable) else (np.nan, np.nan)
        return Interval(self.value, float(ends[0]), float(ends[1]), level, self.units, len(usable))


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn as a whole: queries, or all queries of a place."""

    order: Rows  # (n_queries,): The queries, those of one unit side by side.
    # begins, sizes, (n_units,): Unit u is ``order[begins[u]:begins[u] + sizes[u]]``.
    begins: Rows
    sizes: Rows

    @classmethod
    def of(cls, count: int, clusters: NDArray[Any] | None) -> Units:
        """Group `count` queries by the name of their cluster; without clusters, each is its own unit."""
        if clusters is None:
            return cls(np.arange(count), np.arange(count), np.ones(count, np.int64))
        _, owner, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
        return cls(np.argsort(owner, kind="stable"), np.cumsum(sizes) - sizes, sizes)

    def draw_means(self, values: Floats, rng: np.random.Generator, resamples: int) -> Floats:
        """Return the mean of each of many resamples: as many units as there are, with replacement, in blocks."""
        sums = np.add.reduceat(values[self.order], self.begins)
        units = len(sums)
        step = max(1, BLOCK_BYTES // (24 * units))
        means = np.empty(resamples)
        for start in range(0, resamples, step):
            block = means[start : start + step]
            drawn = rng.integers(0, units, (len(block), units))
            block[:] = sums[drawn].sum(axis=1) / self.sizes[drawn].sum(axis=1)
        # A mean never leaves its values; a rounded one of equal values might.
        return np.clip(means, values.min(), values.max())

    def draw_areas(self, scores: Floats, known: Flags, rng: np.random.Generator, resamples: int) -> Floats:
        """Return the area under the ROC curve of each of many resamples: whole numbers of pairs, counted by rank."""
        units, owner = len(self.sizes), np.empty(len(scores), np.int64)
        owner[self.order] = np.repeat(np.arange(units), self.sizes)
        ranked = np.argsort(scores)
        owner, known, ordered = owner[ranked], known[ranked], scores[ranked]
        first, behind = (np.searchsorted(ordered, ordered[known], side=side) for side in ("left", "right"))
        step = max(1, BLOCK_BYTES // (32 * len(scores) + 1))
        areas = np.empty(resamples)
        for start in range(0, resamples, step):
            block = areas[start : start + step]
            drawn = rng.integers(0, units, (len(block), units)) + units * np.arange(len(block))[:, None]
            times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)[:, owner]
            below = np.zeros((len(block), len(scores) + 1), np.int64)
            np.cumsum(np.where(known, 0, times), axis=1, out=below[:, 1:])
            pairs = times[:, known].sum(axis=1) * below[:, -1]
            won = (times[:, known] * (below[:, first] + below[:, behind])).sum(axis=1)
            block[:] = np.where(pairs, won / (2.0 * np.maximum(pairs, 1)), np.nan)
        return areas


def bootstrap_means(
    values: Floats, rng: np.random.Generator, *, clusters: NDArray[Any] | None = None, resamples: int = RESAMPLES
) -> Draws:
    """Draw the mean of per-query values again and again; the parameters are those of `interval`.

    Raises `UsageError` for no resamples, or clusters of another length.
    """
    _check(len(values), clusters, resamples)
    counted = ~np.isnan(values)
    kept = values[counted]
    units = Units.of(len(kept), None if clusters is None else clusters[counted])
    value = float(kept.mean()) if len(kept) else float("nan")
    enough = len(units.sizes) > 1
    return Draws(value, units.draw_means(kept, rng, resamples) if enough else np.empty(0), len(units.sizes))


def interval(
    values: Floats,
    rng: np.random.Generator,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Return the mean of per-query values with its bootstrap interval.

    `values`, shape (n_queries,): NaN = not counted.
    `clusters`, shape (n_queries,): The place (or other name) of each query, drawn as a whole (Davison and Hinkley 1997,
    "Bootstrap Methods and their Application", section 3.8). Without it single queries are drawn.
    `level`: Above 0, below 1.
    Raises `UsageError` for no resamples, a bad level, or clusters of another length.
    """
    return bootstrap_means(values, rng, clusters=clusters, resamples=resamples).interval(level)


def interval_of_share(
    values: Floats, rng: np.random.Generator, *, clusters: NDArray[Any] | None = None, level: float = LEVEL
) -> Interval:
    """Return what `interval` does of values from 0 to 1, no surer than if all units were 0, or all were 1.

    None of a few queries may be wrong by chance: the end is `most_of_none` of the units then, and of a few that are
    wrong no nearer.
    """
    found = interval(values, rng, clusters=clusters, level=level)
    if not found.low <= found.high:  # too few units tell nothing
        return found
    most = most_of_none(found.units, level)
    return replace(found, low=min(found.low, 1 - most), high=max(found.high, most))


def interval_of_auroc(
    scores: Floats,
    known: Flags,
    rng: np.random.Generator,
    *,
    clusters: NDArray[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Return the area under the ROC curve with its bootstrap interval.

    `scores`: shape (n_queries,).
    `known`: shape (n_queries,).
    `rng`, `clusters`, `resamples`, `level`: As in `interval`. A resample without a known or without an unknown query
    has no area, and does not count.
    Raises `UsageError` as `interval` does.
    """
    _check(len(scores), clusters, resamples)
    units, value = Units.of(len(scores), clusters), auroc(scores[known], scores[~known])
    possible = 0 if np.isnan(value) or len(units.sizes) < 2 else resamples
    return Draws(value, units.draw_areas(scores, known, rng, possible), len(units.sizes)).interval(level)


def _check(count: int, clusters: NDArray[Any] | None, resamples: int) -> None:
    if resamples < 1:
        raise UsageError(f"a bootstrap needs at least one resample, not {resamples}")
    if clusters is not None and clusters.shape != (count,):
        raise UsageError(f"there are {count} queries, but clusters for {len(clusters)}")
