"""The page of a comparison: what settings gained and lost, with pictures, and numbers that are those of the runs."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.compare import Comparison
from placeprint.evaluation.result import EvaluatedQuery
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec
from placeprint.report.compare import compare
from placeprint.report.comparison import better, changes_of, differing, headline, told
from placeprint.report.comparison_page import MAX_CASES, Pictured, render_comparison
from placeprint.report.interval_chart import charts
from placeprint.report.outcomes import Outcome, count
from placeprint.report.thumbnails import ImageFile

SPEC = ModelSpec(name="hand", dim=3)
SETTINGS = ["threshold=0.1", "threshold=0.7", "threshold=1.1"]
HOSTILE = "<script>alert('1')</script>"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three places; of the queries one is right, one wrong, one of no place here, one less sure and right."""
    tmp_path = tmp_path_factory.mktemp("compared")
    for number, path in enumerate(("a0", "a1", "b0", "c0", "q0", "q1", "q2", "q3")):
        Image.new("RGB", (60, 40), (30 * number, 90, 160)).save(tmp_path / f"{path}.jpg")
    rows = [ImageRecord(path=f"{p}.jpg", places=(p[0],)) for p in ("a0", "a1", "b0", "c0")]
    vectors = np.array([(1, 0, 0), (0.8, 0.6, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    Gallery.build(tmp_path / "g", records=rows, vectors=vectors, spec=SPEC, root=str(tmp_path))
    np.save(tmp_path / "q.npy", np.array([(1, 0, 0), (0.9, 0.3, 0.3), (0.6, 0, 0.8), (0, 0.6, 0.5)], np.float32))
    (tmp_path / "q.csv").write_text(f"path,place\nq0.jpg,a\nq1.jpg,b\nq2.jpg,{HOSTILE}\nq3.jpg,b|c\n")
    return {"gallery": tmp_path / "g", "embeddings": tmp_path / "q.npy", "records": tmp_path / "q.csv"}


@pytest.fixture(scope="module")
def compared(given: dict[str, Path]) -> tuple[Comparison, str]:
    page = given["records"].parent / "out" / "compare.html"
    return compare(None, SETTINGS, report=page, **given), page.read_text("utf-8")


@pytest.fixture(scope="module")
def rows(compared: tuple[Comparison, str]) -> Comparison:
    return compared[0]


@pytest.fixture(scope="module")
def html(compared: tuple[Comparison, str]) -> str:
    return compared[1]


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html.replace("<wbr>", ""))).split())


def section(html: str, name: str) -> str:
    return html[html.index(f'<section id="{name}"') :].partition("</section>")[0]


def test_what_was_gained_and_lost_is_shown_with_pictures(rows: Comparison, html: str) -> None:
    assert [count(row.result.queries)[Outcome.NAMED_RIGHT] for row in rows] == [2, 2, 0]
    shown = text(html)
    assert "Named right: threshold=0.1 2 of 3, threshold=0.7 2 of 3, threshold=1.1 0 of 3." in shown
    last = section(html, "against-2")
    assert [text(h) for h in re.findall(r"<h3>(.*?)</h3>", last)] == ["Lost (2)", "Gained (2)"]
    lost, gained = last.split("<h3>Gained")
    assert (
        re.findall(r"named right → not named|unknown let in → rightly not named|named wrong → not named", lost)
        == ["named right → not named"] * 2
    )
    assert set(re.findall(r"unknown let in → rightly not named|named wrong → not named", gained)) == {
        "unknown let in → rightly not named",
        "named wrong → not named",
    }
    [wrong] = [case for case in gained.split('<li class="case">') if "named wrong" in case]
    assert 'aria-label="query photo q1.jpg"' in wrong
    assert 'aria-label="right place: b0.jpg"' in wrong
    assert list(re.findall(r'aria-label="(threshold[^"]*)"', wrong)) == [f"{name}, wrong: a0.jpg" for name in SETTINGS]
    assert re.findall(r"(?:likely|sure|UNKNOWN)(?=[:,])", text(wrong)) == ["sure", "sure", "UNKNOWN"]
    assert "The gallery has no image of it." in gained
    assert len(re.findall(r'<image id="p\d+"', html)) == 8 - 1, "c0 is nobody's best, nor the right place of a query"


def test_the_page_is_one_file_and_names_are_text(html: str) -> None:
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', html)
    assert all(a.startswith(("#", "data:image/jpeg;base64,")) for a in addresses)
    assert HOSTILE not in html
    assert HOSTILE in text(section(html, "queries"))
    assert len(re.findall("<script", html)) == 1
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert {a[1:] for a in addresses if a.startswith("#")} <= set(ids)


def test_numbers_are_those_of_the_runs(rows: Comparison, html: str) -> None:
    body = section(html, "numbers").partition("<tbody>")[2].partition("</tbody>")[0]
    shown = [re.findall(r"<td.*?</td>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]
    for row, cells in zip(rows, shown, strict=True):
        counts = count(row.result.queries)
        assert text(cells[0]) == row.setting.name
        assert f'<data value="{row.recall_at_1.value!r}">{row.recall_at_1.value:.3f}</data>' in cells[1]
        assert f"{row.recall_at_1.low:.3f} to {row.recall_at_1.high:.3f}" in cells[1]
        assert f'<data value="{row.average_precision.value!r}">' in cells[2]
        assert f'<data value="{row.open_set_recall_at_1.value!r}">' in cells[4]
        assert [text(cell) for cell in cells[5:9]] == [
            str(counts[o]) for o in (Outcome.NAMED_RIGHT, Outcome.NOT_NAMED, Outcome.NAMED_WRONG, Outcome.LET_IN)
        ]
    differ = section(html, "queries").partition("<tbody>")[2]
    assert len(re.findall("<tr>", differ)) == 4 == len(differing(rows))


def test_a_change_of_the_order_alone_is_told(rows: Comparison) -> None:
    first = second = rows[2]
    [right] = [q for q in second.result.queries if q.path == "q0.jpg"]
    now = replace(right, right=False, predicted="b")
    queries = tuple(now if q is right else q for q in second.result.queries)
    changed = Comparison((first, replace(second, result=replace(second.result, queries=queries))))
    [found] = changes_of(changed)
    assert [(c.path, c.before, c.after) for c in found.lost] == [
        ("q0.jpg", "not named, right place first", "not named, wrong place first")
    ]
    assert found.gained == ()
    assert [path for path, _ in differing(changed)] == ["q0.jpg"]
    assert told(changed[1], found, "threshold=0.1") == (
        "Against threshold=0.1, threshold=1.1 gained 0 queries and lost 1. "
        "Of known photos named right: 0 gained, 2 lost; may be luck (p = 0.500)."
    )


def test_where_nothing_decides_the_order_is_the_answer(rows: Comparison) -> None:
    first = rows[0]
    undecided = replace(
        first.result,
        queries=tuple(replace(q, accepted=True) for q in first.result.queries),
        open_set=replace(first.result.open_set, recall_at_1=None, threshold=None),
    )
    alike = Comparison((replace(first, result=undecided, open_set_recall_at_1=None),) * 2)
    shown = text(render_comparison(alike, [Pictured({}, {}, {})] * 2))
    assert headline(alike) == "The right place came first: threshold=0.1 2 of 3, threshold=0.1 2 of 3."
    assert "All settings answer every query alike." in shown
    assert "Not named" not in shown


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(1.0, 1.0, ("0.94", "0.96", "0.98", "1")), (0.4, 0.7, ("0.4", "0.5", "0.6", "0.7"))],
)
def test_an_interval_lies_on_an_axis_of_shares(
    rows: Comparison, low: float, high: float, ticks: tuple[str, ...]
) -> None:
    found = replace(rows[0].recall_at_1, value=high, low=low, high=high)
    chart = charts(Comparison((replace(rows[0], recall_at_1=found),)))[0]
    assert chart.axis.ticks == ticks
    [strip] = chart.strips
    assert (strip.value, strip.high) == (pytest.approx(1), pytest.approx(1))
    assert strip.low == pytest.approx(1 if low == high else 0)


def test_better_orders_answers(rows: Comparison) -> None:
    query = rows[0].result.queries[0]

    def answer(known: bool, right: bool, accepted: bool) -> EvaluatedQuery:
        return replace(query, known=known, right=right, accepted=accepted)

    known = [(False, True), (False, False), (True, False), (True, True)]  # named wrong, not named twice, named right
    ranks = [better(answer(True, right, accepted)) for right, accepted in known]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 4
    assert better(answer(False, False, True)) < better(answer(False, False, False))


def test_many_changes_keep_the_page_small(rows: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.report.comparison_page.MAX_QUERIES", 60)
    first, _, second = rows
    many = [
        replace(
            row,
            result=replace(
                row.result,
                queries=tuple(replace(q, path=f"{n}-{q.path}") for n in range(30) for q in row.result.queries),
            ),
        )
        for row in (first, second)
    ]
    comparison = Comparison(tuple(many))
    nowhere = {q.path: ImageFile(Path("nowhere"), q.path) for q in many[0].result.queries}
    html = render_comparison(comparison, [Pictured(nowhere, {}, {})] * 2)
    [changes] = changes_of(comparison)
    assert len(changes.lost) == len(changes.gained) == 60
    assert html.count('<li class="case">') == 2 * MAX_CASES
    assert f"The first {MAX_CASES} of 60 are shown; the others are in the table." in html
    assert re.search(r"The first 40 of 120 are here\.", html)
    assert len(html) < 200_000


def test_a_page_that_cannot_be_written_is_refused_first(given: dict[str, Path], html: str, tmp_path: Path) -> None:
    (tmp_path / "theirs.html").write_text("<p>mine")
    with pytest.raises(UsageError, match="was not made by placeprint"):
        compare("there is no dataset", SETTINGS, report=tmp_path / "theirs.html")
    with pytest.raises(UsageError, match=r'is a folder: name the file of the page, as ".*page\.html"'):
        compare("there is no dataset", SETTINGS, report=tmp_path)
    assert html
    assert (tmp_path / "theirs.html").read_text() == "<p>mine"
    with pytest.raises(DatasetError, match="no dataset"):  # its own page may be replaced
        compare("there is no dataset", SETTINGS, report=given["records"].parent / "out" / "compare.html")


def test_a_gallery_alone_shows_its_own_images(given: dict[str, Path], tmp_path: Path) -> None:
    compare(None, ["threshold=0.1", "threshold=1.1"], gallery=given["gallery"], report=tmp_path / "c.html")
    html = (tmp_path / "c.html").read_text("utf-8")
    assert 'aria-label="query photo a0.jpg"' in html
    assert 'aria-label="right place: a1.jpg"' in html, "not the query itself"
    assert "not shown" not in html
