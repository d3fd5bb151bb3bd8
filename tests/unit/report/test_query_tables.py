"""The report's table of queries and its thresholds: every value is that of the result, and every count adds up."""

import json
import math
import re
from collections import Counter
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisy_places import SPEC, photos
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.options import DecisionOptions
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.decision.rules import Limits
from placeprint.recognition.queries import Queries
from placeprint.report.axis import Axis
from placeprint.report.html import MAX_QUERIES, render
from placeprint.report.outcomes import Outcome, count, outcome_of
from placeprint.report.threshold import MAX_STEPS, thresholds_of
from placeprint.report.verdict import headline

BARE = Gallery.in_memory(*photos(10, 4, 2), spec=SPEC)
GALLERY = BARE.with_calibration(learn_calibration(BARE))
QUERIES = Queries(*photos(20, 4, 5))


def evaluated(gallery: Gallery = GALLERY, **decision: float) -> EvaluationResult:
    return evaluate_inputs(Inputs(gallery, QUERIES), decision=DecisionOptions(**decision))


def rows_of(html: str) -> list[list[str]]:
    body = html[html.index('<section id="queries"') :].partition("</section>")[0].partition("<tbody>")[2]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [[held(cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows]


def held(cell: str) -> str:
    exact = re.search(r'<data value="([^"]*)"', cell)
    return unescape(exact[1] if exact else re.sub(r"<[^>]*>", "", cell)).strip()


def page(result: EvaluationResult) -> str:
    return render(result, gallery=GALLERY, query_root="nowhere")


def test_the_table_has_every_query_with_all_digits_the_worst_first() -> None:
    result = evaluated()
    rows = {row[0]: row[1:] for row in rows_of(page(result))}
    assert len(rows) == result.n_queries == 80
    for query in result.queries:
        assert rows[query.path] == [
            "|".join(query.places),
            query.predicted,
            str(query.grade),
            str(outcome_of(query)),
            repr(query.score),
            repr(query.probability),
            repr(query.margin),
            str(query.first_positive or ""),
        ]
    order = [list(Outcome).index(row[3]) for row in rows.values()]
    assert order == sorted(order)
    assert {row[3] for row in rows.values()} >= {"unknown let in", "not named", "named right", "rightly not named"}


def test_outcomes_are_those_of_the_headline() -> None:
    result = evaluated()
    counts = count(result.queries)
    likely = re.search(r" \(\d+ of them likely right\)", headline(result))
    assert headline(result).replace(likely[0] if likely else "", "") == (
        f"40 known photos: {counts[Outcome.NAMED_RIGHT]} named right, {counts[Outcome.NOT_NAMED]} not named, "
        f"{counts[Outcome.NAMED_WRONG]} named wrong."
    )
    assert counts[Outcome.LET_IN] == result.open_set.false_accepts


def test_where_nothing_is_decided_nothing_is_named() -> None:
    result = evaluated(BARE)
    words = Counter(row[4] for row in rows_of(page(result)))
    right = sum(q.right for q in result.queries)
    assert words == {"right place first": right, "wrong place first": 40 - right, "not in the gallery": 40}


def test_what_nothing_defines_has_no_value() -> None:
    result = evaluated(BARE)
    lost = replace(result.queries[0], score=math.nan, margin=math.nan, probability=math.nan, predicted="")
    changed = replace(result, queries=(lost, *result.queries[1:]), failures=())
    [row] = [row for row in rows_of(page(changed)) if row[0] == lost.path]
    assert row[5:7] == ["", ""]


def test_a_large_run_keeps_the_page_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.report.html.MAX_QUERIES", 60)
    result = evaluated()
    html = page(result)
    rows = rows_of(html)
    assert len(rows) == 60 < result.n_queries
    assert "The first 60 of 80 rows are here; all are in report.json." in html
    mistakes = sum(not outcome_of(q).good for q in result.queries)
    assert sum(row[4] in ("named right", "rightly not named") for row in rows) == 60 - mistakes > 0
    body = html[html.index('<section id="queries"') :].partition("</section>")[0].partition("<tbody>")[2]
    assert len(body) * MAX_QUERIES / 60 < 1_500_000


RESULT = evaluated(BARE)
CASES = [
    (GALLERY, {}),
    (GALLERY, {"threshold": 0.4}),
    (GALLERY, {"margin_threshold": 0.05}),
    (BARE, {}),
    (BARE, {"threshold": 0.7, "margin_threshold": 0.02}),
    (BARE, {"threshold": RESULT.queries[3].score}),  # which is accepted
    (BARE, {"threshold": 1e300}),
    (BARE, {"threshold": -math.inf}),
]


@pytest.mark.parametrize(("gallery", "decision"), CASES, ids=str)
def test_a_step_is_what_the_rules_decide_at_its_threshold(gallery: Gallery, decision: dict[str, float]) -> None:
    result = evaluated(gallery, **decision)
    found = thresholds_of(result)
    assert found is not None
    assert found.of == ("score" if gallery is BARE else "probability")
    least = decision.get("margin_threshold")
    for step in found.steps:
        kind = "threshold" if found.of == "score" else "probability"
        limits = Limits(**{kind: step.threshold, "margin_threshold": least})
        named = [q for q in result.queries if limits.decide(q.score, q.margin, q.probability).accepted]
        right = sum(q.right for q in named)
        known = sum(q.known for q in named)
        assert (step.right, step.wrong, step.let_in) == (right, known - right, len(named) - known)
    decides = found.steps[found.decides]
    counts = count(result.queries)
    assert (decides.right, decides.wrong, decides.let_in) == tuple(
        counts[o] for o in (Outcome.NAMED_RIGHT, Outcome.NAMED_WRONG, Outcome.LET_IN)
    )


def test_the_page_carries_the_steps() -> None:
    result = evaluated()
    html = page(result)
    steps = json.loads(unescape(re.search(r"data-steps='([^']*)'", html)[1]))
    found = thresholds_of(result)
    assert [row[1:] for row in steps] == [[f"{s.threshold:.3f}", s.right, s.wrong, s.let_in] for s in found.steps]
    assert [row[0] for row in steps] == sorted(row[0] for row in steps)
    assert len({row[1] for row in steps}) == len(steps), "steps that are written alike"
    [shown] = re.findall(r'<span data-count="right">(\d+)</span>', html)
    assert int(shown) == steps[found.decides][2] == count(result.queries)[Outcome.NAMED_RIGHT]


@given(st.lists(st.one_of(st.just(math.nan), st.floats(-1, 3)), max_size=250), st.one_of(st.none(), st.floats(-2, 4)))
def test_any_scores_give_bounded_and_ordered_steps(scores: list[float], threshold: float | None) -> None:
    some = RESULT.queries
    queries = tuple(_scored(some[n % len(some)], score) for n, score in enumerate(scores))
    opened = replace(RESULT.open_set, threshold=threshold, probability_threshold=None, margin_threshold=None)
    found = thresholds_of(replace(RESULT, queries=queries, open_set=opened))
    if not any(map(math.isfinite, scores)):
        assert found is None
        return
    stops = [step.threshold for step in found.steps]
    assert stops == sorted(stops)
    assert 1 < len(stops) <= MAX_STEPS + 3
    assert threshold is None or stops[found.decides] == threshold
    assert all(0 <= x <= 1000 for x in found.positions())
    for count_of in ("right", "wrong", "let_in"):
        falling = [getattr(step, count_of) for step in found.steps]
        assert falling == sorted(falling, reverse=True)


def _scored(query: EvaluatedQuery, score: float) -> EvaluatedQuery:
    return replace(query, score=score, probability=math.nan)


@given(st.floats(-1, 3), st.floats(0, 3))
def test_an_axis_holds_its_values_and_labels_its_ticks(low: float, spread: float) -> None:
    axis = Axis.around(low, low + spread)
    assert -1e-6 <= axis.at(low) <= axis.at(low + spread) <= 1 + 1e-6
    assert 2 <= len(axis.ticks) <= 9
    for at, label in axis.labels():
        assert float(label) == pytest.approx(axis.low + at * (axis.high - axis.low), abs=0.006)
