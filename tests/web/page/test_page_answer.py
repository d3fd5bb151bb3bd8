"""A photo dropped on the page gets the answer that Python gives, value by value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from placeprint import Gallery, Recognizer, explain
from placeprint.recognition.combined_answer import combined_answer

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

ASKED = 6


@pytest.fixture(scope="module")
def recognizer(served: Any) -> Recognizer:
    return Recognizer(Gallery.open(served.gallery))


def percent(probability: float) -> str:
    if probability > 0.995:
        return "over 99 %"
    return "under 1 %" if probability < 0.005 else f"{round(100 * probability)} %"


def said(answer: Any) -> str:
    """The words of the answer's grade."""
    return {"sure": answer.place, "likely": f"likely {answer.best_guess}", "UNKNOWN": "UNKNOWN"}[answer.grade]


def candidates(answer: Any) -> list[str]:
    return [f"{one.place} score {one.score:.3f}" for one in answer.places]


def matches(answer: Any) -> list[str]:
    return [f"Match {i}: {', '.join(m.places)} {m.score:.3f}" for i, m in enumerate(answer.matches, start=1)]


def test_a_known_place(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.known)
    expected = explain(recognizer, page.served.known, k=ASKED)
    answer, best = expected.answer, expected.reasons[0]
    assert page.text(".verdict h1") == answer.place == page.served.known.parent.name
    assert page.text(".meter b") == percent(answer.probability)
    assert percent(answer.probability_threshold) in page.text(".verdict")
    assert page.texts(".candidates li") == candidates(answer)
    assert page.texts(".matches button") == matches(answer)
    assert page.text(".why figcaption span") == f"{answer.place}: {best.says}."
    assert page.text(".why figcaption .small") == answer.matches[0].path
    page.page.wait_for_selector(".lines g")
    assert page.page.locator(".lines g").count() == len(best.lines) > 0
    assert f"This is {answer.place}." in page.page.locator("#said").text_content()
    assert page.page.evaluate("document.activeElement.textContent") == answer.place


def test_the_lines_lie_where_the_spots_are(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.wait_for_load_state("networkidle")
    x, y, other_x, other_y = explain(recognizer, page.served.known, k=ASKED).reasons[0].lines.ends[0].tolist()
    drawn = page.page.evaluate("""() => {
      const box = document.querySelector(".pair").getBoundingClientRect();
      const line = document.querySelector(".lines g:last-child line");
      const at = (pane, x, y) => { const r = pane.getBoundingClientRect();
        return [(box.x + x - r.x) / r.width, (box.y + y - r.y) / r.height]; };
      const [left, right] = document.querySelectorAll(".pane");
      const v = name => Number(line.getAttribute(name));
      return [...at(left, v("x1"), v("y1")), ...at(right, v("x2"), v("y2"))]; }""")
    assert drawn == pytest.approx([x, y, other_x, other_y], abs=0.002)


def test_the_heat_map_has_the_spots_of_both_photos(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.get_by_text("Heat map").click()
    reason = explain(recognizer, page.served.known, k=ASKED).reasons[0]
    sizes = page.page.evaluate("[...document.querySelectorAll('.pane canvas')].map(c => [c.height, c.width])")
    assert sizes == [list(reason.heat.shape), list(reason.match_heat.shape)]
    assert page.page.locator(".lines").count() == 0
    page.page.locator(".matches button").nth(3).click()
    assert page.text(".why figcaption .small") == recognizer.recognize(page.served.known, k=ASKED).matches[3].path
    assert page.page.locator(".matches [aria-pressed=true]").count() == 1


def test_unknown_says_so_and_names_the_closest(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.unknown)
    answer = recognizer.recognize(page.served.unknown, k=ASKED)
    assert answer.place is None
    assert page.text(".verdict h1") == "UNKNOWN"
    assert page.text(".verdict .sure").startswith("? UNKNOWN")
    assert f"{answer.places[0].place}, at {percent(answer.probability)}" in page.text(".verdict")
    assert page.texts(".candidates li") == candidates(answer)
    page.go("answers")
    assert page.text(".result .grade") == "UNKNOWN"
    assert page.text(".result .what").endswith(f"Closest {answer.places[0].place}")
    assert page.text(".result .number") == percent(answer.probability)
    assert f"Closest {answer.places[0].place}, {percent(answer.probability)}" in page.text(".rows li")


def test_a_likely_place_is_shown_as_such(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.likely)
    answer = recognizer.recognize(page.served.likely, k=ASKED)
    assert (answer.place, answer.best_guess) == (None, answer.places[0].place)
    assert page.text(".verdict h1") == said(answer) == f"likely {answer.best_guess}"
    assert page.text(".verdict .sure") == "≈ likely, not sure"
    assert page.page.locator(".verdict h1 a").get_attribute("href") == f"#/places/{answer.best_guess}"
    assert (
        f"It is {answer.best_guess} with a probability of {percent(answer.probability)}; "
        f"it takes {percent(max(answer.probability_threshold, 0.5))} to be sure." in page.text(".verdict")
    )
    assert f"This is likely {answer.best_guess}." in page.page.locator("#said").text_content()
    page.go("answers")
    assert (page.text(".result b"), page.text(".result .grade")) == (answer.best_guess, "likely")
    assert page.text(".rows li b") == said(answer)


def test_several_photos_of_one_place(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    photos = page.served.queries[:3]
    page.drop(*photos)
    page.page.get_by_role("button", name="One place").click()
    page.page.wait_for_selector(".verdict .sure")
    answers = [recognizer.recognize(photo, k=ASKED) for photo in photos]
    assert page.texts(".asked li span") == [said(answer) for answer in answers]
    assert page.text(".verdict h1") == said(combined_answer(answers)[1])
    page.page.get_by_role("group", name="Photo", exact=True).get_by_text("3", exact=True).click()
    assert page.texts(".matches button") == matches(recognizer.recognize(photos[2], k=ASKED))


def test_the_map_shows_every_place_and_the_candidates(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.wait_for_selector(".map")
    places = {record.place for record in recognizer.gallery.records}
    assert page.page.locator(".map .ground").get_attribute("d").count("M") == len(places)
    assert page.page.locator(".map .pin.named").count() == 1
    assert page.page.locator(".map .mark").count() == min(ASKED, len(places)) - 1
    assert page.page.locator(".map text.best").text_content() == page.served.known.parent.name


def test_where_the_photo_was_taken_is_a_link_and_a_circle(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    page.ask(page.served.known)
    page.page.wait_for_selector(".map")
    position = recognizer.recognize(page.served.known).position
    at = f"{abs(position.latitude):.5f}° N {abs(position.longitude):.5f}° W"
    assert page.text(".verdict .spot") == f"Taken at {at}, within 7 m (90 % of such positions are)."
    link = page.page.locator(".verdict .spot a").get_attribute("href")
    assert link == f"geo:{position.latitude:.6f},{position.longitude:.6f};u=7"  # asks no server
    assert page.page.locator(".map circle.spot").count() == 1
    page.ask(page.served.unknown)
    page.page.wait_for_selector(".map")
    nowhere = recognizer.recognize(page.served.unknown).position
    assert not nowhere.located
    assert page.page.locator(".spot").count() == 0
    assert f"No position: {nowhere.why[0].upper()}{nowhere.why[1:]}." in (
        page.page.locator(".verdict details").text_content()
    )


def test_a_pasted_photo_is_asked_about(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    clip = page.transfer(page.served.known)
    page.page.evaluate(
        "c => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: c, bubbles: true }))", clip
    )
    page.page.wait_for_selector(".verdict .sure")
    assert page.text(".verdict h1") == recognizer.recognize(page.served.known).place


def test_a_file_that_is_no_photo_is_refused_in_the_servers_words(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit()
    page.expected = "422"
    (tmp_path / "notes.jpg").write_text("no photo")
    page.drop(tmp_path / "notes.jpg")
    page.page.wait_for_selector("[role=alert]")
    assert "notes.jpg: the content is not an image that can be read" in page.text("[role=alert]")
    page.ask(page.served.known)  # and the page goes on
    assert page.page.locator("[role=alert]").count() == 0


def test_a_photo_waits_for_the_line_and_is_asked_when_it_is_back(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "ERR_INTERNET_DISCONNECTED"
    page.page.context.set_offline(True)
    page.drop(page.served.known)
    page.page.get_by_text("No connection to the server. The photo stays here").first.wait_for()
    assert page.page.locator(f'.asked img[alt$="{page.served.known.name}"]').is_visible()
    page.page.context.set_offline(False)
    page.page.wait_for_selector(".verdict .sure")
    assert page.text(".verdict h1") == page.served.known.parent.name


def test_a_busy_server_is_asked_again(visit: Callable[..., Any]) -> None:
    page = visit()
    page.expected = "503"
    with crowd(page.served):
        for _ in range(5):  # one that slipped into the queue is answered: ask again
            page.drop(page.served.known)
            page.page.wait_for_selector(".verdict .sure, .busy:has-text('The server is busy.')")
            if page.page.locator(".busy").count():
                break
        assert "The server is busy. The photo is asked about again shortly." in page.text(".busy")
    page.page.wait_for_selector(".verdict .sure")
    assert page.text(".verdict h1") == page.served.known.parent.name


@contextmanager
def crowd(served: Any, clients: int = 6) -> Iterator[None]:
    """Keep asking with eight photos at once, from several clients; yields when the queue is full."""
    httpx = pytest.importorskip("httpx")
    photo, enough = served.known.read_bytes(), Event()
    files = [("photos", (f"{i}.jpg", photo, "image/jpeg")) for i in range(8)]

    def ask() -> None:
        while not enough.is_set():
            httpx.post(f"{served.url}v1/recognize?explain=true&k=50", files=files, timeout=60)

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(ask) for _ in range(clients)]
        try:
            while httpx.get(f"{served.url}v1/ready", timeout=60).status_code != 503:
                assert not any(one.done() for one in running)
            yield
        finally:
            enough.set()


def test_every_query_gets_the_answer_of_python(visit: Callable[..., Any], recognizer: Recognizer) -> None:
    page = visit()
    for photo in page.served.queries[:8]:
        page.ask(photo)
        page.page.locator(f'.asked img[alt$="{photo.name}"]').wait_for()
        answer = recognizer.recognize(photo, k=ASKED)
        shown = [page.text(".verdict h1"), page.text(".meter b"), page.texts(".candidates li")]
        assert shown == [said(answer), percent(answer.probability), candidates(answer)], photo
        page.go()


def test_the_answer_is_what_the_server_sends(visit: Callable[..., Any]) -> None:
    """The numbers behind "In numbers" are the answer's own."""
    page = visit()
    with page.page.expect_response("**/v1/recognize*") as got:
        page.ask(page.served.known)
    answer = json.loads(got.value.body())
    page.page.locator("summary").click()
    assert f"Score {answer['score']:.3f}, margin to another place {answer['margin']:.3f}" in page.text("details")
    assert f"{answer['why'][0].upper()}{answer['why'][1:]}." in page.text("details")
