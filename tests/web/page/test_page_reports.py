"""The report and the page of a comparison, as files in a browser: both widths, both colours, by keyboard alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

CELLS = "balanced:xfeat=0:matched=0"  # without matching: a quarter of the time
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS = [(size, colours) for size in (DESK, PHONE) for colours in ("light", "dark")]
TALLEST = 8000
"""Pixels of a report while its pictures are folded away; they were 29,251 and 42,091."""
CUT = """() => [...document.querySelectorAll("body *")].filter((each) => {
    if (each.closest("svg") || !each.getClientRects().length) return false;
    const { left, right } = each.getBoundingClientRect(), inside = getComputedStyle(each).overflowX === "visible";
    return right > innerWidth + 1 || left < -1 || (!inside && each.scrollWidth > each.clientWidth + 1);
  }).map((each) => each.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Pages:
    """A report and a comparison of one town, and the numbers that they tell."""

    report: Path
    comparison: Path
    told: dict[str, Any]


@pytest.fixture(scope="module")
def pages(base: tuple[Path, Path, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory) -> Pages:
    import placeprint

    out, town = tmp_path_factory.mktemp("reports"), base[0]
    report = placeprint.run(town, out / "run", preset=CELLS, cache=False).report
    placeprint.compare(town, [CELLS, "fast"], report=out / "compare.html", cache=False)
    return Pages(report, out / "compare.html", json.loads(report.with_suffix(".json").read_text()))


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open files; at the end no console may have said anything, and nothing outside the file may have been asked."""
    said: list[str] = []
    contexts = []

    def open_file(page: Path, size: dict[str, int] = DESK, colours: str = "light") -> Any:
        context = browser.new_context(viewport=size, color_scheme=colours, accept_downloads=True)
        context.set_default_timeout(180_000)
        contexts.append(context)
        made = context.new_page()
        made.on("console", lambda message: said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        asked = ("data:", "blob:", page.as_uri())
        made.on("request", lambda request: request.url.startswith(asked) or said.append(request.url))
        made.goto(page.as_uri())
        return made

    yield open_file
    for context in contexts:
        context.close()
    assert said == []


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")


@pytest.mark.parametrize(("size", "colours"), LOOKS, ids=str)
def test_axe_finds_no_fault_and_nothing_is_cut(
    pages: Pages, opened: Callable[..., Any], size: dict[str, int], colours: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for file in (pages.report, pages.comparison):
        page = opened(file, size, colours)
        for unfolded in (False, True):
            if unfolded:
                unfold(page)
            found = axe.run(page).response["violations"]
            assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found] == [], (file.name, unfolded)
            assert page.evaluate(CUT) == [], (file.name, unfolded)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_a_folded_report_is_short(pages: Pages, opened: Callable[..., Any], size: dict[str, int]) -> None:
    page = opened(pages.report, size)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= TALLEST
    right = page.locator("#right .case").first
    assert not right.is_visible()
    unfold(page)
    assert right.is_visible()
    assert page.evaluate("document.documentElement.scrollHeight") > 2 * height


def column(page: Any, name: str, section: str = "queries") -> list[str]:
    """Return the values of one column, of the rows that are shown."""
    return page.evaluate(
        """([section, name]) => { const table = document.querySelector(`#${section} table`);
          const at = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent.startsWith(name));
          return [...table.tBodies[0].rows].filter((row) => !row.hidden)
            .map((row) => row.cells[at].querySelector("data")?.value ?? row.cells[at].textContent); }""",
        [section, name],
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_the_table_is_sorted_filtered_and_unfolded_by_keyboard(
    pages: Pages, opened: Callable[..., Any], size: dict[str, int]
) -> None:
    page, queries = opened(pages.report, size), pages.told["queries"]
    table = page.locator("#queries table")
    assert len(column(page, "Score")) == (5 if size is PHONE else 10)
    page.get_by_role("button", name=f"Show all {len(queries)}").press("Enter")
    assert len(column(page, "Score")) == len(queries)
    head = table.get_by_role("columnheader", name="Score")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(score) for score in column(page, "Score")] == sorted(q["score"] for q in queries)
    head.get_by_role("button").press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(score) for score in column(page, "Score")] == sorted((q["score"] for q in queries), reverse=True)
    table.get_by_role("columnheader", name="Photo").get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "none"
    assert column(page, "Photo") == sorted(q["path"] for q in queries)
    page.get_by_label("Grade").press("U")  # UNKNOWN
    unknown = [q for q in queries if q["grade"] == "UNKNOWN"]
    assert column(page, "Photo") == sorted(q["path"] for q in unknown)
    page.get_by_label("Score from").type("0.9")
    assert column(page, "Photo") == sorted(q["path"] for q in unknown if q["score"] >= 0.9)
    page.get_by_label("Score from").fill("")
    place = unknown[0]["places"][0]
    page.get_by_label("Find").type(place.upper())
    named = [q for q in unknown if any(place in name for name in (q["path"], q["predicted"], *q["places"]))]
    assert column(page, "Photo") == sorted(q["path"] for q in named)
    assert page.locator("#queries [role=status]").inner_text() == f"{len(named)} of {len(queries)} rows fit."


def test_what_is_shown_is_saved_as_csv(pages: Pages, opened: Callable[..., Any]) -> None:
    page, queries = opened(pages.report, PHONE), {q["path"]: q for q in pages.told["queries"]}
    page.get_by_label("Outcome").select_option("not named")
    with page.expect_download() as saved:
        page.locator("#queries").get_by_role("button", name="Save these rows as CSV").press("Enter")
    assert saved.value.suggested_filename == "town-queries.csv"
    text = Path(saved.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["Photo"] for row in rows} == {p for p, q in queries.items() if q["known"] and not q["accepted"]}
    assert len(rows) > len(column(page, "Photo")), "also those that are folded away"
    for row in rows:
        query = queries[row["Photo"]]
        assert (row["Place"], row["Best place"], row["Grade"]) == (
            "|".join(query["places"]),
            query["predicted"],
            query["grade"],
        )
        for name in ("score", "margin", "probability"):
            assert float(row[name.capitalize()]) == query[name]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@a", "'@a"),
        ("+1 street", "'+1 street"),
        ("-0.25", "-0.25"),
        ('a,"b"\nc', '"a,""b""\nc"'),
        ("Phố cổ", "Phố cổ"),
    ],
)
def test_a_cell_is_no_formula(pages: Pages, opened: Callable[..., Any], text: str, cell: str) -> None:
    assert (
        opened(pages.report).evaluate("written(arguments[0] ?? '')".replace("arguments[0] ?? ''", json.dumps(text)))
        == cell
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_the_threshold_is_moved_by_keyboard(pages: Pages, opened: Callable[..., Any], size: dict[str, int]) -> None:
    page, told = opened(pages.report, size), pages.told
    slider = page.get_by_role("slider")

    def shown() -> dict[str, str]:
        counts = ("right", "away", "wrong", "letIn")
        return {name: page.locator(f"[data-count={name}]").first.inner_text() for name in counts}

    def expected(limit: float) -> dict[str, str]:
        named = [q for q in told["queries"] if q["probability"] >= limit]
        known = [q for q in named if q["known"]]
        right = sum(q["right"] for q in named)
        away = told["n_answerable"] - len(known)
        counts = {"right": right, "away": away, "wrong": len(known) - right, "letIn": len(named) - len(known)}
        return {name: str(count) for name, count in counts.items()}

    limit = told["open_set"]["probability_threshold"]
    assert shown() == expected(limit)
    seen = set()
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "PageDown", "Home", "End"):
        slider.press(key)
        at = page.locator("[data-count=threshold]").first.inner_text()
        assert shown() == expected(limit if at == f"{limit:.3f}" else float(at)), key
        assert slider.get_attribute("aria-valuetext").startswith(f"probability {at}: {shown()['right']} of ")
        x = float(page.locator(".thresholds .chosen").get_attribute("x1"))
        assert x == pytest.approx(1000 * float(at), abs=1)
        seen.add(at)
    assert {"0.000", "1.000"} < seen
    assert shown() == {"right": "0", "away": str(told["n_answerable"]), "wrong": "0", "letIn": "0"}


def test_a_link_opens_what_it_leads_to_and_paper_shows_all(pages: Pages, opened: Callable[..., Any]) -> None:
    page = opened(pages.report)
    assert not page.locator("#places table").is_visible()
    page.get_by_role("link", name="Places").press("Enter")
    page.locator("#places table").wait_for()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert len(column(page, "Photo")) == len(pages.told["queries"])


def test_without_scripts_all_is_there(pages: Pages, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages.report.as_uri())
    assert page.locator("#queries tbody tr").count() == len(pages.told["queries"])
    assert page.locator("#queries tbody tr").last.is_visible()
    assert not page.get_by_role("slider").is_visible()
    assert page.locator("[data-count=right]").inner_text() != ""
    context.close()


def test_every_chart_has_ticks(pages: Pages, opened: Callable[..., Any]) -> None:
    page = opened(pages.report)
    unfold(page)
    for chart in page.locator(".curve svg").all():
        assert chart.locator("text.x").count() >= 3
        assert chart.locator("text.y").count() >= 3
    assert page.locator(".curve svg").count() == 4
    assert page.locator(".strip .counts").count() == page.locator(".strip").count() > 0
    page = opened(pages.comparison)
    assert page.locator(".intervals").count() == page.locator(".intervals > .ticks").count() == 3


def test_a_comparison_is_searched_and_unfolded(pages: Pages, opened: Callable[..., Any]) -> None:
    page = opened(pages.comparison, PHONE, "dark")
    rows = column(page, "Photo")
    page.get_by_label("Find").type("NAMED RIGHT")
    found = column(page, "Photo")
    assert 0 < len(found) <= len(rows)
    drawn = page.locator("#against-1 .case svg[role=img]").first
    assert drawn.get_attribute("aria-label").startswith("query photo query/")
    assert drawn.bounding_box()["width"] > 90
