"""Leaks: the numbers of a run with and without the queries that have a copy in the gallery.

Copies are proved by the images: the same bytes, the same pixels, or a near-equal difference hash. Two
embeddings that are almost the same prove nothing, so without images the answer is "not checked".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from placeprint.dataset.checks.duplicates import MAX_GROUP, Exact
from placeprint.dataset.checks.report import CheckReport
from placeprint.evaluation.metrics.retrieval import mean_of
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.records import ImageRecord, Split
from placeprint.terminal import counted


@dataclass(frozen=True, slots=True)
class Twin:
    """A gallery image that is a copy of a query image."""

    path: str
    places: tuple[str, ...]
    exact: bool  # Of the same pixels; otherwise nearly the same.
    distance: int  # Differing bits of the two difference hashes, of 64.

    @property
    def how(self) -> str:
        """How alike they are, in a few words."""
        return "the same pixels" if self.exact else f"{self.distance} of 64 bits differ"


@dataclass(frozen=True, slots=True)
class LeakNumbers:
    """Two numbers over some of the queries; NaN where there are none."""

    queries: int  # Those that have a right answer in the gallery.
    recall_at_1: float
    map: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakComparison:
    """The same run with and without the queries that have a copy in the gallery."""

    checked: bool  # False when the images were not compared; then nothing is known of copies.
    # leaked, exact, other_place: Queries that have a copy; those with an exact one; those with one that is filed under
    # another place.
    leaked: int
    exact: int
    other_place: int
    # everything, without: Over all queries; over those without a copy (of no query when it was not checked).
    everything: LeakNumbers
    without: LeakNumbers
    says: str  # One line for people.


def twins_of_queries(
    result: EvaluationResult, report: CheckReport, *, gallery: Sequence[ImageRecord] | None = None
) -> dict[str, tuple[Twin, ...]]:
    """Find the copies of each query among the gallery images that were checked.

    `report`: Of the dataset that the queries are from.
    `gallery`: What was really searched, when that is not just the dataset's own gallery; known by content hash.
    Returns: By the path of the query, exact copies first; queries without a copy are not in it.
    """
    records = report.images.records
    asked_paths = {query.path for query in result.queries}
    held = None if gallery is None else {record.content_hash for record in gallery}
    left_out = result.protocol.startswith("leave")
    asked = [r.path in asked_paths and (left_out or r.split is Split.QUERY) for r in records]
    searched = [r.split is not Split.QUERY and (held is None or r.content_hash in held) for r in records]
    twins: dict[str, dict[int, Twin]] = defaultdict(dict)
    for query, image, exact, distance in chain(_exact_pairs(report, asked, searched), _near_pairs(report)):
        if asked[query] and searched[image]:
            row = records[image]
            twins[records[query].path].setdefault(image, Twin(row.path, row.places, exact, distance))
    return {path: tuple(found.values()) for path, found in twins.items()}


def _exact_pairs(
    report: CheckReport, asked: Sequence[bool], searched: Sequence[bool]
) -> Iterator[tuple[int, int, bool, int]]:
    """Yield pairs of equal pixels by their hash: of a big group, the report itself pairs only the first image."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, facts in enumerate(report.images.facts):
        groups[facts.pixel_hash].append(row)
    for rows in groups.values():
        images = [row for row in rows if searched[row]][:MAX_GROUP]
        yield from ((query, image, True, 0) for query in rows if asked[query] for image in images if image != query)


def _near_pairs(report: CheckReport) -> Iterator[tuple[int, int, bool, int]]:
    pairs = report.pairs
    for row in np.flatnonzero(pairs.exact == Exact.NONE):
        one, two, distance = int(pairs.first[row]), int(pairs.second[row]), int(pairs.distance[row])
        yield from ((one, two, False, distance), (two, one, False, distance))


def compare_leaks(result: EvaluationResult, twins: Mapping[str, Sequence[Twin]] | None) -> LeakComparison:
    """Put the numbers with and without the leaked queries side by side.

    `twins`: As `twins_of_queries` returns it; None when the images were not compared.
    """
    everything = _numbers(result.queries)
    if twins is None:
        says = "Copies of query photos in the gallery: not checked, the images were not compared."
        nothing = LeakNumbers(0, float("nan"), float("nan"))
        return LeakComparison(
            checked=False, leaked=0, exact=0, other_place=0, everything=everything, without=nothing, says=says
        )
    leaked = [q for q in result.queries if twins.get(q.path)]
    without = _numbers([q for q in result.queries if not twins.get(q.path)])
    return LeakComparison(
        checked=True,
        leaked=len(leaked),
        exact=sum(any(twin.exact for twin in twins[q.path]) for q in leaked),
        other_place=sum(bool(misfiled(q, twins[q.path])) for q in leaked),
        everything=everything,
        without=without,
        says=_says(len(leaked), len(result.queries), everything, without),
    )


def misfiled(query: EvaluatedQuery, twins: Sequence[Twin]) -> tuple[Twin, ...]:
    """Return the copies whose places contradict the query's: both are labelled, and none is common."""
    return tuple(t for t in twins if query.places and t.places and not set(query.places) & set(t.places))


def _numbers(queries: Sequence[EvaluatedQuery]) -> LeakNumbers:
    known = [q for q in queries if q.known]
    return LeakNumbers(
        len(known),
        mean_of(np.array([float(q.right) for q in known])),
        mean_of(np.array([q.average_precision for q in known])),
    )


def _says(leaked: int, count: int, everything: LeakNumbers, without: LeakNumbers) -> str:
    if not leaked:
        return f"None of the {counted(count, 'query photo')} has a copy in the gallery."
    have = f"{leaked} of {counted(count, 'query photo')} {'has' if leaked == 1 else 'have'} a copy in the gallery"
    if not without.queries:
        return f"{have}: no query with a right answer is left without them."
    return f"{have}: Recall@1 {everything.recall_at_1:.3f} with them, {without.recall_at_1:.3f} without."
