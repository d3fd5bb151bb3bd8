"""The page of `group --report` in a browser: merge, split, name, no place, undo, and that the next run respects all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

from placeprint.grouping.contradictions import contradictions
from placeprint.grouping.corrections import read_corrections
from placeprint.grouping.result import Alone, Edge, Group, Grouping, Link
from placeprint.report.groups_page import write_groups_page

GROUPS = {"place 1": ("a1", "a2", "a3"), "place 2": ("b1", "b2"), "place 3": ("c1", "c2")}
ALONE = ("d", "lunch", "<b>&'.jpg")
Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three groups, three photos alone, and two questions: whether a and b are one, and whether c2 is of c."""
    folder = tmp_path_factory.mktemp("groups")
    for number, name in enumerate([*(one for group in GROUPS.values() for one in group), *ALONE]):
        Image.new("RGB", (60, 40), (25 * number, 120, 200 - 20 * number)).save(folder / name, "JPEG")
    looks = {place: tuple((one,) for one in photos) for place, photos in GROUPS.items()}
    looks["place 3"] = (("c1", "c2"),)
    groups = [
        Group(place=place, named_by="number", photos=photos, looks=looks[place], weakest=0.9)
        for place, photos in GROUPS.items()
    ]
    found = Grouping(
        root=folder,
        images=10,
        looks=9,
        groups=tuple(groups),
        alone=tuple(Alone(path, "no other photo shows what it shows") for path in ALONE),
        edges=(Edge("a1", "b1", 0.6, False), Edge("a1", "a3", 0.98, True), Edge("a1", "a2", 0.99, True)),
        constraints=(),
        false_merge_rate=0.02,
        model="hand",
        matched=3,
        failures=(),
        seconds=1.0,
    )
    write_groups_page(found, folder / "groups.html", again="placeprint group 'my photos' -o p.csv")
    return folder / "groups.html"


@pytest.fixture
def opened(browser: Any, page: Path) -> Iterator[Opened]:
    """Open the page as a file; no request may leave it, and no console may complain."""
    contexts, said, asked = [], [], []

    def open_page(**settings: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | settings)
        context.set_default_timeout(10_000)
        contexts.append(context)
        made = context.new_page()
        made.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        made.on("request", lambda request: asked.append(request.url))
        made.goto(page.as_uri())
        return made

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "blob"}


def groups(page: Any) -> list[tuple[str, list[str]]]:
    """Return the names and photos of all groups as they stand."""
    found = page.evaluate(
        """() => [...document.querySelectorAll(".group")].map((one) => [one.querySelector("input")?.value ?? one.querySelector("h3").firstChild.textContent, [...one.querySelectorAll(".tile")].flatMap((tile) => JSON.parse(tile.dataset.photos))])"""  # noqa: E501
    )
    return [(name, photos) for name, photos in found]


def choose(page: Any, *photos: str) -> None:
    for photo in photos:
        page.locator(f".tile[data-photos^='[\"{photo}\"']").click()


def saved(page: Any, to: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save corrections").click()
    download.value.save_as(to)
    return to


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_groups_are_merged_split_named_and_taken_back(opened: Opened, tmp_path: Path, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.locator("header code").inner_text()
        == "placeprint group 'my photos' -o p.csv --corrections corrections.json"
    )
    before = groups(page)
    assert before[0] == ("place 1", ["a1", "a2", "a3"])
    assert before[-1] == ("Alone", list(ALONE))
    choose(page, "a1", "b2")
    page.get_by_role("button", name="Merge").click()
    assert groups(page)[0] == ("place 1", ["a1", "a2", "a3", "b1", "b2"])
    choose(page, "a3", "b1")
    page.get_by_role("button", name="Split off").click()
    assert [photos for _, photos in groups(page)[:2]] == [["a1", "a2", "b2"], ["a3", "b1"]]
    name = page.get_by_label("Name of the place of a3")
    name.fill("Old\u00a0Mill |")  # as it is pasted: what is saved can be read again
    name.press("Tab")
    name = page.get_by_label("Name of the place of a3")
    name.fill("NULL")
    name.press("Tab")
    assert page.get_by_label("Name of the place of a3").input_value() == "Old Mill"
    choose(page, "lunch")
    page.keyboard.press("p")
    assert groups(page)[-1] == ("No place", ["lunch"])
    told = read_corrections(saved(page, tmp_path / "corrections.json"))
    links = {(one.link.value, frozenset((one.a, one.b))) for one in told.constraints}
    assert {("cannot", frozenset(("a3", "a1"))), ("must", frozenset(("a3", "b1")))} <= links
    assert ("must", frozenset(("a1", "b2"))) in links
    assert not [link for link, pair in links if link == "must" and len(pair & {"a3", "b1"}) == 1]
    assert dict(told.names) == {"a3": "Old Mill", "b1": "Old Mill", "lunch": ""}
    page.reload()
    assert groups(page)[1] == ("Old Mill", ["a3", "b1"])  # nothing is forgotten
    for _ in range(4):
        page.keyboard.press("u")
    assert groups(page) == before
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_what_is_merged_has_one_name_and_what_shows_no_place_is_one_with_nothing(
    opened: Opened, tmp_path: Path
) -> None:
    page = opened()
    name = page.get_by_label("Name of the place of b1")
    name.fill("Gate")
    name.press("Tab")
    choose(page, "a1", "b1")
    page.keyboard.press("m")
    assert groups(page)[0] == ("Gate", ["a1", "a2", "a3", "b1", "b2"])
    choose(page, "a2")
    page.keyboard.press("p")
    told = read_corrections(saved(page, tmp_path / "corrections.json"))
    assert dict(told.names) == {**dict.fromkeys(("a1", "a3", "b1", "b2"), "Gate"), "a2": ""}
    assert [{one.a, one.b} for one in told.constraints] == [{"a1", other} for other in ("a3", "b1", "b2")]
    assert contradictions(told) == ()


def test_questions_are_answered_by_keys(opened: Opened, tmp_path: Path) -> None:
    page = opened()
    shown = page.locator(".question:visible")
    assert json.loads(shown.get_attribute("data-pair")) == ["a1", "b1"]
    page.keyboard.press("y")
    assert groups(page)[0][1] == ["a1", "a2", "a3", "b1", "b2"]
    assert json.loads(shown.get_attribute("data-pair")) == ["a1", "a3"]
    page.keyboard.press("n")
    page.keyboard.press("s")
    page.get_by_text("All pairs are answered.").wait_for()
    told = read_corrections(saved(page, tmp_path / "corrections.json"))
    assert [(one.link, one.a, one.b) for one in told.constraints] == [
        (Link.MUST, "a1", "b1"),
        (Link.CANNOT, "a1", "a3"),
    ]


def test_it_is_used_by_keyboard_and_found_without_fault_by_axe(opened: Opened) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.locator(".tile").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "a2"
    page.keyboard.press("Space")
    page.get_by_text("2 chosen").wait_for()
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == []
    page.keyboard.press("x")
    assert [photos for _, photos in groups(page)[:2]] == [["a3"], ["a1", "a2"]]
