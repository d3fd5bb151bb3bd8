"""One answer for several images of one place: a pure function of the answers to each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from placeprint.errors import UsageError
from placeprint.records import UNKNOWN, Answer, Grade
from placeprint.terminal import counted


def combined_answer(answers: Sequence[Answer]) -> tuple[int, Answer]:
    """Return one answer for all images, and which image its scores come from.

    A place is given when more than half of the images, each answered by itself, say so. Two images must therefore
    agree, and what a calibration says of false accepts holds for two, and within a factor of two for more: the mean
    number of images that are wrong must reach half of them (Markov). Else a place is likely when more than half of the
    images that are not UNKNOWN name it. The numbers are those of the surest image among those that name the place, or
    of all where none is named.

    Raises
    ------
    UsageError
        Without any image.
    """
    if not answers:
        raise UsageError("there is no photo to answer")
    if len(answers) == 1:
        return 0, answers[0]
    given = Counter(answer.place for answer in answers if answer.place is not None)
    if place := _majority(given, len(answers)):
        leader = _surest(answers, [answer.place == place for answer in answers])
        why = f"{given[place]} of {counted(len(answers), 'photo')} say so; the surest: {answers[leader].why}"
        return leader, dataclasses.replace(answers[leader], why=why)
    guesses = [None if answer.grade is Grade.UNKNOWN else answer.best_guess for answer in answers]
    named = Counter(guess for guess in guesses if guess is not None)
    guess = _majority(named, named.total())
    leader = _surest(answers, [not guess or guess == own for own in guesses])
    if given:
        said = ", ".join(f"{name} ({n})" for name, n in given.most_common())
        why = f"the photos do not agree: of {len(answers)}, {said}, and more than half must say the same"
    else:
        told = f"all {len(answers)} photos are {UNKNOWN}" if not named else "no photo is sure"
        why = f"{told}; the surest: {answers[leader].why}"
    grade = Grade.LIKELY if guess else Grade.UNKNOWN
    return leader, dataclasses.replace(answers[leader], place=None, grade=grade, why=why)


def _majority(votes: Counter[str], voters: int) -> str | None:
    """Return what more than half of the voters name."""
    return next((name for name, count in votes.items() if 2 * count > voters), None)


def _surest(answers: Sequence[Answer], speaking: Sequence[bool]) -> int:
    return max((i for i, speaks in enumerate(speaking) if speaks), key=lambda i: sureness(answers[i]))


def sureness(answer: Answer) -> tuple[float, float]:
    """Return what orders answers to looks at one image, or to images of one place: the probability, then the score."""
    score = answer.score if answer.score == answer.score else -1.0
    return (answer.probability if answer.probability is not None else score, score)
