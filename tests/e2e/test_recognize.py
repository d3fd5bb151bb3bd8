"""One photo, each of several, several of one place: three functions, and what each takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from placeprint import (
    Gallery,
    Recognizer,
    explain,
    index,
    load_embedder,
    query,
    recognize,
    recognize_many,
    recognize_place,
)
from placeprint.errors import ImageError, UsageError
from placeprint.recognition.combined_answer import combined_answer

pytestmark = pytest.mark.usefixtures("shared_cache")

VERBS: tuple[Callable[..., Any], ...] = (recognize_many, recognize_place, query)


@pytest.fixture(scope="module")
def gallery(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return index(town, tmp_path_factory.mktemp("asked") / "town.gallery", preset="fast").gallery


@pytest.fixture(scope="module")
def photos(town: Path) -> list[Path]:
    return [town / "gallery" / place / "01.jpg" for place in ("town-hall", "castle-gate")]


def test_many_photos_get_an_answer_each_in_their_order(gallery: Gallery, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no image")
    pixels = np.asarray(Image.open(photos[1]).convert("RGB"))
    asked = [photos[0], tmp_path / "gone.jpg", pixels, tmp_path / "words.jpg", tmp_path, photos[0].read_bytes()]
    found = recognize_many(gallery, asked, k=2)
    expected = Recognizer(gallery)
    for number in (0, 2, 5):
        assert found.answers[number].answer == expected.recognize(asked[number], k=2)
    failed = {one.image: one.failure.kind for one in found.answers if one.failure}
    assert failed.keys() == {str(tmp_path / "gone.jpg"), str(tmp_path / "words.jpg"), str(tmp_path)}
    assert [one.image for one in found.answers if one.answer] == [str(photos[0]), "image 2", "image 5"]
    assert len(found.to_list()) == len(asked)
    assert repr(found) == "<QueryResult of 6 images: 3 sure, 3 not usable>"
    assert [row["answer"] for row in found.table()] == ["town-hall", None, "castle-gate", None, None, "town-hall"]
    assert found.table()[1]["why"] == "the file is not there"
    assert found._repr_html_().count("<tr>") == 1 + len(asked)


def test_several_photos_of_one_place_get_one_answer(gallery: Gallery, photos: list[Path], tmp_path: Path) -> None:
    several = [photos[0], photos[1], photos[0].read_bytes()]
    answer = recognize_place(gallery, several)
    assert answer == combined_answer([recognize(gallery, photo) for photo in several])[1]
    assert answer.place == "town-hall"
    with pytest.raises(ImageError, match=r"gone\.jpg: the file is not there"):
        recognize_place(gallery, [photos[0], tmp_path / "gone.jpg"])


@pytest.mark.parametrize("ask", [recognize, explain, lambda _, photo: load_embedder().embed_one(photo)])
def test_a_photo_that_cannot_be_read_is_named(gallery: Gallery, tmp_path: Path, ask: Callable[..., object]) -> None:
    with pytest.raises(ImageError) as told:
        ask(gallery, tmp_path / "gone.jpg")
    assert str(told.value) == f"{tmp_path / 'gone.jpg'}: the file is not there"
    assert (told.value.kind, told.value.reason) == ("missing", "the file is not there")
    with pytest.raises(ImageError, match=r"^the content is not an image"):
        ask(gallery, b"no image")


@pytest.mark.parametrize("form", [list, tuple, iter, lambda photos: (photo for photo in photos)])
def test_several_photos_are_taken_in_any_form_and_never_for_one(
    gallery: Gallery, photos: list[Path], form: Any
) -> None:
    for verb in VERBS:
        assert verb(gallery, form(photos)) == verb(gallery, photos)
    with pytest.raises(UsageError, match=r"one photo: recognize_many .* recognize_place"):
        recognize(gallery, form(photos))


def test_one_photo_in_any_form_is_no_list(gallery: Gallery, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    image = Image.open(photos[0])
    for one in (photos[0], str(photos[0]), data, bytearray(data), memoryview(data), image, np.asarray(image)):
        for verb in (recognize_many, recognize_place):
            with pytest.raises(UsageError, match=f"{verb.__name__} takes a list of photos: recognize answers"):
                verb(gallery, one)
        assert recognize(gallery, one).place == "town-hall"


@pytest.mark.parametrize("verb", VERBS)
def test_without_photos_there_is_nothing_to_answer(gallery: Gallery, verb: Callable[..., Any]) -> None:
    for none in ([], iter(())):
        with pytest.raises(UsageError, match="no photo"):
            verb(gallery, none)
    with pytest.raises(UsageError, match="no photo"):
        recognize(gallery)


@pytest.mark.parametrize("verb", [recognize, *VERBS])
def test_all_take_the_same_options(gallery: Gallery, photos: list[Path], verb: Callable[..., Any]) -> None:
    given = photos[0] if verb is recognize else photos[:1]
    found = verb(gallery, given, places=("castle-gate",), split="gallery", threshold=0.0, preset="fast", k=1)
    answer = found.answers[0].answer if hasattr(found, "answers") else found
    assert (answer.place, len(answer.matches)) == ("castle-gate", 1)
    for wrong, told in (
        ({"places": "castle-gate"}, "list of places"),
        ({"near": (1.0, 2.0)}, "latitude, longitude and metres"),
        ({"split": "somewhere"}, "is not known"),
        ({"k": 0}, "at least 1"),
        ({"url": "http://127.0.0.1:9"}, "a gallery, or the url"),
    ):
        with pytest.raises(UsageError, match=told):
            verb(gallery, given, **wrong)
    with pytest.raises(TypeError, match="unexpected keyword argument 'place'"):
        verb(gallery, given, place="castle-gate")
    where = {"photo" if verb is recognize else "images" if verb is query else "photos": given}
    for decided in ({"threshold": 0.0}, {"model": "x.onnx"}, {"runner": "onnx"}, {"preset": "fast"}):
        with pytest.raises(UsageError, match="a server decides"):
            verb(gallery=None, url="http://127.0.0.1:9", **where, **decided)
