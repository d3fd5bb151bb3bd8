"""Advice on the decision between a place and UNKNOWN: which way to move it, for which mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from placeprint.evaluation.outcomes import RateOutcome
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.trade_off import SHOWN
from placeprint.recognition.decision.rules import why_undecided
from placeprint.terminal import counted

LABELLED = "labelled photos that are not in the gallery (placeprint calibrate GALLERY --queries PHOTOS)"
_RATE, _PROPOSED = "--false-accept-rate", 2


def loosen(result: EvaluationResult) -> str:
    """Return how to reject fewer right answers; empty where no place is ever rejected."""
    if _calibrated(result):
        return f"{_verb(result)} a higher {_RATE}{_at(result, higher_rates(result))}"
    return " or ".join(f"lower {name}" for name in _limits(result))


def tighten(result: EvaluationResult) -> str:
    """Return how to accept fewer unknown images."""
    if _calibrated(result):
        return f"{_verb(result)} a lower {_RATE}{_at(result, lower_rates(result))}"
    if limits := _limits(result):
        return " or ".join(f"raise {name}" for name in limits)
    return "allow UNKNOWN (placeprint calibrate GALLERY, or --unknown-threshold)"


def decision_advice(result: EvaluationResult) -> tuple[str, ...]:
    """Return why a calibration did not decide, and advice for each of the decision's two kinds of mistakes."""
    opened = result.open_set
    turned_away = sum(q.right and not q.accepted for q in result.queries)
    let_in = sum(not q.known and q.accepted for q in result.queries)
    told = []
    if opened.recall_at_1 is None and (why := why_undecided(result.calibrated_for, result.preset)):
        told.append(f"{capital(why)}.")
    if old := result.calibration_outdated:
        told.append(capital(old))  # without a full stop: it ends in a command
    if turned_away and (how := loosen(result)):
        right = sum(q.right for q in result.queries)
        wrong = (opened.false_rejects or 0) - turned_away
        rest = f" ({counted(wrong, 'more false reject')} had a wrong best match)" if wrong else ""
        told.append(f"{_of(turned_away, right, 'right answer')} turned away{rest}: to keep more, {how}.")
    if let_in and opened.recall_at_1 is not None:
        photos = _of(let_in, result.n_unknown, "unknown photo")
        told.append(f"{photos} given a place: to let fewer in, {tighten(result)}.")
        if turned_away:
            told.append(f"To make fewer of both mistakes, add photos of each place, or calibrate with {LABELLED}.")
    return tuple(told)


def higher_rates(result: EvaluationResult) -> tuple[RateOutcome, ...]:
    """Return at most two higher rates at which more known queries are named right, those that are printed first."""
    limit, named = result.open_set.probability_threshold, sum(q.right and q.accepted for q in result.queries)
    better = [o for o in result.trade_off if limit is not None and o.threshold < limit and o.named_right > named]
    return tuple([o for o in better if o.false_accept_rate in SHOWN] or better)[:_PROPOSED]


def lower_rates(result: EvaluationResult) -> tuple[RateOutcome, ...]:
    """Return the next lower rate at which fewer unknown queries get a place."""
    limit, let_in = result.open_set.probability_threshold, sum(q.accepted and not q.known for q in result.queries)
    better = [o for o in result.trade_off if limit is not None and o.threshold > limit and o.false_accepts < let_in]
    return tuple(better[-1:])


def _at(result: EvaluationResult, outcomes: Sequence[RateOutcome]) -> str:
    """Return what some rates would bring for these queries, in brackets; empty without any."""
    told = []
    for outcome in outcomes:
        named = f"{outcome.named_right} of {counted(result.n_answerable, 'known photo')} named right"
        let_in = f", {outcome.false_accepts} of {result.n_unknown} unknown let in" if result.n_unknown else ""
        told.append(f"at {outcome.false_accept_rate:g}: {named}{let_in}")
    return f" ({'; '.join(told)})" if told else ""


def _verb(result: EvaluationResult) -> str:
    return "ask at" if result.trade_off else "calibrate with"


def capital(words: str) -> str:
    """Return words that begin a sentence."""
    return words[:1].upper() + words[1:]


def _of(some: int, count: int, what: str) -> str:
    return f"{some} of {counted(count, what)} {'was' if some == 1 else 'were'}"


def _calibrated(result: EvaluationResult) -> bool:
    return result.false_accept_rate is not None


def _limits(result: EvaluationResult) -> list[str]:
    opened = result.open_set
    least = opened.probability_threshold if opened.threshold is None else opened.threshold
    given = {"--unknown-threshold": least, "--unknown-margin": opened.margin_threshold}
    return [name for name, value in given.items() if value is not None]
