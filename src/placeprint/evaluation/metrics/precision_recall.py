"""Precision against recall of one prediction a query (or a pair): pure functions of scores and truth.

Equal scores are one step of a curve, so the order of the queries changes nothing. What nothing defines
(no query, no positive, a NaN among the scores) is NaN, never 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Flags, Floats, Numbers
from placeprint.evaluation.metrics.open_set_rates import undefined


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """A curve from the highest threshold to the lowest; it begins at recall 0 with precision 1."""

    # recall, precision, (n_points,): Both empty where the curve is not defined.
    recall: Floats
    precision: Floats

    @property
    def area(self) -> float:
        """Area under the curve by trapezoids; NaN where there is no curve."""
        return float(np.trapezoid(self.precision, self.recall)) if len(self.recall) else float("nan")

    @property
    def recall_at_100_precision(self) -> float:
        """Largest recall at which precision is 1; 0 when the best prediction is wrong, NaN without a curve."""
        return float(self.recall[self.precision == 1].max()) if len(self.recall) else float("nan")


def steps(scores: Floats, right: Flags) -> tuple[Numbers, Numbers]:
    """Return the number of right and of all predictions down to each different score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return np.cumsum(right[order], dtype=np.int64)[ends], ends + 1


def sweep_curve(scores: Floats, right: Flags, *, positives: int, thresholds: int = 100) -> PrecisionRecall:
    """Return the curve of VPR_Tutorial: thresholds evenly from the largest to the smallest score.

    Schubert et al. 2023, "Visual Place Recognition: A Tutorial"; stschubert/VPR_Tutorial,
    ``evaluation/metrics.py``, ``createPR`` and ``recallAt100precision``. Its *single* matching is the best
    match of each query, with `positives` the number of answerable queries; its *multi* matching is every
    pair of a query and a gallery image, with `positives` the number of right pairs.

    `scores`, shape (n,): Of every prediction.
    `right`: shape (n,).
    `positives`: What recall is divided by.
    `thresholds`: How many.
    """
    if not len(scores) or not np.isfinite(scores).all() or positives < 1:
        return _no_curve()
    order = np.argsort(scores, kind="stable")
    ascending = scores[order].astype(np.float64)
    below = np.searchsorted(ascending, np.linspace(ascending[-1], ascending[0], thresholds), side="left")
    found = int(right.sum()) - np.concatenate([[0], np.cumsum(right[order])])[below]
    return _curve(found, len(scores) - below, positives)


def top1_curve(scores: Floats, right: Flags) -> PrecisionRecall:
    """Return the curve of VPR-Bench: a point at every score, recall divided by the *right* best matches.

    Zaffar et al. 2021, "VPR-Bench"; MubarizZaffar/VPR-Bench, ``performance_comparison.py``, which calls
    ``precision_recall_curve`` and ``auc`` of scikit-learn on (best match right, its score) of all queries.
    Recall ends at 1 whatever was missed: it says how well scores sort the answers, not how many are right.
    """
    if undefined(scores) or not right.any():
        return _no_curve()
    found, taken = steps(scores, right)
    return _curve(found, taken, int(found[-1]))


def aupr(known: Floats, unknown: Floats) -> float:
    """Return the area under precision and recall of telling known from unknown queries by score.

    The step-wise sum, as ``average_precision_score`` of scikit-learn, known queries being the positives
    ("AUPR in" of Hendrycks and Gimpel 2017, "A Baseline for Detecting Misclassified and
    Out-of-Distribution Examples"). For UNKNOWN as the positives ("AUPR out"): ``aupr(-unknown, -known)``.

    `known`, `unknown`: Top scores. NaN when either side is empty or holds a NaN.
    """
    if undefined(known) or undefined(unknown):
        return float("nan")
    right = np.arange(len(known) + len(unknown)) < len(known)
    return _step_area(np.concatenate([known, unknown]), right, len(known))


def micro_ap(scores: Floats, right: Flags, *, known: Flags) -> float:
    """Return micro-AP, also called global average precision: one answer a query, all sorted by score.

    Weyand et al. 2020, "Google Landmarks Dataset v2"; tensorflow/models, ``delf/python/datasets/
    google_landmarks_dataset/metrics.py``, ``GlobalAveragePrecision``. Divided by the known queries; an
    answer to an unknown query is wrong. (The reference breaks a tie by the name of the image; here equal
    scores are one step.)

    `scores`, shape (n_queries,): Top scores.
    `right`, `known`, shape (n_queries,): Whether the best match is a positive, and whether there is a positive at all.
    """
    if undefined(scores) or not known.any():
        return float("nan")
    return _step_area(scores, right, int(known.sum()))


def _step_area(scores: Floats, right: Flags, positives: int) -> float:
    found, taken = steps(scores, right)
    return float((np.diff(found, prepend=0) * found / taken).sum() / positives)


def _curve(found: Numbers, taken: Numbers, positives: int) -> PrecisionRecall:
    return PrecisionRecall(np.append(0.0, found / positives), np.append(1.0, found / taken))


def _no_curve() -> PrecisionRecall:
    return PrecisionRecall(np.empty(0), np.empty(0))
