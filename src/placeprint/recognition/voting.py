"""Image neighbours to ranked places."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import ordered
from placeprint.gallery.table import RecordTable
from placeprint.recognition.decision.rules import NEAREST, Evidence
from placeprint.records import ImageRecord, Match, Neighbours, RankedPlace


def label(record: ImageRecord) -> str:
    """Return what stands for the place of a gallery image: its label, or its path when it has none."""
    return record.place or record.path


def place_codes(records: Sequence[ImageRecord]) -> NDArray[np.int64]:
    """Give each gallery image the number of its place, shape (n,): the same places, the same number.

    Those of a gallery's own records are there already.
    """
    return (records if isinstance(records, RecordTable) else RecordTable.of(records)).place_codes


def matches_of(
    neighbours: Neighbours,
    query: int,
    records: RecordTable,
    similarities: NDArray[np.float32] | None = None,
    *,
    named: int | None = None,
) -> tuple[Match, ...]:
    """Return one query's neighbours as matches, best first, without the padding.

    `similarities`, shape (n_queries, k): Cosine similarities, where the scores are not they.
    `named`: How many of the best matches, and the best of how many places, are given their path and titles; of the
    others only places and scores are needed. All when not given.
    """
    alike = neighbours.scores if similarities is None else similarities
    there = neighbours.rows[query] >= 0
    rows = neighbours.rows[query][there]
    all_places = records.places_of_rows(rows)
    found = (rows.tolist(), all_places, neighbours.scores[query][there].tolist(), alike[query][there].tolist())
    most = len(rows) if named is None else named
    matches: list[Match] = []
    known: set[str] = set()
    for row, places, score, similarity in zip(*found, strict=True):
        needed = len(matches) < most or not places
        if len(known) < most and not known.issuperset(places):  # a candidate, whose title is told
            known.update(places)
            needed = True
        record = records[row] if needed else None
        path, titles = ("", ()) if record is None else (record.path, record.titles)
        matches.append(Match(row, path, places or (path,), score, similarity, titles))
    return tuple(matches)


def with_others(gallery: Gallery, found: Neighbours, vector: NDArray[np.float32], *, only: Flags | None) -> Neighbours:
    """Return a query's neighbours, and as many of other places where one of them lacks any: it may have any size.

    So the margin is known whichever of the neighbours turns out to be the best.
    """
    count, parts = found.rows.shape[1], [found]
    shown = set(gallery.records.places_of_rows(found.rows[0][found.rows[0] >= 0]))
    for places in shown:
        if places and not any(set(places).isdisjoint(other) for other in shown):
            others = np.ones(len(gallery), np.bool_) if only is None else only.copy()
            others[gallery.records.rows_showing(places)] = False
            for part in parts:
                others[part.rows[0][part.rows[0] >= 0]] = False
            parts.append(gallery.search(vector[None], k=count, only=others))
    if len(parts) == 1:
        return found
    rows, scores = (np.concatenate(each, axis=1) for each in zip(*((p.rows, p.scores) for p in parts), strict=True))
    return ordered(rows, scores, k=rows.shape[1])


def rank_places(matches: Sequence[Match]) -> tuple[RankedPlace, ...]:
    """Rank places by their best image; of equal scores the one that comes first among the matches.

    An image with several right places counts for each of them.
    """
    best: dict[str, tuple[float, int]] = {}
    titles: dict[str, str] = {}
    for match in matches:
        if match.titles:
            for place, title in zip(match.places, match.titles, strict=False):
                titles.setdefault(place, title)
        score = match.score
        for place in match.places:
            known, images = best.get(place, (score, 0))
            best[place] = (score if score > known else known, images + 1)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])  # stable: ties keep their order
    return tuple(RankedPlace(place, score, images, titles.get(place)) for place, (score, images) in ranked)


def margin_of(matches: Sequence[Match]) -> float:
    """Return the best score less that of the best image of another place; NaN without one.

    Places that the best image itself carries are not *other* places.
    """
    if not matches:
        return math.nan
    own = set(matches[0].places)
    other = next((m.score for m in matches if not own & set(m.places)), None)
    return math.nan if other is None else matches[0].score - other


def evidence_of(matches: Sequence[Match], margin: float) -> Evidence:
    """Return what was found around one query, for a decision strategy; `margin` is that of `margin_of`."""
    near = matches[:NEAREST]
    padding = NEAREST - len(near)
    best = set(near[0].places) if near else set()
    return Evidence(
        np.array([[*(m.score for m in near), *[-np.inf] * padding]], np.float64),
        np.array([[*(not best.isdisjoint(m.places) for m in near), *[False] * padding]], np.bool_),
        np.array([near[0].score - margin if near else np.nan], np.float64),
    )
