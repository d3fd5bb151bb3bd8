"""Grades of answers, rates asked at question time, and what a threshold is compared with: by value, on galleries."""

import dataclasses
import json
import re

import numpy as np
import pytest

from placeprint.errors import UsageError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.gallery import Gallery
from placeprint.options import DecisionOptions
from placeprint.presets import PRESETS
from placeprint.recognition.answer_json import answer_of
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.decision.rules import Limits
from placeprint.recognition.gallery_model import limits_of
from placeprint.recognition.query import outdated
from placeprint.recognition.query_result import Answered, QueryResult
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import Answer, FailedImage, Grade, ImageRecord, ModelSpec

SPEC = ModelSpec(name="test", dim=16)


def photos(places: range, images: int, seed: int) -> tuple[list[ImageRecord], np.ndarray]:
    centres = np.random.default_rng(1).normal(size=(40, SPEC.dim))[list(places)]
    raw = np.repeat(centres, images, axis=0)
    raw = raw + 0.9 * np.random.default_rng(seed).normal(size=raw.shape)
    records = [ImageRecord(path=f"{seed}-{p}-{i}.jpg", places=(f"p{p}",)) for p in places for i in range(images)]
    return records, (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


BARE = Gallery.in_memory(*photos(range(12), 4, 0), spec=SPEC)
GALLERY = BARE.with_calibration(learn_calibration(BARE))
LEARNED = GALLERY.calibration
_, QUERIES = photos(range(24), 3, 7)


def answers(gallery: Gallery = GALLERY, **decision: float) -> list[Answer]:
    recognizer = Recognizer(gallery, **decision)
    return [recognizer.answer(vector) for vector in QUERIES]


def told(answer: Answer) -> dict[str, object]:
    """Return an answer as it comes from a server."""
    return json.loads(json.dumps(answer.to_dict()))


def test_every_answer_has_the_grade_that_its_probability_says() -> None:
    found = answers()
    assert {answer.grade for answer in found} == set(Grade), "or this shows too little"
    for answer in found:
        assert answer.best_guess == answer.places[0].place
        accepted = answer.probability >= LEARNED.threshold
        assert answer.place == (answer.best_guess if accepted else None)
        assert answer.grade is (
            Grade.SURE if accepted else Grade.LIKELY if answer.probability >= 0.5 else Grade.UNKNOWN
        )
        assert answer_of(told(answer)) == answer


def test_where_nothing_decides_a_place_is_likely_and_never_sure() -> None:
    for answer in answers(BARE):
        assert (answer.place, answer.grade) == (answer.best_guess, Grade.LIKELY)
        assert answer_of(told(answer)) == answer


@pytest.mark.parametrize("decision", [{"false_accept_rate": 0.5}, {"threshold": 0.2}, {"margin_threshold": 0.0}])
def test_what_is_more_probably_wrong_is_never_sure(decision: dict[str, float]) -> None:
    """A loose limit accepts such places; they keep their place, and are called likely."""
    found = [answer for answer in answers(**decision) if not answer.unknown]
    assert {answer.probability < 0.5 for answer in found} == {True, False}, "or this shows too little"
    for answer in found:
        assert answer.grade is (Grade.LIKELY if answer.probability < 0.5 else Grade.SURE)
        assert ("not called sure" in answer.why) == (answer.probability < 0.5)
        assert answer_of(told(answer)) == answer
        earlier = {key: value for key, value in told(answer).items() if key != "grade"}
        assert answer_of(earlier).grade is answer.grade


def test_a_threshold_of_a_person_makes_sure() -> None:
    by_score = answers(BARE, threshold=0.7)
    assert {answer.grade for answer in by_score} == {Grade.SURE, Grade.UNKNOWN}
    assert all((answer.grade is Grade.SURE) == (answer.score >= 0.7) for answer in by_score)
    assert {(answer.threshold, answer.probability_threshold) for answer in by_score} == {(0.7, None)}
    by_probability = answers(threshold=0.7)
    assert all((answer.grade is Grade.SURE) == (answer.probability >= 0.7) for answer in by_probability)
    assert {(a.threshold, a.probability_threshold, a.false_accept_rate) for a in by_probability} == {(None, 0.7, None)}
    assert all("0.700 that was asked for" in answer.why for answer in by_probability)
    both = answers(threshold=0.7, margin_threshold=0.3)
    assert all((answer.grade is Grade.SURE) == (answer.probability >= 0.7 and answer.margin >= 0.3) for answer in both)
    assert sum(answer.unknown for answer in both) > sum(answer.unknown for answer in by_probability)


@pytest.mark.parametrize("threshold", [-0.01, 1.0001, 1.5, 60.0, float("inf")])
def test_a_score_for_a_calibrated_gallery_is_one_clear_line(threshold: float) -> None:
    with pytest.raises(UsageError, match=r"--unknown-threshold is a probability from 0 to 1 here.*calibrated"):
        Recognizer(GALLERY, threshold=threshold)
    assert Recognizer(BARE, threshold=threshold).threshold == threshold


def test_another_preset_compares_scores() -> None:
    other = GALLERY.asked_as(dataclasses.replace(GALLERY.preset, name="other", place_weight=0.5))
    assert limits_of(other, DecisionOptions(threshold=1.5)).threshold == 1.5
    with pytest.raises(UsageError, match="calibrated for preset fast and is asked by other: ask it by its own"):
        limits_of(other, DecisionOptions(false_accept_rate=0.1))


@pytest.mark.parametrize(
    ("asked", "kept"), [(0.05, 0.05), (0.1, 0.1), (0.12, 0.1), (0.049, 0.03), (0.3, 0.3), (0.99, 0.5), (0.01, 0.01)]
)
def test_a_rate_is_asked_without_writing(asked: float, kept: float) -> None:
    [point] = [point for point in LEARNED.trade_off if point.false_accept_rate == kept]
    for answer in answers(false_accept_rate=asked):
        assert (answer.probability_threshold, answer.false_accept_rate) == (point.threshold, kept)
        assert (answer.place is not None) == (answer.probability >= point.threshold)
        assert f"calibrated for {100 * kept:g} % false accepts" in answer.why
        assert (f"the {100 * asked:g} % that were asked for" in answer.why) == (asked != kept)
    assert GALLERY.calibration == LEARNED


def test_a_higher_rate_names_more() -> None:
    named = [sum(not answer.unknown for answer in answers(false_accept_rate=rate)) for rate in (0.01, 0.05, 0.2, 0.5)]
    assert named == sorted(named)
    assert named[0] < named[-1]


def test_one_recognizer_answers_at_several_rates() -> None:
    recognizer = Recognizer(GALLERY)
    for rate in (0.01, 0.5, None):
        decision = DecisionOptions(false_accept_rate=rate)
        found = [recognizer.answer_within(vector, decision=decision)[0] for vector in QUERIES]
        assert found == answers(false_accept_rate=rate)
    assert [recognizer.answer(vector) for vector in QUERIES] == answers()


def test_rates_that_are_not_there_are_one_clear_line() -> None:
    earlier = GALLERY.with_calibration(dataclasses.replace(LEARNED, trade_off=()))
    assert limits_of(earlier, DecisionOptions(false_accept_rate=0.05)).probability == LEARNED.threshold
    for gallery, rate, why in (
        (GALLERY, 0.005, "--false-accept-rate 0.005 is below the smallest rate that the gallery keeps, 0.01"),
        (earlier, 0.1, "keeps no rate but 0.05: .* calibrate it again with: placeprint calibrate"),
        (BARE, 0.1, "takes a gallery that is calibrated: this one is not; calibrate it with: placeprint calibrate"),
    ):
        with pytest.raises(UsageError, match=why) as refused:
            limits_of(gallery, DecisionOptions(false_accept_rate=rate))
        assert "\n" not in str(refused.value)


def test_a_calibration_that_decides_is_told_when_it_is_outdated() -> None:
    old = GALLERY.with_calibration(dataclasses.replace(LEARNED, changed=3))
    for decision in (DecisionOptions(), DecisionOptions(false_accept_rate=0.2), DecisionOptions(threshold=0.5)):
        assert outdated(old, decision)["calibration_outdated"].startswith("calibrated before 3 images were added")
    assert outdated(old, DecisionOptions(margin_threshold=0.1)) == {}
    assert outdated(BARE, DecisionOptions()) == {}


def test_what_people_read() -> None:
    shown = [answer.said() for answer in answers()]
    assert all(re.fullmatch(r"p\d+ \(sure, 0\.\d\d\)|likely p\d+, 0\.[5-9]\d|UNKNOWN", line) for line in shown)
    assert {line.split()[0] for line in shown} > {"likely", "UNKNOWN"}
    assert all(re.fullmatch(r"likely p\d+", answer.said()) for answer in answers(BARE))
    assert all(re.fullmatch(r"p\d+ \(sure\)|UNKNOWN", answer.said()) for answer in answers(BARE, threshold=0.7))
    certain = dataclasses.replace(answers()[0], place="a", grade=Grade.SURE, probability=0.99999)
    assert certain.said() == "a (sure, 0.99)"
    assert "the probability 0.999 reaches" in Limits(probability=0.5).decide(0.9, 0.1, 0.99999).why
    assert "the probability 0.734 reaches" in Limits(probability=0.5).decide(0.9, 0.1, 0.7341).why
    assert "1.000 reaches the threshold 1.000" in Limits(probability=1.0).decide(0.9, 0.1, 1.0).why


def test_a_notebook_shows_the_grades() -> None:
    found = [Answered(f"{i}.jpg", answer) for i, answer in enumerate(answers())]
    lost = Answered("<lost>.jpg", failure=FailedImage("<lost>.jpg", "empty", "the file has no bytes"))
    result = QueryResult((*found, lost))
    grades = [one.answer.grade for one in found]
    assert repr(result) == (
        f"<QueryResult of 73 images: {grades.count('sure')} sure, {grades.count('likely')} likely, "
        f"{grades.count('UNKNOWN')} UNKNOWN, 1 not usable>"
    )
    html = result._repr_html_()
    for one in found:
        answer = one.answer
        place = "" if answer.grade is Grade.UNKNOWN else answer.best_guess
        cells = f"<td>{one.image}</td><td>{answer.grade}</td><td>{place}</td><td>{answer.probability:.3f}</td>"
        assert html.count(cells) == 1
    assert "<td>&lt;lost&gt;.jpg</td><td></td><td></td><td></td><td>the file has no bytes</td>" in html


def test_an_earlier_server_is_understood() -> None:
    for answer in answers():
        row = {k: v for k, v in told(answer).items() if k not in ("grade", "best_guess", "false_accept_rate")}
        assert answer_of(row) == dataclasses.replace(answer, false_accept_rate=None)


def test_a_calibration_is_kept_with_its_trade_off_and_read_without() -> None:
    row = LEARNED.to_dict()
    assert Calibration.from_dict(row) == LEARNED
    assert len(row.pop("trade_off")) == 10
    assert Calibration.from_dict(row) == dataclasses.replace(LEARNED, trade_off=())


@pytest.mark.parametrize(("preset", "parts", "now"), [("balanced", ("cells", "xfeat"), "log"), ("balanced", (), ""),
                                                      ("fast", ("xfeat",), "")])  # fmt: skip
def test_a_calibration_of_before_matches_told_by_their_sum_is_outdated_where_points_are_matched(preset, parts, now):
    row = {name: value for name, value in LEARNED.to_dict().items() if name != "evidence"}
    old = Calibration.from_dict(row, PRESETS[preset].evidence(parts))
    assert (old.evidence, old.compares_as_now, old.stale) == (now, not now, bool(now))
    assert bool(old.outdated("g")) == bool(now)
    assert Calibration.from_dict(old.to_dict(), "sum") == old, "what is stored again stays what it was"
