"""One run in every convention of the field, each with the name of whose it is.

The same ranking is "0.50", "0.60" or "0.83" depending on who counts. This is the table that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from placeprint.arrays import Flags, Floats
from placeprint.errors import UsageError
from placeprint.evaluation.metrics.precision_recall import PrecisionRecall, micro_ap, sweep_curve, top1_curve
from placeprint.evaluation.metrics.retrieval import (
    PositiveRanks,
    average_precision,
    average_precision_at_r,
    average_precision_found,
    average_precision_over_all,
    average_precision_over_min,
    average_precision_trapezoidal,
    mean_of,
    r_precision,
    recall_at,
    recall_at_over_all,
    reciprocal_rank,
)

_PML = "pytorch-metric-learning"
_OVER_ALL = "VPR-methods-evaluation, SALAD, Patch-NetVLAD, VPR-Bench"


@dataclass(frozen=True, slots=True)
class Convention:
    """One number and how it is counted."""

    name: str  # What it is called.
    by: str  # Whose convention it is.
    value: float  # NaN where nothing defines it.
    divides_by: str  # What the sum is divided by, in a few words.


def conventions(
    ranks: PositiveRanks,
    scores: Floats,
    *,
    ks: Sequence[int] = (1, 5, 10),
    pairs: tuple[Floats, Flags] | None = None,
) -> tuple[Convention, ...]:
    """Return one run in every convention.

    `ranks`: A query is known when it has a positive, and right when its best match is one.
    `scores`, shape (n_queries,): Top scores.
    `ks`: The K of Recall@K and mAP@K.
    `pairs`, each shape (n_queries, n_gallery): All similarities, and which pairs are right: only for the two rows of
    VPR_Tutorial's *multi* matching.
    Raises `UsageError` when `ranks` and the others are not of the same queries.
    """
    if len(scores) != len(ranks.counts):
        raise UsageError(f"there are ranks of {len(ranks.counts)} queries, but scores of {len(scores)}")
    known, right = ranks.answerable, ranks.first == 0
    return (
        *_recalls(ranks, ks),
        *_average_precisions(ranks, ks),
        *_one_answer(scores, known, right),
        *(() if pairs is None else _every_pair(*pairs)),
    )


def _recalls(ranks: PositiveRanks, ks: Sequence[int]) -> list[Convention]:
    return [
        *(Convention(f"Recall@{k}", "VPR_Tutorial", recall_at(ranks, k), "queries with a positive") for k in ks),
        *(Convention(f"Recall@{k}", _OVER_ALL, recall_at_over_all(ranks, k), "all queries") for k in ks),
    ]


def _average_precisions(ranks: PositiveRanks, ks: Sequence[int]) -> list[Convention]:
    def row(name: str, by: str, values: Floats, divides_by: str) -> Convention:
        return Convention(name, by, mean_of(values), divides_by)

    trapezoids = average_precision_trapezoidal(ranks)
    rows = [
        row("mAP", "scikit-learn", average_precision(ranks), "all positives"),
        row("mAP, trapezoids, no junk", "revisited Oxford and Paris", trapezoids, "all positives"),
    ]
    for k in ks:
        over_min, over_all = average_precision_over_min(ranks, k), average_precision_over_all(ranks, k)
        rows.append(row(f"mAP@{k}", "Google Landmarks v2", over_min, f"min(positives, {k})"))
        rows.append(row(f"mAP@{k}", _PML, over_all, "all positives"))
    found = average_precision_found(ranks, 20)
    return [
        *rows,
        row("mAP@20", "the published landmark system", found, "positives found among 20"),
        row("MAP@R", _PML, average_precision_at_r(ranks), "all positives, R of them"),
        row("R-precision", _PML, r_precision(ranks), "all positives, R of them"),
        row("MRR", _PML, reciprocal_rank(ranks), "queries with a positive"),
    ]


def _one_answer(scores: Floats, known: Flags, right: Flags) -> list[Convention]:
    sweep = sweep_curve(scores, right, positives=int(known.sum()))
    value = micro_ap(scores, right, known=known)
    return [
        Convention("micro-AP", "Google Landmarks v2", value, "queries with a positive"),
        *_curve("best match", "VPR_Tutorial, single", sweep, "queries with a positive"),
        *_curve("best match", "VPR-Bench", top1_curve(scores, right), "queries whose best match is right"),
    ]


def _every_pair(similarities: Floats, right: Flags) -> list[Convention]:
    if similarities.shape != right.shape:
        raise UsageError(f"similarities are {similarities.shape}, but right pairs are {right.shape}")
    sweep = sweep_curve(similarities.ravel(), right.ravel(), positives=int(right.sum()))
    return _curve("every pair", "VPR_Tutorial, multi", sweep, "right pairs")


def _curve(of: str, by: str, curve: PrecisionRecall, divides_by: str) -> list[Convention]:
    return [
        Convention(f"AUC of precision-recall, {of}", by, curve.area, divides_by),
        Convention(f"recall at 100 % precision, {of}", by, curve.recall_at_100_precision, divides_by),
    ]
