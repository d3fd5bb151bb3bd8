"""What each of several thresholds on the best score or its probability would do, computed from one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.evaluation.metrics.retrieval import PositiveRanks, average_precision_found, mean_of
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult

_FOUND_AT = 20


@dataclass(frozen=True, slots=True)
class SweepRow:
    """A threshold and its price."""

    threshold: float
    unknown_rate: float  # Share of all queries that are answered UNKNOWN.
    open_set_recall_at_1: float  # Of the known queries, UNKNOWN counted as a miss.
    # The published convention: an answer of UNKNOWN takes the place of the best match and is wrong; average precision
    # over the 20 best, divided by the positives found there.
    map_found_at_20: float
    # wrong_removed, right_removed: Answers that became UNKNOWN: wrong ones (false positives) and right ones (true
    # positives).
    wrong_removed: int
    right_removed: int


def threshold_sweep(
    result: EvaluationResult, thresholds: Sequence[float], *, probabilities: bool = False
) -> tuple[SweepRow, ...]:
    """Return one row for each threshold: a query whose best score is below it is answered UNKNOWN.

    `probabilities`: The thresholds are of the calibrated probability instead.
    """
    sure = [query.probability if probabilities else query.score for query in result.queries]
    return tuple(_row(result.queries, [value < limit for value in sure], limit) for limit in thresholds)


def _row(queries: Sequence[EvaluatedQuery], below: Sequence[bool], threshold: float) -> SweepRow:
    removed = [q for q, is_below in zip(queries, below, strict=True) if is_below]
    known = [(q, is_below) for q, is_below in zip(queries, below, strict=True) if q.known]
    ranks = PositiveRanks.of(_ranks(q, below=is_below) for q, is_below in known)
    precision = average_precision_found(ranks, _FOUND_AT)
    return SweepRow(
        threshold,
        len(removed) / len(queries) if queries else float("nan"),
        mean_of(np.array([float(q.right and not is_below) for q, is_below in known])),
        # a known query that finds nothing counts as 0, also when UNKNOWN took its only positive
        mean_of(np.nan_to_num(precision, nan=0.0)),
        sum(not q.right for q in removed),
        sum(q.right for q in removed),
    )


def _ranks(query: EvaluatedQuery, *, below: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    correct = np.array(query.correct[:_FOUND_AT], np.bool_)
    if below:
        correct[:1] = False
    return np.flatnonzero(correct).astype(np.int64)
