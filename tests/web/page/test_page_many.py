"""Any number of photos at once: each a row with its answer, sorted, marked, exported, and added to a place."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from served import until

from placeprint import Gallery, Recognizer

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

TOKEN = "correct-horse-battery"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DONE = "() => document.querySelector('.hero progress')?.hidden === true"
PREVIEWS = """async () => { const [{ name }] = await indexedDB.databases();
    const opened = await new Promise(r => { const o = indexedDB.open(name); o.onsuccess = () => r(o.result); });
    const asked = opened.transaction("previews").objectStore("previews").count();
    const count = await new Promise(r => { asked.onsuccess = () => r(asked.result); });
    opened.close(); return count; }"""


@pytest.fixture
def photos(served: Any, tmp_path: Path) -> list[Path]:
    """Twelve photos under names of their own; the fourth and the last are none."""
    made = []
    for number, photo in enumerate((served.queries * 2)[:12]):
        made.append(tmp_path / f"{number:02d}-{photo.parent.name}.jpg")
        shutil.copy(photo, made[-1])
    made[3].write_text("no photo")
    made[-1].write_bytes(made[-1].read_bytes()[:2000])
    return made


def give(page: Any, photos: list[Path], *, wait: bool = True) -> None:
    """Choose photos, and wait until all are asked."""
    page.page.set_input_files("input[multiple]", photos)
    page.page.wait_for_selector(".result")
    if wait:
        page.page.wait_for_function(DONE)


def filed(answer: Any) -> str:
    """The place that a row is filed under."""
    return "UNKNOWN" if answer.grade == "UNKNOWN" else answer.best_guess


def exported(page: Any, kind: str) -> str:
    page.page.locator(".export summary").click()
    with page.page.expect_download() as saved:
        page.page.get_by_role("button", name=kind, exact=True).click()
    return Path(saved.value.path()).read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("screen", [{"color_scheme": "dark"}, PHONE], ids=["desk", "phone"])
def test_each_photo_is_a_row_with_the_answer_of_python(
    visit: Callable[..., Any], photos: list[Path], screen: dict[str, Any]
) -> None:
    page = visit(**screen)
    page.expected = "422"
    give(page, photos)
    recognizer = Recognizer(Gallery.open(page.served.gallery))
    shown = page.page.locator(".result b").all_text_contents()
    words = page.page.locator(".result .grade").all_text_contents()
    for number, photo in enumerate(photos):
        if number in (3, 11):
            assert (shown[number], words[number]) == (photo.name, "failed")
            note = page.page.locator(".result .note").nth(int(number == 11)).text_content()
            assert f"{photo.name}: the" in note
            continue
        answer = recognizer.recognize(photo)
        assert (shown[number], words[number]) == (filed(answer), answer.grade)
    assert len(shown) == 12
    assert page.text(".hero p").endswith("2 failed.")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= page.page.viewport_size["width"]


def test_answers_are_exported(visit: Callable[..., Any], photos: list[Path]) -> None:
    page = visit()
    page.expected = "422"
    give(page, photos)
    page.page.locator(".mark.right").nth(0).click()
    page.page.locator(".mark.wrong").nth(1).click()
    page.page.get_by_label(f"The right place of {photos[1].name}").fill("=somewhere else")
    page.page.get_by_label(f"The right place of {photos[1].name}").press("Tab")
    rows = json.loads(exported(page, "JSON"))["answers"]
    assert [row["file"] for row in rows] == [photo.name for photo in photos]
    assert [row["mark"] for row in rows[:3]] == ["right", "wrong", None]
    assert [row["state"] for row in rows].count("failed") == 2
    assert rows[1]["correct_place"] == "=somewhere else"
    table = list(csv.DictReader(exported(page, "CSV").splitlines()))
    assert table[1]["correct_place"] == "'=somewhere else"  # a spreadsheet does not run it
    named = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert [row["place"] for row in table] == [row["place"] for row in named]
    features = json.loads(exported(page, "GeoJSON"))["features"]
    at = [row["longitude"] is not None and [row["longitude"], row["latitude"]] for row in rows]
    assert [(one["geometry"] or {"coordinates": False})["coordinates"] for one in features] == at
    assert any(at)
    recognizer = Recognizer(Gallery.open(page.served.gallery))
    for row, photo in zip(rows, photos, strict=True):
        found = None if row["state"] == "failed" else recognizer.recognize(photo).position
        wanted = [None] * 3 if found is None else [found.latitude, found.longitude, found.radius]
        assert [row["latitude"], row["longitude"], row["radius"]] == pytest.approx(wanted), "where it was taken"


OVERLAPS = """() => [...document.querySelectorAll(".result")].flatMap((row) => {
  const boxes = [...row.children].map((one) => one.getBoundingClientRect()).filter((box) => box.width && box.height);
  const before = (a, b) => a.right <= b.left + 1 || a.bottom <= b.top + 1;
  const apart = (a, b) => before(a, b) || before(b, a);
  const inside = boxes.every((box) => box.right <= document.documentElement.clientWidth);
  return inside && boxes.every((a, i) => boxes.slice(i + 1).every((b) => apart(a, b))) ? [] : [row.textContent];
})"""


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_in_a_row_lies_on_something_else(visit: Callable[..., Any], photos: list[Path], width: int) -> None:
    page = visit(viewport={"width": width, "height": 700}, locale="de-DE")  # long words
    page.expected = "422"
    give(page, photos)
    assert page.page.evaluate(OVERLAPS) == []


def test_rows_are_filtered_and_sorted_and_the_address_says_so(visit: Callable[..., Any], photos: list[Path]) -> None:
    page = visit()
    page.expected = "422"
    give(page, photos)
    page.page.get_by_label("Show").select_option("failed")
    assert page.page.locator(".result").count() == 2
    page.page.get_by_label("Show").select_option("all")
    page.page.get_by_label("Sort").select_option("surest")
    numbers = [float(text.split()[-2]) for text in page.texts(".result > .number:not(.at)") if text]
    assert numbers == sorted(numbers, reverse=True)
    page.page.get_by_label("Find a file or place").fill("05-")
    assert page.page.locator(".result").count() == 1
    address = page.page.evaluate("location.hash")
    assert address.endswith("?sort=surest&q=05-")
    until(lambda: page.page.evaluate(PREVIEWS) == len(photos) - 2)  # they are made after the answers
    page.page.reload()
    page.page.wait_for_selector(".result")
    assert page.page.locator(".result").count() == 1
    assert page.page.locator(".result .shot img").first.evaluate("i => i.decode().then(() => i.naturalWidth > 0)")


def test_asking_is_paused_cancelled_and_taken_up_again(visit: Callable[..., Any], photos: list[Path]) -> None:
    page = visit()
    page.expected = "422"
    held: list[Any] = []
    page.page.route("**/v1/recognize*", lambda route: held.append(route) if len(held) < 3 else route.continue_())
    give(page, photos, wait=False)
    page.page.get_by_role("button", name="Pause").click()
    page.page.wait_for_timeout(200)
    for route in held:
        route.continue_()
    page.page.get_by_text("3 of 12 done, paused.").wait_for()
    page.page.wait_for_timeout(300)
    assert len(held) == 3
    page.page.get_by_role("button", name="Cancel").click()
    page.page.get_by_text("9 cancelled").first.wait_for()
    page.page.get_by_role("button", name="Ask again about 9 photos").click()
    page.page.wait_for_function(DONE)
    assert "cancelled" not in page.text(".hero p")


def test_a_few_photos_are_asked_about_by_words(visit: Callable[..., Any]) -> None:
    page = visit()
    page.drop(*page.served.queries[:3])
    page.page.get_by_role("heading", name="Do these 3 photos show one place?").wait_for()
    assert page.page.evaluate("document.activeElement.textContent") == "One answer each"
    page.page.keyboard.press("Escape")
    page.page.get_by_role("heading", name="Which place is this?").wait_for()
    page.drop(*page.served.queries[:3])
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(".result")
    assert page.page.locator(".result").count() == 3
    page.page.wait_for_function(DONE)  # what the server still works on would fill its queue for the next test


def test_rows_that_are_selected_are_added_to_a_place(visit: Callable[..., Any], photos: list[Path]) -> None:
    page = visit()
    page.expected = "422"
    give(page, photos)
    before = len(Gallery.open(page.served.gallery))
    for number in (0, 1, 2):
        page.page.locator(".pick input").nth(number).check()
    page.page.get_by_role("button", name="Add to a place").click()
    page.page.get_by_label("Place", exact=True).fill("all of them")
    page.page.get_by_text("New place. The gallery has none called all of them.").wait_for()
    page.page.get_by_label("Token of this server").fill(TOKEN)
    page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.locator("#notice").get_by_text("3 photos added to all of them.").wait_for()
    assert sum(record.place == "all of them" for record in Gallery.open(page.served.gallery).records) == 3
    page.page.get_by_role("button", name="Undo").click()
    page.page.locator("#notice").get_by_text("Undone").wait_for()
    assert len(Gallery.open(page.served.gallery)) == before


AT_ONCE = """async () => {
  const answer = { answer: "a", place: "a", grade: "sure", best_guess: "a", score: 1, margin: 1, probability: .9,
    probability_threshold: .5, false_accept_rate: .05, why: "it is",
    places: [{ place: "a", score: 1, images: 1 }], matches: [], milliseconds: 1 };
  window.XMLHttpRequest = class extends EventTarget {
    upload = new EventTarget(); status = 200; responseText = JSON.stringify(answer);
    open() {} setRequestHeader() {} abort() {}
    send() { setTimeout(() => this.dispatchEvent(new Event("load"))); }
  };
  window.live = new Set();
  const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (blob) => { const made = make.call(URL, blob); live.add(made); return made; };
  URL.revokeObjectURL = (made) => { live.delete(made); revoke.call(URL, made); };
  const canvas = new OffscreenCanvas(40, 30);
  canvas.getContext("2d").fillRect(0, 0, 40, 30);
  const blob = await canvas.convertToBlob({ type: "image/jpeg" });
  const moved = new DataTransfer();
  for (let i = 0; i < 1000; i++) moved.items.add(new File([blob], `${i}.jpg`, { type: "image/jpeg" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true }));
}"""


def test_a_thousand_photos_are_drawn_as_they_come_into_sight(visit: Callable[..., Any]) -> None:
    page = visit()
    page.page.evaluate(AT_ONCE)
    page.page.wait_for_selector(".result")
    page.page.wait_for_function(DONE, timeout=60_000)
    assert page.text(".hero p") == "1,000 sure."
    assert page.page.locator(".result").count() <= 200
    for _ in range(30):
        page.page.mouse.wheel(0, 3000)
        page.page.wait_for_timeout(30)
    drawn = page.page.locator(".result").count()
    assert drawn > 300
    page.page.wait_for_function("live.size < 80")


def test_an_answer_is_judged_by_keyboard_and_the_list_knows(visit: Callable[..., Any]) -> None:
    page = visit()
    page.ask(page.served.known)
    mark = page.page.get_by_role("button", name=f"Wrong: {page.served.known.name}")
    mark.focus()
    page.page.keyboard.press("Enter")
    assert mark.get_attribute("aria-pressed") == "true"
    assert page.page.evaluate("document.activeElement.className") == "mark wrong"
    field = page.page.get_by_label(f"The right place of {page.served.known.name}")
    field.fill("elsewhere")
    field.press("Tab")
    page.go("answers")
    assert page.page.locator(".result .correction").input_value() == "elsewhere"
    page.page.locator(".mark.right").focus()
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.className") == "mark right"
    assert page.page.locator(".result .correction").count() == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    ],
    ids=["desk", "narrow"],
)
def test_many_photos_are_worked_through_by_keyboard_alone(
    visit: Callable[..., Any], photos: list[Path], settings: dict[str, Any]
) -> None:
    page = visit(**settings, accept_downloads=True)
    page.expected = "422"
    press, before = page.page.keyboard.press, len(Gallery.open(page.served.gallery))
    here = "([what, text]) => document.activeElement.matches(what) && document.activeElement.textContent.includes(text)"

    def tab_to(what: str, text: str = "", *, back: bool = False) -> None:
        for _ in range(150):
            press("Shift+Tab" if back else "Tab")
            if page.page.evaluate(here, [what, text]):
                return
        raise AssertionError(f"no Tab leads to {what} {text}")

    tab_to("button", "Choose photos")
    with page.page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(photos)
    page.page.wait_for_selector(".result")
    tab_to("button", "Pause")
    press("Enter")
    assert page.page.evaluate("document.activeElement.textContent") == "Resume"
    press("Enter")
    page.page.wait_for_function(DONE)
    tab_to(".menu select")
    press("ArrowDown")
    assert page.page.evaluate("location.hash").endswith("?show=sure")
    press("ArrowUp")
    tab_to("summary", "Export")
    press("Enter")
    tab_to("button", "CSV")
    with page.page.expect_download() as saved:
        press("Enter")
    assert len(list(csv.reader(Path(saved.value.path()).read_text(encoding="utf-8-sig").splitlines()))) == 1 + len(
        photos
    )
    tab_to(".pick input")
    press("Space")
    tab_to("button", "Add to a place", back=True)
    press("Enter")
    page.page.wait_for_selector("dialog[open]")
    assert page.page.evaluate("document.activeElement.name") == "place"
    page.page.keyboard.type("by hand")
    tab_to("input[type=password]")
    page.page.keyboard.type(TOKEN)
    press("Enter")
    page.page.locator("#notice").get_by_text("1 photo added to by hand.").wait_for()
    tab_to("#notice button", "Undo")
    press("Enter")
    page.page.locator("#notice").get_by_text("Undone").wait_for()
    assert len(Gallery.open(page.served.gallery)) == before
