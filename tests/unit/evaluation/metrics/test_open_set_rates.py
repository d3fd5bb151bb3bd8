"""UNKNOWN, precision against recall, risk and calibration: against slow ones, by hand, and at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from placeprint.errors import UsageError
from placeprint.evaluation.metrics.open_set_rates import (
    UnknownAnswers,
    auroc,
    fpr_at_tpr,
    open_set_result,
    recall_at_1_at_false_accept_rate,
    threshold_at_false_accept_rate,
    unknown_answers,
)
from placeprint.evaluation.metrics.precision_recall import aupr, micro_ap, sweep_curve, top1_curve
from placeprint.evaluation.metrics.risk_coverage import ReliabilityBin, reliability, risk_coverage

Floats = NDArray[np.float64]
# Few different values: ties are the rule here, not the exception.
SCORES = st.lists(st.integers(-3, 3).map(lambda v: v / 4), max_size=12)
RATES = st.sampled_from([0.0, 0.05, 0.1, 1 / 3, 0.5, 0.95, 1.0])
# score, known, right (a query without a positive is never right)
QUERIES = st.lists(st.tuples(st.integers(0, 4).map(lambda v: v / 4), st.sampled_from([(1, 1), (1, 0), (0, 0)])))


def floats(values: list[float]) -> Floats:
    return np.array(values, np.float64)


def columns(queries: list[tuple[float, tuple[int, int]]]) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    return (
        floats([score for score, _ in queries]),
        np.array([flags[0] for _, flags in queries], np.bool_),
        np.array([flags[1] for _, flags in queries], np.bool_),
    )


def measures(scores: Floats, known: NDArray[np.bool_], right: NDArray[np.bool_]) -> dict[str, float]:
    """Everything that is one number from 0 to 1."""
    single, top1 = sweep_curve(scores, right, positives=int(known.sum())), top1_curve(scores, right)
    return {
        "auroc": auroc(scores[known], scores[~known]),
        "aupr": aupr(scores[known], scores[~known]),
        "aupr of UNKNOWN": aupr(-scores[~known], -scores[known]),
        "fpr": fpr_at_tpr(scores[known], scores[~known]),
        "open-set recall": recall_at_1_at_false_accept_rate(scores, known, right=right, rate=0.1),
        "micro-AP": micro_ap(scores, right, known=known),
        "sweep area": single.area,
        "sweep recall": single.recall_at_100_precision,
        "top-1 area": top1.area,
        "top-1 recall": top1.recall_at_100_precision,
        "risk area": risk_coverage(scores, right).area,
        "calibration error": reliability(scores, right).error,
    }


@given(QUERIES, st.randoms(use_true_random=False))
def test_every_value_is_nan_or_from_0_to_1_whatever_the_order_of_the_queries(queries: Any, chance: Any) -> None:
    values = measures(*columns(queries))
    assert [name for name, value in values.items() if not (np.isnan(value) or -1e-12 <= value <= 1 + 1e-12)] == []
    shuffled = measures(*columns(chance.sample(queries, len(queries))))
    assert shuffled == pytest.approx(values, abs=1e-12, nan_ok=True)


@given(SCORES, SCORES, RATES)
def test_rates_are_those_of_trying_every_threshold(known: list[float], unknown: list[float], rate: float) -> None:
    if not known or not unknown:
        assert np.isnan(fpr_at_tpr(floats(known), floats(unknown)))
        return
    thresholds = sorted({*known, *unknown, 9.0})
    kept = [t for t in thresholds if sum(k >= t for k in known) >= 0.95 * len(known)]
    assert fpr_at_tpr(floats(known), floats(unknown)) == sum(u >= max(kept) for u in unknown) / len(unknown)
    quiet = [t for t in thresholds if sum(u >= t for u in unknown) <= rate * len(unknown) + 1e-12]
    scores, flags = floats(known + unknown), np.arange(len(known) + len(unknown)) < len(known)
    best = max(sum(k >= t for k in known) / len(known) for t in quiet)
    assert recall_at_1_at_false_accept_rate(scores, flags, right=flags, rate=rate) == best


@given(SCORES, SCORES)
def test_auroc_is_the_share_of_pairs_in_order(known: list[float], unknown: list[float]) -> None:
    pairs = [(k > u) + 0.5 * (k == u) for k in known for u in unknown]
    expected = sum(pairs) / len(pairs) if pairs else float("nan")
    assert auroc(floats(known), floats(unknown)) == pytest.approx(expected, nan_ok=True)


@given(QUERIES.filter(len))
def test_areas_are_those_of_walking_down_the_thresholds(queries: Any) -> None:
    scores, known, right = columns(queries)
    found_before, step_sum, risk_sum = 0, 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        given_, found = scores >= threshold, int((right & (scores >= threshold)).sum())
        step_sum += (found - found_before) * found / int(given_.sum())
        risk_sum += int((scores == threshold).sum()) * (1 - found / int(given_.sum()))
        found_before = found
    expected = step_sum / int(known.sum()) if known.any() else float("nan")
    assert micro_ap(scores, right, known=known) == pytest.approx(expected, nan_ok=True)
    assert risk_coverage(scores, right).area == pytest.approx(risk_sum / len(scores))


@given(QUERIES.filter(lambda queries: any(flags[0] for _, flags in queries)))
def test_a_sweep_is_walking_100_thresholds(queries: Any) -> None:
    scores, known, right = columns(queries)
    recall, precision = [0.0], [1.0]
    for threshold in np.linspace(scores.max(), scores.min(), 100):
        found = int((right & (scores >= threshold)).sum())
        recall.append(found / int(known.sum()))
        precision.append(found / int((scores >= threshold).sum()))
    curve = sweep_curve(scores, right, positives=int(known.sum()))
    np.testing.assert_array_equal(curve.recall, recall)
    np.testing.assert_array_equal(curve.precision, precision)


def test_by_hand() -> None:
    known, unknown = floats([0.9, 0.8, 0.4]), floats([0.6, 0.3])
    assert aupr(known, unknown) == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert aupr(-unknown, -known) == pytest.approx((1 + 2 / 3) / 2)
    assert fpr_at_tpr(known, unknown) == 0.5
    assert fpr_at_tpr(known, unknown, tpr=0.6) == 0.0
    # 7 of 100 are 7, though 0.07 * 100 is 7.000000000000001.
    assert fpr_at_tpr(np.arange(100.0), floats([92.5]), tpr=0.07) == 0.0
    right = np.array([True, False, True, False, False])
    scores, flags = np.concatenate([known, unknown]), np.arange(5) < 3
    assert recall_at_1_at_false_accept_rate(scores, flags, right=right, rate=0.0) == 1 / 3
    assert recall_at_1_at_false_accept_rate(scores, flags, right=right, rate=0.5) == 2 / 3
    curve = risk_coverage(scores, right)
    assert curve.thresholds == (0.9, 0.8, 0.6, 0.4, 0.3)
    assert curve.coverage == (0.2, 0.4, 0.6, 0.8, 1.0)
    assert curve.risk == pytest.approx((0, 1 / 2, 2 / 3, 1 / 2, 3 / 5))
    assert curve.area == pytest.approx((0 + 1 / 2 + 2 / 3 + 1 / 2 + 3 / 5) / 5)


def test_the_threshold_is_the_lowest_that_keeps_the_rate() -> None:
    unknown = np.arange(100) / 100
    threshold = threshold_at_false_accept_rate(unknown, 0.29)
    assert (unknown >= threshold).sum() == 29
    assert (unknown >= np.nextafter(threshold, -1)).sum() == 30
    assert threshold_at_false_accept_rate(unknown, 1.0) == float("-inf")


def test_unknown_by_hand() -> None:
    known = np.array([1, 1, 1, 0, 0, 0, 0], np.bool_)
    accepted = np.array([1, 1, 0, 1, 0, 0, 1], np.bool_)
    assert unknown_answers(known, accepted) == UnknownAnswers(2 / 3, 2 / 4, pytest.approx(2 * (2 / 3) * 0.5 / (7 / 6)))
    result = open_set_result(
        scores=np.zeros(7), known=known, right=known, accepted=accepted, threshold=0.5, margin_threshold=None
    )
    assert (result.unknown_precision, result.unknown_recall) == (2 / 3, 0.5)
    assert (result.false_accepts, result.false_rejects, result.recall_at_1) == (2, 1, 2 / 3)


@pytest.mark.parametrize(
    ("known", "accepted", "precision", "recall", "f1"),
    [
        ([0, 0], [1, 1], None, 0.0, 0.0),
        ([1, 1], [1, 1], None, None, None),
        ([1, 1], [0, 1], None, None, None),
        ([1, 0], [0, 1], 0.0, 0.0, 0.0),
        ([], [], None, None, None),
    ],
)
def test_unknown_at_the_edges(known: list[int], accepted: list[int], precision: Any, recall: Any, f1: Any) -> None:
    found = unknown_answers(np.array(known, np.bool_), np.array(accepted, np.bool_))
    expected = [float("nan") if v is None else v for v in (precision, recall, f1)]
    np.testing.assert_array_equal([found.precision, found.recall, found.f1], expected)


def test_calibration_error_by_hand() -> None:
    found = reliability(floats([0.0, 0.2, 0.5, 0.7, 0.9, 1.0]), np.array([0, 1, 0, 1, 1, 1], np.bool_), bins=2)
    assert found.bins == (
        ReliabilityBin(0.0, 0.5, 3, pytest.approx(0.7 / 3), 1 / 3),
        ReliabilityBin(0.5, 1.0, 3, pytest.approx(2.6 / 3), 1.0),
    )
    assert found.error == pytest.approx(0.5 * (0.3 / 3) + 0.5 * (0.4 / 3))
    assert reliability(np.full(4, 0.75), np.array([1, 1, 1, 0], np.bool_)).error == 0.0
    assert reliability(floats([1.0, 0.0]), np.array([0, 1], np.bool_)).error == 1.0


def test_a_bin_that_nobody_is_in_counts_nothing() -> None:
    found = reliability(floats([0.95]), np.array([True]))
    assert found.error == pytest.approx(0.05)
    assert [row.count for row in found.bins] == [0] * 9 + [1]
    assert np.isnan(found.bins[0].right)


NAN_WITHOUT = {
    "an unknown query": {"auroc", "aupr", "aupr of UNKNOWN", "fpr", "open-set recall"},
    "a known query": {"auroc", "aupr", "aupr of UNKNOWN", "fpr", "open-set recall", "micro-AP"},
}
RIGHT_CURVES = {"top-1 area", "top-1 recall"}
SWEEPS = {"sweep area", "sweep recall"}


def test_what_nothing_defines_is_nan() -> None:
    scores, right, everyone = floats([0.2, 0.5, 0.9]), np.array([False, True, True]), np.ones(3, np.bool_)

    def missing(values: dict[str, float]) -> set[str]:
        return {name for name, value in values.items() if np.isnan(value)}

    assert missing(measures(scores, everyone, right)) == NAN_WITHOUT["an unknown query"]
    nobody = missing(measures(scores, ~everyone, ~everyone))
    assert nobody == NAN_WITHOUT["a known query"] | RIGHT_CURVES | SWEEPS
    assert len(missing(measures(scores[:0], everyone[:0], right[:0]))) == 12
    assert len(missing(measures(np.full(3, np.nan), np.array([True, True, False]), right))) == 12


def test_one_nan_is_enough() -> None:
    scores = floats([0.9, np.nan, 0.4, 0.3])
    known, right = np.array([1, 1, 0, 0], np.bool_), np.array([1, 0, 0, 0], np.bool_)
    for side in (known, ~known):
        assert all(np.isnan(value) for value in measures(scores, side, right & side).values())


def test_all_scores_equal_say_nothing() -> None:
    known, right = np.array([1, 1, 1, 0], np.bool_), np.array([1, 1, 0, 0], np.bool_)
    values = measures(np.full(4, 0.5), known, right)
    expected = {"auroc": 0.5, "aupr": 0.75, "aupr of UNKNOWN": 0.25, "fpr": 1.0, "open-set recall": 0.0}
    expected |= {"micro-AP": 2 / 3 * 0.5, "sweep area": 2 / 3 * 0.75, "sweep recall": 0.0, "top-1 area": 0.75}
    assert values == pytest.approx(expected | {"top-1 recall": 0.0, "risk area": 0.5, "calibration error": 0.0})


def test_what_is_no_rate_or_probability_is_refused() -> None:
    scores, flags = floats([0.5, -0.1]), np.array([True, False])
    with pytest.raises(UsageError, match=r"between 0 and 1, not -0\.1"):
        reliability(scores, flags)
    with pytest.raises(UsageError, match="at least one bin"):
        reliability(floats([0.5]), flags[:1], bins=0)
    with pytest.raises(UsageError, match=r"false-accept rate .* not 5"):
        recall_at_1_at_false_accept_rate(scores, flags, right=flags, rate=5)
    with pytest.raises(UsageError, match=r"true-positive rate .* not 95"):
        fpr_at_tpr(scores, scores, tpr=95)
