"""Recall@1 means one thing: `compare` and `evaluate` say the same of the same photographs, calibrated or not."""

from pathlib import Path

import pytest

from placeprint import evaluate
from placeprint.report.compare import compare


def test_compare_and_evaluate_agree_on_the_landmarks(shared_data: Path) -> None:
    """34 queries of six places; the gallery calibrates itself and says UNKNOWN to some that it ranks right."""
    photos = shared_data / "landmarks" / "landmarks"
    places = "fast:shortlist=200:place_weight=6"  # ranked again without cells and points: a quarter of the time
    alone = evaluate(photos, preset=places)
    first, second = compare(photos, [f"preset={places}", "preset=fast"])
    assert alone.recall[1] >= 31 / 34  # 32 where the processor has bfloat16
    assert first.recall_at_1.value == pytest.approx(alone.recall[1])
    assert first.average_precision.value == pytest.approx(alone.map)
    assert first.open_set_recall_at_1 is not None
    assert first.open_set_recall_at_1.value == pytest.approx(alone.open_set.recall_at_1)
    assert 0.5 < first.open_set_recall_at_1.value < alone.recall[1]
    assert second.recall_at_1.value == pytest.approx(second.result.recall[1])
    assert second.recall_test is not None
    gained, lost = second.recall_test.first_only, second.recall_test.second_only
    assert gained + lost > 0
    assert (gained - lost) / 34 == pytest.approx(second.recall_at_1.value - first.recall_at_1.value)
