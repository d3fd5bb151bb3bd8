"""One answer for several images: how sure it is, what a contradiction does, and the words."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.errors import UsageError
from placeprint.recognition.combined_answer import combined_answer
from placeprint.records import Answer, AnswerPosition, Grade

LIMIT = 0.7


def of(guess: str, probability: float, limit: float | None = LIMIT) -> Answer:
    """Answer as a calibrated gallery does."""
    grade = Grade.SURE if probability >= LIMIT else Grade.LIKELY if probability >= 0.5 else Grade.UNKNOWN
    return Answer(
        place=guess if grade is Grade.SURE else None,
        grade=grade,
        best_guess=guess,
        score=probability,
        margin=math.nan,
        probability=probability,
        probability_threshold=limit,
        why="as it is",
    )


SURE, LIKELY, NO = of("a", 0.9), of("a", 0.6), of("c", 0.3)
TOGETHER = {
    "one names it, two could not tell": ([NO, SURE, of("d", 0.4)], ("a", Grade.SURE, 0.9), 1),
    "both name it": ([LIKELY, SURE], ("a", Grade.SURE, 0.91682), 1),
    "likely ones that agree are sure": ([of("a", 0.65), of("a", 0.68)], ("a", Grade.SURE, 0.74331), 1),
    "likely ones that agree a little": ([of("a", 0.6), of("a", 0.61)], (None, Grade.LIKELY, 0.65702), 1),
    "a likely one against a surer one": ([SURE, of("b", 0.55)], ("a", Grade.SURE, 0.88043), 0),
    "two of three, against a surer one": ([SURE, SURE, of("b", 0.95)], (None, Grade.LIKELY, 0.58696), 0),
    "none": ([NO, of("d", 0.4)], (None, Grade.UNKNOWN, 0.4), 1),
    "one against one": ([SURE, of("b", 0.95)], (None, Grade.UNKNOWN, None), 1),
    "likely ones that do not agree": ([LIKELY, of("b", 0.65)], (None, Grade.UNKNOWN, None), 1),
    "three that say three things": ([LIKELY, of("b", 0.65), of("c", 0.55)], (None, Grade.UNKNOWN, None), 1),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_probabilities_are_combined(case: str) -> None:
    answers, (place, grade, probability), leader = TOGETHER[case]
    found, answer = combined_answer(answers)
    assert (found, answer.place, answer.grade) == (leader, place, grade)
    assert answer.probability == (None if probability is None else pytest.approx(probability, abs=1e-5))
    assert answer.best_guess == answers[leader].best_guess


_LIKELIHOOD = st.floats(0, 1)


@given(st.lists(_LIKELIHOOD, min_size=1, max_size=5), st.lists(st.floats(0, 0.49), max_size=4))
def test_never_less_sure_than_the_surest_without_a_contradiction(speaking: list[float], silent: list[float]) -> None:
    answers = [of("a", p) for p in speaking] + [of(f"other {i}", p) for i, p in enumerate(silent)]
    surest = max((a for a in answers), key=lambda a: a.probability or 0)
    answer = combined_answer(answers)[1]
    assert answer.probability is not None
    assert answer.probability >= max(speaking) or surest.grade is Grade.UNKNOWN
    assert list(Grade).index(answer.grade) <= list(Grade).index(surest.grade)


@given(st.lists(st.tuples(st.sampled_from("abc"), _LIKELIHOOD), min_size=2, max_size=7))
def test_no_probability_beside_do_not_agree_and_the_order_is_nothing(told: list[tuple[str, float]]) -> None:
    answers = [of(name, p) for name, p in told]
    answer = combined_answer(answers)[1]
    assert ("do not agree" in answer.why) == (answer.probability is None)
    assert (answer.grade is Grade.SURE) == (answer.place is not None)
    turned = combined_answer(answers[::-1])[1]
    assert turned.grade is answer.grade
    assert turned.probability == (None if answer.probability is None else pytest.approx(answer.probability))


def test_one_image_is_answered_as_it_is_and_none_is_refused() -> None:
    assert combined_answer([SURE]) == (0, SURE)
    with pytest.raises(UsageError, match="no photo"):
        combined_answer([])


def test_what_was_held_back_alone_does_not_become_sure_by_agreeing() -> None:
    farther = dataclasses.replace(SURE, place=None, grade=Grade.LIKELY)
    assert combined_answer([farther, farther])[1].grade is Grade.LIKELY
    assert combined_answer([farther, SURE])[1].grade is Grade.SURE


def test_without_a_calibration_images_are_counted() -> None:
    def voted(*names: str, grade: Grade = Grade.LIKELY) -> tuple[str | None, Grade]:
        asked = [dataclasses.replace(of(n, 0.9, None), grade=grade, probability=None) for n in names]
        answer = combined_answer(asked)[1]
        assert answer.probability is None
        return answer.place, answer.grade

    assert voted("a", "a", "b") == ("a", Grade.LIKELY)
    assert voted("a", "a", "b", grade=Grade.SURE) == ("a", Grade.SURE)
    assert voted("a", "b") == (None, Grade.UNKNOWN)


def test_what_was_accepted_by_its_margin_alone_stays_accepted() -> None:
    alone = dataclasses.replace(of("a", 0.4, None), place="a", grade=Grade.LIKELY, margin_threshold=0.1)
    answer = combined_answer([alone, of("c", 0.3, None)])[1]
    assert (answer.place, answer.grade, answer.probability) == ("a", Grade.LIKELY, 0.4)


def test_what_a_high_rate_accepts_below_one_half_is_named_and_not_sure() -> None:
    low = dataclasses.replace(of("a", 0.4, 0.3), place="a", grade=Grade.LIKELY)
    high = dataclasses.replace(of("a", 0.6, 0.3), place="a", grade=Grade.SURE)
    none = of("c", 0.2, 0.3)
    found = [combined_answer(asked)[1] for asked in ([low, none], [low, low], [low, high])]
    assert [(answer.place, answer.grade) for answer in found] == [
        ("a", Grade.LIKELY),
        ("a", Grade.LIKELY),
        ("a", Grade.SURE),
    ]


WORDS = {
    "one photo names a, two could not tell, which makes": [SURE, NO, NO],
    "two photos name a, one names b, which makes": [SURE, SURE, of("b", 0.6)],
    "both photos name a, which makes": [SURE, SURE],
    "all three photos name a, which makes": [SURE, SURE, LIKELY],
    "neither photo could tell a place; the surest: ": [NO, NO],
    "none of the three photos could tell a place; the surest: ": [NO, NO, NO],
    "the photos do not agree: one photo names b, one names a, one could not tell": [SURE, of("b", 0.95), NO],
    "12 photos name a, one could not tell, which makes": [*[SURE] * 12, NO],
}


@pytest.mark.parametrize("words", WORDS)
def test_why_says_what_happened(words: str) -> None:
    assert combined_answer(WORDS[words])[1].why.startswith(words)


def test_the_position_is_that_of_the_surest_image_and_none_where_they_do_not_agree() -> None:
    here, there = (AnswerPosition(latitude=lat, longitude=2.0, radius=9.0, share=0.8) for lat in (1.0, 50.0))
    sure, likely = dataclasses.replace(SURE, position=here), dataclasses.replace(LIKELY, position=there)
    assert combined_answer([likely, sure])[1].position == here
    parted = combined_answer([sure, dataclasses.replace(of("b", 0.95), position=there)])[1].position
    assert parted == AnswerPosition(share=0.8, why="the photos do not agree on a place")
    unlearned = dataclasses.replace(SURE, position=AnswerPosition(why="too few"))
    assert combined_answer([unlearned, of("b", 0.8)])[1].position == AnswerPosition(why="too few")
    assert combined_answer([SURE, of("b", 0.95)])[1].position is None
