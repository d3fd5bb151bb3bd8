"""Lettering over photos: strokes by value, and what is filled."""

import numpy as np
from PIL import Image, ImageDraw

from placeprint.dataset.decoding.header import LONGEST
from placeprint.embedding.lettering import MUCH, SIDE, STROKE, strokes, without_lettering


def slope(width: int = 480, height: int = 400) -> Image.Image:
    """A photo without any edge."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([rows // 4 + 40, columns // 4 + 20, (rows + columns) // 8], 2).astype(np.uint8))


def lettered(image: Image.Image) -> Image.Image:
    """The photo behind white bars, thin as strokes, over a fifth of it."""
    over = image.copy()
    pen = ImageDraw.Draw(over)
    for left in range(10, image.width, 30):
        pen.rectangle((left, 0, left + 6, image.height), fill="white")
    return over


def test_strokes_are_thin_and_bright():
    grey = np.full((60, 80), 90, np.uint8)
    grey[:, 10:14] = 255  # thin and bright
    grey[:, 30 : 30 + STROKE + 1] = 255  # bright, not thin
    grey[:, 60:64] = 180  # thin, not bright
    wanted = np.zeros(grey.shape, bool)
    wanted[:, 10:14] = True
    np.testing.assert_array_equal(strokes(grey), wanted)


def test_a_stroke_must_stand_out():
    grey = np.full((60, 80), 230, np.uint8)
    grey[:, 10:14] = 255
    assert not strokes(grey).any()


def test_a_photo_without_lettering_is_left_alone():
    assert without_lettering(slope()) is None
    faint = slope()
    ImageDraw.Draw(faint).rectangle((100, 0, 106, 400), fill="white")  # less than MUCH of it
    assert MUCH > 7 / 480
    assert without_lettering(faint) is None


def test_lettering_is_filled_with_what_is_around_it():
    photo = slope()
    found = without_lettering(lettered(photo))
    assert found is not None
    assert found.size == (384, 320)
    before = np.asarray(photo.resize(found.size)).astype(int)
    covered = np.asarray(lettered(photo).resize(found.size)).astype(int)
    assert np.abs(covered - before).mean() > 30
    assert np.abs(np.asarray(found).astype(int) - before).mean() < 3
    assert np.asarray(found).max() < 200


def test_an_image_of_one_pixel_a_line_and_all_white_are_no_lettering():
    for size in ((1, 1), (3, 900), (400, 2)):
        assert without_lettering(Image.new("RGB", size, "white")) is None


def test_a_long_photo_is_looked_at_as_a_small_one():
    found = without_lettering(lettered(slope(20 * SIDE, 400)))
    assert found is not None
    assert found.size == (LONGEST * SIDE, 400 * LONGEST // 20)
