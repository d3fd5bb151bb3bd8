"""The map: names stay in the frame and off the pin, and every candidate is reached by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

DRAW = """async ([marks]) => {
  const { map } = await import("./static/map.js");
  const ground = Array.from({ length: 40 }, (_, i) => [i / 100, (i * 7 % 40) / 100]);
  document.getElementById("main").replaceChildren(map(ground, marks, { caption: "A map.", named: true }));
  const frame = document.querySelector("svg.map").getBoundingClientRect();
  const box = (e) => { const { left, top, right, bottom } = e.getBoundingClientRect(); return [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top]; };
  return { frame: [frame.width, frame.height], pin: box(document.querySelector(".pin")), names: [...document.querySelectorAll("svg.map > text")].map(box) };
}"""  # noqa: E501
NAMES = [
    "Santa Maria della Salute e dei Pilastri del Canal Grande di Venezia, lato sud",
    "Ägyptisches Tor",
    "三十三間堂",
]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("corner", [(0, 0), (0.39, 0), (0, 0.39), (0.39, 0.39), (0.2, 0.2)])
def test_names_stay_in_the_frame_and_off_the_pin(
    visit: Callable[..., Any], width: int, corner: tuple[float, float]
) -> None:
    page = visit(viewport={"width": width, "height": 900})
    marks = [
        {"at": [corner[0] + i / 900, corner[1] + i / 700], "text": name, "number": i + 1, "href": "#/"}
        for i, name in enumerate(NAMES)
    ]
    drawn = page.page.evaluate(DRAW, [marks])
    wide, high = drawn["frame"]
    assert drawn["names"]
    for left, top, right, bottom in drawn["names"]:
        assert 0 <= left < right <= wide
        assert 0 <= top < bottom <= high
        x0, y0, x1, y1 = drawn["pin"]
        assert right <= x0 + 1 or left >= x1 - 1 or bottom <= y0 + 4 or top >= y1 - 4, "a name lies on the pin"


def test_candidates_are_numbered_focused_and_followed(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.wait_for_selector("svg.map")
    page.page.wait_for_load_state("networkidle")
    names = page.page.locator(".candidates bdi").all_text_contents()
    marks = page.page.locator("svg.map a").evaluate_all("all => all.map(a => a.getAttribute('aria-label'))")
    assert sorted(marks) == [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    page.page.locator("svg.map").focus()
    page.page.keyboard.press("Tab")
    focused = page.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused in marks
    page.page.keyboard.press("Enter")
    page.page.get_by_role("heading", name=focused.partition(". ")[2]).wait_for()


def test_the_map_is_zoomed_and_moved(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.wait_for_selector("svg.map")
    page.page.wait_for_load_state("networkidle")
    at = "() => [...document.querySelectorAll('svg.map a')].map(a => a.getBoundingClientRect().x)"
    before = page.page.evaluate(at)
    spread = max(before) - min(before)
    page.page.get_by_role("button", name="Zoom in").click()
    closer = page.page.evaluate(at)
    assert max(closer) - min(closer) == pytest.approx(1.6 * spread, rel=0.05)
    assert closer[-1] == pytest.approx(before[-1], abs=1)  # the pin stays where it is
    page.page.locator("svg.map").focus()
    page.page.keyboard.press("ArrowLeft")
    assert page.page.evaluate(at)[-1] > closer[-1] + 30
    page.page.keyboard.press("-")
    page.page.get_by_role("button", name="Show all").click()
    assert page.page.evaluate(at) == pytest.approx(before, abs=1)
