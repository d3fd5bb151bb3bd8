"""Failures of a run: misses, worst first, and places that are mistaken for one another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from placeprint.evaluation.metrics.retrieval import mean_of
from placeprint.evaluation.result import Confusion, EvaluatedQuery, PlaceResult
from placeprint.records import ImageRecord


def misses(queries: Sequence[EvaluatedQuery]) -> tuple[EvaluatedQuery, ...]:
    """Return the known queries whose best match is wrong, the surest mistake first.

    Sorted by how far the wrong match lies above the best positive, then by path.
    """
    wrong = [q for q in queries if q.known and not q.right]
    return tuple(sorted(wrong, key=lambda q: (q.positive_score - q.score, q.path)))


def confusions(queries: Sequence[EvaluatedQuery]) -> tuple[Confusion, ...]:
    """Count the misses by true and predicted place, the most frequent first."""
    pairs = Counter(("|".join(q.places), q.predicted) for q in queries if q.known and not q.right)
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(true, predicted, count) for (true, predicted), count in ranked)


def per_place(queries: Sequence[EvaluatedQuery], gallery: Sequence[ImageRecord]) -> tuple[PlaceResult, ...]:
    """Return one line a place, the worst first; a query with several right places counts for each."""
    images = Counter(place for record in gallery for place in record.places)
    asked: dict[str, list[EvaluatedQuery]] = defaultdict(list)
    for query in queries:
        for place in query.places:
            asked[place].append(query)
    lines = [_place(place, images[place], asked.get(place, [])) for place in sorted({*images, *asked})]
    return tuple(sorted(lines, key=lambda p: (np.nan_to_num(p.recall_at_1, nan=2.0), p.place)))


def _place(place: str, images: int, queries: Sequence[EvaluatedQuery]) -> PlaceResult:
    known = [q for q in queries if q.known]
    return PlaceResult(
        place,
        images,
        len(queries),
        mean_of(np.array([float(q.right) for q in known])),
        mean_of(np.array([q.average_precision for q in known])),
    )
