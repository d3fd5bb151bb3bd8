"""One answer for several images: who must agree, how sure it is, and whose numbers are told."""

import math

import pytest

from placeprint.errors import UsageError
from placeprint.recognition.combined_answer import combined_answer
from placeprint.records import Answer, Grade


def sure(place: str, probability: float = 0.9) -> Answer:
    return _of(place, Grade.SURE, place, probability)


def likely(guess: str, probability: float = 0.6) -> Answer:
    return _of(None, Grade.LIKELY, guess, probability)


def unknown(guess: str, probability: float = 0.3) -> Answer:
    return _of(None, Grade.UNKNOWN, guess, probability)


def _of(place: str | None, grade: Grade, guess: str, probability: float) -> Answer:
    return Answer(
        place=place, grade=grade, best_guess=guess, score=probability, margin=math.nan, probability=probability
    )


A, B, NO = sure("a"), sure("b", 0.95), unknown("c")
TOGETHER = {
    "two of three": ([A, A, B], ("a", Grade.SURE, "a"), 0),
    "the surest of those that say so": ([A, sure("a", 0.99), NO], ("a", Grade.SURE, "a"), 1),
    "one against one": ([A, B], (None, Grade.UNKNOWN, "b"), 1),
    "one alone": ([A, NO], (None, Grade.LIKELY, "a"), 0),
    "half of four, and more than half of those that name one": ([A, A, B, NO], (None, Grade.LIKELY, "a"), 0),
    "none names one": ([NO, unknown("d", 0.4)], (None, Grade.UNKNOWN, "d"), 1),
    "likely and unknown": ([NO, likely("a")], (None, Grade.LIKELY, "a"), 1),
    "likely ones that agree": ([likely("a"), likely("a", 0.7)], (None, Grade.LIKELY, "a"), 1),
    "likely ones that do not": ([likely("a"), likely("b", 0.7)], (None, Grade.UNKNOWN, "b"), 1),
    "a likely one against a sure one": ([A, likely("b")], (None, Grade.UNKNOWN, "a"), 0),
    "a likely one beside a sure one": ([likely("a"), A], (None, Grade.LIKELY, "a"), 1),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_together_needs_more_than_half(case: str) -> None:
    answers, expected, leader = TOGETHER[case]
    found, answer = combined_answer(answers)
    assert (answer.place, answer.grade, answer.best_guess) == expected
    assert (found, answer.probability) == (leader, answers[leader].probability)


def test_one_image_is_answered_as_it_is_and_none_is_refused() -> None:
    assert combined_answer([A]) == (0, A)
    with pytest.raises(UsageError, match="no photo"):
        combined_answer([])


def test_where_nothing_decides_what_all_say_stays_likely() -> None:
    given = _of("a", Grade.LIKELY, "a", 0.5)
    assert combined_answer([given, given])[1].grade is Grade.LIKELY
    assert combined_answer([given, given])[1].place == "a"


def test_why_says_who_said_what() -> None:
    assert combined_answer([A, A, B])[1].why.startswith("2 of 3 photos say so; the surest: ")
    assert combined_answer([A, NO])[1].why == (
        "the photos do not agree: of 2, a (1), and more than half must say the same"
    )
    assert combined_answer([NO, NO])[1].why.startswith("all 2 photos are UNKNOWN; the surest: ")
    assert combined_answer([NO, likely("a")])[1].why.startswith("no photo is sure; the surest: ")
