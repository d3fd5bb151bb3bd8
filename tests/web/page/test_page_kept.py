"""Nothing is forgotten: answers survive a reload, every view has an address, and Back leads to where one was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

MANY = 10_000


def test_an_answer_survives_a_reload(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    said = [page.text(".verdict"), page.texts(".candidates li"), page.texts(".matches button")]
    page.page.reload()
    page.page.wait_for_selector(".verdict .sure")
    assert [page.text(".verdict").replace(" Add it to a place", ""), *said[1:]] == [
        said[0].replace(" Add it to a place", ""),
        page.texts(".candidates li"),
        page.texts(".matches button"),
    ]
    page.page.wait_for_selector(".lines g")
    assert page.page.locator(".asked img").evaluate("i => i.decode().then(() => i.naturalWidth)") == 480
    assert page.page.get_by_role("button", name="Add it to a place").count() == 0  # the photo itself is not kept


def test_marks_survive_a_reload_and_all_is_cleared(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    page.ask(page.served.unknown)
    page.go("answers")
    page.page.locator(".mark.right").first.click()
    page.page.reload()
    page.page.wait_for_selector(".result")
    assert page.page.locator(".mark.right").first.get_attribute("aria-pressed") == "true"
    page.page.get_by_role("button", name="Clear").click()
    page.page.locator("dialog").get_by_role("button", name="Clear").click()
    page.page.get_by_text("Nothing was asked yet.").wait_for()
    page.page.reload()
    page.page.get_by_text("Nothing was asked yet.").wait_for()
    stores = """async () => { const [{ name }] = await indexedDB.databases();
      const opened = await new Promise(r => { const o = indexedDB.open(name); o.onsuccess = () => r(o.result); });
      return Promise.all([...opened.objectStoreNames].map(s => new Promise(r => {
        const q = opened.transaction(s).objectStore(s).count(); q.onsuccess = () => r(q.result); }))); }"""
    assert page.page.evaluate(stores) == [0, 0, 0]


def test_what_was_not_asked_before_a_reload_is_told(visit: Callable[..., Any]) -> None:
    page = visit()
    page.page.route("**/v1/recognize*", lambda _: None)
    page.page.set_input_files("input[multiple]", (page.served.queries * 2)[:9])
    page.page.wait_for_selector(".result")
    page.page.on("dialog", lambda dialog: dialog.accept())
    page.page.reload()
    page.page.wait_for_selector(".result")
    assert page.text(".hero p") == "9 not asked."
    assert "The page was left before its turn. Drop it again." in page.text(".result .note")


def test_without_a_store_answers_live_as_long_as_the_page(visit: Callable[..., Any]) -> None:
    page = visit()
    page.page.add_init_script("indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); }")
    page.page.reload()
    page.page.wait_for_selector(".drop")
    page.ask(page.served.known)
    page.go("answers")
    assert "This browser keeps nothing: all is gone with the page." in page.text(".hero p")
    page.page.locator(".result a").first.click()
    page.page.get_by_role("heading", name=page.served.known.parent.name).wait_for()


def test_a_search_has_an_address(visit: Callable[..., Any]) -> None:
    page = visit()
    page.go("places")
    page.page.get_by_role("searchbox").fill("station ráilway")  # accents and the order of words do not matter
    page.page.get_by_text("2 places with “station ráilway” in the name.").wait_for()
    assert page.texts(".grid b") == ["railway-station", "railway-station-2"]
    assert page.page.evaluate("location.hash") == "#/places?q=station+r%C3%A1ilway"
    page.page.reload()
    page.page.get_by_text("2 places with “station ráilway” in the name.").wait_for()
    assert page.page.get_by_role("searchbox").input_value() == "station ráilway"


def test_back_leads_to_where_one_was_among_ten_thousand_places(visit: Callable[..., Any]) -> None:
    page = visit()
    known = page.served.known.parent.name
    cover = page.page.request.get(f"{page.served.url}v1/places?q={known}").json()["places"][0]

    def listed(route: Any) -> None:
        values = dict(pair.split("=") for pair in route.request.url.partition("?")[2].split("&"))
        offset, limit = int(values.get("offset", 0)), int(values["limit"])
        places = [cover | {"place": known if i == 300 else f"place {i}"} for i in range(offset, offset + limit)]
        route.fulfill(body=json.dumps({"total": MANY, "offset": offset, "limit": limit, "places": places}))

    page.page.route("**/v1/places?*", listed)
    page.go("places")
    while not page.page.get_by_role("link", name=known).count():
        page.page.mouse.wheel(0, 4000)
        page.page.wait_for_timeout(50)
    card = page.page.get_by_role("link", name=known)
    card.scroll_into_view_if_needed()
    before = page.page.evaluate("scrollY")
    card.click()
    page.page.get_by_role("heading", name=known).wait_for()
    assert page.page.evaluate("scrollY") == 0
    page.page.go_back()
    page.page.get_by_role("heading", name="Places", exact=True).wait_for()
    assert page.page.evaluate("scrollY") == before > 2000
    assert page.page.evaluate("document.activeElement.textContent").startswith(known)


def test_back_from_an_answer_leads_to_its_row(visit: Callable[..., Any]) -> None:
    page = visit()
    page.page.set_input_files("input[multiple]", (page.served.queries * 3)[:20])
    page.page.wait_for_function("() => document.querySelector('.hero progress')?.hidden === true")
    page.page.locator(".pick input").nth(2).check()
    page.page.locator(".result a").nth(15).click()
    page.page.wait_for_selector(".lines g")  # asked once more, for its reasons
    page.page.get_by_role("link", name="Next").click()
    page.page.wait_for_function("() => location.hash === '#/answers/17'")
    page.page.go_back()
    page.page.go_back()
    page.page.wait_for_selector(".result")
    assert page.page.evaluate("scrollY") > 200
    assert page.page.locator(".pick input").nth(2).is_checked()
