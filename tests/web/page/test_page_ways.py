"""The page on a phone, in the dark, by keyboard, by ear, and in a browser that is told not to trust it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
LOOKS = [{"color_scheme": scheme, **screen} for screen in (DESK, PHONE) for scheme in ("light", "dark")]


def each_view(page: Any, folder: Path) -> list[str]:
    """Return the addresses of every view, after photos were asked about: a known one, an unknown one, and many."""
    page.expected = "422"
    page.ask(page.served.known)
    page.ask(page.served.unknown)
    (folder / "broken.jpg").write_text("no photo")
    page.go()
    page.page.set_input_files("input[multiple]", [folder / "broken.jpg", *(page.served.queries * 2)[:9]])
    page.page.wait_for_function("() => document.querySelector('.hero progress')?.hidden === true")
    page.page.locator(".mark.wrong").first.click()
    page.page.locator(".pick input").first.check()
    place = quote(page.served.known.parent.name)
    many = ["batch/3", "batch/3?show=failed", "batch/99", "answers/3", "answers/5"]
    return ["", "answers/1", "answers/2", *many, "answers", "answers/99", "places", "places?q=o", f"places/{place}"]


def hop(page: Any, view: str) -> None:
    """Go to a view without loading the page anew, which would forget what was asked."""
    page.page.evaluate("view => { location.hash = `#/${view}`; }", view)
    page.page.wait_for_load_state("networkidle")
    page.page.wait_for_timeout(300)  # what fades in is there: contrasts are measured of what is seen


def test_a_phone_scrolls_one_way(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(**PHONE)
    for view in each_view(page, tmp_path):
        hop(page, view)
        assert page.page.evaluate("document.documentElement.scrollWidth") == 390, view
    small = """[...document.querySelectorAll("main button:not(.plain), nav a")]
      .map(b => b.getBoundingClientRect()).filter(r => r.width && r.height < 36).length"""
    assert page.page.evaluate(small) == 0


def test_a_phone_takes_a_photo(visit: Callable[..., Any]) -> None:
    page = visit(**PHONE)
    with page.page.expect_file_chooser() as chooser:
        page.page.get_by_role("button", name="Take a photo").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(page.served.known)
    page.page.wait_for_selector(".verdict .sure")
    assert page.text(".verdict h1") == page.served.known.parent.name
    stacked = """(([a, b]) => a.bottom <= b.top && a.left === b.left)(
      [...document.querySelectorAll(".pane")].map(p => p.getBoundingClientRect()))"""
    assert page.page.evaluate(stacked)


def test_a_desk_is_not_offered_a_camera(visit: Callable[..., Any]) -> None:
    assert not visit().page.get_by_role("button", name="Take a photo").is_visible()


def test_dark_and_light_follow_the_system(visit: Callable[..., Any]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert visit(color_scheme="light").page.evaluate(ground) == "rgb(252, 252, 250)"
    assert visit(color_scheme="dark").page.evaluate(ground) == "rgb(19, 21, 23)"


def test_nothing_moves_for_those_who_asked_for_rest(visit: Callable[..., Any]) -> None:
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName !== 'none').length"
    page = visit(reduced_motion="reduce")
    page.ask(page.served.known)
    assert page.page.evaluate(moving) == 0
    lively = visit(reduced_motion="no-preference")
    lively.ask(lively.served.known)
    assert lively.page.evaluate(moving) > 0


def test_everything_is_reached_by_keyboard(visit: Callable[..., Any]) -> None:
    page = visit()
    press, focused = page.page.keyboard.press, "document.activeElement.textContent.trim()"

    def tab_to(text: str) -> None:
        for _ in range(40):
            press("Tab")
            if page.page.evaluate(focused).startswith(text):
                return
        raise AssertionError(f"no Tab leads to {text}")

    tab_to("Skip to the content")
    assert page.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    press("Enter")
    assert page.page.evaluate("[document.activeElement.tagName, location.hash]") == ["H1", "#/"]
    tab_to("Choose photos")
    with page.page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(page.served.known)
    page.page.wait_for_selector(".verdict .sure")
    assert page.page.evaluate(focused) == page.served.known.parent.name  # the answer is where one goes on from
    tab_to("In numbers")
    press("Enter")
    assert page.page.locator("details[open]").count() == 1
    press("Tab")
    tab_to("Match 1") if not page.page.evaluate("document.activeElement.type === 'radio'") else press("ArrowRight")
    tab_to("Match 2")
    press("Enter")
    assert page.page.locator(".matches button").nth(1).get_attribute("aria-pressed") == "true"
    page.go()
    tab_to("Places")
    press("Enter")
    page.page.get_by_role("heading", name="Places", exact=True).wait_for()


def test_the_switch_of_looks_is_turned_by_arrows(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.get_by_label("Lines").focus()
    page.page.keyboard.press("ArrowRight")
    assert page.page.locator(".pane canvas").count() == 2
    page.page.keyboard.press("ArrowRight")
    assert page.page.locator(".pane canvas, .lines").count() == 0


@pytest.mark.parametrize("settings", LOOKS, ids=str)
def test_axe_finds_no_fault(visit: Callable[..., Any], settings: dict[str, Any], tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(**settings)
    for view in each_view(page, tmp_path):
        hop(page, view)
        assert faults(axe, page.page) == [], view
    hop(page, "answers/1")
    for opened in ("Add it to a place", "Enlarge"):
        page.page.get_by_role("button", name=opened).click()
        page.page.wait_for_load_state("networkidle")
        assert faults(axe, page.page) == [], opened
        page.page.keyboard.press("Escape")
    hop(page, "batch/3")
    page.page.locator(".export summary").click()
    assert faults(axe, page.page) == [], "export"
    hop(page, f"places/{quote(page.served.known.parent.name)}")
    page.page.get_by_role("button", name="Remove").first.click()
    assert faults(axe, page.page) == [], "removal"
    page.page.keyboard.press("Escape")
    hop(page, "")
    page.page.set_input_files("input[multiple]", page.served.queries[:2])
    page.page.get_by_role("button", name="One answer each").wait_for()
    assert faults(axe, page.page) == []
    page.page.route("**/v1/recognize*", lambda _: None)
    page.page.get_by_role("button", name="One place").click()
    page.page.wait_for_selector(".busy")
    assert faults(axe, page.page) == []
    page.page.keyboard.press("Escape")
    page.page.get_by_text("Cancelled.").wait_for()
    assert faults(axe, page.page) == []
    page.page.unroute("**/v1/recognize*")
    page.page.context.set_offline(True)
    page.expected = "Failed to load resource"  # said of each attempt
    hop(page, "")
    page.page.set_input_files("input[multiple]", page.served.known)
    page.page.get_by_role("button", name="Try again now").wait_for()
    assert faults(axe, page.page) == [], "offline"


def faults(axe: Any, page: Any) -> list[str]:
    found = axe.run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found]


def test_a_hostile_name_stays_text(visit: Callable[..., Any], tmp_path: Any) -> None:
    page = visit()
    photo = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    photo.write_bytes(page.served.known.read_bytes())
    page.ask(photo)
    assert page.page.locator("img[src=x]").count() == 0
    assert photo.name in page.page.locator(".asked img").get_attribute("alt")
