"""Risk against coverage, and claimed against observed probability, as geometry; the template draws them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from placeprint.evaluation.metrics.risk_coverage import reliability, risk_coverage
from placeprint.evaluation.result import EvaluationResult

MAX_POINTS = 200
"""Of a curve: more cannot be seen."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve in a unit square: x to the right, y upwards.

    Attributes
    ----------
    points : str
        For an SVG polyline of 1000 by 1000, y downwards as SVG has it.
    summary : float
        The area under it, or the calibration error.
    dots : tuple of (float, float, int)
        x, y in SVG units and how many answers each stands for.
    """

    points: str
    summary: float
    dots: tuple[tuple[float, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ToleranceCurves:
    """Recall against how far a gallery image may be to be right, a curve for each K.

    Attributes
    ----------
    ticks : tuple of (float, str)
        Where each tolerance stands, 0 to 1, and its label: they are evenly spaced.
    curves : tuple of (int, Curve)
        K of Recall@K, and its curve over all queries.
    """

    ticks: tuple[tuple[float, str], ...]
    curves: tuple[tuple[int, Curve], ...]


def tolerance_curves(result: EvaluationResult) -> ToleranceCurves | None:
    """Return recall at 5, 25 and 100 m, or over frames; None where distance decides nothing."""
    steps = result.tolerances
    if len(steps) < 2:
        return None
    said = ("{:g}\N{NO-BREAK SPACE}m" if steps[0].unit == "m" else "±\N{NO-BREAK SPACE}{:g}").format
    ticks = tuple((n / (len(steps) - 1), said(one.tolerance)) for n, one in enumerate(steps))
    curves = []
    for k in list(steps[0].recall)[:3]:
        along = zip(ticks, steps, strict=True)
        dots = tuple((1000 * x, 1000 * (1 - one.recall[k]), one.answerable) for (x, _), one in along)
        curves.append((k, Curve(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots), steps[-1].recall[k], dots)))
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
