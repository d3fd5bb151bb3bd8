"""What the three grades of answers were worth in a run, and what other false-accept rates would have answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from placeprint.evaluation.outcomes import GradeCount, RateOutcome
from placeprint.evaluation.result import EvaluatedQuery
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.trade_off import OperatingPoint
from placeprint.recognition.decision.rules import Limits
from placeprint.records import Grade


def grade_counts(queries: Sequence[EvaluatedQuery]) -> tuple[GradeCount, ...]:
    """Return one line for each grade, the surest first, also where no query got it."""
    return tuple(_count(grade, [q for q in queries if q.grade is grade]) for grade in Grade)


def _count(grade: Grade, queries: Sequence[EvaluatedQuery]) -> GradeCount:
    right = sum(q.right for q in queries)
    known = sum(q.known for q in queries)
    return GradeCount(grade, right, known - right, len(queries) - known)


def rate_outcomes(
    queries: Sequence[EvaluatedQuery], limits: Limits, calibration: Calibration | None
) -> tuple[RateOutcome, ...]:
    """Return what the queries would have been answered at each rate that the calibration keeps; empty without one.

    `limits`: What decided; only the probability is replaced.
    """
    if calibration is None:
        return ()
    return tuple(_outcome(queries, limits, point) for point in calibration.trade_off)


def _outcome(queries: Sequence[EvaluatedQuery], limits: Limits, point: OperatingPoint) -> RateOutcome:
    asked = dataclasses.replace(limits, probability=point.threshold)
    named = [q for q in queries if asked.decide(q.score, q.margin, q.probability).accepted]
    right, known = sum(q.right for q in named), sum(q.known for q in named)
    return RateOutcome(
        false_accept_rate=point.false_accept_rate,
        threshold=point.threshold,
        expected_share=point.accepted_share,
        expected_rate=point.expected_rate,
        named_right=right,
        named_wrong=known - right,
        false_accepts=len(named) - known,
    )
