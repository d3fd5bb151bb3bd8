"""The page in German: by the browser's language or by choice, whole, with the right forms; axe finds nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

GERMAN = {"locale": "de-DE"}


def test_the_browser_chooses_and_the_switch_is_remembered(visit: Callable[..., Any]) -> None:
    page = visit(**GERMAN)
    assert page.page.evaluate("document.documentElement.lang") == "de"
    assert page.text("h1") == "Welcher Ort ist das?"
    assert page.texts(".bar nav a") == ["Fragen", "Orte", "Antworten"]
    page.page.get_by_label("Sprache").select_option("English")
    page.page.get_by_role("heading", name="Which place is this?").wait_for()
    page.page.reload()
    assert page.text("h1") == "Which place is this?"
    assert page.page.evaluate("document.documentElement.lang") == "en"
    page.go("places")
    assert page.text("h1") == "Places"


def test_only_the_language_in_use_is_sent(visit: Callable[..., Any]) -> None:
    page = visit(**GERMAN)
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url.removeprefix(page.served.url)))
    page.page.reload()
    page.page.wait_for_selector(".grid")
    assert [name.partition("?")[0] for name in asked if name.startswith("static/page")] == ["static/page-de.js"]
    assert not [name for name in asked if "words" in name]


def test_numbers_and_forms_are_german(visit: Callable[..., Any]) -> None:
    page = visit(**GERMAN)
    page.ask(page.served.known)
    assert page.text(".verdict .sure") == "✓ sicher"
    assert re.search(
        r"Richtig mit einer Wahrscheinlichkeit von (über )?\d+ %; als sicher gilt es ab \d+ %\.", page.text(".verdict")
    )
    assert re.match(r"\d,\d{3}$", page.texts(".candidates .number")[0].split()[-1])
    assert re.search(r"\d+ von \d+ Stellen stimmen überein", page.text(".why figcaption"))
    assert re.match(r"Aufgenommen bei \d+,\d{5}° N \d+,\d{5}° W, auf", page.text(".verdict .spot"))
    place = page.served.known.parent.name
    page.go(f"places/{place}")
    assert re.match(r"\d+ Fotos", page.text(".hero p.soft"))
    page.go("places?q=zzz")
    assert page.text(".hero p.soft") == "0 Orte mit „zzz“ im Namen."


def test_what_the_server_refuses_is_told_in_german(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(**GERMAN)
    page.expected = "422"
    (tmp_path / "leer.jpg").write_bytes(b"no photo")
    page.drop(tmp_path / "leer.jpg")
    page.page.get_by_role("heading", name="Keine Antwort").wait_for()
    assert "Die Datei ist kein lesbares Foto." in page.text(".trouble")
    assert page.page.locator("main [lang=en]").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_in_german_and_nothing_is_cut(visit: Callable[..., Any], width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(**GERMAN, viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page.ask(page.served.known)
    for view in ("", "answers/1", "answers", "places"):
        page.page.evaluate("view => { location.hash = `#/${view}`; }", view)
        page.page.wait_for_load_state("networkidle")
        page.page.wait_for_timeout(300)
        found = Axe().run(page.page)
        assert [one["id"] for one in found.response["violations"]] == [], json.dumps(found.response["violations"])[:800]
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
