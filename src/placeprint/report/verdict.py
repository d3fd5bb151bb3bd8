"""The first sentences of a report: what happened, and what else matters."""

from __future__ import annotations

from collections import Counter

from placeprint.evaluation.diagnosis.decision_advice import decision_advice
from placeprint.evaluation.result import EvaluationResult
from placeprint.recognition.decision.rules import LIKELY
from placeprint.records import UNKNOWN, Grade
from placeprint.records.answers import with_titles
from placeprint.terminal import counted

NAMED = 6
"""Places that a sentence names; the rest is counted."""


def headline(result: EvaluationResult) -> str:
    """Return what became of the images whose place is known: named right, not named, named wrong."""
    if not result.n_queries:
        return "There are no query photos."
    if not result.n_answerable:
        return "No query photo has a right answer in the gallery, so there is no recall."
    if result.open_set.recall_at_1 is None:
        return _ranked(result)
    known = [q for q in result.queries if q.known]
    right, named = sum(q.right and q.accepted for q in known), sum(q.accepted for q in known)
    likely = sum(q.right and not q.accepted and q.grade is Grade.LIKELY for q in known)
    told = f" ({likely} of them likely right)" if likely else ""
    photos = counted(result.n_answerable, "known photo")
    return f"{photos}: {right} named right, {len(known) - named} not named{told}, {named - right} named wrong."


def _ranked(result: EvaluationResult) -> str:
    """Return how many images have the right place first, whatever is decided."""
    right = sum(q.right for q in result.queries)
    who = "query photos" if not result.n_unknown else "query photos that have a right answer in the gallery"
    what = "got the right place" if result.truth == "same place" else "got a right match first"
    return f"{right} of {result.n_answerable} {who} {what} (Recall@1 {right / result.n_answerable:.3f})."


def more(result: EvaluationResult) -> tuple[str, ...]:
    """Return what the headline leaves out, and what to do next."""
    lines = (
        _first(result),
        _unknown(result),
        _threshold(result),
        _set_aside(result),
        _copied(result),
        _unusable(result),
    )
    return (*(line for line in lines if line), *decision_advice(result))


def _first(result: EvaluationResult) -> str:
    """Return how good the ranking is, where the headline tells of the decision."""
    if result.open_set.recall_at_1 is None or not result.n_answerable:
        return ""
    right = sum(q.right for q in result.queries)
    what = "place" if result.truth == "same place" else "match"
    share = f"Recall@1 {right / result.n_answerable:.3f}"
    return f"The right {what} comes first for {right} of {result.n_answerable}, named or not ({share})."


def _unknown(result: EvaluationResult) -> str:
    if result.truth != "same place":
        photos = counted(result.n_unknown, "photo has", "photos have")
        text = f"{photos} no right match in the gallery ({result.truth})" if result.n_unknown else ""
    else:
        labelled = [q for q in result.queries if not q.known and q.places]
        photos = counted(len(labelled), "photo shows a place", "photos show places")
        lacks = "of which there is no other photo" if "leave" in result.protocol else "that the gallery does not have"
        named = _named(Counter(with_titles(q.places, result.titles) for q in labelled))
        text = f"{photos} {lacks}: {named}" if labelled else ""
    if text and result.open_set.false_accepts == 0:  # else the advice tells how many, and what to do
        text += "; none of them is given a place"
    return text and f"{text}."


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
    """Return from where on a place is named, and what is said below that."""
    opened = result.open_set
    limits = [
        f"{name} of {value:.3f}"
        for name, value in (
            ("score", opened.threshold),
            ("margin", opened.margin_threshold),
            ("probability", opened.probability_threshold),
        )
        if value is not None
    ]
    if not limits:
        return ""
    rate = result.false_accept_rate
    chosen = "" if rate is None else f", calibrated for {100 * rate:g} % false accepts"
    probable = any(q.probability == q.probability for q in result.queries)
    below = f"else it is {UNKNOWN}"
    if probable and (opened.probability_threshold or LIKELY) < LIKELY:
        below = f"below {LIKELY:g} it is {Grade.LIKELY}, below the threshold {UNKNOWN}"
    elif probable:
        below = f"below that it is {Grade.LIKELY} from {LIKELY:g} on, else {UNKNOWN}"
    return f"A place is named from a {' and a '.join(limits)} on{chosen}; {below}."


def _unusable(result: EvaluationResult) -> str:
    images = counted(len(result.unusable), "image", "images")
    return f"{images} could not be used and took no part." if result.unusable else ""
