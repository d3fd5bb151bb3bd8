"""What every threshold would do with the queries of a run, as counts and as geometry; the page moves along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.evaluation.result import EvaluationResult
from placeprint.report.axis import UNIT, Axis

MAX_STEPS = 200
"""Thresholds that the slider stops at: more cannot be told apart."""
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold and what it does."""

    threshold: float
    # right, wrong: Queries of known places that are given their place, and another.
    right: int
    wrong: int
    let_in: int  # Queries of places that the gallery lacks that are given one.


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Coverage against threshold."""

    of: str  # What the threshold is on: ``probability`` or ``score``.
    steps: tuple[Step, ...]  # The lowest threshold first.
    decides: int  # Which step is the threshold of the run; the first, which accepts all, where none was asked for.
    # known, unknown: Queries of each kind.
    known: int
    unknown: int
    axis: Axis  # Of the threshold.

    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Return for each line its kind, its name and the points for an SVG polyline of 1000 by 1000."""
        shares = [
            ("right", "known named right", [step.right for step in self.steps], self.known),
            ("wrong", "known named wrong", [step.wrong for step in self.steps], self.known),
            ("unknown", "unknown let in", [step.let_in for step in self.steps], self.unknown),
        ]
        return tuple((kind, name, self._points(counts, total)) for kind, name, counts, total in shares if total)

    def positions(self) -> tuple[float, ...]:
        """Return where each step lies on the axis, 0 to 1000; a threshold beyond it, which may be any, at its end."""
        return tuple(1000 * min(max(self.axis.at(step.threshold), 0.0), 1.0) for step in self.steps)

    def rows(self) -> list[list[float | str]]:
        """Return position, threshold, right, wrong and let in of each step, for the page."""
        at = zip(self.positions(), self.steps, strict=True)
        return [[round(x, 1), f"{s.threshold:.{_DIGITS}f}", s.right, s.wrong, s.let_in] for x, s in at]

    def _points(self, counts: list[int], total: int) -> str:
        heights = (1000 * (1 - count / total) for count in counts)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(self.positions(), heights, strict=True))


def thresholds_of(result: EvaluationResult) -> Thresholds | None:
    """Return what thresholds would do: on the probability where the gallery is calibrated, else on the score.

    A margin that was asked for stays. None without a query that has a value.
    """
    queries, opened = result.queries, result.open_set
    calibrated = opened.threshold is None and any(math.isfinite(q.probability) for q in queries)
    values = np.array([q.probability if calibrated else q.score for q in queries], np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    least, margins = opened.margin_threshold, np.array([q.margin for q in queries], np.float64)
    passed = np.isfinite(values) & ~(margins < (-math.inf if least is None else least))  # a NaN rejects nothing
    known = np.array([q.known for q in queries], np.bool_)
    right = np.array([q.right for q in queries], np.bool_)
    decides = opened.probability_threshold if calibrated else opened.threshold
    axis = UNIT if calibrated else Axis.around(float(finite.min()), float(finite.max()))
    stops = _stops(finite, axis, decides)
    return Thresholds(
        "probability" if calibrated else "score",
        tuple(
            Step(stop, _reach(values, passed & right, stop), _reach(values, passed & known & ~right, stop), let_in)
            for stop in stops
            for let_in in [_reach(values, passed & ~known, stop)]
        ),
        0 if decides is None else stops.index(decides),
        int(known.sum()),
        int((~known).sum()),
        axis,
    )


def _stops(values: Floats, axis: Axis, decides: float | None) -> list[float]:
    """Return thresholds that are told apart as they are written, and the one that decided exactly as it is."""
    if len(values) > MAX_STEPS:
        values = np.quantile(values, np.linspace(0, 1, MAX_STEPS), method="nearest")
    written = {math.floor(value * 10**_DIGITS) / 10**_DIGITS for value in values.tolist()} | {axis.low, axis.high}
    if decides is None:
        return sorted(written)
    return sorted({stop for stop in written if f"{stop:.{_DIGITS}f}" != f"{decides:.{_DIGITS}f}"} | {decides})


def _reach(values: Floats, among: Flags, stop: float) -> int:
    return int((values[among] >= stop).sum())
