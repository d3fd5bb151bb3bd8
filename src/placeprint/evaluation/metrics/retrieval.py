"""Recall@K, mean average precision and their named conventions: pure functions of ranks.

The ranking rule, everywhere: score descending, and of equal scores the lower gallery row first.
Everything here needs only the ranks of each query's positives. A query without a positive has no value
(NaN) and is left out of a mean, unless the convention's name says otherwise; a mean of nothing is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats


@dataclass(frozen=True, slots=True)
class PositiveRanks:
    """The ranks of every query's positives, in one array."""

    ranks: NDArray[np.int64]  # (total,): Rank from 0 among all gallery images, ascending within a query.
    offsets: NDArray[np.int64]  # (n_queries + 1,): Query i owns ``ranks[offsets[i]:offsets[i + 1]]``.

    @classmethod
    def of(cls, rows: Iterable[NDArray[np.int64]]) -> PositiveRanks:
        """Join one ascending array of ranks a query."""
        parts = [np.asarray(r, np.int64) for r in rows]
        offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts], dtype=np.int64)])
        return cls(np.concatenate([np.empty(0, np.int64), *parts]), offsets.astype(np.int64))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of positives of each query, shape (n_queries,)."""
        return np.diff(self.offsets)

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """True for the queries that have a positive, shape (n_queries,)."""
        return np.asarray(self.counts > 0)

    @property
    def first(self) -> NDArray[np.int64]:
        """Rank from 0 of the best positive of each query, -1 without one, shape (n_queries,)."""
        first = np.full(len(self.counts), -1, np.int64)
        first[self.answerable] = self.ranks[self.offsets[:-1][self.answerable]]
        return first

    def positions(self) -> NDArray[np.int64]:
        """Return for each rank how many positives of its query come before it, shape (total,)."""
        return np.arange(len(self.ranks)) - np.repeat(self.offsets[:-1], self.counts)

    def owners(self) -> NDArray[np.int64]:
        """Return for each rank the number of its query, shape (total,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def summed(self, values: Floats) -> Floats:
        """Add up one value a positive to one value a query, shape (n_queries,)."""
        # Not differences of one long running sum: those carry the rounding of all queries before.
        return np.asarray(np.bincount(self.owners(), values, minlength=len(self.counts)), np.float64)


def mean_of(values: Floats) -> float:
    """Return the mean of the values that are not NaN; NaN when there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def hits_at(ranks: PositiveRanks, k: int) -> Floats:
    """Return 1 where a positive is among the `k` best, 0 where not, NaN without a positive."""
    hit = (ranks.first >= 0) & (ranks.first < k)
    return np.where(ranks.answerable, hit.astype(np.float64), np.nan)


def recall_at(ranks: PositiveRanks, k: int) -> float:
    """Return Recall@K over the answerable queries (the convention of VPR_Tutorial)."""
    return mean_of(hits_at(ranks, k))


def recall_at_over_all(ranks: PositiveRanks, k: int) -> float:
    """Return Recall@K with unanswerable queries as misses (VPR-methods-evaluation, SALAD, Patch-NetVLAD)."""
    return mean_of(np.nan_to_num(hits_at(ranks, k), nan=0.0))


def average_precision(ranks: PositiveRanks) -> Floats:
    """Return the standard average precision: over the full ranking, divided by all positives.

    The mean over positives of the precision at their rank, as scikit-learn's
    ``average_precision_score`` gives it without ties. Shape (n_queries,), NaN without a positive.
    """
    precision = (ranks.positions() + 1) / (ranks.ranks + 1)
    return _divided(ranks.summed(precision), ranks.counts)


def average_precision_found(ranks: PositiveRanks, k: int) -> Floats:
    """Return average precision over the `k` best, divided by the positives *found* there.

    The convention of the published landmark system. It rewards finding fewer; it is here to compare.
    A query that has positives and finds none among the `k` best gets 0.
    """
    found = ranks.summed((ranks.ranks < k).astype(np.float64))
    value = _precision_within(ranks, np.full(len(ranks.counts), k)) / np.maximum(found, 1)
    return np.where(ranks.answerable, value, np.nan)


def average_precision_over_min(ranks: PositiveRanks, k: int) -> Floats:
    """Return average precision over the `k` best, divided by min(positives, `k`).

    mAP@100 of Google Landmarks v2 (Weyand et al. 2020; tensorflow/models, ``delf/python/datasets/
    google_landmarks_dataset/metrics.py``, ``MeanAveragePrecision``). Shape (n_queries,).
    """
    return _divided(_precision_within(ranks, np.full(len(ranks.counts), k)), np.minimum(ranks.counts, k))


def average_precision_over_all(ranks: PositiveRanks, k: int) -> Floats:
    """Return average precision over the `k` best, divided by all positives, found or not.

    pytorch-metric-learning, ``accuracy_calculator.py``, ``mean_average_precision`` with that `k`.
    Shape (n_queries,).
    """
    return _divided(_precision_within(ranks, np.full(len(ranks.counts), k)), ranks.counts)


def average_precision_at_r(ranks: PositiveRanks) -> Floats:
    """Return average precision over the R best, divided by R, the query's number of positives.

    MAP@R of Musgrave et al. 2020, "A Metric Learning Reality Check". Shape (n_queries,).
    """
    return _divided(_precision_within(ranks, ranks.counts), ranks.counts)


def r_precision(ranks: PositiveRanks) -> Floats:
    """Return the share of positives among the R best, R the query's number of positives.

    Manning et al. 2008, "Introduction to Information Retrieval", section 8.4. Shape (n_queries,).
    """
    inside = ranks.ranks < np.repeat(ranks.counts, ranks.counts)
    return _divided(ranks.summed(inside.astype(np.float64)), ranks.counts)


def average_precision_trapezoidal(ranks: PositiveRanks) -> Floats:
    """Return the area under precision and recall by trapezoids, over the full ranking.

    The convention of revisited Oxford and Paris (filipradenovic/revisitop, ``evaluate.py``, ``compute_ap``):
    each positive adds the mean of the precisions just before and at its rank; before rank 0 it is 1.
    Images that count neither way (junk) are to be left out of the ranking before. Shape (n_queries,).
    """
    found = ranks.positions()
    before = np.where(ranks.ranks > 0, found / np.maximum(ranks.ranks, 1), 1.0)
    at = (found + 1) / (ranks.ranks + 1)
    return _divided(ranks.summed((before + at) / 2), ranks.counts)


def precision_at(ranks: PositiveRanks, k: int) -> Floats:
    """Return the share of positives among the `k` best, or among those down to the last positive where these are fewer.

    mP@k of revisited Oxford and Paris (filipradenovic/revisitop, ``evaluate.py``, ``compute_map``); junk is to be left
    out of the ranking before. Shape (n_queries,), NaN without a positive.
    """
    deepest = np.zeros(len(ranks.counts), np.int64)
    np.maximum.at(deepest, ranks.owners(), ranks.ranks + 1)
    limits = np.minimum(deepest, k)
    inside = ranks.summed((ranks.ranks < np.repeat(limits, ranks.counts)).astype(np.float64))
    return np.where(ranks.answerable, inside / np.maximum(limits, 1), np.nan)


def reciprocal_rank(ranks: PositiveRanks) -> Floats:
    """Return 1 / rank of the best positive, counted from 1; NaN without one.

    Voorhees 1999, "The TREC-8 Question Answering Track Report". Shape (n_queries,).
    """
    return np.where(ranks.answerable, 1.0 / np.maximum(ranks.first + 1, 1), np.nan)


def _precision_within(ranks: PositiveRanks, limits: NDArray[np.int64]) -> Floats:
    """Add up the precisions at the positives among the best `limits` of each query."""
    inside = ranks.ranks < np.repeat(limits, ranks.counts)
    return ranks.summed(np.where(inside, (ranks.positions() + 1) / (ranks.ranks + 1), 0.0))


def _divided(total: Floats, counts: NDArray[np.int64]) -> Floats:
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
