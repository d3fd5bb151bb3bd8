"""What a report says first, and how it shows grades and other rates: of evaluations of generated vectors."""

import re
from dataclasses import replace
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from noisy_places import SPEC, photos
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.queries import Queries
from placeprint.records import Grade
from placeprint.report.html import render
from placeprint.report.verdict import headline, more

CALIBRATED_FOR = 0.07


BARE = Gallery.in_memory(*photos(10, 4, 2), spec=SPEC)
GALLERY = BARE.with_calibration(learn_calibration(BARE, false_accept_rate=CALIBRATED_FOR))
QUERIES = Queries(*photos(20, 4, 5))
RESULT = evaluate_inputs(Inputs(GALLERY, QUERIES))


def page(result: EvaluationResult) -> str:
    return render(result, gallery=GALLERY, query_root="nowhere")


def cells(html: str, section: str) -> list[list[str]]:
    """Return the rows of a section's table, as text."""
    body = html[html.index(f'<section id="{section}"') :].partition("</section>")[0].partition("<tbody>")[2]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [[text(cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows]


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def test_the_headline_tells_what_is_likely_right() -> None:
    """Of four known photos one is sure, one likely, one likely and wrong, and one UNKNOWN."""
    known = next(query for query in RESULT.queries if query.right)
    kinds = ((Grade.SURE, True), (Grade.LIKELY, True), (Grade.LIKELY, False), (Grade.UNKNOWN, True))
    queries = tuple(
        replace(known, path=f"{i}.jpg", accepted=grade is Grade.SURE, grade=grade, right=right)
        for i, (grade, right) in enumerate(kinds)
    )
    told = replace(RESULT, queries=queries, n_answerable=4, n_unknown=0, trade_off=())
    assert headline(told) == "4 known photos: 1 named right, 3 not named (1 of them likely right), 0 named wrong."
    limit = RESULT.open_set.probability_threshold
    assert more(told)[:2] == (
        "The right place comes first for 3 of 4, named or not (Recall@1 0.750).",
        f"A place is named from a probability of {limit:.3f} on, calibrated for 7 % false accepts; "
        "below that it is likely from 0.5 on, else UNKNOWN.",
    )


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_the_first_two_sentences_never_contradict_each_other(kinds: list[tuple[bool, bool, bool]]) -> None:
    """Whatever is known, right and accepted: who is named right is also ranked right, and nobody is counted twice."""
    queries = tuple(
        replace(RESULT.queries[0], path=str(n), known=known, right=known and right, accepted=accepted)
        for n, (known, right, accepted) in enumerate(kinds)
    )
    known = sum(q.known for q in queries)
    told = replace(RESULT, queries=queries, n_queries=len(queries), n_answerable=known, n_unknown=len(queries) - known)
    if not known:
        assert headline(told) == "No query photo has a right answer in the gallery, so there is no recall."
        return
    photos, right, away, wrong = map(int, re.findall(r"\b(?<!\()(\d+)(?! of them)", headline(told)))
    first, of = map(int, re.findall(r"first for (\d+) of (\d+),", more(told)[0])[0])
    assert photos == right + away + wrong == of == known
    assert right <= first == sum(q.right for q in queries) <= right + away


def test_the_numbers_of_the_verdict_add_up() -> None:
    found = re.fullmatch(
        r"40 known photos: (\d+) named right, (\d+) not named(?: \((\d+) of them likely right\))?, (\d+) named wrong\.",
        headline(RESULT),
    )
    right, away, likely, wrong = (int(number or 0) for number in found.groups())
    assert right + away + wrong == RESULT.n_answerable
    grades = {count.grade: count for count in RESULT.grades}
    assert (right, wrong) == (grades[Grade.SURE].right, grades[Grade.SURE].wrong)
    assert likely == grades[Grade.LIKELY].right > 0
    let_in = [line for line in more(RESULT) if "given a place" in line]
    assert [line.split(":")[0] for line in let_in] == [
        f"{grades[Grade.SURE].unknown} of 40 unknown photos were given a place"
    ]
    assert more(RESULT)[-1].startswith("To make fewer of both mistakes, add photos of each place, or calibrate with")


def test_a_low_threshold_says_what_is_only_likely() -> None:
    loose = BARE.with_calibration(learn_calibration(BARE, false_accept_rate=0.5))
    result = evaluate_inputs(Inputs(loose, QUERIES))
    limit = loose.calibration.threshold
    assert limit < 0.5
    assert (
        f"A place is named from a probability of {limit:.3f} on, calibrated for 50 % false accepts; "
        "below 0.5 it is likely, below the threshold UNKNOWN."
    ) in more(result)
    assert any(q.accepted and q.grade is Grade.LIKELY for q in result.queries)


def test_the_report_shows_every_rate_with_what_it_did_here() -> None:
    html = page(RESULT)
    assert cells(html, "rates") == [
        [
            f"{round(100 * row.false_accept_rate, 1):g} %",
            f"{row.named_right} of 40",
            f"{round(100 * row.expected_share, 1):g} %",
            str(row.named_wrong),
            f"{row.false_accepts} of 40",
            f"{round(100 * row.expected_rate, 1):g} %",
            f"{row.threshold:.3f}",
        ]
        for row in RESULT.trade_off
    ]
    [decides] = re.findall(r'<tr class="decides".*?</tr>', html, re.DOTALL)
    assert text(decides).startswith(f"{100 * CALIBRATED_FOR:g} %")
    assert len(re.findall(r"<circle", html.partition('aria-label="Rates:')[2].partition("</svg>")[0])) == 10
    assert 'id="rates"' not in page(evaluate_inputs(Inputs(BARE, QUERIES)))


def test_the_report_names_grades() -> None:
    html = page(RESULT)
    for count in RESULT.grades:
        shown = text(html.partition(f"<dt>Answered “{count.grade}”</dt>")[2].partition("</div>")[0])
        assert shown == (
            f"{count.right + count.wrong + count.unknown}"
            f"{count.right} right, {count.wrong} wrong, {count.unknown} unknown"
        )
    away = next(q for q in RESULT.queries if q.right and q.grade is Grade.LIKELY)
    assert f"likely {away.predicted}, {away.probability:.2f}: recognised but turned away" in text(html)
    assert "UNKNOWN, rightly not named" in text(html)
