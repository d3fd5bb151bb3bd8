"""Image neighbours to places, and the margin to another place."""

import math

import pytest

from placeprint.recognition.voting import margin_of, rank_places
from placeprint.records import Match


def match(row: int, score: float, *places: str) -> Match:
    return Match(row, f"{row}.jpg", places, score)


def test_a_place_is_as_good_as_its_best_image() -> None:
    ranked = rank_places([match(0, 0.9, "a"), match(1, 0.8, "b"), match(2, 0.7, "a"), match(3, 0.1, "c")])
    assert [(p.place, p.score, p.images) for p in ranked] == [("a", 0.9, 2), ("b", 0.8, 1), ("c", 0.1, 1)]


def test_equal_scores_keep_the_order_of_the_matches() -> None:
    assert [p.place for p in rank_places([match(5, 0.5, "z"), match(6, 0.5, "a")])] == ["z", "a"]


def test_the_margin_is_to_the_second_place_not_the_second_image() -> None:
    assert margin_of([match(0, 0.9, "a"), match(1, 0.85, "a"), match(2, 0.6, "b")]) == pytest.approx(0.3)


def test_the_places_of_the_best_image_are_not_other_places() -> None:
    assert margin_of([match(0, 0.9, "a", "b"), match(1, 0.8, "b"), match(2, 0.4, "c")]) == pytest.approx(0.5)


def test_without_another_place_there_is_no_margin() -> None:
    assert math.isnan(margin_of([match(0, 0.9, "a"), match(1, 0.8, "a")]))
    assert math.isnan(margin_of([]))
