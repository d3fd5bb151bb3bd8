"""Counts of agreement to evidence: what chance gives is worth nothing, whatever the photographs are like."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.recognition.rerank.evidence import beyond_chance

NOTHING = 0.03
"""A soft hinge is never quite 0."""
COUNTS = st.lists(st.floats(0, 400), min_size=2, max_size=40)


@pytest.mark.parametrize("votes", [[], [0.0], [250.0]])
def test_fewer_than_two_say_nothing(votes: list[float]) -> None:
    assert beyond_chance(np.array(votes)).tolist() == [0.0] * len(votes)


@pytest.mark.parametrize("count", [2, 3, 50])
@pytest.mark.parametrize("value", [0.0, 1.0, 30.0])
def test_equal_votes_are_no_evidence(count: int, value: float) -> None:
    found = beyond_chance(np.full(count, value))
    assert (found == found[0]).all()
    assert 0 <= found[0] < NOTHING


def test_the_value_is_the_one_that_is_written() -> None:
    votes = [8.0, 4.0, 16.0, 4.0, 90.0]
    logs = [math.log(v) for v in votes]
    middle = math.log(8)
    below = [v - middle for v in logs if v <= middle]
    spread = math.sqrt((sum(v * v for v in below) + 0.35**2) / (len(below) + 1)) + 0.03
    wanted = [math.log1p(math.exp(2 * ((v - middle) / spread - 1.5))) / 2 for v in logs]
    np.testing.assert_allclose(beyond_chance(np.array(votes)), wanted, rtol=1e-12)


@given(COUNTS)
def test_never_below_0_and_in_the_order_of_the_votes(votes: list[float]) -> None:
    found = beyond_chance(np.array(votes))
    assert (found >= 0).all()
    assert np.isfinite(found).all()
    assert (np.diff(found[np.argsort(votes, kind="stable")]) >= 0).all()


@given(COUNTS, st.randoms())
def test_the_order_of_the_candidates_does_not_matter(votes: list[float], chance: Random) -> None:
    order = list(range(len(votes)))
    chance.shuffle(order)
    shuffled = beyond_chance(np.array(votes)[order])
    np.testing.assert_allclose(shuffled, beyond_chance(np.array(votes))[order], rtol=1e-9, atol=1e-12)


def usual(seed: int, count: int = 30) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(math.log(12), 0.3, count))


@pytest.mark.parametrize("seed", range(5))
def test_one_that_stands_out_has_evidence_and_more_the_more_it_does(seed: int) -> None:
    votes = usual(seed)
    found = []
    for factor in (1, 3, 6, 12):
        votes[4] = 12 * factor
        found.append(float(beyond_chance(votes)[4]))
    assert found == sorted(found)
    assert found[0] < 0.1
    assert found[1] > 1
    assert found[3] > found[1] + 2
    others = np.delete(beyond_chance(votes), 4)
    assert np.median(others) < NOTHING


@pytest.mark.parametrize("factor", [0.5, 2.0, 10.0])
def test_only_how_the_votes_compare_counts(factor: float) -> None:
    votes = usual(1)
    votes[7] = 80
    np.testing.assert_allclose(beyond_chance(votes * factor), beyond_chance(votes), atol=1e-9)


def test_less_than_one_match_is_as_good_as_none() -> None:
    few = np.array([0.0, 0.5, 1.0, 0.1, 9.0])
    np.testing.assert_array_equal(beyond_chance(few), beyond_chance(np.array([1.0, 1.0, 1.0, 1.0, 9.0])))


def test_photographs_that_all_agree_need_more_to_stand_out() -> None:
    calm, wild = np.full(20, 12.0), np.exp(np.linspace(-1.5, 1.5, 20)) * 12
    calm[0] = wild[0] = 40
    assert beyond_chance(calm)[0] > 2 * beyond_chance(wild)[0]
