"""One answer for several images of one place: a pure function of the answers to each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from placeprint.errors import UsageError
from placeprint.records import UNKNOWN, Answer
from placeprint.terminal import counted


def combined_answer(answers: Sequence[Answer]) -> tuple[int, Answer]:
    """Return one answer for all images, and which image its scores come from.

    A place is given when more than half of the images, each answered by itself, say so. Two images must therefore
    agree, and what a calibration says of false accepts holds for two, and within a factor of two for more: the mean
    number of images that are wrong must reach half of them (Markov). The numbers are those of the surest image among
    those that say it, or of all where none is given.

    Raises
    ------
    UsageError
        Without any image.
    """
    if not answers:
        raise UsageError("there is no photo to answer")
    if len(answers) == 1:
        return 0, answers[0]
    votes = Counter(answer.place for answer in answers if answer.place is not None)
    place, count = max(votes.items(), key=lambda item: item[1], default=(None, 0))
    accepted = 2 * count > len(answers)
    speaking = [i for i, answer in enumerate(answers) if not accepted or answer.place == place]
    leader = max(speaking, key=lambda i: sureness(answers[i]))
    if accepted:
        why = f"{count} of {counted(len(answers), 'photo')} say so; the surest: {answers[leader].why}"
    elif votes:
        said = ", ".join(f"{name} ({n})" for name, n in votes.most_common())
        why = f"the photos do not agree: of {len(answers)}, {said}, and more than half must say the same"
    else:
        why = f"all {len(answers)} photos are {UNKNOWN}; the surest: {answers[leader].why}"
    return leader, dataclasses.replace(answers[leader], place=place if accepted else None, why=why)


def sureness(answer: Answer) -> tuple[float, float]:
    """Return what orders answers to looks at one image, or to images of one place: the probability, then the score."""
    score = answer.score if answer.score == answer.score else -1.0
    return (answer.probability if answer.probability is not None else score, score)
