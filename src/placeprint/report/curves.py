"""Risk against coverage, and claimed against observed probability, as geometry; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.evaluation.benchmark import Tolerance
from placeprint.evaluation.metrics.risk_coverage import reliability, risk_coverage
from placeprint.evaluation.result import EvaluationResult

MAX_POINTS = 200
"""Of a curve: more cannot be seen."""
MAX_CURVES = 6
"""Of a chart: more cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve in a unit square: x to the right, y upwards."""

    points: str  # For an SVG polyline of 1000 by 1000, y downwards as SVG has it.
    summary: float  # The area under it, or the calibration error.
    dots: tuple[tuple[float, float, int], ...] = ()  # x, y in SVG units and how many answers each stands for.


@dataclass(frozen=True, slots=True)
class ToleranceCurves:
    """Recall against how far a gallery image may be to be right."""

    ticks: tuple[tuple[float, str], ...]  # Where each tolerance stands, 0 to 1, and its label: they are evenly spaced.
    curves: tuple[tuple[str, Curve], ...]  # A name, as ``Recall@5`` or a run, and its curve over all queries.


def tolerance_curves(steps: Sequence[Tolerance]) -> ToleranceCurves | None:
    """Return recall at 5, 25 and 100 m, or over frames, for the first three K; None where distance decides nothing."""
    return _along([(f"Recall@{k}", steps, k) for k in (list(steps[0].recall)[:3] if steps else ())])


def curves_of_runs(runs: Sequence[tuple[str, Sequence[Tolerance]]], k: int) -> ToleranceCurves | None:
    """Return Recall@K of the first `MAX_CURVES` runs that have it, at the tolerances of the first of them."""
    able = [(name, steps, k) for name, steps in runs if len(steps) > 1 and all(k in one.recall for one in steps)]
    first = [(one.tolerance, one.unit) for one in able[0][1]] if able else []
    alike = [run for run in able if [(one.tolerance, one.unit) for one in run[1]] == first]
    return _along(alike[:MAX_CURVES])


def _along(runs: Sequence[tuple[str, Sequence[Tolerance], int]]) -> ToleranceCurves | None:
    steps = runs[0][1] if runs else ()
    if len(steps) < 2:
        return None
    said = ("{:g}\N{NO-BREAK SPACE}m" if steps[0].unit == "m" else "±\N{NO-BREAK SPACE}{:g}").format
    ticks = tuple((n / (len(steps) - 1), said(one.tolerance)) for n, one in enumerate(steps))
    curves = []
    for name, points, k in runs:
        along = zip(ticks, points, strict=True)
        dots = tuple((1000 * x, 1000 * (1 - one.recall[k]), one.answerable) for (x, _), one in along)
        curves.append((name, Curve(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots), points[-1].recall[k], dots)))
    return ToleranceCurves(ticks, tuple(curves))


def risk_curve(result: EvaluationResult) -> Curve | None:
    """Return the share of wrong answers against the share answered; None without an answer.

    The surest answers first: by probability where the gallery is calibrated, else by score.
    """
    queries = [q for q in result.queries if math.isfinite(q.score)]
    if not queries:
        return None
    sure = [q.probability if math.isfinite(q.probability) else q.score for q in queries]
    curve = risk_coverage(np.array(sure, np.float64), np.array([q.right for q in queries], np.bool_))
    pairs = list(zip(curve.coverage, curve.risk, strict=True))
    step = max(1, len(pairs) // MAX_POINTS)
    kept = [*pairs[::step], pairs[-1]]
    return Curve(" ".join(f"{1000 * x:.1f},{1000 * (1 - y):.1f}" for x, y in kept), curve.area)


def reliability_curve(result: EvaluationResult) -> Curve | None:
    """Return the share of right answers against the probability claimed; None without a calibration."""
    queries = [q for q in result.queries if math.isfinite(q.probability)]
    if not queries:
        return None
    found = reliability(
        np.array([q.probability for q in queries], np.float64), np.array([q.right for q in queries], np.bool_)
    )
    dots = tuple((1000 * b.probability, 1000 * (1 - b.right), b.count) for b in found.bins if b.count)
    return Curve(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots), found.error, dots)


def trade_off_curve(result: EvaluationResult) -> Curve | None:
    """Return the share of known images named right against the share of unknown ones let in, a dot for each rate.

    None without both kinds, or where the calibration keeps no rates.
    """
    if not (result.trade_off and result.n_unknown and result.n_answerable):
        return None
    dots = tuple(
        (
            1000 * outcome.false_accepts / result.n_unknown,
            1000 * (1 - outcome.named_right / result.n_answerable),
            outcome.named_right + outcome.named_wrong + outcome.false_accepts,
        )
        for outcome in result.trade_off
    )
    return Curve(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots), float("nan"), dots)
