"""One small ranking, and every number that the field's own implementations give for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from placeprint.errors import UsageError
from placeprint.evaluation.metrics import retrieval as metrics
from placeprint.evaluation.metrics.conventions import Convention, conventions
from placeprint.evaluation.metrics.retrieval import PositiveRanks

# 6 queries, 12 gallery images. Query 3 (Z) has no positive; query 4 has a tie at .80 that a wrong image wins.
SIMILARITIES = np.array(
    [
        [0.9, 0.8, 0.3, 0.85, 0.2, 0.1, 0.05, 0.15, 0.25, 0.35, 0.4, 0.45],
        [0.5, 0.4, 0.3, 0.45, 0.1, 0.6, 0.2, 0.25, 0.15, 0.35, 0.55, 0.05],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.95, 0.94, 0.15, 0.25, 0.35, 0.45, 0.05],
        [0.7, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.15, 0.25, 0.35, 0.45, 0.05],
        [0.8, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.25, 0.35, 0.45, 0.05],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.15, 0.25, 0.62, 0.61, 0.05],
    ]
)
POSITIVE = np.array([list("AAABBCCDDEEE")]) == np.array([list("ABCZDE")]).T

NAN = float("nan")
ANSWERABLE, ALL_QUERIES = "VPR_Tutorial", "VPR-methods-evaluation, SALAD, Patch-NetVLAD, VPR-Bench"
LANDMARKS, PML, OXFORD = "Google Landmarks v2", "pytorch-metric-learning", "revisited Oxford and Paris"
SINGLE, MULTI, BENCH = "VPR_Tutorial, single", "VPR_Tutorial, multi", "VPR-Bench"
AUC, FULL = "AUC of precision-recall, ", "recall at 100 % precision, "

# name, whose, value, where in metrics_fixture.json
EXPECTED = [
    ("Recall@1", ALL_QUERIES, 0.5, "recall_all_queries.1"),
    ("Recall@5", ALL_QUERIES, 0.833333, "recall_all_queries.5"),
    ("Recall@10", ALL_QUERIES, 0.833333, "recall_all_queries.10"),
    ("Recall@1", ANSWERABLE, 0.6, "recall_answerable.1"),
    ("Recall@5", ANSWERABLE, 1.0, "recall_answerable.5"),
    ("Recall@10", ANSWERABLE, 1.0, "recall_answerable.10"),
    ("mAP", "scikit-learn", 0.605087, "map_standard.value"),
    ("mAP, trapezoids, no junk", OXFORD, 0.547632, "map_revisited_oxford.value"),
    ("mAP@5", LANDMARKS, 0.519444, "map_at_k_over_min.5"),
    ("mAP@2", LANDMARKS, 0.55, "map_at_k_over_min.2"),
    ("mAP@1", LANDMARKS, 0.6, "map_at_k_over_min.1"),
    ("mAP@2", PML, 0.45, "map_at_2_over_all.value"),
    ("MAP@R", PML, 0.494444, "map_at_r.value"),
    ("MRR", PML, 0.75, "mrr.value"),
    ("R-precision", PML, 0.566667, "r_precision.value"),
    ("micro-AP", LANDMARKS, 0.52, "micro_ap.value"),
    (AUC + "best match", SINGLE, 0.51, "pr_auc_threshold_sweep.single"),
    (AUC + "every pair", MULTI, 0.572229, "pr_auc_threshold_sweep.multi"),
    (FULL + "best match", SINGLE, 0.4, "recall_at_100_precision.single"),
    (FULL + "every pair", MULTI, 0.25, "recall_at_100_precision.multi"),
    (AUC + "best match", BENCH, 0.85, "pr_auc_top1.value"),
]
PER_QUERY = {
    "map_standard": [0.698413, 0.215909, 1.0, NAN, 0.361111, 0.75],
    "map_revisited_oxford": [0.654762, 0.132955, 1.0, NAN, 0.211806, 0.738636],
}


def ranked(marked: NDArray[np.bool_], similarities: NDArray[np.float64] = SIMILARITIES) -> PositiveRanks:
    """Score descending, lower row first."""
    order = np.argsort(-similarities, axis=1, kind="stable")
    return PositiveRanks.of(np.flatnonzero(row) for row in np.take_along_axis(marked, order, axis=1))


def table() -> dict[tuple[str, str], float]:
    rows = conventions(
        ranked(POSITIVE),
        SIMILARITIES.max(axis=1),
        ks=(1, 2, 5, 10),
        pairs=(SIMILARITIES, POSITIVE),
    )
    assert len({(row.name, row.by) for row in rows}) == len(rows), "two rows that nobody can tell apart"
    return {(row.name, row.by): row.value for row in rows}


@pytest.mark.parametrize(("name", "by", "value", "_where"), EXPECTED, ids=[row[3] for row in EXPECTED])
def test_the_number_of_the_reference_implementation(name: str, by: str, value: float, _where: str) -> None:
    assert table()[name, by] == pytest.approx(value, abs=1e-6)


def test_every_query_of_the_reference_implementations() -> None:
    positives = ranked(POSITIVE)
    measured = {
        "map_standard": metrics.average_precision(positives),
        "map_revisited_oxford": metrics.average_precision_trapezoidal(positives),
    }
    for name, values in PER_QUERY.items():
        assert measured[name] == pytest.approx(values, abs=1e-6, nan_ok=True), name


def test_the_constants_above_are_all_of_the_fixture(shared_data: Path) -> None:
    fixture = json.loads((shared_data / "metrics_fixture.json").read_text(encoding="utf-8"))
    assert fixture["similarities"] == SIMILARITIES.tolist()
    labels = np.array(fixture["gallery_labels"]) == np.array(fixture["query_labels"])[:, None]
    assert (labels == POSITIVE).all()
    values, lists = {}, {}
    del fixture["expected"]["map_revisited_oxford_junk"]  # nobody has images here that count neither way
    for name, entry in fixture["expected"].items():
        lists.update({name: entry["per_query"]} if "per_query" in entry else {})
        values.update({f"{name}.{k}": v for k, v in entry.items() if k not in ("by", "per_query")})
    assert values == {row[3]: row[2] for row in EXPECTED}
    assert lists == {name: [None if np.isnan(v) else v for v in row] for name, row in PER_QUERY.items()}


def test_a_number_that_the_fixture_lacks() -> None:
    found = table()
    # Best first: right, right, wrong, wrong, right, wrong; 3 right ones.
    assert found[FULL + "best match", BENCH] == pytest.approx(2 / 3)
    # The published landmark system: per query, over what it found among 20 (here the whole ranking).
    assert found["mAP@20", "the published landmark system"] == pytest.approx(0.605087, abs=1e-6)


def test_rows_say_whose_and_divided_by_what() -> None:
    rows = conventions(ranked(POSITIVE), SIMILARITIES.max(axis=1), ks=(5,))
    assert rows[0] == Convention("Recall@5", "VPR_Tutorial", 1.0, "queries with a positive")
    assert rows[1] == Convention("Recall@5", ALL_QUERIES, 5 / 6, "all queries")
    assert all(row.name and row.by and row.divides_by for row in rows)
    assert not [row for row in rows if "multi" in row.by], "nobody gave what they need"


def test_without_any_positive_only_a_share_of_all_queries_is_a_number() -> None:
    rows = conventions(ranked(np.zeros_like(POSITIVE)), SIMILARITIES.max(axis=1))
    numbers = {(row.name, row.value) for row in rows if not np.isnan(row.value)}
    assert numbers == {("Recall@1", 0.0), ("Recall@5", 0.0), ("Recall@10", 0.0)}


def test_without_a_query_nothing_is_a_number() -> None:
    rows = conventions(PositiveRanks.of([]), np.empty(0), pairs=(np.empty((0, 3)), np.empty((0, 3), np.bool_)))
    assert all(np.isnan(row.value) for row in rows)


def test_a_nan_score_spoils_what_is_sorted_by_score_and_nothing_else() -> None:
    scores = SIMILARITIES.max(axis=1)
    scores[2] = NAN
    spoiled = {row.name for row in conventions(ranked(POSITIVE), scores) if np.isnan(row.value)}
    assert spoiled == {"micro-AP", AUC + "best match", FULL + "best match"}


def test_other_queries_are_refused() -> None:
    with pytest.raises(UsageError, match="ranks of 6 queries, but scores of 5"):
        conventions(ranked(POSITIVE), np.zeros(5))
    with pytest.raises(UsageError, match=r"\(6, 12\), but right pairs are \(6, 11\)"):
        conventions(ranked(POSITIVE), np.zeros(6), pairs=(SIMILARITIES, POSITIVE[:, 1:]))
