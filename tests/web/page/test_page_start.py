"""The first visit: few requests, little code, and something to see before any script is there."""

from __future__ import annotations

import gzip
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

MOST_REQUESTS, MOST_CODE = 10, 120 * 1024


def test_the_first_drawing_takes_few_requests_and_little_code(visit: Callable[..., Any]) -> None:
    page = visit()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url.removeprefix(page.served.url)))
    page.page.goto("about:blank")
    page.page.goto(page.served.url)
    page.page.wait_for_selector(".grid")
    code = [name for name in asked if not name.startswith("v1/images/")]
    assert len(code) <= MOST_REQUESTS
    assert sorted(code)[:1] == [""]
    sizes = [
        len(fetched(page.served.url + name)) for name in code if name == "" or name.startswith("static/page-en.js")
    ]
    assert len(sizes) == 2
    assert sum(sizes) < MOST_CODE


def fetched(address: str) -> bytes:
    asked = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        return gzip.decompress(answer.read())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_skeleton_is_there_before_the_script(visit: Callable[..., Any], scheme: str) -> None:
    page = visit(color_scheme=scheme)
    held: list[Any] = []
    page.page.route("**/static/page-*.js*", lambda route: held.append(route))
    page.page.goto("about:blank")
    page.page.goto(page.served.url, wait_until="commit")
    page.page.wait_for_selector(".skeleton span")
    page.page.get_by_role("link", name="Places").wait_for()
    ground = "getComputedStyle(document.querySelector('.skeleton span')).backgroundColor"
    assert page.page.evaluate(ground) == {"light": "rgb(241, 241, 237)", "dark": "rgb(30, 33, 36)"}[scheme]
    page.page.wait_for_function("performance.getEntriesByName('first-paint').length")
    held[0].continue_()
    page.page.get_by_role("heading", name="Which place is this?").wait_for()
    assert page.page.locator(".skeleton").count() == 0


def test_the_heading_waits_for_no_answer_of_the_server(visit: Callable[..., Any]) -> None:
    page = visit()
    held: list[Any] = []
    page.page.route("**/v1/about", lambda route: held.append(route))
    page.page.goto("about:blank")
    page.page.goto(page.served.url, wait_until="commit")
    page.page.get_by_role("heading", name="Which place is this?").wait_for()
    assert page.page.locator(".grid").count() == 0
    while held:
        held.pop().continue_()
        page.page.wait_for_timeout(100)
    page.page.wait_for_selector(".grid")
