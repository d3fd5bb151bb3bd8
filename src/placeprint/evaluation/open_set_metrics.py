"""How well UNKNOWN is said: pure functions of scores and truth.

A *known* query has a positive in the gallery, an *unknown* one has none. Values that nothing defines
(no unknown query, nothing answered UNKNOWN) are NaN, never 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSetResult:
    """The open-set side of an evaluation.

    Attributes
    ----------
    auroc : float
        Of the top score, known against unknown queries.
    threshold, margin_threshold : float or None
        What was asked for; without either, the fields below are None.
    recall_at_1 : float or None
        Share of known queries that were accepted with the right place: UNKNOWN counts as a miss.
    unknown_precision : float or None
        Of the queries answered UNKNOWN, the share that is unknown.
    unknown_recall : float or None
        Of the unknown queries, the share answered UNKNOWN.
    false_accepts : int or None
        Unknown queries that were given a place.
    false_rejects : int or None
        Known queries that were answered UNKNOWN.
    """

    auroc: float
    threshold: float | None = None
    margin_threshold: float | None = None
    recall_at_1: float | None = None
    unknown_precision: float | None = None
    unknown_recall: float | None = None
    false_accepts: int | None = None
    false_rejects: int | None = None


def auroc(known: Floats, unknown: Floats) -> float:
    """Return the chance that a known query scores higher than an unknown one; a tie counts half.

    The Mann-Whitney statistic, which is the area under the ROC curve. NaN when either side is empty or
    holds a NaN.
    """
    if not len(known) or not len(unknown) or np.isnan(known).any() or np.isnan(unknown).any():
        return float("nan")
    order = np.sort(unknown)
    below = np.searchsorted(order, known, side="left")
    not_above = np.searchsorted(order, known, side="right")
    return float((below + not_above).sum() / (2.0 * len(known) * len(unknown)))


def open_set_result(
    *,
    scores: Floats,
    known: Flags,
    right: Flags,
    accepted: Flags,
    threshold: float | None,
    margin_threshold: float | None,
) -> OpenSetResult:
    """Count right and wrong UNKNOWNs.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_queries,)
        Top scores.
    known, right, accepted : ndarray of bool, shape (n_queries,)
        Whether the query has a positive, its first match is one, and it was given a place.
    threshold, margin_threshold : float or None
        Only reported.
    """
    area = auroc(scores[known], scores[~known])
    if threshold is None and margin_threshold is None:
        return OpenSetResult(auroc=area)
    return OpenSetResult(
        auroc=area,
        threshold=threshold,
        margin_threshold=margin_threshold,
        recall_at_1=_share(known & right & accepted, known),
        unknown_precision=_share(~known & ~accepted, ~accepted),
        unknown_recall=_share(~known & ~accepted, ~known),
        false_accepts=int((~known & accepted).sum()),
        false_rejects=int((known & ~accepted).sum()),
    )


def _share(part: Flags, whole: Flags) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")
