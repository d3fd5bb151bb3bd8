"""The query photos of the landmarks get one answer, however they are given."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import placeprint
from placeprint.dataset.decoding.images import decode
from placeprint.dataset.query_image import image_bytes, prepare_image
from placeprint.recognition.recognizer import Recognizer

NEAR = 0.01
SIDES = {"fast": 224, "balanced": 288, "best": 480}


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> tuple[Path, ...]:
    found = tuple(sorted((shared_data / "landmarks" / "landmarks").glob("*/query/*")))
    assert len(found) == 34
    return found


@pytest.fixture(scope="module")
def recognizer(shared_data: Path, session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    folder, made = shared_data / "landmarks" / "landmarks", tmp_path_factory.mktemp("answers") / "g"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPRINT_CACHE", str(session_folder / "embeddings"))
        placeprint.index(folder, made, preset="fast")
        placeprint.calibrate(made)
        return Recognizer(placeprint.Gallery.open(made))


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


FROM_A_FILE: dict[str, Callable[[bytes], object]] = {
    "open file": io.BytesIO,
    "just opened": opened,
    "sent": lambda data: image_bytes(opened(data)),
}


@pytest.mark.parametrize("preset", SIDES)
def test_the_same_pixels_reach_the_model(photos: Sequence[Path], preset: str) -> None:
    for path in photos:
        data = path.read_bytes()
        wanted = np.asarray(decode(data, min_side=SIDES[preset]))
        for make in FROM_A_FILE.values():
            found = prepare_image(make(data), min_side=SIDES[preset])  # type: ignore[arg-type]
            np.testing.assert_array_equal(np.asarray(found), wanted)


def test_the_answers_are_the_same(photos: Sequence[Path], recognizer: Recognizer) -> None:
    assert recognizer.embedder.decode_side == SIDES["fast"]
    for path in photos:
        wanted = recognizer.recognize(path)
        for make in FROM_A_FILE.values():
            found = recognizer.recognize(make(path.read_bytes()))  # type: ignore[arg-type]
            assert found.score == pytest.approx(wanted.score, abs=NEAR)
            assert found.probability == pytest.approx(wanted.probability, abs=NEAR)
            assert found.place == wanted.place


def test_bare_pixels_come_as_near_as_they_can(photos: Sequence[Path], recognizer: Recognizer) -> None:
    """Where a JPEG is reduced, libjpeg smooths colours less than whoever decoded it: see docs/accuracy.md."""
    right = {"file": 0, "pixels": 0}
    for path in photos:
        image = opened(path.read_bytes())
        reduced = image.format == "JPEG" and min(image.size) >= 2 * SIDES["fast"]
        found = {"file": recognizer.recognize(path), "pixels": recognizer.recognize(np.asarray(image.convert("RGB")))}
        score, other = found["file"].score, found["pixels"].score
        assert other == pytest.approx(score, abs=NEAR) if reduced else other == score
        for form, answer in found.items():
            right[form] += path.parent.parent.name in answer.matches[0].places
    assert abs(right["file"] - right["pixels"]) <= 1  # one photo has two places at nearly the same score
    assert min(right.values()) >= 29
