"""Diagnosis of a run: kinds of failures, leaks, and what the gallery lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.dataset.checks.report import CheckReport
from placeprint.evaluation.diagnosis.coverage import GalleryCoverage, gallery_coverage
from placeprint.evaluation.diagnosis.failure_kinds import FailureKind, failed_paths, sort_failures
from placeprint.evaluation.diagnosis.image_quality import measure_quality
from placeprint.evaluation.diagnosis.leaks import LeakComparison, compare_leaks, twins_of_queries
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.json_values import plain
from placeprint.evaluation.result import EvaluationResult


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to do next."""

    kinds: tuple[FailureKind, ...]  # Every failure in one kind; the empty kinds are there too.
    leaks: LeakComparison  # The numbers with and without the queries that have a copy in the gallery.
    coverage: GalleryCoverage  # Per place, and a forecast of what more images would bring.

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"kinds": plain(self.kinds), "leaks": plain(self.leaks), "lacks": plain(self.coverage)}


def diagnose(
    result: EvaluationResult,
    inputs: Inputs,
    *,
    check: CheckReport | None = None,
    root: Path | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Sort the failures of a run and say what to do about them.

    `inputs`: What `result` was measured on.
    `check`: Of the same dataset; without it copies are not looked for.
    `root`: The folder that the queries' paths are relative to; without it images are not looked at.
    `seed`: Of the resampling.
    """
    hashed = inputs.gallery.records if any(r.content_hash for r in inputs.gallery.records) else None
    twins = None if check is None else twins_of_queries(result, check, gallery=hashed)
    quality = None if root is None else measure_quality(root, failed_paths(result))
    coverage = gallery_coverage(inputs.gallery, inputs.queries if inputs.queries.own_rows is None else None, seed=seed)
    kinds = sort_failures(result, quality=quality, twins=twins, nearest=coverage.nearest)
    return Diagnosis(kinds, compare_leaks(result, twins), coverage)
