"""Words and names: sentences, sizes as people read them, names of any script, and what is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

TOKEN = "correct-horse-battery"
ARABIC = "برج الماء (2)"


def test_adding_offers_candidates_with_pictures_and_says_what_is_new(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    candidates = page.page.locator(".candidates bdi").all_text_contents()
    page.page.get_by_role("button", name="Add it to a place").click()
    page.page.get_by_text(f"{candidates[0]} is in the gallery with ").wait_for()
    offered = page.page.locator(".offers bdi").all_text_contents()
    assert offered == candidates[: len(offered)]
    assert len(offered) > 3
    drawn = "all => Promise.all(all.map(i => i.decode().then(() => i.naturalWidth > 0)))"
    assert all(page.page.locator(".offers img").evaluate_all(drawn))
    page.page.locator(".offers button").nth(1).click()
    page.page.get_by_text(f"{candidates[1]} is in the gallery with ").wait_for()
    page.page.get_by_label("Place", exact=True).fill("nobody was there")
    page.page.get_by_text("New place. The gallery has none called nobody was there.").wait_for()


def test_a_name_from_right_to_left_stays_apart_from_the_sentence(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.unknown)
    page.page.get_by_role("button", name="Add it to a place").click()
    page.page.get_by_label("Place", exact=True).fill(ARABIC)
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.locator("#notice").get_by_text("1 photo added to").wait_for()
    page.ask(page.served.unknown)
    for place in ("h1 bdi", ".candidates li bdi"):
        assert page.page.locator(f"main {place}").first.text_content() == ARABIC
    page.go("places")
    assert ARABIC in page.page.locator(".card b bdi").all_text_contents()
    page.page.get_by_role("button", name="Undo").click()
    page.page.locator("#notice").get_by_text("Undone").wait_for()


def test_a_photo_that_somebody_removed_meanwhile_is_told_and_gone(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "404"
    name = page.served.known.parent.name
    page.go(f"places/{name}")
    names = page.texts(".grid .card")
    image = page.page.locator(".grid .card").first.get_attribute("href")
    page.page.get_by_role("button", name=f"Remove {names[0]}").click()
    gone = page.page.request.delete(page.served.url + image, headers={"Authorization": f"Bearer {TOKEN}"})
    assert gone.ok
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Remove", exact=True).click()
    page.page.locator("#notice").get_by_text(f"{names[0]} was removed already").wait_for()
    page.page.wait_for_function(
        "count => document.querySelectorAll('.grid .card').length === count", arg=len(names) - 1
    )


def test_what_the_server_refuses_is_a_sentence_with_a_size(visit: Callable[..., Any], tmp_path: Any) -> None:
    page = visit()
    page.expected = "413"
    (tmp_path / "huge.tif").write_bytes(bytes(34 << 20))
    page.page.set_input_files("input[multiple]", tmp_path / "huge.tif")
    page.page.wait_for_selector("[role=alert]")
    assert (
        page.text("[role=alert] p") == "That is too large. A request may hold 32 MiB: send a smaller photo, or fewer."
    )


def test_a_title_is_shown_and_the_key_is_kept(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "404"  # of the photo that was removed, among answers that were doubtful
    name = page.served.known.parent.name

    def titled(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        for one in (told, *told["places"]):
            one["title"] = ARABIC if name in (one.get("place"), one.get("best_guess")) else None
        for match in told["matches"]:
            match["titles"] = [ARABIC] if match["places"] == [name] else []
        route.fulfill(response=answer, json=told)

    page.page.route("**/v1/recognize*", titled)
    page.ask(page.served.known)
    for place in (".verdict h1 bdi", ".candidates li bdi", ".why figcaption bdi", ".matches bdi"):
        assert page.page.locator(place).first.text_content() == ARABIC, place
    assert page.page.locator(".verdict h1 a").get_attribute("href") == f"#/places/{name}"
    page.go("answers")
    assert page.page.locator(".result .what b bdi").first.text_content() == ARABIC


def test_photos_of_one_place_say_what_happened(visit: Callable[..., Any]) -> None:
    page = visit()
    page.drop(page.served.known, page.served.unknown)
    page.page.get_by_role("button", name="One place").click()
    page.page.wait_for_selector(".verdict .sure")
    name = page.served.known.parent.name
    assert page.text(".verdict h1") == name
    assert f"One photo names {name}, one could not tell. Right with a probability of" in page.text(".verdict")
    told = page.page.evaluate(
        """async () => { const list = await indexedDB.databases(); const opening = indexedDB.open(list[0].name);
        const base = await new Promise((done) => { opening.onsuccess = () => done(opening.result); });
        const asked = base.transaction("answers").objectStore("answers").getAll();
        return new Promise((done) => { asked.onsuccess = () => done(asked.result.at(-1).answer); }); }"""
    )
    alone = next(one for one in told["photos"] if one["place"] == name)
    assert (told["grade"], told["probability"]) == ("sure", alone["probability"])
