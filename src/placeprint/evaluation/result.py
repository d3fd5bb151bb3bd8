"""The frozen result of one evaluation run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from placeprint.evaluation.benchmark import BenchmarkRun, Tolerance
from placeprint.evaluation.json_values import plain
from placeprint.evaluation.metrics.conventions import Convention
from placeprint.evaluation.metrics.intervals import Interval
from placeprint.evaluation.metrics.open_set_rates import OpenSetResult
from placeprint.evaluation.outcomes import GradeCount, RateOutcome
from placeprint.evaluation.test_set import TestSet
from placeprint.notebooks import Tabular, html_table
from placeprint.records import FailedImage, Grade, Match, SetAside
from placeprint.terminal import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedQuery:
    """One query image and what became of it.

    Attributes
    ----------
    path : str
    places : tuple of str
        The right places.
    predicted : str
        Place of the best match, whatever the threshold says.
    score, margin : float
        Of the best match; to the best image of another place (NaN without one).
    probability : float
        That the best place is right; NaN without a calibration.
    accepted : bool
        Whether its best place is given as the answer.
    grade : Grade
        How sure the answer is by its first look; `recognize` looks again at what it is not sure of. One that is
        likely may be accepted where nothing decides, and not where something does.
    known : bool
        True when the gallery has a positive.
    right : bool
        True when the best match is a positive.
    first_positive : int or None
        Rank of the best positive, counted from 1.
    positive_score : float
        Score of the best positive; NaN without one.
    average_precision : float
        NaN for an unknown query.
    matches : tuple of Match
        The best neighbours.
    correct : tuple of bool
        Which of them are positives.
    own_rows : tuple of int
        The gallery rows that are this very image and were left out: itself, and its copies.

    Examples
    --------
    >>> import placeprint
    >>> first = placeprint.evaluate(gallery="town.gallery").queries[0]
    >>> first.path, first.predicted, first.right
    ('gallery/castle-gate/01.jpg', 'castle-gate', True)
    """

    path: str
    places: tuple[str, ...]
    predicted: str
    score: float
    margin: float
    probability: float
    accepted: bool
    grade: Grade
    known: bool
    right: bool
    first_positive: int | None
    positive_score: float
    average_precision: float
    matches: tuple[Match, ...]
    correct: tuple[bool, ...]
    own_rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceResult:
    """One place of the queries, or of the gallery."""

    place: str
    # gallery, queries: Images.
    gallery: int
    queries: int
    # recall_at_1, average_precision: Over its queries; NaN when it has none or the gallery lacks it.
    recall_at_1: float
    average_precision: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Queries of one place whose best match is of another."""

    true: str
    predicted: str
    count: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall time: of embedding (cached images cost next to nothing), and of search."""

    embed: float
    search: float
    search_per_query: float


@dataclass(frozen=True, slots=True)
class Headline:
    """One number and where it may lie."""

    # ``recall_at_1``, ``map``, ``auroc``; with a decision also ``open_set_recall_at_1``, ``unknown_precision``,
    # ``unknown_recall``.
    name: str
    # over_queries, over_places: Bootstrap intervals, drawing single queries, and drawing places with all their queries:
    # the second is the honest one when the next user's images show other places, and the one that is shown.
    over_queries: Interval
    over_places: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult(Tabular):
    """What one run measured.

    Attributes
    ----------
    dataset, model, preset, fingerprint, index : str
        What was run.
    truth : str
        The rule by which a gallery image is right.
    protocol : str
        ``queries against gallery`` or ``leave one image out``.
    n_gallery, n_queries, n_answerable, n_unknown : int
        Images; queries that take part, with and without a positive in the gallery.
    set_aside : tuple of SetAside
        Queries that take no part: what is right for them cannot be told.
    gallery_unjudged : int
        Gallery images without a label, or without a position where that decides: they are right for no query.
    n_copied : int
        Queries that were left out together with copies of them (leave one out).
    recall, recall_over_all : dict of int to float
        Recall@K over the answerable queries, and with unanswerable queries as misses.
    map, mrr : float
        Standard mean average precision, over the full ranking; mean reciprocal rank.
    map_found_at_20 : float
        Over the 20 best, divided by the positives found there (a published convention).
    open_set : OpenSetResult
    grades : tuple of GradeCount
        How many queries are sure, likely and UNKNOWN, by their first look.
    trade_off : tuple of RateOutcome
        What they would have been answered at each rate that the gallery's calibration keeps.
    headlines : tuple of Headline
        The headline numbers with their intervals.
    conventions : tuple of Convention
        The same run in every convention of the field.
    places, confusions, queries, failures
        Per place; per pair of places; per query; the misses, worst first.
    unusable : tuple of FailedImage
        Images that took no part, each with its reason.
    seconds : Seconds
    test_set : TestSet
        What was measured on: runs are comparable where it is equal.
    dim, gallery_bytes : int
        Of the embeddings; bytes that the gallery keeps: vectors, parts, records and index.
    tolerances : tuple of Tolerance
        Recall at other distances, where a distance or frames decide what is right.
    benchmark : BenchmarkRun or None
        The run in the words of a protocol; None without one.
    false_accept_rate : float or None
        At which the gallery's calibration decided; None where it did not.
    calibrated_for : str
        The preset that the gallery's calibration is for, where another one asked: then it does not decide.
    calibration_outdated : str
        Where a calibration decided that is of the gallery as it was before: so many images changed, and what renews it.
    titles : dict of str to str
        The name by which people know a place, of places that have one.

    Examples
    --------
    >>> import placeprint
    >>> result = placeprint.evaluate(gallery="town.gallery")
    >>> result
    <EvaluationResult of town.gallery: Recall@1 1.000, mAP 1.000; 11 queries against 11 images>
    >>> result.recall[1], result.n_queries
    (1.0, 11)
    """

    dataset: str
    model: str
    preset: str
    fingerprint: str
    index: str
    truth: str
    protocol: str
    n_gallery: int
    n_queries: int
    n_answerable: int
    n_unknown: int
    set_aside: tuple[SetAside, ...]
    gallery_unjudged: int
    n_copied: int
    recall: dict[int, float]
    recall_over_all: dict[int, float]
    map: float
    map_found_at_20: float
    mrr: float
    open_set: OpenSetResult
    grades: tuple[GradeCount, ...]
    trade_off: tuple[RateOutcome, ...]
    dim: int
    headlines: tuple[Headline, ...]
    conventions: tuple[Convention, ...]
    places: tuple[PlaceResult, ...]
    confusions: tuple[Confusion, ...]
    queries: tuple[EvaluatedQuery, ...]
    failures: tuple[EvaluatedQuery, ...]
    unusable: tuple[FailedImage, ...]
    seconds: Seconds
    test_set: TestSet
    gallery_bytes: int
    tolerances: tuple[Tolerance, ...] = ()
    benchmark: BenchmarkRun | None = None
    false_accept_rate: float | None = None
    calibrated_for: str = ""
    calibration_outdated: str = ""
    titles: dict[str, str] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        """Tell the two numbers that are asked for first."""
        shown = ", ".join(f"Recall@{k} {value:.3f}" for k, value in list(self.recall.items())[:1])
        asked = f"{counted(self.n_queries, 'query', 'queries')} against {counted(self.n_gallery, 'image')}"
        return f"<EvaluationResult of {self.dataset}: {shown}, mAP {self.map:.3f}; {asked}>"

    def _repr_html_(self) -> str:
        """Show a notebook the headline numbers with their intervals over places."""
        shown = [(line.name, line.over_places) for line in self.headlines]
        rows = [(name, of.value, of.low, of.high) for name, of in shown]
        return html_table(repr(self)[1:-1], ("measure", "value", "95 % from", "to"), rows)

    def table(self) -> list[dict[str, Any]]:
        """Return one row a query."""
        skipped = ("matches", "correct", "own_rows")
        names = [f.name for f in dataclasses.fields(EvaluatedQuery) if f.name not in skipped]
        return [{name: getattr(query, name) for name in names} for query in self.queries]

    def to_dict(self, *, every_query: bool = False) -> dict[str, Any]:
        """Ready for JSON: NaN becomes null, recall keys become text.

        Parameters
        ----------
        every_query : bool
            Also list every query with its matches.
        """
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("queries", "failures")]
        row = {name: plain(getattr(self, name)) for name in names}
        row["set_aside"] = [aside.to_dict() for aside in self.set_aside]
        row["unanswerable"] = [q.path for q in self.queries if not q.known]
        row["failures"] = [_failure(q) for q in self.failures]
        if every_query:
            row["queries"] = plain(self.queries)
        return row


def _failure(query: EvaluatedQuery) -> dict[str, Any]:
    return {
        "query": query.path,
        "true": list(query.places),
        "predicted": query.predicted,
        "grade": str(query.grade),
        "score": plain(query.score),
        "margin": plain(query.margin),
        "rank": query.first_positive,
        "positive_score": plain(query.positive_score),
        "match": query.matches[0].path if query.matches else None,
    }
