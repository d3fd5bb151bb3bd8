"""The page in Debian's Chromium, against a real server of the rendered town. Skipped where either is not there."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

TOKEN = "correct-horse-battery"


@dataclass(frozen=True)
class Served:
    """A server that runs, its gallery, and queries of the town: one that is sure, one likely, one UNKNOWN."""

    url: str
    gallery: Path
    town: Path
    known: Path
    likely: Path
    unknown: Path

    @property
    def queries(self) -> list[Path]:
        """Photos that can be read, by name."""
        return sorted(self.town.glob("query/*/0[345].jpg"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Path]]:
    """A town of eight places, its gallery, and three queries, chosen by what `placeprint.recognize` says of them."""
    from placeprint import Gallery, Grade, PositionEvidence, Recognizer, index
    from town import render_town

    folder = tmp_path_factory.mktemp("page")
    render_town(folder / "town", places=8, views=4, seed=11)
    gallery = index(folder / "town", folder / "town.gallery", cache=False).gallery
    gallery.with_positions(PositionEvidence(known=((1.12, 7.0),) * 30, unknown=(1.0,) * 30, asked=30))
    recognizer = Recognizer(Gallery.open(folder / "town.gallery"))
    photos = sorted((folder / "town").glob("query/*/0[345].jpg"))
    said = {photo: recognizer.recognize(photo) for photo in photos}
    of = {grade: [photo for photo, answer in said.items() if answer.grade is grade] for grade in Grade}
    known = next(photo for photo in of[Grade.SURE] if said[photo].place == photo.parent.name)
    chosen = {"known": known, "likely": of[Grade.LIKELY][0], "unknown": of[Grade.UNKNOWN][0]}
    return folder / "town", folder / "town.gallery", chosen


@pytest.fixture(scope="module")
def served(base: tuple[Path, Path, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own for each file of tests, because tests write."""
    town, source, chosen = base
    gallery = tmp_path_factory.mktemp("served") / "town.gallery"
    shutil.copytree(source, gallery)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "placeprint.cli.program",
        "serve",
        str(gallery),
        "--port",
        str(port),
        "--waiting",
        "2",
    ]
    environment = os.environ | {"PLACEPRINT_TOKEN": TOKEN}
    log = gallery.parent / "log"
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait(f"{url}v1/ready", process, log)
            yield Served(url, gallery, town, **chosen)
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text()}")


@dataclass
class Visit:
    """An open page, what its console said, and which hosts it asked."""

    page: Any
    served: Served
    console: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    expected: str = ""
    """What an error on the console may hold: the browser writes one for every answer with an error status."""

    def go(self, view: str = "") -> None:
        """Open a view and wait until it is drawn."""
        old = "hash => location.hash !== hash && document.querySelector('main h1')?.setAttribute('data-old', '')"
        self.page.evaluate(old, f"#/{view}")
        self.page.goto(f"{self.served.url}#/{view}")
        self.page.wait_for_selector("main h1:not([data-old])")
        self.page.wait_for_load_state("networkidle")

    def ask(self, *photos: Path) -> None:
        """Drop photos on the page and wait for the answer, which has an address of its own."""
        before = self.page.evaluate("location.hash")
        self.drop(*photos)
        self.page.wait_for_function("before => location.hash !== before", arg=before)
        self.page.wait_for_selector(".verdict .sure")

    def drop(self, *photos: Path) -> None:
        """Drop files on the page, as a hand with a mouse does."""
        self.page.dispatch_event("body", "drop", {"dataTransfer": self.transfer(*photos)})

    def transfer(self, *photos: Path) -> Any:
        """Return a DataTransfer with files."""
        files = [[photo.name, base64.b64encode(photo.read_bytes()).decode()] for photo in photos]
        script = """files => { const moved = new DataTransfer();
          for (const [name, text] of files)
            moved.items.add(
              new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name, { type: "image/jpeg" }));
          return moved; }"""
        return self.page.evaluate_handle(script, files)

    def text(self, selector: str) -> str:
        """Return the text of one element, as it is seen."""
        self.page.locator(selector).first.wait_for()
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def texts(self, selector: str) -> list[str]:
        """Return the text of every such element."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_inner_texts()]


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Callable[..., Visit]]:
    """Open pages; at the end no console may have complained, and no host but the server's may have been asked."""
    opened: list[Visit] = []

    def open_page(**settings: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | settings)
        context.set_default_timeout(180_000)
        made = Visit(context.new_page(), served)
        made.page.on("console", lambda m: m.type in ("error", "warning") and made.console.append(m.text))
        made.page.on("pageerror", lambda error: made.console.append(str(error)))
        made.page.on("request", lambda request: made.hosts.add(urlsplit(request.url).netloc))
        made.page.on("filechooser", lambda _: None)  # caught from the start: a late order would miss one
        opened.append(made)
        made.go()
        return made

    yield open_page
    for made in opened:
        made.page.context.close()
        assert made.hosts - {""} == {urlsplit(served.url).netloc}  # blob: has no host
        assert [text for text in made.console if not made.expected or made.expected not in text] == []
