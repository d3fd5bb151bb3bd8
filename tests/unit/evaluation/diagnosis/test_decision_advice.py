"""Advice is right when following it moves the number that it is about the right way."""

import dataclasses
import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from placeprint.cli.evaluate import show_evaluation
from placeprint.evaluation.diagnosis.decision_advice import decision_advice, loosen, tighten
from placeprint.evaluation.diagnosis.failure_kinds import Kind, sort_failures
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import unit_vectors
from placeprint.options import DecisionOptions
from placeprint.presets import FAST
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.queries import Queries
from placeprint.records import ImageRecord, ModelSpec
from placeprint.report.verdict import more

DIM, PLACES, IMAGES = 16, 10, 4
SPEC = ModelSpec(name="noise", dim=DIM)


def photos(seed: int, places: range) -> tuple[tuple[ImageRecord, ...], np.ndarray]:
    centres = np.random.default_rng(1).normal(size=(PLACES * 2, DIM))[list(places)]
    raw = np.repeat(centres, IMAGES, axis=0) + 0.9 * np.random.default_rng(seed).normal(
        size=(len(places) * IMAGES, DIM)
    )
    records = tuple(ImageRecord(path=f"{seed}-{p}-{i}.jpg", places=(f"p{p}",)) for p in places for i in range(IMAGES))
    return records, unit_vectors(raw.astype(np.float32))


GALLERY = Gallery.in_memory(*photos(2, range(PLACES)), spec=SPEC)


@cache
def asked(gallery: Gallery = GALLERY, **limits: float) -> EvaluationResult:
    """Ask photos of the places of the gallery, and of as many others."""
    return evaluate_inputs(Inputs(gallery, Queries(*photos(5, range(PLACES * 2)))), decision=DecisionOptions(**limits))


@cache
def by_rate(rate: float) -> EvaluationResult:
    return asked(GALLERY.with_calibration(learn_calibration(GALLERY, false_accept_rate=rate)))


WAYS: dict[str, tuple[Callable[[float], EvaluationResult], float, float]] = {
    "--unknown-threshold": (lambda limit: asked(threshold=limit), 0.7, 0.1),
    "--unknown-margin": (lambda limit: asked(margin_threshold=limit), 0.15, 0.05),
    "--false-accept-rate": (by_rate, 0.15, 0.1),
}


@pytest.mark.parametrize("option", WAYS)
@pytest.mark.parametrize("mistake", ["turned away", "given a place"])
def test_following_the_advice_helps(option: str, mistake: str) -> None:
    ask, at, step = WAYS[option]
    before = ask(at)
    [line] = [line for line in decision_advice(before) if mistake in line]
    found = re.search(rf"(raise|lower|higher|lower) {option}|(higher|lower) {option}", line)
    assert found, line
    up = (found[1] or found[2]) in ("raise", "higher")
    after = ask(at + (step if up else -step))
    right = [sum(q.right and not q.accepted for q in r.queries) for r in (before, after)]
    wrong = [sum(not q.known and q.accepted for q in r.queries) for r in (before, after)]
    of_mistake = right if mistake == "turned away" else wrong
    assert line.startswith(f"{of_mistake[0]} of")
    assert of_mistake[1] < of_mistake[0]
    assert line in more(before)


def test_without_a_decision_it_is_advised_to_let_unknown_be_said() -> None:
    before = asked()
    assert (decision_advice(before), loosen(before)) == ((), "")
    kinds = {k.kind: k for k in sort_failures(before)}
    assert kinds[Kind.NOT_IN_GALLERY].count == before.n_unknown == PLACES * IMAGES
    assert "placeprint calibrate GALLERY" in kinds[Kind.NOT_IN_GALLERY].advice
    after = {k.kind: k for k in sort_failures(by_rate(0.1))}
    assert after[Kind.NOT_IN_GALLERY].count < before.n_unknown / 2
    assert "ask at a lower --false-accept-rate" in after[Kind.NOT_IN_GALLERY].advice
    assert "raise --unknown-threshold" in tighten(asked(threshold=0.5))


def test_photos_of_the_place_end_its_false_accepts() -> None:
    """The other half of the advice: what the gallery has is no longer unknown."""
    more_records, more_vectors = photos(2, range(PLACES * 2))
    whole = Gallery.in_memory(more_records, more_vectors, spec=SPEC)
    assert {k.kind: k.count for k in sort_failures(asked(whole))}[Kind.NOT_IN_GALLERY] == 0


def test_ranking_again_is_proposed_to_those_who_do_not() -> None:
    advice = {k.kind: k.advice for k in sort_failures(asked())}[Kind.LOWER]
    assert advice.endswith("ranking again may help (--preset balanced).")
    blend = Gallery.in_memory(
        GALLERY.records,
        GALLERY.vectors,
        spec=SPEC,
        preset=dataclasses.replace(FAST, name="blend", place_weight=2.0, shortlist=50),
    )
    assert asked(blend).recall[1] > asked().recall[1]
    assert "ranking again" not in {k.kind: k.advice for k in sort_failures(asked(blend))}[Kind.LOWER]


def test_another_preset_is_told_in_an_evaluation() -> None:
    kept = GALLERY.with_calibration(learn_calibration(GALLERY, false_accept_rate=0.1))
    other = kept.asked_as(dataclasses.replace(FAST, name="blend", place_weight=2.0, shortlist=50))
    result = asked(other)
    assert result.to_dict()["calibrated_for"] == "fast"
    assert "calibrated for preset fast and is asked by blend" in decision_advice(result)[0]
    assert all("calibrated for preset" not in line for line in decision_advice(asked(other, threshold=0.5)))


def test_the_doubts_of_calibrate_advise_what_works() -> None:
    """One photo a place is a guess; a second photo of each place, or labelled queries, are enough."""
    one = Gallery.in_memory(GALLERY.records[::IMAGES], GALLERY.vectors[::IMAGES], spec=SPEC)
    assert learn_calibration(one).guessed
    assert "second photos of some places would" in learn_calibration(one).doubts[0]
    rows = [row for row in range(len(GALLERY)) if row % IMAGES < 2]
    two = Gallery.in_memory([GALLERY.records[i] for i in rows], GALLERY.vectors[rows], spec=SPEC)
    queries, vectors = photos(9, range(PLACES))
    told = (
        learn_calibration(two, false_accept_rate=0.2),
        learn_calibration(one, queries=Queries(queries, vectors), false_accept_rate=0.2),
    )
    assert all(learned.accepted_share > 0 and not learned.guessed for learned in told)


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8])
def test_false_rejects_of_the_table_and_of_the_advice_add_up(
    threshold: float, capsys: pytest.CaptureFixture[str]
) -> None:
    result = asked(threshold=threshold)
    show_evaluation(result)
    said = capsys.readouterr().out
    known, away = result.n_answerable, sum(q.known and not q.accepted for q in result.queries)
    assert re.search(rf"^false rejects: of {known} known, given no place +{away}$", said, re.MULTILINE)
    accepts = sum(not q.known and q.accepted for q in result.queries)
    assert re.search(rf"^false accepts: of {result.n_unknown} unknown, given a place +{accepts}$", said, re.MULTILINE)
    [line] = [line for line in said.splitlines() if "turned away" in line]
    right, rest = int(line.split()[0]), re.search(r"\((\d+) more false rejects? had a wrong best match\)", line)
    assert right == sum(q.right and not q.accepted for q in result.queries)
    assert right + (int(rest[1]) if rest else 0) == away


def test_both_kinds_of_false_rejects_occur() -> None:
    told = [decision_advice(asked(threshold=limit))[0] for limit in (0.5, 0.6, 0.7, 0.8)]
    assert {rest[1] for line in told if (rest := re.search(r"\((.*) had a wrong best match\)", line))} == {
        "1 more false reject",
        *(f"{count} more false rejects" for count in (6, 8, 10)),
    }


def test_the_numbers_at_other_rates_are_those_that_asking_brings() -> None:
    """Each rate that is proposed brings, when it is asked, what was told of it."""
    kept = GALLERY.with_calibration(learn_calibration(GALLERY))
    before = asked(kept)
    [line] = [line for line in decision_advice(before) if "turned away" in line]
    told = re.findall(r"at ([\d.]+): (\d+) of 40 known photos named right, (\d+) of 40 unknown let in", line)
    assert [rate for rate, _, _ in told] == ["0.1", "0.2"]
    for rate, right, let_in in told:
        after = asked(kept, false_accept_rate=float(rate))
        assert int(right) == sum(q.right and q.accepted for q in after.queries)
        assert int(let_in) == after.open_set.false_accepts
        assert int(right) > sum(q.right and q.accepted for q in before.queries)
    kinds = {k.kind: k for k in sort_failures(before)}
    away = kinds[Kind.TURNED_AWAY]
    assert away.count == sum(q.right and not q.accepted for q in before.queries) > 0
    assert f"(at 0.1: {told[0][1]} of 40 known photos named right" in away.advice
    likely = {q.path: q for q in before.queries if q.grade == "likely"}
    assert likely, "or this shows too little"
    for failure in away.failures:
        if query := likely.get(failure.query):
            assert failure.why == f"likely {query.predicted}, {query.probability:.2f}"


def test_a_probability_of_a_person_is_lowered_and_raised() -> None:
    kept = GALLERY.with_calibration(learn_calibration(GALLERY))
    by_person = asked(kept, threshold=0.7)
    assert (by_person.open_set.threshold, by_person.open_set.probability_threshold) == (None, 0.7)
    assert (loosen(by_person), tighten(by_person)) == ("lower --unknown-threshold", "raise --unknown-threshold")
    earlier = GALLERY.with_calibration(dataclasses.replace(kept.calibration, trade_off=()))
    assert loosen(asked(earlier)) == "calibrate with a higher --false-accept-rate"


def test_every_outcome_is_what_asking_at_its_rate_brings() -> None:
    kept = GALLERY.with_calibration(learn_calibration(GALLERY))
    outcomes = asked(kept).trade_off
    assert len(outcomes) == 10
    for outcome in outcomes:
        result = asked(kept, false_accept_rate=outcome.false_accept_rate)
        named = [(query.known, query.right) for query in result.queries if query.accepted]
        counts = [named.count(kind) for kind in ((True, True), (True, False), (False, False))]
        assert [outcome.named_right, outcome.named_wrong, outcome.false_accepts] == counts
        assert result.open_set.probability_threshold == outcome.threshold
        assert sum(c.right + c.wrong for c in result.grades) == result.n_answerable
        assert sum(c.unknown for c in result.grades) == result.n_unknown
    assert asked().trade_off == ()
    assert [(c.grade, c.right + c.wrong + c.unknown) for c in asked().grades] == [
        ("sure", 0),
        ("likely", 80),
        ("UNKNOWN", 0),
    ]
