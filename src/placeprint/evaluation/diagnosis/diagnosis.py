"""What a run teaches: kinds of failures, leaks, and what the gallery lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset.checks.report import CheckReport
from placeprint.evaluation.diagnosis.coverage import GalleryLacks, gallery_lacks
from placeprint.evaluation.diagnosis.failure_kinds import FailureKind, failed_paths, sort_failures
from placeprint.evaluation.diagnosis.image_quality import measure_quality
from placeprint.evaluation.diagnosis.leaks import LeakComparison, compare_leaks, twins_of_queries
from placeprint.evaluation.inputs import Sides
from placeprint.evaluation.result import EvaluationResult


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to do next.

    Attributes
    ----------
    kinds : tuple of FailureKind
        Every failure in one kind; the empty kinds are there too.
    leaks : LeakComparison
        The numbers with and without the queries that have a copy in the gallery.
    lacks : GalleryLacks
        Per place, and a forecast of what more photos would bring.
    """

    kinds: tuple[FailureKind, ...]
    leaks: LeakComparison
    lacks: GalleryLacks


def learn(
    result: EvaluationResult, sides: Sides, *, check: CheckReport | None = None, root: Path | None = None, seed: int = 0
) -> Lessons:
    """Learn from a run.

    Parameters
    ----------
    result : EvaluationResult
    sides : Sides
        What `result` was measured on.
    check : CheckReport, optional
        Of the same dataset; without it copies are not looked for.
    root : Path, optional
        The folder that the queries' paths are relative to; without it photos are not looked at.
    seed : int
        Of the resampling.
    """
    hashed = sides.gallery.records if any(r.content_hash for r in sides.gallery.records) else None
    twins = None if check is None else twins_of_queries(result, check, gallery=hashed)
    quality = None if root is None else measure_quality(root, failed_paths(result))
    if sides.own_rows is None:
        lacks = gallery_lacks(sides.gallery, sides.queries, sides.vectors, parts=sides.parts, seed=seed)
    else:
        lacks = gallery_lacks(sides.gallery, seed=seed)
    kinds = sort_failures(result, quality=quality, twins=twins, nearest=lacks.nearest)
    return Lessons(kinds, compare_leaks(result, twins), lacks)
