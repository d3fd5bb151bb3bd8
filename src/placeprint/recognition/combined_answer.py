"""One answer for several images of one place: a pure function of the answers to each."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

from placeprint.errors import UsageError
from placeprint.recognition.decision.rules import LIKELY
from placeprint.records import Answer, AnswerPosition, Grade
from placeprint.records.answers import probable

AGREEING = 0.5
"""What the log odds of a further image count that names the same place: images of one place err together, too."""
_LEAST, _MOST = 1e-12, 50.0
"""The least probability, and log odds that are as good as certain."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def combined_answer(answers: Sequence[Answer]) -> tuple[int, Answer]:
    """Return one answer for all images, and which image its matches come from.

    An image names a place when it is sure or likely; one that is UNKNOWN could not tell, and takes nothing from the
    others. The log odds of a place are those of the surest image that names it, and `AGREEING` of those of each
    further one; places that other images name take a share. So one sure image among some that cannot tell is as sure as
    it is alone, agreement makes it surer, and only a contradiction less sure. The probability that must be reached is
    that of single images.

    The position is that of the surest image; images that do not agree have none.

    The images agree when more than half of those that name a place name this one, or when it reaches what must be
    reached and no image is sure of another place. Where they do not agree the answer is UNKNOWN, and has no
    probability. Without a calibration the images are counted.

    Raises `UsageError` without any image.
    """
    if not answers:
        raise UsageError("there is no photo to answer")
    if len(answers) == 1:
        return 0, answers[0]
    named = [answer for answer in answers if _name(answer) is not None]
    if not named:
        leader = _surest(answers, answers)
        why = f"{_of_all(len(answers), 'none')} could tell a place; the surest: {answers[leader].why}"
        return leader, dataclasses.replace(answers[leader], why=why)
    guess = _strongest(named)
    speaking, rivals = [a for a in named if _name(a) == guess], [a for a in named if _name(a) != guess]
    leader, probability = _surest(answers, speaking), _probability(speaking, rivals)
    grade = _grade(speaking, rivals, probability)
    said = _said(answers[leader].title or guess, speaking, rivals, silent=len(answers) - len(named))
    if not _agreed(speaking, rivals, grade, probability):
        why = f"the photos do not agree: {said}"
        nowhere = _nowhere(answers[leader].position)
        return leader, dataclasses.replace(
            answers[leader], place=None, grade=Grade.UNKNOWN, probability=None, position=nowhere, why=why
        )
    told = "" if probability is None else f", which makes a probability of {probable(probability)} together"
    why = f"{said}{told}; the surest: {answers[leader].why}"
    undecided = any(a.place is not None and a.grade is Grade.LIKELY for a in speaking)
    place = guess if grade is Grade.SURE or undecided else None
    return leader, dataclasses.replace(answers[leader], place=place, grade=grade, probability=probability, why=why)


def _nowhere(position: AnswerPosition | None) -> AnswerPosition | None:
    """Return no position, as of images that do not agree."""
    if position is None or not position.located:
        return position
    none = AnswerPosition(share=position.share, false_accept_rate=position.false_accept_rate)
    return dataclasses.replace(none, why="the photos do not agree on a place")


def sureness(answer: Answer) -> tuple[float, float]:
    """Return what orders answers to looks at one image, or to images of one place: the probability, then the score."""
    score = answer.score if answer.score == answer.score else -1.0
    return (answer.probability if answer.probability is not None else score, score)


def _name(answer: Answer) -> str | None:
    """Return the place that an image names; None where it could not tell."""
    return None if answer.grade is Grade.UNKNOWN else answer.best_guess


def _surest(answers: Sequence[Answer], among: Sequence[Answer]) -> int:
    kept = {id(answer) for answer in among}
    return max((i for i, answer in enumerate(answers) if id(answer) in kept), key=lambda i: sureness(answers[i]))


def _strongest(named: Sequence[Answer]) -> str:
    """Return the place that the images make most probable; without a calibration, that most of them name."""
    of: dict[str, list[Answer]] = {}
    for answer in named:
        of.setdefault(str(_name(answer)), []).append(answer)
    odds = {name: _log_odds(some) for name, some in of.items()}
    counts = Counter(map(_name, named))
    return max(of, key=lambda name: (odds[name] or 0.0, counts[name], max(map(sureness, of[name]))))


def _log_odds(speaking: Sequence[Answer]) -> float | None:
    """Return the log odds of the place that these images name; None without a calibration."""
    given = [min(max(a.probability, _LEAST), 1 - _LEAST) for a in speaking if a.probability is not None]
    if len(given) < len(speaking):
        return None
    first, *others = sorted((math.log(p / (1 - p)) for p in given), reverse=True)
    return min(_MOST, first + AGREEING * sum(max(0.0, one) for one in others))


def _probability(speaking: Sequence[Answer], rivals: Sequence[Answer]) -> float | None:
    """Return the probability of the place that some images name while others name other places."""
    own = _log_odds(speaking)
    if own is None or any(a.probability is None for a in rivals):
        return None
    others = {str(_name(a)): [b for b in rivals if _name(b) == _name(a)] for a in rivals}
    against = sum(max(0.0, math.exp(_log_odds(some) or 0.0) - 1) for some in others.values())
    together = math.exp(own) / (1 + math.exp(own) + against)
    alone = max(a.probability or 0.0 for a in speaking)
    return together if against else max(together, alone)  # never less for the sake of a rounding


def _grade(speaking: Sequence[Answer], rivals: Sequence[Answer], probability: float | None) -> Grade:
    """Return SURE where the place reaches what one image must reach.

    Images that reach it and were not accepted all the same (seen from farther away, or too close to another place) do
    not help to it.
    """
    limit = speaking[0].probability_threshold
    if probability is None or limit is None:
        return Grade.SURE if any(a.grade is Grade.SURE for a in speaking) else Grade.LIKELY
    free = [a for a in speaking if a.place is not None or (a.margin_threshold is None and (a.probability or 0) < limit)]
    reached = _probability(free, rivals) if free else None
    return Grade.SURE if reached is not None and reached >= max(limit, LIKELY) else Grade.LIKELY


def _agreed(speaking: Sequence[Answer], rivals: Sequence[Answer], grade: Grade, probability: float | None) -> bool:
    if not rivals:
        return True
    if grade is Grade.LIKELY and probability is not None and probability < LIKELY:
        return False
    contradicted = probability is None or any(a.grade is Grade.SURE for a in rivals)
    return len(speaking) > len(rivals) or (grade is Grade.SURE and not contradicted)


def _said(guess: str, speaking: Sequence[Answer], rivals: Sequence[Answer], *, silent: int) -> str:
    """Return what the images say, as "one photo names hall, two could not tell"."""
    if not rivals and not silent:
        return f"{_of_all(len(speaking), 'all')} name {guess}"
    parts = [f"{_spelled(len(speaking))} {'photo names' if len(speaking) == 1 else 'photos name'} {guess}"]
    counts = Counter(a.title or str(_name(a)) for a in rivals).most_common()
    parts += [f"{_spelled(count)} {'names' if count == 1 else 'name'} {name}" for name, count in counts]
    return ", ".join([*parts, *([f"{_spelled(silent)} could not tell"] if silent else [])])


def _of_all(count: int, quantity: str) -> str:
    if count == 2:
        return {"all": "both photos", "none": "neither photo"}[quantity]
    return {"all": "all", "none": "none of the"}[quantity] + f" {_spelled(count)} photos"


def _spelled(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
