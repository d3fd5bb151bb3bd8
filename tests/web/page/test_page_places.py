"""Places are browsed on the page, and the gallery is changed from it and changed back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placeprint import Gallery

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

TOKEN = "correct-horse-battery"


def counted(served: Any) -> Counter[str]:
    """Return how many images each place has, as the gallery on disk says."""
    return Counter(record.place for record in Gallery.open(served.gallery).records)


def photos(count: int) -> str:
    return f"{count} photo{'' if count == 1 else 's'}"


def test_places_are_listed_and_searched(visit: Callable[..., Any]) -> None:
    page = visit()
    page.go("places")
    there = sorted(counted(page.served).items())
    assert page.texts(".grid li") == [f"{place} {photos(count)}" for place, count in there]
    assert page.page.evaluate("[...document.querySelectorAll('.card img')].slice(0, 3).every(i => i.naturalWidth > 0)")
    page.page.get_by_role("searchbox").fill("WATER")
    page.page.get_by_text("with “WATER” in the name.").wait_for()
    assert page.texts(".grid b") == [place for place, _ in there if "water" in place]
    page.page.get_by_role("searchbox").fill("nowhere")
    page.page.get_by_text("0 places with “nowhere” in the name.").wait_for()


def test_a_place_shows_its_photos(visit: Callable[..., Any]) -> None:
    page = visit()
    name = page.served.known.parent.name
    page.page.get_by_role("link", name=f"{name} {photos(counted(page.served)[name])}").click()
    page.page.get_by_role("heading", name=name).wait_for()
    records = [record for record in Gallery.open(page.served.gallery).records if record.place == name]
    assert page.texts(".grid .card") == [Path(record.path).name for record in records]
    address = page.page.locator(".grid .card").first.get_attribute("href")
    original = page.page.request.get(page.served.url + address)
    assert original.body() == (page.served.town / records[0].path).read_bytes()
    page.page.go_back()
    page.page.get_by_role("heading", name="Which place is this?").wait_for()


def test_a_photo_is_added_and_taken_back(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "401"
    before = counted(page.served)
    page.ask(page.served.unknown)
    page.page.get_by_role("button", name="Add it to a place").click()
    page.page.get_by_label("Place", exact=True).fill("a new place")
    page.page.get_by_label("Token of this server").fill("not the token at all")
    page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.locator("dialog .wrong").filter(has_text="token").wait_for()
    assert counted(page.served) == before
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.get_by_text("1 photo added to a new place.").first.wait_for()
    assert counted(page.served) == before + Counter({"a new place": 1})
    page.ask(page.served.unknown)
    assert page.texts(".candidates a")[0] == "a new place"
    page.page.get_by_role("button", name="Undo").click()
    page.page.get_by_text("Undone: a new place is as it was.").first.wait_for()
    assert counted(page.served) == before
    assert page.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert page.page.evaluate("Object.values(sessionStorage)") == [TOKEN]


def test_a_photo_is_removed_and_brought_back(visit: Callable[..., Any]) -> None:
    page = visit()
    name = page.served.known.parent.name
    before = counted(page.served)
    page.go(f"places/{name}")
    page.page.get_by_role("button", name="Remove 02.jpg").click()
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Remove", exact=True).click()
    page.page.get_by_text("02.jpg removed.").first.wait_for()
    assert counted(page.served) == before - Counter({name: 1})
    page.page.get_by_text(f"{photos(before[name] - 1)},").wait_for()
    page.page.get_by_role("button", name="Undo").click()
    page.page.get_by_text(f"Undone: {name} is as it was.").first.wait_for()
    assert counted(page.served) == before
    hashes = [r.content_hash for r in Gallery.open(page.served.gallery).records if r.place == name]
    assert len(set(hashes)) == before[name]


def test_what_is_there_already_is_not_taken_back(visit: Callable[..., Any]) -> None:
    """Undo would delete a photo that was there before it was sent again."""
    page = visit()
    page.expected = "404"  # the place is gone with its only photo
    before = counted(page.served)
    for says in ("1 photo added to twice.", "Already there: twice stays as it is."):
        page.ask(page.served.unknown)
        page.page.get_by_role("button", name="Add it to a place").click()
        page.page.get_by_label("Place", exact=True).fill("twice")
        if page.page.get_by_label("Token of this server").is_visible():
            page.page.get_by_label("Token of this server").fill(TOKEN)
        page.page.get_by_role("button", name="Add", exact=True).click()
        page.page.locator("#notice").get_by_text(says).wait_for()
        assert counted(page.served) == before + Counter({"twice": 1})
    assert page.page.get_by_role("button", name="Undo").count() == 0
    page.go("places/twice")
    assert page.text(".card .small").startswith("added here, ")
    page.page.get_by_role("button", name="Remove added here").click()
    page.page.get_by_role("button", name="Remove", exact=True).click()
    page.page.get_by_role("heading", name="No such place").wait_for()
    assert counted(page.served) == before
