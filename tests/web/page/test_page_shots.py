"""The pictures of README.md and docs/ can be made: of the town of docs/start.md, its report and its page.

They are made of a smaller town in a temporary folder; `make shots` makes them in docs/, to be looked at and committed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

sys.path.insert(0, str(Path(__file__).parents[1]))

from served import Program

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
SCREENS: dict[int, dict[str, Any]] = {
    1440: {"viewport": {"width": 1440, "height": 1000}},
    390: {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
}
GERMAN = {("answer", 1440, "light"), ("answer", 390, "dark")}
"""Of these there is a picture in German, too."""
ASKED = os.environ.get("PLACEPRINT_SHOTS")
PLACES = 20 if ASKED else 10
SHEET = ("castle-gate", "clock-tower-hill", "lighthouse", "pagoda-garden", "glass-plaza") if ASKED else ("castle-gate",)
WIDE, HIGH, GAP = 232, 174, 8
KNOWN, UNKNOWN = "query/castle-gate/06.jpg", f"query/{'triumphal-arch' if ASKED else 'brick-terrace'}/06.jpg"
COLOURS = 64
"""A picture that shows something has more."""


def page_pictures(width: int, scheme: str, tag: str) -> dict[str, str]:
    """Return what is drawn of the page in one look, and the names of the pictures."""
    views = [view for view in ("answer", "unknown", "many") if tag == "en" or (view, width, scheme) in GERMAN]
    return {view: f"page-{view}-{width}-{scheme}{'' if tag == 'en' else f'-{tag}'}.png" for view in views}


LOOKS = [look for look in product(SCREENS, ("light", "dark"), ("en", "de")) if page_pictures(*look)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the pictures go."""
    return Path(ASKED).resolve() if ASKED else tmp_path_factory.mktemp("shots")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow docs/start.md: a town, its gallery and report."""
    from placeprint import run
    from town import render_town

    folder = tmp_path_factory.mktemp("start")
    render_town(folder / "photos", places=PLACES, views=8, seed=0)
    run(folder / "photos", folder / "out", cache=False)
    return folder


@pytest.fixture(scope="module")
def url(made: Path) -> Iterator[str]:
    program = Program(made / "out" / "gallery", made / "log")
    yield program.url
    program.stop()


def kept(drawn: Path, share: float = 0.75) -> None:
    """Make a screenshot smaller, in 256 colours: a quarter of its bytes. One that shows nothing is none."""
    with Image.open(drawn) as read:
        image = read.convert("RGB")
    small = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    few = small.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE) if ASKED else small
    few.save(drawn, optimize=True)
    assert len(few.getcolors(small.width * small.height) or ()) > COLOURS, drawn.name


def many(made: Path) -> list[Path]:
    """Return queries, each under a name of its own, and one file that is no photo."""
    folder = made / "many"
    folder.mkdir(exist_ok=True)
    notes = folder / "meeting notes.jpg"
    notes.write_text("no photo")
    sources = sorted((made / "photos").glob("query/*/0[67].jpg"))[:23]
    photos = [folder / f"IMG_{4007 + 7 * number}.jpg" for number in range(len(sources))]
    for photo, source in zip(photos, sources, strict=True):
        shutil.copy(source, photo)
    return [*photos[:3], notes, *photos[3:]]


@pytest.mark.parametrize(("width", "scheme", "tag"), LOOKS)
def test_the_page(browser: Any, made: Path, url: str, out: Path, width: int, scheme: str, tag: str) -> None:
    photos = {"answer": [made / "photos" / KNOWN], "unknown": [made / "photos" / UNKNOWN], "many": many(made)}
    shown = {"answer": ".verdict.sure", "unknown": ".verdict.UNKNOWN", "many": ".hero progress[hidden]"}
    with browser.new_context(**SCREENS[width], color_scheme=scheme, reduced_motion="reduce", locale=tag) as context:
        page = context.new_page()
        for view, name in page_pictures(width, scheme, tag).items():
            page.goto(f"{url}/#/")
            page.wait_for_selector(".drop")
            page.set_input_files("input[multiple]", photos[view])
            page.wait_for_selector(shown[view], state="attached", timeout=180_000)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(300)
            page.screenshot(path=out / name)
            kept(out / name)


def test_the_report_and_why_two_photos_match(browser: Any, made: Path, out: Path) -> None:
    command = [sys.executable, "-m", "placeprint.cli.program", "query", "out/gallery", f"photos/{KNOWN}", "--explain"]
    subprocess.run(command, cwd=made, check=True, capture_output=True)
    for file, name, width, height in (
        ("out/report.html", "report.png", 1280, 1220),  # above the times, which are those of the machine
        ("06-explained.html", "start-explained.png", 1100, 700),
    ):
        with browser.new_context(viewport={"width": width, "height": height}) as context:
            page = context.new_page()
            page.goto((made / file).as_uri())
            page.screenshot(path=out / name)
        kept(out / name, 1)


def test_two_photos_each_of_some_places(made: Path, out: Path) -> None:
    sheet = Image.new("RGB", (len(SHEET) * (WIDE + GAP) - GAP, 2 * (HIGH + GAP) - GAP), "white")
    for column, place in enumerate(SHEET):
        for row, path in enumerate(sorted((made / "photos/gallery" / place).glob("*.jpg"))[:2]):
            with Image.open(path) as image:
                small = image.convert("RGB").resize((WIDE, HIGH), Image.Resampling.LANCZOS)
            sheet.paste(small, (column * (WIDE + GAP), row * (HIGH + GAP)))
    sheet.save(out / "start-photos.jpg", quality=85)


def test_no_picture_of_the_documentation_is_made_elsewhere() -> None:
    pages = (ROOT / "README.md", *DOCS.glob("*.md"))
    named = {path for page in pages for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))}
    there = {path.name for path in DOCS.iterdir() if path.suffix in (".png", ".jpg")}
    made_here = {name for look in LOOKS for name in page_pictures(*look).values()}
    assert made_here | {"report.png", "start-explained.png", "start-photos.jpg"} == there
    assert {Path(path).name for path in named} == there
