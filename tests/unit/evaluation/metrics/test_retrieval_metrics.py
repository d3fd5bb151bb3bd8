"""Metrics of ranks against slow and literal ones, and what must hold for any ranking.

The numbers of the reference implementations are in test_conventions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from placeprint.evaluation.metrics import retrieval as metrics
from placeprint.evaluation.metrics.retrieval import PositiveRanks

Lists = list[list[int]]
SIZE = 14
SETS = st.lists(st.integers(0, SIZE - 1), unique=True).map(sorted)
RANKINGS = st.lists(SETS, max_size=6)
KS = st.integers(1, SIZE + 2)
PER_QUERY: list[Callable[[PositiveRanks], NDArray[np.float64]]] = [
    metrics.average_precision,
    metrics.average_precision_trapezoidal,
    metrics.average_precision_at_r,
    metrics.r_precision,
    metrics.reciprocal_rank,
    *(
        lambda ranks, k=k, metric=metric: metric(ranks, k)
        for k in (1, 3, SIZE)
        for metric in (
            metrics.hits_at,
            metrics.average_precision_over_min,
            metrics.average_precision_over_all,
            metrics.average_precision_found,
        )
    ),
]


def packed(rows: Lists) -> PositiveRanks:
    return PositiveRanks.of(np.array(row, np.int64) for row in rows)


def slow_precision(row: list[int], k: int) -> float:
    """Precision at each positive among the k best, added up by walking down the list."""
    found, total = 0, 0.0
    for rank in range(min(k, SIZE)):
        if rank in row:
            found += 1
            total += found / (rank + 1)
    return total


def slow_trapezoids(row: list[int]) -> float:
    area = 0.0
    for j, rank in enumerate(row):
        before = 1.0 if rank == 0 else j / rank
        area += (before + (j + 1) / (rank + 1)) / 2 / len(row)
    return area


def each(rows: Lists, value: Callable[[list[int]], float]) -> Any:
    return pytest.approx([value(row) if row else float("nan") for row in rows], abs=1e-12, nan_ok=True)


@given(RANKINGS, KS)
def test_average_precision_is_the_slow_one(rows: Lists, k: int) -> None:
    ranks = packed(rows)
    assert metrics.average_precision(ranks) == each(rows, lambda r: slow_precision(r, SIZE) / len(r))
    assert metrics.average_precision_over_all(ranks, k) == each(rows, lambda r: slow_precision(r, k) / len(r))
    assert metrics.average_precision_over_min(ranks, k) == each(rows, lambda r: slow_precision(r, k) / min(len(r), k))
    assert metrics.average_precision_at_r(ranks) == each(rows, lambda r: slow_precision(r, len(r)) / len(r))
    found = each(rows, lambda r: slow_precision(r, k) / max(1, sum(rank < k for rank in r)))
    assert metrics.average_precision_found(ranks, k) == found
    assert metrics.average_precision_trapezoidal(ranks) == each(rows, slow_trapezoids)


@given(RANKINGS, KS)
def test_recall_precision_and_reciprocal_rank_are_the_slow_ones(rows: Lists, k: int) -> None:
    ranks = packed(rows)
    assert metrics.hits_at(ranks, k) == each(rows, lambda r: float(min(r) < k))
    assert metrics.r_precision(ranks) == each(rows, lambda r: sum(rank < len(r) for rank in r) / len(r))
    assert metrics.reciprocal_rank(ranks) == each(rows, lambda r: 1 / (min(r) + 1))


@given(RANKINGS)
def test_every_value_is_from_0_to_1_and_nan_exactly_without_a_positive(rows: Lists) -> None:
    for metric in PER_QUERY:
        values = metric(packed(rows))
        assert np.isnan(values).tolist() == [not row for row in rows]
        assert ((values[~np.isnan(values)] >= 0) & (values[~np.isnan(values)] <= 1)).all()


@given(RANKINGS, st.randoms(use_true_random=False))
def test_the_order_of_the_queries_changes_nothing(rows: Lists, chance: Any) -> None:
    order = chance.sample(range(len(rows)), len(rows))
    for metric in PER_QUERY:
        moved = metric(packed([rows[i] for i in order]))
        np.testing.assert_array_equal(moved, metric(packed(rows))[order])


@given(RANKINGS)
def test_recall_never_falls_as_k_grows(rows: Lists) -> None:
    for recall in (metrics.recall_at, metrics.recall_at_over_all):
        values = [recall(packed(rows), k) for k in range(1, SIZE + 1)]
        assert np.isnan(values).all() or (np.diff(values) >= 0).all()
    if any(rows):
        assert metrics.recall_at(packed(rows), SIZE) == 1.0


@given(st.lists(st.integers(0, SIZE), min_size=1, max_size=6))
def test_all_positives_first_is_1_by_every_convention(counts: list[int]) -> None:
    rows = [list(range(count)) for count in counts]
    for metric in (
        metrics.average_precision,
        metrics.average_precision_trapezoidal,
        metrics.average_precision_at_r,
        metrics.r_precision,
        metrics.reciprocal_rank,
    ):
        np.testing.assert_array_equal(metric(packed(rows)), [1.0 if count else np.nan for count in counts])


def test_recall_over_all_counts_an_unanswerable_query_as_a_miss() -> None:
    ranks = packed([[0, 3], [], [4], []])
    assert metrics.recall_at(ranks, 1) == 0.5
    assert metrics.recall_at_over_all(ranks, 1) == 0.25
    assert metrics.recall_at_over_all(ranks, 5) == 0.5


def test_divided_by_the_found_rewards_finding_fewer() -> None:
    one, two = packed([[0, 9]]), packed([[0, 4]])
    assert metrics.average_precision_found(one, 5)[0] == 1.0 > metrics.average_precision_found(two, 5)[0] == 0.7
    assert metrics.average_precision_over_all(one, 5)[0] == 0.5 < metrics.average_precision_over_all(two, 5)[0] == 0.7


def test_nothing_positive_or_nothing_asked_is_nan() -> None:
    for ranks in (packed([[], []]), packed([])):
        assert np.isnan(metrics.recall_at(ranks, 1))
        assert all(np.isnan(metrics.mean_of(metric(ranks))) for metric in PER_QUERY)
    assert metrics.recall_at_over_all(packed([[], []]), 1) == 0.0
    assert np.isnan(metrics.recall_at_over_all(packed([]), 1))


def test_one_query_far_behind_a_million_positives_is_not_rounded() -> None:
    long = np.arange(0, 2_000_000, 2)
    values = metrics.average_precision(PositiveRanks.of([long, np.array([2])]))
    assert values[1] == 1 / 3
