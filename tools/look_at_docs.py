"""Open every page of the built site as a reader does, on a desk and on a phone, and say what is wrong with it.

``python tools/look_at_docs.py [PICTURES]`` after `make docs`; needs Playwright, axe and Chromium (`make .venv/web`). A
page must not scroll sideways, ask another host for anything, or break a rule of axe (WCAG 2 A and AA): exit code 1.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[1] / "docs" / "_build"
WIDTHS = (1440, 390)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def faults(page: Any, name: str, *, with_axe: bool) -> Iterator[str]:
    """Yield a line for each thing that is wrong with the page that is open."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        yield f"{name}: {wide} pixels wider than the window"
    if with_axe:
        for fault in Axe().run(page, options=RULES).response["violations"]:
            yield f"{name}: {fault['id']}: {fault['nodes'][0]['html'][:160]}"


def main(pictures: Path | None) -> int:
    """Look at all pages; of some of the reference only, which are alike, axe is asked."""
    found, asked = [], set()
    with sync_playwright() as running:
        where = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = running.chromium.launch(executable_path=where, args=["--no-sandbox"])
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("request", lambda request: asked.add(request.url) if not request.url.startswith("file:") else None)
            for number, path in enumerate(sorted(SITE.rglob("*.html"))):
                name = path.relative_to(SITE).as_posix()
                page.goto(path.as_uri())
                found += faults(
                    page, f"{name} at {width}", with_axe=not name.startswith("reference/") or number % 20 == 0
                )
                if pictures and not name.startswith("reference/python/"):
                    page.screenshot(path=pictures / f"{name.replace('/', '-')}-{width}.png")
    print("\n".join([*found, *(f"asked another host: {url}" for url in sorted(asked) if not url.startswith("data:"))]))
    return bool(found or asked)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
