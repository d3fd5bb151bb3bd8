"""The first sentences of a report: what happened, and what else matters."""

from __future__ import annotations

from collections import Counter

from placeprint.evaluation.diagnosis.decision_advice import decision_advice
from placeprint.evaluation.result import EvaluationResult
from placeprint.terminal import counted

NAMED = 6
"""Places that a sentence names; the rest is counted."""


def headline(result: EvaluationResult) -> str:
    """Return how many images got the right place."""
    if not result.n_queries:
        return "There are no query photos."
    if not result.n_answerable:
        return "No query photo has a right answer in the gallery, so there is no recall."
    right = sum(q.right for q in result.queries)
    who = "query photos" if not result.n_unknown else "query photos that have a right answer in the gallery"
    what = "got the right place" if result.truth == "same place" else "got a right match first"
    return f"{right} of {result.n_answerable} {who} {what} (Recall@1 {right / result.n_answerable:.3f})."


def more(result: EvaluationResult) -> tuple[str, ...]:
    """Return what the headline leaves out: images without a right answer, mistakes of UNKNOWN, unusable images."""
    lines = (_unknown(result), _set_aside(result), _copied(result), _threshold(result), _unusable(result))
    return (*(line for line in lines if line), *decision_advice(result))


def _unknown(result: EvaluationResult) -> str:
    if result.truth != "same place":
        photos = counted(result.n_unknown, "photo has", "photos have")
        return f"{photos} no right match in the gallery ({result.truth})." if result.n_unknown else ""
    labelled = [q for q in result.queries if not q.known and q.places]
    if not labelled:
        return ""
    photos = counted(len(labelled), "photo shows a place", "photos show places")
    lacks = "of which there is no other photo" if "leave" in result.protocol else "that the gallery does not have"
    return f"{photos} {lacks}: {_named(Counter('|'.join(q.places) for q in labelled))}."


def _named(places: Counter[str]) -> str:
    ranked = sorted(places.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{place} ({count})" if count > 1 else place for place, count in ranked[:NAMED]]
    if len(ranked) > NAMED:
        names.append(f"{len(ranked) - NAMED} more")
    return ", ".join(names)


def _set_aside(result: EvaluationResult) -> str:
    aside = ", ".join(aside.says for aside in result.set_aside)
    return f"Photos that were not asked: {aside}." if aside else ""


def _copied(result: EvaluationResult) -> str:
    return f"{counted(result.n_copied, 'photo was', 'photos were')} left out with copies." if result.n_copied else ""


def _threshold(result: EvaluationResult) -> str:
    opened = result.open_set
    limits = [
        f"{name} below {value:.3f}"
        for name, value in (
            ("score", opened.threshold),
            ("margin", opened.margin_threshold),
            ("probability", opened.probability_threshold),
        )
        if value is not None
    ]
    if not limits:
        return ""
    kept = sum(q.right and q.accepted for q in result.queries)
    known = counted(result.n_answerable, "known photo")
    lost = f"{kept} of {known} keep the right place, {opened.false_rejects} are turned away"
    wrong = f"{opened.false_accepts} of {counted(result.n_unknown, 'unknown photo')} are given a place all the same"
    return f"UNKNOWN for a {' or a '.join(limits)}: {lost}" + (f"; {wrong}." if result.n_unknown else ".")


def _unusable(result: EvaluationResult) -> str:
    images = counted(len(result.unusable), "image", "images")
    return f"{images} could not be used and took no part." if result.unusable else ""
