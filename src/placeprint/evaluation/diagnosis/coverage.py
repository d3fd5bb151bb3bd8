"""How well a gallery covers its places: how many images, how alike, mistaken for what, and what more would bring."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from placeprint.arrays import Numbers, Vectors
from placeprint.evaluation.diagnosis.impostors import (
    Impostors,
    closest_place,
    draw_evenly,
    find_impostors,
    ranked_again,
)
from placeprint.evaluation.diagnosis.learning_curve import (
    ENOUGH_ASKED,
    CurvePoint,
    expected_recall,
    forecast_place,
    gallery_curve,
    kept_counts,
)
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.metrics.retrieval import mean_of
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.copies import Copies
from placeprint.recognition.queries import Queries
from placeprint.recognition.voting import place_codes
from placeprint.terminal import counted

MOST_ASKED = 2000
"""Images that are asked, of the gallery and of the queries; of more, so many are drawn, evenly over the places."""

MOST_RANKED_AGAIN = 300
"""The same where the preset ranks neighbours again, which takes tens of milliseconds an image."""

_CURVE_DEPTH = 128
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCoverage:
    """One place of the gallery, or one that only the queries show."""

    place: str
    # images, queries: In the gallery; of it among the queries.
    images: int
    queries: int
    spread: float  # Mean cosine distance between two of its images; NaN with fewer than two.
    left_out_recall: float  # Recall@1 of its images, each against all other images; NaN where none was asked.
    neighbour: str | None  # The other place that its images are most often mistaken for, or most often come closest to.
    # Mean cosine similarity of its images to the best image of that place, where it is the closest.
    neighbour_similarity: float
    mistaken: int  # How many of its images have their best match in that place.
    recall: float  # Recall@1 that curve and forecast are about.
    measured_by: str  # ``queries``, ``leave one image out``, or nothing when neither was possible.
    curve: tuple[CurvePoint, ...]  # With a share of the images of this place, the other places as they are.
    forecast: CurvePoint | None  # With twice as many.
    says: str  # One line for people.


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryCoverage:
    """What a gallery lacks."""

    places: tuple[PlaceCoverage, ...]  # Those that the gallery does not have first, then the worst first.
    curve: tuple[CurvePoint, ...]  # Of the whole gallery, with a share of every place's images.
    forecast: CurvePoint | None  # With twice as many of every place.
    measured_by: str  # ``queries`` or ``leave one image out``: what the curve of the whole gallery was asked with.
    sampled: bool  # True when not all images were asked.
    says: str  # One line for people.

    @property
    def nearest(self) -> dict[str, str]:
        """Each place's most confusable other place."""
        return {row.place: row.neighbour for row in self.places if row.neighbour is not None}


def gallery_coverage(gallery: Gallery, queries: Queries | None = None, *, seed: int = 0) -> GalleryCoverage:
    """Measure what each place of a gallery lacks, and forecast what more images would bring.

    A place is measured by its queries where there are at least five, else by leaving out its gallery images
    one by one. Right is what shares a place; images without a place can only be impostors. Neighbours are
    ranked as the gallery's preset ranks them, so that what is right here is right in an answer; with fewer images or
    more of them that order is taken to stay.

    `queries`: Images that are not in the gallery: one of the gallery would find itself.
    `seed`: Of the sub-samples: the same seed, the same numbers.
    """
    rng = np.random.default_rng(seed)
    truth = ByPlace.of(gallery.records)
    own = Queries(gallery.records, gallery.vectors, gallery.parts, range(len(gallery)))
    queries = Queries((), gallery.vectors[:0]) if queries is None else queries
    most = MOST_RANKED_AGAIN if gallery.preset.reranks else MOST_ASKED
    some_own, some = (each.only(draw_evenly(each.records, most, rng)) for each in (own, queries))
    left_out = _impostors(gallery, some_own, truth, Copies(gallery.records))
    asked = _impostors(gallery, some, truth)
    shown = Counter(place for query in queries.records for place in query.places)
    left_rows, asked_rows = left_out.rows_of_places(), asked.rows_of_places()
    places = []
    for place in sorted({*truth.rows_of, *shown}):
        looks = left_out.only(left_rows.get(place, _NONE)), asked.only(asked_rows.get(place, _NONE))
        images = truth.rows_of.get(place, _NONE)
        places.append(_place(place, gallery, images, shown[place], looks, rng))
    by_queries = bool(asked.photos.any())
    curve, forecast = _whole_curve(asked if by_queries else left_out, gallery, rng, at_least=1 if by_queries else 2)
    return GalleryCoverage(
        places=tuple(sorted(places, key=_worst_first)),
        curve=curve,
        forecast=forecast,
        measured_by=("queries" if by_queries else "leave one image out") if curve else "",
        sampled=len(some_own) < len(gallery) or len(some) < len(queries),
        says=_says("The gallery", len(gallery), curve[-1].recall if curve else math.nan, forecast) + _missing(places),
    )


def _impostors(gallery: Gallery, queries: Queries, truth: ByPlace, copies: Copies | None = None) -> Impostors:
    again = ranked_again(gallery, queries)
    return find_impostors(gallery.vectors, queries, truth=truth, copies=copies, again=again)


def _whole_curve(
    found: Impostors, gallery: Gallery, rng: np.random.Generator, *, at_least: int
) -> tuple[tuple[CurvePoint, ...], CurvePoint | None]:
    known = found.only(np.flatnonzero(found.photos))
    ranked, right = known.ranked[:, :_CURVE_DEPTH], known.right[:, :_CURVE_DEPTH]
    return gallery_curve(ranked, right, place_codes(gallery.records), rng, at_least=at_least)


def _place(
    place: str,
    gallery: Gallery,
    images: Numbers,
    shown: int,
    looks: tuple[Impostors, Impostors],
    rng: np.random.Generator,
) -> PlaceCoverage:
    left_out, asked = (look.counts() for look in looks)
    by_queries = len(asked[0]) >= ENOUGH_ASKED or not len(left_out[0])
    better, photos = asked if by_queries else left_out
    recall = mean_of((better > 0).astype(np.float64))
    # Left out, an image is searched among one image less than the place has.
    itself = 0 if by_queries else 1
    # A query that images of other places are right for too says nothing of this place's images alone.
    # Of an image that was left out with its copies fewer are there than of others.
    of_it = (photos <= len(images) - itself).all()
    curve = _curve(better, photos, len(images), itself) if of_it else ()
    forecast = forecast_place(better, photos, len(images), rng) if of_it else None
    if forecast is not None:
        forecast = replace(forecast, photos=2 * len(images))
    neighbour, similarity, mistaken = closest_place(looks[0], gallery.records)
    return PlaceCoverage(
        place=place,
        images=len(images),
        queries=shown,
        spread=_spread(gallery.vectors[images]),
        left_out_recall=mean_of((left_out[0] > 0).astype(np.float64)),
        neighbour=neighbour,
        neighbour_similarity=similarity,
        mistaken=mistaken,
        recall=recall,
        measured_by=("queries" if by_queries else "leave one image out") if len(better) else "",
        curve=curve,
        forecast=forecast,
        says=_says(place, len(images), recall, forecast, shown=shown) + ("" if by_queries else _few(asked[0])),
    )


def _few(better: Numbers) -> str:
    """Say what became of queries that were too few to measure a place by."""
    if not len(better):
        return ""
    right = f"{int((better > 0).sum())} of {len(better)}"
    return f" (leaving one photo out in turn; of its queries, {right} {'is' if len(better) == 1 else 'are'} right)"


def _curve(better: Numbers, photos: Numbers, images: int, itself: int) -> tuple[CurvePoint, ...]:
    if not len(better):
        return ()
    kept = [n for n in kept_counts(images) if itself < n <= itself + photos.min()]
    return tuple(CurvePoint(n, expected_recall(better, photos, n - itself)) for n in kept)


def _spread(vectors: Vectors) -> float:
    """Return the mean of 1 - cosine over all pairs: from the length of the sum, without the pairs."""
    count = len(vectors)
    if count < 2:
        return math.nan
    total = vectors.sum(axis=0, dtype=np.float64)
    return max(0.0, 1 - (float(total @ total) - count) / (count * (count - 1)))


def _worst_first(row: PlaceCoverage) -> tuple[bool, int, float, str]:
    return row.images > 0, -row.queries if not row.images else 0, np.nan_to_num(row.recall, nan=2.0), row.place


def _missing(places: Sequence[PlaceCoverage]) -> str:
    lost = [row.queries for row in places if not row.images]
    if not lost:
        return ""
    shows = counted(sum(lost), "query shows", "queries show")
    return f"; {shows} {counted(len(lost), 'place')} that it does not have"


def _says(name: str, images: int, recall: float, forecast: CurvePoint | None, *, shown: int = 0) -> str:
    photos = counted(images, "photo")
    if not images:
        return f"{name}: no photo in the gallery, {counted(shown, 'query shows', 'queries show')} it"
    if forecast is not None:
        between = f"({forecast.low:.2f} to {forecast.high:.2f})"
        return f"{name}: {photos}, Recall@1 {recall:.2f}; with {forecast.photos} about {forecast.recall:.2f} {between}"
    if math.isnan(recall):
        return f"{name}: {photos}, too few to measure"
    if recall == 1:
        return f"{name}: {photos}, Recall@1 {recall:.2f}; more photos could not improve it"
    return f"{name}: {photos}, Recall@1 {recall:.2f}; too little to say what more photos would bring"
