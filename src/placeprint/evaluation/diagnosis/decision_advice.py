"""Advice on the decision between a place and UNKNOWN: which way to move it, for which mistakes."""

from __future__ import annotations

from placeprint.evaluation.result import EvaluationResult
from placeprint.recognition.decision.rules import why_undecided
from placeprint.terminal import counted


def loosen(result: EvaluationResult) -> str:
    """Return how to reject fewer right answers; empty where UNKNOWN is never answered."""
    if _calibrated(result):
        return "calibrate with a higher --false-accept-rate"
    return " or ".join(f"lower {name}" for name in _limits(result))


def tighten(result: EvaluationResult) -> str:
    """Return how to accept fewer unknown images."""
    if _calibrated(result):
        return "calibrate with a lower --false-accept-rate"
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
        told.append(f"{_capital(why)}.")
    if old := result.calibration_outdated:
        told.append(_capital(old))  # without a full stop: it ends in a command
    if turned_away and (how := loosen(result)):
        right = sum(q.right for q in result.queries)
        wrong = (opened.false_rejects or 0) - turned_away
        rest = f" (the other {counted(wrong, 'false reject')} had a wrong best match)" if wrong else ""
        told.append(f"{_of(turned_away, right, 'right answer')} turned away as UNKNOWN{rest}: to keep more, {how}.")
    if let_in and opened.recall_at_1 is not None:
        photos = _of(let_in, result.n_unknown, "unknown photo")
        told.append(f"{photos} given a place: to let fewer in, {tighten(result)}.")
    return tuple(told)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _of(some: int, count: int, what: str) -> str:
    return f"{some} of {counted(count, what)} {'was' if some == 1 else 'were'}"


def _calibrated(result: EvaluationResult) -> bool:
    return result.open_set.probability_threshold is not None


def _limits(result: EvaluationResult) -> list[str]:
    opened = result.open_set
    given = {"--unknown-threshold": opened.threshold, "--unknown-margin": opened.margin_threshold}
    return [name for name, value in given.items() if value is not None]
