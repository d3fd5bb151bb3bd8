"""The headline numbers of a run with their intervals: over queries, and over places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.evaluation.metrics.intervals import Interval, interval_of_auroc, interval_of_share
from placeprint.evaluation.result import EvaluatedQuery, Headline

SEED = 0
"""Of every bootstrap in a report: the same run prints the same intervals."""


def headlines(queries: Sequence[EvaluatedQuery], *, decided: bool, seed: int = SEED) -> tuple[Headline, ...]:
    """Return the headline numbers of a run; whoever shows one shows this interval.

    `decided`: Whether UNKNOWN could be answered: then the numbers about UNKNOWN are there too.
    `seed`: Of each bootstrap.
    """
    if not queries:
        return ()
    places = clusters_of(queries)
    known = np.array([q.known for q in queries], np.bool_)
    right = np.array([q.right for q in queries], np.bool_)
    accepted = np.array([q.accepted for q in queries], np.bool_)
    scores = np.array([q.score for q in queries], np.float64)
    means = {
        "recall_at_1": _where(known, right),
        "map": np.array([q.average_precision for q in queries], np.float64),
    }
    if decided:
        means |= {
            "open_set_recall_at_1": _where(known, right & accepted),
            "unknown_precision": _where(~accepted & (not known.all()), ~known),
            "unknown_recall": _where(~known, ~accepted),
        }
    rows = [Headline(name, _mean(values, None, seed), _mean(values, places, seed)) for name, values in means.items()]
    if known.any() and not known.all():
        rows.append(Headline("auroc", _area(scores, known, None, seed), _area(scores, known, places, seed)))
    return tuple(rows)


def clusters_of(queries: Sequence[EvaluatedQuery]) -> NDArray[np.str_]:
    """Return the cluster that each query is drawn with: its places, or its path where it has none."""
    return np.array(["|".join(q.places) or q.path for q in queries], np.str_)


def _where(counted: NDArray[np.bool_], hit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return 1 or 0 where a query counts, NaN elsewhere."""
    return np.where(counted, hit.astype(np.float64), np.nan)


def _mean(values: NDArray[np.float64], places: NDArray[Any] | None, seed: int) -> Interval:
    return interval_of_share(values, np.random.default_rng(seed), clusters=places)


def _area(scores: NDArray[np.float64], known: NDArray[np.bool_], places: NDArray[Any] | None, seed: int) -> Interval:
    return interval_of_auroc(scores, known, np.random.default_rng(seed), clusters=places)
