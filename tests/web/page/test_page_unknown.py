"""Unknown photos that a server keeps: looked through and corrected in a browser, and saved before they are answered."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

sys.path.insert(0, str(Path(__file__).parents[1]))

from served import TOKEN, WRITER, Program  # noqa: E402

import placeprint  # noqa: E402
from placeprint.dataset.metadata.bare import without_metadata  # noqa: E402


@pytest.fixture
def asked(base: tuple[Path, Path, dict[str, Path]], tmp_path: Path) -> Any:
    """A server that keeps unknown photos, asked about two that are UNKNOWN and one that is not."""
    town, gallery, chosen = base
    own = shutil.copytree(gallery, tmp_path / "own.gallery")  # it gets new places
    program = Program(own, tmp_path / "log", "--remember", str(tmp_path / "kept"), token=TOKEN)
    with httpx.Client(base_url=program.url, timeout=60) as client:
        said = {}
        for photo in [chosen["known"], chosen["unknown"], *sorted(town.glob("query/*/0[345].jpg"))]:
            said[photo] = client.post("/v1/recognize", content=photo.read_bytes()).json()["grade"]
            if list(said.values()).count("UNKNOWN") == 2:
                break
    yield program, tmp_path / "kept"
    if program.process.poll() is None:
        program.stop()


def test_unknown_photos_are_corrected_and_nothing_that_was_answered_is_lost(browser: Any, asked: Any) -> None:
    program, folder = asked
    kept = placeprint.remembered(folder)
    assert len(kept.photos) == 2
    first = (folder / "photos" / kept.photos[0]).read_bytes()
    assert b"Exif" not in first[:64]  # kept without metadata
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    context.set_default_timeout(180_000)
    page, console, hosts = context.new_page(), [], set()
    page.on("console", lambda message: message.type in ("error", "warning") and console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(program.url)
    page.get_by_role("link", name="The server keeps a copy when it is UNKNOWN.").click()
    page.get_by_label("token").fill("wrong-but-long-enough")
    page.get_by_role("button", name="Show them").click()
    page.get_by_text("the token is wrong").wait_for()
    assert [text for text in console if "401" not in text] == []
    console.clear()
    page.get_by_label("token").fill(TOKEN)
    page.get_by_role("button", name="Show them").click()
    page.locator(".tile").first.wait_for()
    assert page.locator(".group input").count() == 0  # both are alone
    for tile in page.locator(".tile").all():
        tile.click()
    page.keyboard.press("m")
    page.get_by_text("Saved.").wait_for()
    program.stop(lambda process: process.send_signal(signal.SIGKILL))
    [link] = kept.corrections().constraints
    assert (link.link.value, {link.a, link.b}) == ("must", set(kept.photos))
    found = kept.groups()
    assert found is not None
    assert [set(one.photos) for one in found.groups] == [set(kept.photos)]
    assert console == []
    assert hosts - {""} == {urlsplit(program.url).netloc}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_new_place_is_named_and_added_to_the_gallery_in_german(browser: Any, asked: Any) -> None:
    program, folder = asked
    kept = placeprint.remembered(folder)
    photos = kept.photos
    context = browser.new_context(locale="de-DE", viewport={"width": 390, "height": 844})
    context.set_default_timeout(180_000)
    page, console = context.new_page(), []
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(f"{program.url}/unknown")
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_label("Das Token des Servers").fill(TOKEN)
    assert faults(page) == []
    page.get_by_role("button", name="Zeigen").click()
    page.locator(".tile").first.wait_for()
    assert faults(page) == []
    assert page.locator("h1").inner_text() == "Unbekannte Fotos"
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_text("2 Fotos, 2 Ansichten ohne Kopien").wait_for()
    for tile in page.locator(".tile").all():
        tile.click()
    page.keyboard.press("m")
    page.get_by_text("Gespeichert.").wait_for()
    name = page.get_by_placeholder("Diesen Ort benennen")
    name.fill("Alte Mühle")
    name.press("Tab")
    page.get_by_text("Gespeichert.").wait_for()
    before = kept.corrections()
    kept.correct(placeprint.Corrections((), {photos[0]: "Tor"}))  # somebody else corrects in between
    page.keyboard.press("u")
    page.get_by_text("Jemand anderes hat diese Fotos inzwischen korrigiert").wait_for()
    assert kept.corrections() == before.then(placeprint.Corrections((), {photos[0]: "Tor"}))
    kept.replace(before)
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="In die Galerie aufnehmen").click()
    page.get_by_text("Noch sind keine unbekannten Fotos aufbewahrt").wait_for()
    assert kept.photos == ()
    assert dict(kept.accepted) == dict.fromkeys(photos, "Alte Mühle")
    with httpx.Client(base_url=program.url, timeout=60) as client:
        assert client.get("/v1/places/Alte Mühle").json()["total"] == 2
    assert console == []
    context.close()


def faults(page: Any) -> list[str]:
    found = pytest.importorskip("axe_playwright_python.sync_playwright").Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def test_a_server_without_a_token_says_so_at_once(base: tuple[Path, Path, Any], tmp_path: Path) -> None:
    program = Program(base[1], tmp_path / "log", "--remember", str(tmp_path / "kept"))
    try:
        for language, said in {"en": "This server has no token", "de": "Dieser Server hat kein Token"}.items():
            told = httpx.get(f"{program.url}/unknown", headers={"Accept-Language": language}).text
            assert said in told
            assert not any(tag in told for tag in ("<form", "<script", "<input"))
    finally:
        program.stop()


def test_what_is_not_allowed_is_refused_in_one_line(asked: Any) -> None:
    program, folder = asked
    with httpx.Client(base_url=program.url, timeout=60) as client:
        closed = ("/v1/group", "/unknown", "/v1/group/accept", "/v1/group/forget")
        for method, path in (*(("POST", path) for path in closed), ("PUT", "/v1/group/corrections")):
            assert client.request(method, path).status_code == 401
        told = client.post("/v1/group", headers=WRITER).json()
        assert (told["groups"]["images"], told["accepted"], told["gallery"]) == (2, {}, {})
        photos = list(placeprint.remembered(folder).photos)
        wrong: list[Any] = [[], {}, {"photos": "a"}, {"photos": []}, {"photos": [1]}, {"photos": ["../accepted.csv"]}]
        wrong += [{"photo": 1, "place": "Mill"}, {"photo": photos[0], "place": "Mill"}, {"photo": photos[0]}]
        for row in [*wrong, *({"photos": photos, "place": place} for place in (None, "", "UNKNOWN", "a|b", "x" * 201))]:
            refused = client.post("/v1/group/accept", json=row, headers=WRITER)
            assert (refused.status_code, len(refused.json()["detail"].splitlines())) == (422, 1), row
        for row in wrong[:5]:
            assert client.post("/v1/group/forget", json=row, headers=WRITER).status_code == 422
        nothing = client.post("/v1/group/forget", json={"photos": ["../accepted.csv", "no.jpg"]}, headers=WRITER)
        assert nothing.json() == {"forgotten": []}
        seen = client.post("/v1/group", headers=WRITER).headers["ETag"]
        for body in (b"", b"[]", b'{"format": 1, "answers": [{"place": "UNKNOWN", "photos": ["a"]}]}', b"[" * 100_000):
            refused = client.put("/v1/group/corrections", content=body, headers=WRITER)
            assert (refused.status_code, "cannot be read" in refused.json()["detail"]) == (422, True)
        together = {"link": "must", "a": photos[0], "b": photos[1]}
        said = {"format": 1, "answers": [together, {"place": "Old Mill", "photos": photos}]}
        saved = client.put("/v1/group/corrections", json=said, headers=WRITER | {"If-Match": seen})
        assert (saved.json(), saved.headers["ETag"] == seen) == ({"saved": 3, "contradictions": []}, False)
        late = client.put("/v1/group/corrections", json={**said, "answers": []}, headers=WRITER | {"If-Match": seen})
        assert (late.status_code, "somebody else corrected" in late.json()["detail"]) == (412, True)
        assert json.loads((folder / "corrections.json").read_text()) == said
        other = placeprint.remembered(folder).keep((folder / "photos" / photos[0]).read_bytes() + b" ", "other.jpg")
        gone = client.post("/v1/group/forget", json={"photos": [other]}, headers=WRITER)
        assert gone.json() == {"forgotten": [other]}
        image, sent = Image.open(folder / "photos" / photos[0]).resize((300, 200)), io.BytesIO()
        remark = Image.Exif()
        remark[0x010E] = "a remark"
        image.save(sent, "JPEG", exif=remark)
        placeprint.remembered(folder).keep(without_metadata(sent.getvalue()), "sent.jpg")  # as the server keeps it
        assert len(placeprint.remembered(folder).photos) == 3
        new = client.post("/v1/places/Gate/images", files={"photos": sent.getvalue()}, headers=WRITER)
        assert (new.status_code, placeprint.remembered(folder).photos) == (201, tuple(photos))
        added = client.post("/v1/group/accept", json={"photo": photos[1], "place": "Old Mill"}, headers=WRITER)
        assert added.json() == {"place": "Old Mill", "photos": 2, "added": 2}
        assert dict(placeprint.remembered(folder).accepted) == dict.fromkeys(photos, "Old Mill")


def test_a_server_that_keeps_nothing_has_no_such_page(visit: Callable[..., Any]) -> None:
    page = visit()
    for path in ("unknown", "v1/group"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{page.served.url}{path}")
