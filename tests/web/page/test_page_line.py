"""Slow and lost lines: a photo is shrunk before it is sent, its way is told, and it can be called back."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from placeprint import Gallery, Recognizer
from placeprint.dataset.files import content_hash

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

TOKEN = "correct-horse-battery"
MIDDLE_LINE = {"offline": False, "latency": 20, "downloadThroughput": 100_000, "uploadThroughput": 100_000}


@pytest.fixture
def large(served: Any, tmp_path: Path) -> Path:
    """A known place as a phone would take it: 12 megapixels, lying on its side, with EXIF that says so."""
    with Image.open(served.known) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB").resize((3000, 4000), Image.Resampling.BICUBIC)
    noise = Image.frombytes("L", (3000, 4000), random.Random(1).randbytes(12_000_000)).convert("RGB")
    photo = Image.blend(upright, noise, 0.12).rotate(90, expand=True)
    exif = Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "phone.jpg", "JPEG", quality=90, exif=exif)
    return tmp_path / "phone.jpg"


WATCH = """() => { window.sent = [];
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) { sent.push(body.get("photos")); return send.call(this, body); }; }"""
SENT = """async () => { const bytes = new Uint8Array(await sent[0].arrayBuffer()); let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text); }"""


def sent(page: Any, photo: Path) -> bytes:
    """Ask about a photo, and return the bytes that were sent."""
    page.page.evaluate(WATCH)
    page.page.set_input_files("input[multiple]", photo)
    page.page.wait_for_selector(".verdict .sure")
    return base64.b64decode(page.page.evaluate(SENT))


def test_a_large_photo_is_sent_small_and_upright(visit: Callable[..., Any], large: Path) -> None:
    page = visit()
    data = sent(page, large)
    assert len(data) < large.stat().st_size / 5
    small = Image.open(io.BytesIO(data))
    assert (small.size, small.getexif().get(274, 1)) == ((960, 1280), 1)
    answer = Recognizer(Gallery.open(page.served.gallery)).recognize(large)
    assert page.page.locator(".candidates bdi").first.text_content() == answer.places[0].place
    width, height = page.page.locator(".asked img").evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert (width, height) == (3000, 4000)


def test_a_small_photo_is_sent_as_it_is(visit: Callable[..., Any]) -> None:
    page = visit()
    assert sent(page, page.served.known) == page.served.known.read_bytes()


def test_the_original_is_what_is_stored(visit: Callable[..., Any], large: Path) -> None:
    page = visit()
    page.ask(large)
    page.page.get_by_role("button", name="Add it to a place").click()
    page.page.get_by_label("Place", exact=True).fill("large")
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.locator("#notice").get_by_text("1 photo added to large.").wait_for()
    stored = [r.content_hash for r in Gallery.open(page.served.gallery).records if r.place == "large"]
    assert stored == [content_hash(large.read_bytes())]
    page.page.get_by_role("button", name="Undo").click()
    page.page.locator("#notice").get_by_text("Undone").wait_for()


def test_a_slow_line_tells_how_far_it_is_and_escape_calls_back(visit: Callable[..., Any], large: Path) -> None:
    page = visit()
    session = page.page.context.new_cdp_session(page.page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", MIDDLE_LINE | {"uploadThroughput": 30_000})
    page.page.set_input_files("input[multiple]", large)
    page.page.locator(".busy").get_by_text("Sending").wait_for()
    assert page.text(".busy").endswith("%")
    assert page.page.locator("progress").is_visible()
    page.page.keyboard.press("Escape")
    page.page.get_by_text("Cancelled.").wait_for()
    session.send("Network.emulateNetworkConditions", MIDDLE_LINE | {"uploadThroughput": 3_000_000})
    page.page.get_by_role("button", name="Ask", exact=True).click()
    page.page.wait_for_selector(".verdict .sure")


def test_a_server_that_was_away_is_asked_again_by_itself(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "ERR_"
    left = [2]

    def away(route: Any) -> None:
        left[0] -= 1
        route.abort("connectionrefused") if left[0] >= 0 else route.continue_()

    page.page.route("**/v1/recognize*", away)
    page.drop(page.served.known)
    page.page.get_by_text("No connection to the server.").first.wait_for()
    page.page.get_by_role("button", name="Try again now").click()
    page.page.wait_for_selector(".verdict .sure")
    assert left[0] < 0


def test_photos_wait_for_the_line_in_their_rows(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "ERR_INTERNET_DISCONNECTED"
    page.page.context.set_offline(True)
    page.page.set_input_files("input[multiple]", (page.served.queries * 2)[:9])
    page.page.get_by_text("The photo stays here").first.wait_for()
    page.page.context.set_offline(False)
    page.page.wait_for_function("() => document.querySelector('.hero progress')?.hidden === true")
    assert page.page.locator(".result.answered").count() == 9
