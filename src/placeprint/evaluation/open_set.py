"""The open-set numbers of a run, from its queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from placeprint.evaluation.metrics.open_set_rates import (
    OpenSetResult,
    fpr_at_tpr,
    open_set_result,
    recall_at_1_at_false_accept_rate,
)
from placeprint.evaluation.metrics.precision_recall import aupr
from placeprint.evaluation.metrics.risk_coverage import reliability, risk_coverage
from placeprint.evaluation.result import EvaluatedQuery
from placeprint.recognition.decision.rules import Limits

FALSE_ACCEPT_RATE = 0.05
"""At which `recall_at_1_at_5_far` is told."""


def open_set_of(queries: Sequence[EvaluatedQuery], limits: Limits, *, calibrated: bool) -> OpenSetResult:
    """Return all open-set numbers of a run.

    `limits`: What decided.
    `calibrated`: Whether the queries have a probability, which then tells how sure they are.
    """
    known, right, accepted = (_flags(queries, name) for name in ("known", "right", "accepted"))
    scores = np.array([q.score for q in queries], np.float64)
    probabilities = np.array([q.probability for q in queries], np.float64)
    result = open_set_result(
        scores=scores,
        known=known,
        right=right,
        accepted=accepted,
        threshold=limits.threshold,
        margin_threshold=limits.margin_threshold,
        probability_threshold=limits.probability,
    )
    sure = probabilities if calibrated else scores
    return dataclasses.replace(
        result,
        aupr=aupr(scores[known], scores[~known]),
        fpr_at_95_tpr=fpr_at_tpr(scores[known], scores[~known]),
        recall_at_1_at_5_far=recall_at_1_at_false_accept_rate(scores, known, right=right, rate=FALSE_ACCEPT_RATE),
        risk_coverage_area=risk_coverage(sure, right).area,
        calibration_error=reliability(probabilities, right).error,
    )


def _flags(queries: Sequence[EvaluatedQuery], name: str) -> NDArray[np.bool_]:
    return np.array([getattr(q, name) for q in queries], np.bool_)
