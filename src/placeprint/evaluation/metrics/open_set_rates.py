"""How well UNKNOWN is said: pure functions of scores and truth.

A *known* query has a positive in the gallery, an *unknown* one has none. Values that nothing defines
(no unknown query, nothing answered UNKNOWN, a NaN among the scores) are NaN, never 0 or 1. AUPR and
micro-AP are in `precision_recall`, risk and calibration error in `selective`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.errors import UsageError

_ROUNDING = 1e-9
"""0.29 of 100 queries are 29, though 0.29 * 100 is 28.999999999999996."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSetResult:
    """The open-set side of an evaluation."""

    auroc: float  # Of the top score, known against unknown queries.
    # threshold, margin_threshold: What was asked for.
    threshold: float | None = None
    margin_threshold: float | None = None
    # Of the calibration, when that decided. Without any of the three the fields below are None.
    probability_threshold: float | None = None
    # Share of known queries that were accepted with the right place: UNKNOWN counts as a miss.
    recall_at_1: float | None = None
    unknown_precision: float | None = None  # Of the queries answered UNKNOWN, the share that is unknown.
    unknown_recall: float | None = None  # Of the unknown queries, the share answered UNKNOWN.
    unknown_f1: float | None = None  # Harmonic mean of the two.
    false_accepts: int | None = None  # Unknown queries that were given a place.
    false_rejects: int | None = None  # Known queries that were answered UNKNOWN.
    aupr: float = float("nan")  # Area under precision-recall of the top score, known queries being the positives.
    fpr_at_95_tpr: float = float("nan")  # Share of unknown queries let in where 95 % of the known ones are.
    # Right answers of the known queries where 5 % of these unknown queries are let in.
    recall_at_1_at_5_far: float = float("nan")
    # Mean share of wrong answers over all coverages, the surest first; lower is better.
    risk_coverage_area: float = float("nan")
    calibration_error: float = float("nan")  # Expected calibration error of the probability; NaN without a calibration.


@dataclass(frozen=True, slots=True)
class UnknownAnswers:
    """How well UNKNOWN is said, UNKNOWN being the positive class."""

    # Of the queries answered UNKNOWN, the share that is unknown; NaN when none was, and without an unknown query.
    precision: float
    recall: float  # Of the unknown queries, the share answered UNKNOWN; NaN without one.
    f1: float  # Harmonic mean of the two; NaN without an unknown query, 0 when none of them was told.


def auroc(known: Floats, unknown: Floats) -> float:
    """Return the chance that a known query scores higher than an unknown one; a tie counts half.

    The Mann-Whitney statistic, which is the area under the ROC curve (Hanley and McNeil 1982). NaN when
    either side is empty or holds a NaN.
    """
    if undefined(known) or undefined(unknown):
        return float("nan")
    order = np.sort(unknown)
    below = np.searchsorted(order, known, side="left")
    not_above = np.searchsorted(order, known, side="right")
    return float((below + not_above).sum() / (2.0 * len(known) * len(unknown)))


def fpr_at_tpr(known: Floats, unknown: Floats, *, tpr: float = 0.95) -> float:
    """Return the share of unknown queries that is accepted when at least `tpr` of the known ones are.

    FPR at 95 % TPR (Liang et al. 2018, "Enhancing The Reliability of Out-of-distribution Image Detection"):
    accepted is what scores at or above the highest threshold that keeps that many known queries. NaN when
    either side is empty or holds a NaN.

    Raises `UsageError` when `tpr` is not above 0 and at most 1.
    """
    if not 0 < tpr <= 1:
        raise UsageError(f"a true-positive rate must be above 0 and at most 1, not {tpr:g}")
    if undefined(known) or undefined(unknown):
        return float("nan")
    kept = max(1, int(np.ceil(tpr * len(known) - _ROUNDING)))
    threshold = np.sort(known)[len(known) - kept]
    return float((unknown >= threshold).mean())


def threshold_at_false_accept_rate(unknown: Floats, rate: float) -> float:
    """Return the lowest threshold at which at most `rate` of these unknown queries score as high.

    Minus infinity when all may be accepted. It describes the given queries and promises nothing of others.
    NaN without an unknown query or with a NaN.

    Raises `UsageError` when `rate` is not between 0 and 1.
    """
    if not 0 <= rate <= 1:
        raise UsageError(f"a false-accept rate must be between 0 and 1, not {rate:g}")
    if undefined(unknown):
        return float("nan")
    allowed = int(np.floor(rate * len(unknown) + _ROUNDING))
    if allowed >= len(unknown):
        return float("-inf")
    return float(np.nextafter(np.sort(unknown.astype(np.float64))[len(unknown) - allowed - 1], np.inf))


def recall_at_1_at_false_accept_rate(scores: Floats, known: Flags, *, right: Flags, rate: float) -> float:
    """Return the share of known queries accepted with the right place, at a stated false-accept rate.

    The detection and identification rate of open-set identification (Phillips, Grother and Micheals 2011,
    "Evaluation Methods in Face Recognition"). The threshold is the lowest that keeps the rate on these very
    unknown queries: it measures the scores, not a calibration.

    `scores`, shape (n_queries,): Top scores.
    `known`, `right`, shape (n_queries,): Whether the query has a positive, and whether its first match is one.
    `rate`: 0 to 1.
    Raises `UsageError` when `rate` is not between 0 and 1.
    """
    threshold = threshold_at_false_accept_rate(scores[~known], rate)
    if np.isnan(threshold) or undefined(scores[known]):
        return float("nan")
    return _share(known & right & (scores >= threshold), known)


def unknown_answers(known: Flags, accepted: Flags) -> UnknownAnswers:
    """Return precision, recall and F1 of UNKNOWN (van Rijsbergen 1979, "Information Retrieval").

    `known`, `accepted`, shape (n_queries,): Whether the query has a positive, and whether it was given a place.
    """
    told = int((~known & ~accepted).sum())
    answered, unknown = int((~accepted).sum()), int((~known).sum())
    f1 = 2 * told / (answered + unknown) if unknown else float("nan")
    precision = _share(~known & ~accepted, ~accepted) if unknown else float("nan")
    return UnknownAnswers(precision, _share(~known & ~accepted, ~known), f1)


def open_set_result(
    *,
    scores: Floats,
    known: Flags,
    right: Flags,
    accepted: Flags,
    threshold: float | None,
    margin_threshold: float | None,
    probability_threshold: float | None = None,
) -> OpenSetResult:
    """Count right and wrong UNKNOWNs.

    `scores`, shape (n_queries,): Top scores.
    `known`, `right`, `accepted`, shape (n_queries,): Whether the query has a positive, its first match is one, and it
    was given a place.
    `threshold`, `margin_threshold`, `probability_threshold`: Only reported; without any of them nothing was decided.
    """
    area = auroc(scores[known], scores[~known])
    unknown = unknown_answers(known, accepted)
    if threshold is None and margin_threshold is None and probability_threshold is None:
        return OpenSetResult(auroc=area)
    return OpenSetResult(
        auroc=area,
        threshold=threshold,
        margin_threshold=margin_threshold,
        probability_threshold=probability_threshold,
        recall_at_1=_share(known & right & accepted, known),
        unknown_precision=unknown.precision,
        unknown_recall=unknown.recall,
        unknown_f1=unknown.f1,
        false_accepts=int((~known & accepted).sum()),
        false_rejects=int((known & ~accepted).sum()),
    )


def undefined(scores: Floats) -> bool:
    """Return whether there is no score at all, or a NaN among them."""
    return not len(scores) or bool(np.isnan(scores).any())


def _share(part: Flags, whole: Flags) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")
