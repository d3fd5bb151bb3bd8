"""Evidence and decisions by value: pure functions of scores."""

import math

import numpy as np
import pytest

from placeprint.recognition.decision.rules import NEAREST, Evidence, Limits, Probability, agreement
from placeprint.recognition.voting import evidence_of
from placeprint.records import Match


def evidence(*queries: tuple[list[float], list[bool], float]) -> Evidence:
    """Pad each query's scores and flags to one width."""
    width = max(len(scores) for scores, _, _ in queries)
    return Evidence(
        np.array([[*s, *[-np.inf] * (width - len(s))] for s, _, _ in queries]),
        np.array([[*f, *[False] * (width - len(f))] for _, f, _ in queries]),
        np.array([other for _, _, other in queries]),
    )


MIXED = evidence(
    ([0.9, 0.8, 0.7], [True, False, True], 0.8),
    ([0.5, 0.5], [True, False], 0.5),
    ([0.6], [True], np.nan),
    ([], [], np.nan),
)


def test_agreement_weighs_by_closeness() -> None:
    near, far = math.exp(-0.1 / 0.2), math.exp(-0.2 / 0.2)
    np.testing.assert_allclose(
        agreement(MIXED, softness=0.2), [(1 + far) / (1 + near + far), 0.5, np.nan, np.nan], rtol=1e-12
    )


def test_probability_by_hand_and_where_there_is_no_other_place() -> None:
    strategy = Probability((-4.0, 6.0, 2.0), low=0.4, high=0.8, usual_agreement=0.7)
    votes = agreement(MIXED, softness=0.2)
    expected = [1 / (1 + math.exp(-(-4 + 6 * s + 2 * v))) for s, v in ((1.25, votes[0]), (0.25, votes[1]), (0.5, 0.7))]
    np.testing.assert_allclose(strategy(MIXED), [*expected, np.nan], rtol=1e-12)


def test_probability_does_not_depend_on_the_scale_of_the_model() -> None:
    """Scores a * s + b with a scale to match give the same probabilities."""
    scaled = Evidence(MIXED.scores * 0.5 + 0.3, MIXED.same, MIXED.other * 0.5 + 0.3)
    plain = Probability((-4.0, 6.0, 2.0), 0.4, 0.8, 0.7)(MIXED)
    np.testing.assert_allclose(Probability((-4.0, 6.0, 2.0), 0.5, 0.7, 0.7)(scaled), plain, rtol=1e-9)


def test_probabilities_far_out_do_not_overflow() -> None:
    sure = Probability((0.0, 1e6, 0.0), 0.4, 0.5, 0.5)(evidence(([0.9], [True], 0.1), ([0.1], [True], 0.0)))
    np.testing.assert_array_equal(sure, [1.0, 0.0])


def test_no_queries_are_answered_and_the_input_is_kept() -> None:
    strategy = Probability((0.0, 1.0, 1.0), 0.2, 0.6, 0.5)
    assert strategy(Evidence(np.empty((0, 3)), np.empty((0, 3), bool), np.empty(0))).shape == (0,)
    assert np.isnan(strategy(Evidence(np.empty((1, 0)), np.empty((1, 0), bool), np.array([np.nan])))).all()
    before = MIXED.scores.copy()
    strategy(MIXED)
    np.testing.assert_array_equal(MIXED.scores, before)


def test_the_margin_is_to_another_place_not_to_another_image() -> None:
    matches = [Match(i, f"{i}.jpg", (place,), s) for i, (place, s) in enumerate([("a", 0.9), ("a", 0.8), ("b", 0.6)])]
    found = evidence_of(matches, 0.9 - 0.6)
    assert (found.top - found.other)[0] == pytest.approx(0.3)
    assert found.same[0, :4].tolist() == [True, True, False, False]
    assert found.scores.shape == (1, NEAREST)
    assert np.isnan(evidence_of([], math.nan).top[0])


def test_decide_keeps_what_reaches_the_thresholds() -> None:
    assert Limits(threshold=0.5, margin_threshold=0.1).decide(0.5, 0.1).accepted
    assert not Limits(threshold=0.5, margin_threshold=None).decide(0.499, 0.1).accepted
    assert not Limits(threshold=None, margin_threshold=0.1).decide(0.9, 0.099).accepted
    assert Limits(threshold=None, margin_threshold=0.1).decide(0.1, math.nan).accepted
    assert not Limits(threshold=None, margin_threshold=None).decide(math.nan, math.nan).accepted


def test_the_probability_decides_where_it_has_a_limit() -> None:
    yes = Limits(probability=0.8, rate=0.05).decide(0.9, 0.1, 0.8)
    no = Limits(probability=0.8, rate=0.05, stale=True).decide(0.9, 0.1, 0.79)
    assert (yes.accepted, no.accepted) == (True, False)
    assert yes.why == "the probability 0.800 reaches the threshold 0.800, calibrated for 5 % false accepts"
    assert no.why.endswith("; much changed since: calibrate it again")
    assert not Limits(probability=0.0, rate=0.05).decide(0.9, 0.1, math.nan).accepted
