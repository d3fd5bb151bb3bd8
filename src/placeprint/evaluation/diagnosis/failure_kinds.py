"""Sorts every failure into one kind, with its reason and advice.

A failure is a known query whose best match is wrong (whatever the threshold says), an unknown query that was given a
place, or a known query that was recognised but turned away: its best match is right and was not accepted. Of several
kinds that fit, the first in the order of `Kind` is taken: proof comes before suspicion, and what one image explains
comes before what only the sum of all images shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import quantiles

from placeprint.evaluation.diagnosis.decision_advice import LABELLED, capital, loosen, tighten
from placeprint.evaluation.diagnosis.image_quality import ImageQuality
from placeprint.evaluation.diagnosis.leaks import Twin, misfiled
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.presets import DEFAULT_PRESET, FAST
from placeprint.records import Grade

AGREEING = 3
"""Best matches that must all be of one other place before a label is suspected."""

ENOUGH_RIGHT = 5
"""Right answers that are needed to say how alike a query and its place usually are.

With these numbers, of 182 labels that were changed at random in three sets of real queries 122 were found, and
none of the 100 misses with a right label was suspected."""

REPEATED = 2
"""Misses from one place to another that make the two a pair that is confused."""


class Kind(StrEnum):
    """Why a query failed, in the order of precedence."""

    TURNED_AWAY = "recognised but turned away"
    LEAK = "leak"
    NOT_IN_GALLERY = "place not in the gallery"
    WRONG_LABEL = "suspected wrong label"
    POOR_IMAGE = "poor query photo"
    CONFUSABLE = "two confusable places"
    LOWER = "right place lower in the ranking"


ADVICE: Mapping[Kind, str] = {
    Kind.TURNED_AWAY: f"{{loosen}}; or add photos of these places, or calibrate with {LABELLED}.",
    Kind.LEAK: "Correct one of the two labels: the same photo is in the gallery under another place.",
    Kind.NOT_IN_GALLERY: "Add photos of the place to the gallery, or {tighten}: the right answer is UNKNOWN.",
    Kind.WRONG_LABEL: "Look at the query's label: its neighbours agree on another place.",
    Kind.POOR_IMAGE: "Take the photo again; more gallery photos will not help here.",
    Kind.CONFUSABLE: "Add photos that tell the two places apart, or merge them if they are one.",
    Kind.LOWER: "Add gallery photos from this viewpoint{rank_again}.",
}
"""What to do; in braces, what depends on how the gallery was asked."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed query: its path, its places, the place of the best match, and why it is of its kind."""

    query: str
    places: tuple[str, ...]
    predicted: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class FailureKind:
    """All failures of one kind."""

    kind: Kind
    count: int
    checked: bool  # False when what it takes to see this kind was not there (no images, too few right answers).
    advice: str  # One sentence: what to do.
    failures: tuple[Failure, ...]  # The highest score first: the surest mistakes are the best examples.


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the tests look at besides the query.

    `usual` is what three of four right answers of this run reach, and what three of four best other places
    beside them stay below: so the test of a label needs no number that fits one model only.
    """

    same_place: bool
    quality: Mapping[str, ImageQuality] | None
    twins: Mapping[str, Sequence[Twin]] | None
    nearest: Mapping[str, str]
    confused: Counter[tuple[str, str]]
    usual: tuple[float, float] | None


def sort_failures(
    result: EvaluationResult,
    *,
    quality: Mapping[str, ImageQuality] | None = None,
    twins: Mapping[str, Sequence[Twin]] | None = None,
    nearest: Mapping[str, str] | None = None,
) -> tuple[FailureKind, ...]:
    """Sort every failure of a run into one kind.

    `quality`: By the path of the query; of `failed_paths` is enough. Without it no image is called poor.
    `twins`: As `placeprint.evaluation.diagnosis.leaks.twins_of_queries` returns it. Without it there are no leaks.
    `nearest`: Each place's most confusable other place in the gallery (`GalleryCoverage.nearest`): two places that are
    each other's are confusable also when they were mistaken only once.
    Returns one for each `Kind`, in its order, also where there is none.
    """
    evidence = _Evidence(
        result.truth == "same place", quality, twins, nearest or {}, _confused(result), _usual(result.queries)
    )
    found: dict[Kind, list[Failure]] = {kind: [] for kind in Kind}
    for query in _failed(result):
        kind, why = next((kind, why) for kind, test in _TESTS.items() if (why := test(query, evidence)))
        found[kind].append(Failure(query.path, query.places, query.predicted, query.score, why))
    checked = {
        Kind.LEAK: twins is not None,
        Kind.POOR_IMAGE: quality is not None,
        Kind.WRONG_LABEL: evidence.same_place and evidence.usual is not None,
    }
    return tuple(
        FailureKind(
            kind,
            len(rows),
            checked.get(kind, True),
            ADVICE[kind].format(
                loosen=capital(loosen(result)),
                tighten=tighten(result),
                rank_again=f"; ranking again may help (--preset {DEFAULT_PRESET})"
                if result.preset == FAST.name
                else "",
            ),
            tuple(sorted(rows, key=lambda row: (-row.score, row.query))),
        )
        for kind, rows in found.items()
    )


def failed_paths(result: EvaluationResult) -> tuple[str, ...]:
    """Return the paths of all failures with a wrong best match: the images whose quality matters."""
    return tuple(query.path for query in _failed(result) if not query.right)


def _failed(result: EvaluationResult) -> list[EvaluatedQuery]:
    """Return the failures; a query without a label is none, unless positions decide what is right."""
    judged = [q for q in result.queries if q.places or result.truth != "same place"]
    return [q for q in judged if (not (q.right and q.accepted) if q.known else q.accepted)]


def _confused(result: EvaluationResult) -> Counter[tuple[str, str]]:
    misses = (q for q in result.queries if q.known and not q.right)
    return Counter((place, q.predicted) for q in misses for place in q.places if place != q.predicted)


def _usual(queries: Sequence[EvaluatedQuery]) -> tuple[float, float] | None:
    right = [q for q in queries if q.right and q.margin == q.margin]  # without another place the margin is NaN
    if len(right) < ENOUGH_RIGHT:
        return None
    own, other = (quantiles(v, n=4) for v in ([q.score for q in right], [q.score - q.margin for q in right]))
    return own[0], other[2]


def _turned_away(query: EvaluatedQuery, _: _Evidence) -> str:
    if not query.right:
        return ""
    sure = "" if query.probability != query.probability else f", {query.probability:.2f}"
    return (
        f"{query.grade} {query.predicted}{sure}"
        if query.grade is Grade.LIKELY
        else f"{query.predicted} came first{sure}"
    )


def _leak(query: EvaluatedQuery, evidence: _Evidence) -> str:
    found = misfiled(query, (evidence.twins or {}).get(query.path, ()))
    return f"{found[0].path} is its copy ({found[0].how}), under {_named(found[0].places)}" if found else ""


def _not_in_gallery(query: EvaluatedQuery, evidence: _Evidence) -> str:
    if query.known:
        return ""
    lacks = f"the gallery has no photo of {_named(query.places)}" if evidence.same_place else "nothing is near enough"
    return f"{lacks}, but the answer was {query.predicted} at {query.score:.3f}"


def _wrong_label(query: EvaluatedQuery, evidence: _Evidence) -> str:
    best = query.matches[:AGREEING]
    if not evidence.same_place or evidence.usual is None:
        return ""
    if any(query.predicted not in (*m.places, "|".join(m.places)) for m in best):
        return ""
    like_right, like_other = evidence.usual
    if query.score < like_right or not query.positive_score <= like_other:
        return ""
    own = f"{_named(query.places)} comes to {query.positive_score:.3f}, as strangers do"
    return f"the {AGREEING} best are {query.predicted} at {query.score:.3f}, as right answers are; {own}"


def _poor_image(query: EvaluatedQuery, evidence: _Evidence) -> str:
    measured = (evidence.quality or {}).get(query.path)
    return measured.fault if measured else ""


def _confusable(query: EvaluatedQuery, evidence: _Evidence) -> str:
    there = max(query.places, key=lambda p: evidence.confused[p, query.predicted], default="")
    if not there or there == query.predicted:
        return ""
    forth, back = evidence.confused[there, query.predicted], evidence.confused[query.predicted, there]
    if back:
        return f"{there} and {query.predicted} are taken for each other, {forth}x there and {back}x back"
    if forth >= REPEATED:
        return f"{there} is taken for {query.predicted} {forth}x"
    if evidence.nearest.get(there) == query.predicted and evidence.nearest.get(query.predicted) == there:
        return f"{there} and {query.predicted} are each other's closest place in the gallery"
    return ""


def _lower(query: EvaluatedQuery, _: _Evidence) -> str:
    behind = query.score - query.positive_score
    return f"the first right image is at rank {query.first_positive}, {behind:.3f} behind {query.predicted}"


def _named(places: Sequence[str]) -> str:
    return " or ".join(places) or "its place"


_TESTS: Mapping[Kind, Callable[[EvaluatedQuery, _Evidence], str]] = {
    Kind.TURNED_AWAY: _turned_away,
    Kind.LEAK: _leak,
    Kind.NOT_IN_GALLERY: _not_in_gallery,
    Kind.WRONG_LABEL: _wrong_label,
    Kind.POOR_IMAGE: _poor_image,
    Kind.CONFUSABLE: _confusable,
    Kind.LOWER: _lower,
}
"""Each returns why the query is of the kind, or nothing; asked in this order. `_lower` always answers."""
