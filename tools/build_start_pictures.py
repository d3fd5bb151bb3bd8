"""Make the pictures of docs/start.md from the rendered town: what its steps show, at the width of a page.

``python tools/build_start_pictures.py FOLDER`` in a folder where the steps of docs/start.md were done; needs Playwright
with Chromium (`make .venv/web`).
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
WIDE, HIGH, GAP = 232, 174, 8
PLACES = ("castle-gate", "clock-tower-hill", "lighthouse", "pagoda-garden", "glass-plaza")


def contact_sheet(photos: Path) -> Image.Image:
    """Return two photos each of some places, one place a column."""
    sheet = Image.new("RGB", (len(PLACES) * (WIDE + GAP) - GAP, 2 * (HIGH + GAP) - GAP), "white")
    for column, place in enumerate(place for place in PLACES if (photos / "gallery" / place).is_dir()):
        for row, path in enumerate(sorted((photos / "gallery" / place).glob("*.jpg"))[:2]):
            with Image.open(path) as image:
                small = image.convert("RGB").resize((WIDE, HIGH), Image.Resampling.LANCZOS)
            sheet.paste(small, (column * (WIDE + GAP), row * (HIGH + GAP)))
    return sheet


def main(folder: Path) -> None:
    """Write the pictures into docs."""
    contact_sheet(folder / "photos").save(DOCS / "start-photos.jpg", quality=85)
    with sync_playwright() as running:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        page = running.chromium.launch(executable_path=found, args=["--no-sandbox"]).new_page(
            viewport={"width": 1100, "height": 700}
        )
        page.goto((folder / "06-explained.html").resolve().as_uri())
        page.screenshot(path=DOCS / "start-explained.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
