"""Chooses which queries a report shows, in which order, and beside which matches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.report.thumbnails import ImageFile

MAX_MISSES = 60
MAX_UNKNOWN = 30
MAX_RIGHT = 30
MATCHES = 5


@dataclass(frozen=True, slots=True)
class Tile:
    """One match beside a query."""

    image: ImageFile
    place: str
    score: float
    rank: int
    right: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One query and its matches: the best, and the first positive where it comes later."""

    query: EvaluatedQuery
    image: ImageFile
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet: the first cases of `total`."""

    cases: tuple[Case, ...]
    total: int

    @property
    def columns(self) -> int:
        """Matches of the widest case."""
        return max((len(case.tiles) for case in self.cases), default=0)


@dataclass(frozen=True, slots=True)
class Sheets:
    """The three contact sheets of a report."""

    misses: Sheet
    unknown: Sheet
    right: Sheet

    def images(self) -> Iterator[ImageFile]:
        """Yield every image that is shown, as often as it is shown."""
        for sheet in (self.misses, self.unknown, self.right):
            for case in sheet.cases:
                yield case.image
                yield from (tile.image for tile in case.tiles)


def choose_cases(
    result: EvaluationResult, *, query_images: Sequence[ImageFile], gallery_image: Callable[[int], ImageFile]
) -> Sheets:
    """Choose what a person should look at first.

    Misses come as the result has them, the surest mistake first; unknown queries with the highest score
    first, because a threshold lets those in; right answers with the least sure first.

    `query_images`: One for each of `result.queries`.
    `gallery_image`: From a gallery row to its image.
    """
    image_of = dict(zip(result.queries, query_images, strict=True))

    def sheet(queries: Sequence[EvaluatedQuery], limit: int) -> Sheet:
        cases = (Case(q, image_of[q], _tiles(q, gallery_image)) for q in queries[:limit])
        return Sheet(tuple(cases), len(queries))

    unknown = sorted((q for q in result.queries if not q.known), key=lambda q: (-_or(q.score, -math.inf), q.path))
    right = sorted((q for q in result.queries if q.right), key=_sureness)
    return Sheets(sheet(result.failures, MAX_MISSES), sheet(unknown, MAX_UNKNOWN), sheet(right, MAX_RIGHT))


def _sureness(query: EvaluatedQuery) -> tuple[bool, float, str]:
    """Sort what was answered UNKNOWN before the rest, then by margin."""
    return query.accepted, _or(query.margin, math.inf), query.path


def _or(value: float, instead: float) -> float:
    return instead if math.isnan(value) else value


def _tiles(query: EvaluatedQuery, gallery_image: Callable[[int], ImageFile]) -> tuple[Tile, ...]:
    ranks = list(range(1, min(MATCHES, len(query.matches)) + 1))
    if query.first_positive is not None and MATCHES < query.first_positive <= len(query.matches):
        ranks.append(query.first_positive)
    shown = ((rank, query.matches[rank - 1], query.correct[rank - 1]) for rank in ranks)
    return tuple(Tile(gallery_image(m.row), "|".join(m.places), m.score, rank, ok) for rank, m, ok in shown)
