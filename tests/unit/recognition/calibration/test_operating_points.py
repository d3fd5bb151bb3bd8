"""What other rates keep and let in: by hand, in order, and as a calibration at that rate says."""

import numpy as np
import pytest

from placeprint.gallery.trade_off import RATES, point_for, shown_points
from placeprint.recognition.calibration.estimators import Mixture, Sample
from placeprint.recognition.calibration.operating_points import operating_points

KNOWN = np.array([0.2, 0.6, 0.8, 0.9])
PLACES = Sample(np.arange(1, 21) / 20, np.arange(20))
NONE = Sample(np.empty(0), np.empty(0, np.int64))
MIXTURE = Mixture(PLACES, NONE, worth=0.0)


def test_points_by_hand() -> None:
    points = operating_points(lambda rate: 1 - rate, MIXTURE, KNOWN, rate=0.05, seed=0)
    assert tuple(point.false_accept_rate for point in points) == RATES
    for point in points:
        assert point.threshold == pytest.approx(1 - point.false_accept_rate)
        assert point.threshold > 1 - point.false_accept_rate, "what lies on the limit is not accepted"
        assert point.accepted_share == np.mean(point.threshold <= KNOWN)
        assert point.rate_interval[0] <= point.expected_rate <= point.rate_interval[1]
    half = points[-1]
    assert (half.accepted_share, half.expected_rate) == (0.75, pytest.approx(0.5)), "10 of 20 places lie above it"


def test_that_no_place_lets_any_in_is_no_certainty() -> None:
    most = 1 - 0.025 ** (1 / 20)  # SciPy: beta.ppf(.975, 1, 20), the end of Clopper and Pearson's interval
    assert (MIXTURE.rate(1.0), MIXTURE.rate_interval(1.0, seed=0)) == (0, (0, pytest.approx(most)))
    ends = [MIXTURE.rate_interval(1 - rate, seed=0)[1] for rate in (0, *RATES)]
    assert ends == sorted(ends), "a rate that lets more in is no surer"
    worth = Mixture(PLACES, Sample(np.zeros(3), np.arange(3)), worth=5.0)
    assert worth.rate_interval(1.0, seed=0)[1] == pytest.approx(1 - 0.025 ** (1 / 25))


def test_the_stated_rate_is_among_them_and_keeps_its_limit() -> None:
    points = operating_points(lambda rate: 0.7 if rate == 0.04 else 1 - rate, MIXTURE, KNOWN, rate=0.04, seed=0)
    assert [point.false_accept_rate for point in points] == sorted({*RATES, 0.04})
    assert point_for(points, 0.04).threshold == pytest.approx(0.7)
    thresholds = [point.threshold for point in points]
    assert thresholds == sorted(thresholds, reverse=True), "a higher rate never keeps less"
    assert point_for(points, 0.05).threshold == pytest.approx(0.7), "what holds at 4 % holds at 5 %"


def test_without_known_queries_nothing_tells_what_is_kept() -> None:
    points = operating_points(lambda rate: 1 - rate, MIXTURE, np.empty(0), rate=0.05, seed=0)
    assert {point.accepted_share for point in points} == {None}


def test_the_next_lower_rate_stands_in() -> None:
    points = operating_points(lambda rate: 1 - rate, MIXTURE, KNOWN, rate=0.05, seed=0)
    asked = {0.01: 0.01, 0.019: 0.01, 0.1: 0.1, 0.1 + 1e-12: 0.1, 0.1 - 1e-12: 0.1, 0.12: 0.1, 0.999: 0.5}
    assert {rate: point_for(points, rate).false_accept_rate for rate in asked} == asked
    assert point_for(points, 0.0099) is None
    assert point_for((), 0.5) is None
    assert [point.false_accept_rate for point in shown_points(points, 0.07)] == [0.01, 0.05, 0.07, 0.1, 0.2]
