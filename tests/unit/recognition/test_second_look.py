"""When an image is looked at again, which look is taken, and where its spots lie in the image as it came."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint import Answer, Gallery, Grade, Recognizer, explain
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.recognition import second_look
from placeprint.recognition.second_look import doubtful, likely_turns, seen, turned_back


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(preset="balanced", threads=1)


class Asked:
    """Gives its answers one after the other, and counts the looks."""

    def __init__(self, embedder: Embedder, answers: list[Answer]) -> None:
        self.embedder, self._answers, self.looks = embedder, answers, 0

    def answer_within(self, _vector, **_):
        self.looks += 1
        return self._answers[self.looks - 1], None


def answer(place: str | None, probability: float) -> Answer:
    grade, best_guess = (Grade.SURE, place) if place else (Grade.UNKNOWN, "a")
    numbers = {"score": 0.5, "margin": 0.1, "probability": probability, "probability_threshold": 0.8}
    return Answer(place=place, grade=grade, best_guess=best_guess, why="so", **numbers)


def turned_by(monkeypatch: pytest.MonkeyPatch, *probabilities: float) -> None:
    """Let the head say this of every image."""

    class Head:
        def probabilities(self, _cells):
            return np.array(probabilities)

    monkeypatch.setattr(second_look, "upright_head", lambda _: Head())


@pytest.mark.parametrize(
    ("probabilities", "turns"),
    [
        ((0.5, 0.5, 0, 0), ()),
        ((0.4, 0.6, 0, 0), (90,)),
        ((0.4, 0.05, 0.5, 0.05), (180,)),
        ((0.1, 0.3, 0.2, 0.4), (270, 90)),
        ((0.49, 0.08, 0.08, 0.09), (270,)),
    ],
)
def test_likely_turns(probabilities: tuple[float, ...], turns: tuple[int, ...]):
    assert likely_turns(np.array(probabilities)) == turns


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_spots_of_a_turned_look_are_told_in_the_image_itself(turned: int):
    image = Image.new("L", (40, 20))
    image.putpixel((31, 4), 255)
    look = np.asarray(image.rotate(-turned, expand=True))
    (y, x), (rows, columns) = np.argwhere(look == 255)[0], look.shape
    ends = np.array([[(x + 0.5) / columns, (y + 0.5) / rows, 0.25, 0.75]], np.float32)
    np.testing.assert_allclose(turned_back(ends, turned), [[31.5 / 40, 4.5 / 20, 0.25, 0.75]], rtol=1e-6)


def test_what_is_doubtful():
    assert doubtful(answer(None, 0.1))
    assert not doubtful(answer("a", 0.9))
    assert doubtful(replace(answer("a", 0.9), probability=None, probability_threshold=None))
    assert not doubtful(Answer(place="a", grade=Grade.SURE, best_guess="a", score=1, margin=1, threshold=0.5))


def test_an_image_whose_place_is_told_is_looked_at_once(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    turned_by(monkeypatch, 0, 1, 0, 0)
    asked = Asked(embedder, [answer("a", 0.9)])
    assert seen(asked, Image.new("RGB", (40, 30), "grey")).answer == answer("a", 0.9)
    assert asked.looks == 1


def test_the_surest_look_is_taken_and_told(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    turned_by(monkeypatch, 0.1, 0.2, 0.1, 0.6)
    asked = Asked(embedder, [answer(None, 0.3), answer("b", 0.95), answer(None, 0.2)])
    found = seen(asked, Image.new("RGB", (40, 30), "grey"))
    assert (found.answer.place, found.turned, asked.looks) == ("b", 270, 3)
    assert found.answer.why == "so; the photo was turned by 270° to stand upright"


def test_a_look_from_farther_away_ranks_and_accepts_nothing(embedder: Embedder, monkeypatch: pytest.MonkeyPatch):
    turned_by(monkeypatch, 1, 0, 0, 0)
    asked = Asked(embedder, [answer(None, 0.3), answer("b", 0.95)])
    found = seen(asked, Image.new("RGB", (400, 300), "grey"))
    assert (found.answer.place, found.answer.probability, asked.looks) == (None, 0.95, 2)
    assert found.answer.why == "so, but only from farther away, which makes it no more than likely"
    rows, columns = found.description.parts["cells"].shape[:2]
    assert rows * columns <= second_look.CELLS
    np.testing.assert_allclose(np.linalg.norm(found.description.vector), 1, rtol=1e-6)
    surer = seen(Asked(embedder, [answer(None, 0.3), answer(None, 0.4)]), Image.new("RGB", (400, 300), "grey"))
    assert surer.answer.why == "so; the photo was looked at from farther away"


def test_a_look_from_farther_away_that_is_more_probably_wrong_is_unknown(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch
):
    turned_by(monkeypatch, 1, 0, 0, 0)
    accepted = replace(answer("b", 0.45), grade=Grade.LIKELY, probability_threshold=0.4)
    found = seen(Asked(embedder, [answer(None, 0.3), accepted]), Image.new("RGB", (400, 300), "grey"))
    assert (found.answer.place, found.answer.grade) == (None, Grade.UNKNOWN)


def test_a_model_without_cells_looks_once(monkeypatch: pytest.MonkeyPatch):
    turned_by(monkeypatch, 0, 1, 0, 0)
    asked = Asked(load_embedder(threads=1), [answer(None, 0.3)])
    assert seen(asked, Image.new("RGB", (40, 30), "grey")).answer == answer(None, 0.3)


def test_turned_photos_of_the_town_get_the_place_of_upright_ones(town: Path, indexed_town: Path):
    gallery = Gallery.open(indexed_town)
    recognizer = Recognizer(gallery)
    path = next(record.path for record in gallery.records if recognizer.recognize(town / record.path).place)
    upright = Image.open(town / path).convert("RGB")
    wanted, straight = recognizer.recognize(upright), explain(recognizer, upright).reasons[0]
    for turn in (90, 180, 270):
        photo = upright.rotate(turn, expand=True)
        found = recognizer.recognize(photo)
        assert (found.place, found.probability) == (wanted.place, wanted.probability)
        assert f"turned by {turn}°" in found.why
        told = explain(recognizer, photo).reasons[0]
        assert told.heat.shape == straight.heat.shape[:: 1 if turn == 180 else -1]
        spots = turned_back(told.lines.ends, 360 - turn)
        same = np.abs(spots - straight.lines.ends).max(axis=1) < 1e-3
        assert same.mean() > 0.7  # of lines that are equally sure others may be drawn
