"""Pictures always show: what a browser cannot draw is drawn by the server, and no line lies over a grey box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

DRAWN = "i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])"


@pytest.fixture(params=["tiff", "tiff-16-bit", "heic"])
def undrawable(served: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A known place in a format that Chromium does not draw."""
    with Image.open(served.known) as opened:
        image = opened.convert("RGB")
    path = tmp_path / f"known.{request.param[:4]}"
    if request.param == "heic":
        heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
        heif.from_pillow(image).save(path, quality=90)
    elif request.param == "tiff":
        image.save(path)
    else:
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path)
    return path


def test_the_server_draws_what_the_browser_cannot(visit: Callable[..., Any], undrawable: Path) -> None:
    page = visit()
    page.ask(undrawable)
    with Image.open(page.served.known) as opened:
        size = list(opened.size)
    assert page.page.locator(".asked img").evaluate(DRAWN) == size
    page.page.wait_for_selector(".lines g")
    page.page.reload()
    page.page.wait_for_selector(".verdict .sure")
    assert page.page.locator(".asked img").evaluate(DRAWN) == size


def test_no_line_is_drawn_over_a_grey_box(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "404"
    page.page.route("**/thumbnail?size=960", lambda route: route.fulfill(status=404, body="gone"))
    page.ask(page.served.known)
    page.page.locator(".pane .gone").wait_for()
    page.page.wait_for_timeout(200)
    assert page.page.locator(".lines g").count() == 0


@pytest.mark.parametrize("width", [1440, 390])
def test_a_pair_is_enlarged(visit: Callable[..., Any], width: int) -> None:
    page = visit(viewport={"width": width, "height": 900})
    page.ask(page.served.known)
    page.page.wait_for_selector(".lines g")
    small = page.page.locator(".why .pane").first.bounding_box()["width"]
    page.page.get_by_role("button", name="Enlarge").click()
    page.page.wait_for_selector("dialog.large .lines g")
    large = page.page.locator("dialog.large .pane").first.bounding_box()["width"]
    assert large > small if width == 1440 else large > 0.9 * small
    assert page.page.evaluate("document.querySelector('dialog').scrollWidth") <= width
    page.page.keyboard.press("Escape")
    page.page.locator("dialog").wait_for(state="detached")
    assert page.page.evaluate("document.activeElement.textContent") == "Enlarge"
