"""Score histograms as geometry; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.evaluation.result import EvaluationResult
from placeprint.report.axis import Axis

BINS_A_STEP = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin: position and size as shares of the drawing, 0 to 1, and how many scores it holds."""

    left: float
    width: float
    height: float
    count: int


@dataclass(frozen=True, slots=True)
class Strip:
    """The scores of one group of queries."""

    name: str
    kind: str
    count: int
    median: float
    low: float
    high: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Strips under each other, with one scale for all of them."""

    strips: tuple[Strip, ...]
    ticks: tuple[str, ...]  # Evenly spaced, the first at the left edge and the last at the right one.
    highest: int  # Scores in the fullest bin of all strips: the height 1.
    threshold: float | None  # Position of the threshold, 0 to 1; None without one on the axis.


def score_histogram(result: EvaluationResult) -> Histogram | None:
    """Return the top scores of known-right, known-wrong and unknown queries; None without any score."""
    groups = {
        ("Right place", "right"): [q.score for q in result.queries if q.right],
        ("Wrong place", "wrong"): [q.score for q in result.queries if q.known and not q.right],
        ("Not in the gallery", "unknown"): [q.score for q in result.queries if not q.known],
    }
    finite = {key: [s for s in scores if math.isfinite(s)] for key, scores in groups.items()}
    return _histogram({key: scores for key, scores in finite.items() if scores}, result.open_set.threshold)


def _histogram(groups: Mapping[tuple[str, str], Sequence[float]], threshold: float | None) -> Histogram | None:
    if not groups:
        return None
    shown = threshold if threshold is not None and abs(threshold) <= 1 else None
    spread = [score for scores in groups.values() for score in scores] + ([] if shown is None else [shown])
    axis = Axis.around(min(spread), max(spread))
    edges = np.linspace(axis.low, axis.high, (len(axis.ticks) - 1) * BINS_A_STEP + 1)
    counts = {key: _counts(scores, edges) for key, scores in groups.items()}
    highest = max(max(c) for c in counts.values())
    return Histogram(
        tuple(_strip(*key, groups[key], counts[key], highest) for key in groups),
        axis.ticks,
        highest,
        None if shown is None else axis.at(shown),
    )


def _counts(scores: Sequence[float], edges: np.ndarray) -> list[int]:
    """Count scores; a score on the very edge of the axis belongs to the outermost bin."""
    inside = np.clip(np.asarray(scores, np.float64), edges[0], edges[-1])
    counts: list[int] = np.histogram(inside, edges)[0].tolist()
    return counts


def _strip(name: str, kind: str, scores: Sequence[float], counts: Sequence[int], highest: int) -> Strip:
    width = 1 / len(counts)
    bars = tuple(Bar(i * width, width, n / highest, n) for i, n in enumerate(counts) if n)
    return Strip(name, kind, len(scores), float(np.median(scores)), min(scores), max(scores), bars)
