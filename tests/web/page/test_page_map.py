"""The map: names stay in the frame and off the pin, every candidate is reached by keyboard, coasts lie behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
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


EUROPE = [("Basílica da Estrela", 38.71, -9.16), ("Karlův most", 50.09, 14.41), ("Anıtkabir", 39.93, 32.84)]
BEHIND = """async ([marks]) => {
  const { map } = await import("./static/map.js");
  const { outline } = await import("./static/outline.js");
  document.getElementById("main").replaceChildren(map([], marks, { caption: "A map.", named: true, outline: await outline() }));
  const frame = document.querySelector("svg.map").getBoundingClientRect();
  const box = (e) => { const { left, top, right, bottom } = e.getBoundingClientRect(); return [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top]; };
  const all = (selector) => [...document.querySelectorAll(selector)];
  return { frame: [frame.width, frame.height], coast: all(".map .coast").map((one) => one.getAttribute("d").length), cities: all(".map .city").map((one) => one.textContent), boxes: all(".map > text").map(box) };
}"""  # noqa: E501


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_coasts_and_large_cities_lie_behind_far_places(visit: Callable[..., Any], width: int, scheme: str) -> None:
    page = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.go()
    assert not [url for url in asked if "outline" in url]  # it is fetched when a map is drawn
    marks = [
        {"at": [north, east], "text": name, "number": i + 1, "href": "#/"}
        for i, (name, north, east) in enumerate(EUROPE)
    ]
    drawn = page.page.evaluate(BEHIND, [marks])
    assert drawn["coast"][0] > 2000
    assert 3 <= len(drawn["cities"]) <= 13
    assert set(drawn["cities"]) & {"London", "Paris", "Rome", "Madrid", "Berlin", "Istanbul"}
    wide, high = drawn["frame"]
    for left, top, right, bottom in drawn["boxes"]:
        assert 0 <= left < right <= wide
        assert 0 <= top < bottom <= high
    for number, one in enumerate(drawn["boxes"]):
        for other in drawn["boxes"][:number]:
            across = min(one[2], other[2]) - max(one[0], other[0])
            assert across < 1 or min(one[3], other[3]) - max(one[1], other[1]) < 6, "two names lie on each other"
    near = [{**mark, "at": [38.7 + i / 900, -9.1]} for i, mark in enumerate(marks)]
    drawn = page.page.evaluate(BEHIND, [near])
    assert (drawn["coast"], drawn["cities"]) == ([], [])  # they are not as exact as a town


def test_the_outline_is_small_and_lies_where_coasts_are() -> None:
    data = (resources.files("placeprint.web") / "page" / "outline.json").read_bytes()
    assert len(data) <= 30_000
    told = json.loads(data)
    assert "public domain" in told["source"]
    assert [name for name, *_ in told["towns"] if "?" in name or "  " in name] == []
    points = []
    for moves in told["coasts"]:
        at = [0, 0]
        for north, east in zip(moves[::2], moves[1::2], strict=True):
            at = [at[0] + north, at[1] + east]
            points.append((at[0] / told["steps"], at[1] / told["steps"]))
    assert all(-60 <= north < 90 and abs(east) <= 180 for north, east in points)

    def far(latitude: float, longitude: float) -> float:
        return min(max(abs(latitude - north), abs(longitude - east)) for north, east in points)

    capes = [(37.0, -9.0), (-34.8, 20.0), (36.0, -5.6), (25.8, -80.1), (-43.6, 146.8)]  # of Portugal, Africa, ...
    assert max(far(*cape) for cape in capes) < 1
    inland = [(48.2, 16.4), (39.1, -94.6), (0.0, 22.0), (47.9, 106.9)]
    assert min(far(*place) for place in inland) > 2
    towns = {name: (north, east) for name, north, east in told["towns"]}
    assert towns["Paris"] == pytest.approx((48.86, 2.35), abs=0.05)


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
