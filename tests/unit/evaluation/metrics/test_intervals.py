"""Bootstrap intervals and paired tests: against plain loops, known distributions and numbers by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.errors import UsageError
from placeprint.evaluation.metrics import intervals
from placeprint.evaluation.metrics.intervals import Interval, interval, interval_of_auroc, interval_of_share
from placeprint.evaluation.metrics.open_set_rates import auroc
from placeprint.evaluation.metrics.paired_tests import McNemar, mcnemar, paired_difference

NAN = float("nan")
VALUES = st.lists(st.one_of(st.floats(-5, 5), st.just(NAN)), min_size=0, max_size=12)


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def same(one: Interval, other: Interval) -> None:
    assert (one.units, one.resamples, one.level) == (other.units, other.resamples, other.level)
    np.testing.assert_allclose([one.value, one.low, one.high], [other.value, other.low, other.high], atol=1e-12)


@given(VALUES, st.integers(0, 99))
def test_a_mean_is_the_percentiles_of_a_plain_loop(values: list[float], seed: int) -> None:
    known = [v for v in values if not math.isnan(v)]
    found = interval(np.array(values, np.float64), rng(seed), resamples=40)
    if len(known) < 2:
        np.testing.assert_array_equal([found.value, found.low, found.high], [known[0] if known else NAN, NAN, NAN])
        return
    chance = rng(seed)
    means = [sum(known[i] for i in chance.integers(0, len(known), len(known))) / len(known) for _ in range(40)]
    expected = np.percentile(means, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert (found.value, found.units, found.resamples) == (pytest.approx(sum(known) / len(known)), len(known), 40)


def test_places_are_drawn_whole() -> None:
    values = np.array([1.0, 0.0, NAN, 1.0, 0.5, 0.25, 0.0])
    places = np.array(["b", "a", "b", "b", "c", "a", "c"])
    groups = [[0.0, 0.25], [1.0, 1.0], [0.5, 0.0]]
    chance, means = rng(), []
    for _ in range(200):
        drawn = [v for i in chance.integers(0, 3, 3) for v in groups[i]]
        means.append(sum(drawn) / len(drawn))
    found = interval(values, rng(), clusters=places, resamples=200)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=1e-12)
    assert (found.value, found.units) == (pytest.approx(2.75 / 6), 3)


@pytest.mark.parametrize("clustered", [False, True])
def test_means_and_areas_are_those_of_a_plain_loop(clustered: bool) -> None:
    """With the very same draws, ties among the scores and resamples that have no area."""
    values, known = rng(1).integers(0, 9, 17) / 10, rng(3).random(17) < 0.8
    places = rng(2).integers(0, 6, 17) if clustered else np.arange(17)
    chance, names = rng(), np.unique(places)
    drawn = [
        np.concatenate([np.flatnonzero(places == names[unit]) for unit in chance.integers(0, len(names), len(names))])
        for _ in range(300)
    ]
    means = [values[rows].mean() for rows in drawn]
    areas = [auroc(values[rows][known[rows]], values[rows][~known[rows]]) for rows in drawn]
    mean = interval(values, rng(), clusters=places if clustered else None, resamples=300)
    assert (mean.low, mean.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=1e-12)
    area = interval_of_auroc(values, known, rng(), clusters=places if clustered else None, resamples=300)
    assert (area.low, area.high) == pytest.approx(tuple(np.nanpercentile(areas, [2.5, 97.5])), abs=1e-12)
    assert (area.value, area.units) == (auroc(values[known], values[~known]), len(names))
    assert area.resamples == 300 - np.isnan(areas).sum() < 300


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, known = rng(1).normal(size=31), rng(2).random(31) < 0.5
    whole = interval(values, rng()), interval_of_auroc(values, known, rng())
    monkeypatch.setattr(intervals, "BLOCK_BYTES", 32 * 31 * 7)
    assert (interval(values, rng()), interval_of_auroc(values, known, rng())) == whole


def test_same_seed_same_numbers_and_inputs_stay() -> None:
    values = np.array([0.0, 1.0, NAN, 0.5, 0.25])
    before = values.copy()
    assert interval(values, rng(3)) == interval(values, rng(3)) != interval(values, rng(4))
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("units", [2, 7, 50])
def test_nothing_but_right_or_wrong_answers_are_no_certainty(units: int) -> None:
    beta = 1 - 0.025 ** (1 / units)  # SciPy: beta.ppf(.975, 1, units), the end of Clopper and Pearson's interval
    for places in (None, np.arange(units).repeat(3)):
        count = units if places is None else 3 * units
        none, all_right = (interval_of_share(np.full(count, value), rng(), clusters=places) for value in (0.0, 1.0))
        assert (none.value, none.low, none.high) == (0, 0, pytest.approx(beta))
        assert (all_right.value, all_right.low, all_right.high) == (1, pytest.approx(1 - beta), 1)
    assert math.isnan(interval_of_share(np.ones(1), rng()).low), "one alone says nothing"
    half = (np.arange(200) % 2).astype(float)
    assert interval_of_share(half, rng()) == interval(half, rng())


@pytest.mark.parametrize("count", [5, 10, 20, 30, 100])
def test_more_wrong_answers_never_tell_of_a_better_share(count: int) -> None:
    for places in (None, np.arange(count) % 3):
        shares = [
            interval_of_share((np.arange(count) >= wrong).astype(float), rng(), clusters=places) for wrong in range(3)
        ]
        assert shares[0].low >= shares[1].low >= shares[2].low
        assert [one.high for one in shares] == sorted((one.high for one in shares), reverse=True)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1, 1 / 3])
def test_the_interval_of_a_constant_is_that_constant(constant: float) -> None:
    for places in (None, np.arange(37) // 5):
        found = interval(np.full(37, constant), rng(), clusters=places)
        assert (found.low, found.high) == (constant, constant)
        assert found.value == pytest.approx(constant)


def test_it_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = rng(11)
    found = [interval(chance.exponential(size=60), chance, resamples=400, level=0.9) for _ in range(300)]
    assert 0.84 < np.mean([i.low <= 1.0 <= i.high for i in found]) < 0.94


def test_over_places_it_holds_the_truth_where_over_queries_it_does_not() -> None:
    chance, places = rng(12), np.repeat(np.arange(30), 10)
    held = np.zeros(2)
    for _ in range(150):
        values = chance.normal(size=30)[places] + 0.1 * chance.normal(size=300)
        pair = [interval(values, chance, clusters=c, resamples=300) for c in (None, places)]
        held += [i.low <= 0.0 <= i.high for i in pair]
    assert held[0] / 150 < 0.6
    assert 0.87 < held[1] / 150 <= 1.0


def test_a_resample_without_an_unknown_query_is_left_out() -> None:
    scores, known = np.array([0.9, 0.8, 0.3, 0.5]), np.array([True, True, True, False])
    found = interval_of_auroc(scores, known, rng(), resamples=1000)
    assert found.value == pytest.approx(2 / 3)
    # All four drawn are known with a chance of (3/4)^4, all unknown with (1/4)^4.
    assert found.resamples / 1000 == pytest.approx(1 - 0.75**4 - 0.25**4, abs=0.05)
    assert 0.0 <= found.low < 2 / 3 < found.high <= 1.0


def test_what_nothing_defines_is_nan() -> None:
    one_place = interval(np.array([0.0, 1.0]), rng(), clusters=np.array(["a", "a"]))
    nothing = interval(np.full(3, NAN), rng())
    undefined = interval_of_auroc(np.array([NAN, 1.0]), np.array([True, False]), rng())
    known = interval_of_auroc(np.zeros(2), np.ones(2, np.bool_), rng())
    empty = interval_of_auroc(np.empty(0), np.empty(0, np.bool_), rng())
    alone = interval(np.array([0.25]), rng())
    for found, value in ((one_place, 0.5), (nothing, NAN), (undefined, NAN), (known, NAN), (empty, NAN), (alone, 0.25)):
        np.testing.assert_array_equal([found.value, found.low, found.high, found.resamples], [value, NAN, NAN, 0])


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.integers(0, 99))
def test_a_paired_difference_is_the_interval_of_the_differences(values: list[float], seed: int) -> None:
    first, second = np.array(values), np.array(values[::-1]) ** 2
    found = paired_difference(first, second, rng=rng(seed), resamples=99)
    back = paired_difference(second, first, rng=rng(seed), resamples=99)
    same(found.interval, interval(first - second, rng(seed), resamples=99))
    assert found.p_value == back.p_value
    assert (found.interval.low, found.interval.high) == pytest.approx((-back.interval.high, -back.interval.low))


def test_p_values_of_a_paired_difference() -> None:
    base = rng(1).uniform(size=80)
    assert paired_difference(base, base, rng=rng()).p_value == 1.0
    assert paired_difference(base + 0.01, base, rng=rng()).p_value == pytest.approx(2 / 2001)
    noise = rng(5).normal(size=80)
    noise -= noise.mean()
    shift = 1.96 * noise.std() / math.sqrt(80)
    near = paired_difference(base + noise + shift, base, rng=rng())
    assert near.p_value == pytest.approx(0.05, abs=0.02)
    assert near.interval.low == pytest.approx(0, abs=0.03)
    assert np.isnan(paired_difference(np.array([1.0, NAN]), np.array([0.5, 1.0]), rng=rng()).p_value)


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (3, 3, 1.0),
        (0, 5, 2 / 32),
        (1, 5, 2 * (1 + 6) / 64),
        (8, 2, 2 * (1 + 10 + 45) / 1024),
        (5, 6, 1.0),
        (60, 40, 0.0568879336409808),
        (0, 1100, 0.0),
    ],
)
def test_mcnemar_by_hand(first_only: int, second_only: int, p: float) -> None:
    """60 of 100 is the textbook value of the two-sided sign test."""
    both, neither, lost = 4, 3, 2
    first = np.array([1] * first_only + [0] * second_only + [1] * both + [0] * neither + [NAN] * lost)
    second = np.array([0] * first_only + [1] * second_only + [1] * both + [0] * neither + [1] * lost)
    found = mcnemar(first, second)
    pairs = first_only + second_only + both + neither
    assert found == McNemar(first_only, second_only, pairs, pytest.approx(p, rel=1e-8, abs=1e-300))
    assert mcnemar(second, first).p_value == found.p_value


def test_mcnemar_without_a_pair_is_nan() -> None:
    assert np.isnan(mcnemar(np.array([NAN, 1.0]), np.array([1.0, NAN])).p_value)
    assert np.isnan(mcnemar(np.empty(0), np.empty(0)).p_value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: interval(np.zeros(3), rng(), clusters=np.zeros(2)), "3 queries, but clusters for 2"),
        (lambda: interval(np.zeros(3), rng(), resamples=0), "at least one resample"),
        (lambda: interval(np.zeros(3), rng(), level=95), "between 0 and 1, not 95"),
        (lambda: interval_of_auroc(np.zeros(3), np.ones(3, np.bool_), rng(), clusters=np.zeros(2)), "clusters for 2"),
        (lambda: paired_difference(np.zeros(3), np.zeros(2), rng=rng()), "same queries, not on 3 and 2"),
        (lambda: mcnemar(np.full(2, 0.5), np.zeros(2)), "some values are neither"),
    ],
)
def test_what_cannot_be_drawn_or_compared_is_refused(call: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        call()
