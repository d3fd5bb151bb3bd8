"""One photo in every form it may be given in: the same pixels reach the model."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from hostile_files import encoded
from placeprint.dataset.decoding.images import decode
from placeprint.dataset.query_image import image_bytes, prepare_image
from placeprint.embedding.embedder import load_embedder
from placeprint.errors import ImageError, UsageError

SIDE = 100
ORIENTATION = 0x0112


def scene(width: int = 640, height: int = 480) -> Image.Image:
    """Noise and edges in colour: a JPEG of it decodes differently at reduced size."""
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    ImageDraw.Draw(image).rectangle((60, 40, 300, 200), fill=(250, 20, 20))
    return image


def turned_exif(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def array(image: Image.Image) -> NDArray[np.uint8]:
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    """A photo that lies on its side and is more than twice as large as it must be."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(scene(), "JPEG", quality=85, exif=turned_exif()))
    return path


def loaded(path: Path) -> Image.Image:
    image = Image.open(path)
    image.load()
    return image


def read_to_the_end(path: Path) -> io.BytesIO:
    file = io.BytesIO(path.read_bytes())
    file.read()
    return file


@contextmanager
def given(photo: Any) -> Iterator[Any]:
    """Close what must be closed."""
    try:
        yield photo
    finally:
        if isinstance(photo, Image.Image):
            photo.close()


FROM_A_FILE: dict[str, Callable[[Path], object]] = {
    "path": lambda path: path,
    "name": str,
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "open file": read_to_the_end,
    "just opened": Image.open,
    "just opened in memory": lambda path: Image.open(io.BytesIO(path.read_bytes())),
    "loaded": loaded,
}


@pytest.mark.parametrize("kind", FROM_A_FILE)
def test_what_comes_from_a_file_is_answered_by_the_file(jpeg: Path, kind: str) -> None:
    wanted = array(decode(jpeg.read_bytes(), min_side=SIDE))
    assert wanted.shape == (160, 120, 3)
    with given(FROM_A_FILE[kind](jpeg)) as photo:
        np.testing.assert_array_equal(array(prepare_image(photo, min_side=SIDE)), wanted)
        assert image_bytes(photo) == jpeg.read_bytes()


@pytest.mark.parametrize(("width", "height"), [(640, 480), (150, 110), (401, 333), (1700, 1650)])
@pytest.mark.parametrize("form", ["image", "copy", "array"])
def test_pixels_are_answered_as_a_lossless_file_of_them(form: str, width: int, height: int) -> None:
    picture = scene(width, height)
    given: object = {"image": picture, "copy": picture.convert("RGB"), "array": np.asarray(picture)}[form]
    wanted = array(decode(encoded(picture, "PNG"), min_side=SIDE))
    np.testing.assert_array_equal(array(prepare_image(given, min_side=SIDE)), wanted)  # type: ignore[arg-type]
    np.testing.assert_array_equal(array(decode(image_bytes(given), min_side=SIDE)), wanted)  # type: ignore[arg-type]


def test_a_jpeg_is_reduced_by_the_same_means_with_and_without_its_file() -> None:
    grey = encoded(scene(1600, 1200).convert("L"), "JPEG", quality=95)
    with_file = array(decode(grey, min_side=SIDE)).astype(int)
    without = array(prepare_image(np.asarray(Image.open(io.BytesIO(grey))), min_side=SIDE)).astype(int)
    assert with_file.shape == without.shape == (150, 200, 3)
    assert np.abs(with_file - without).max() <= 2


def test_a_long_jpeg_that_was_opened_is_answered_as_its_file() -> None:
    data = encoded(scene(3000, 120), "JPEG", quality=85)
    wanted = array(decode(data, min_side=SIDE))
    np.testing.assert_array_equal(array(prepare_image(Image.open(io.BytesIO(data)), min_side=SIDE)), wanted)
    assert wanted.shape == (60, 1500, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "copy"])
def test_a_turn_that_was_not_applied_is_applied_once(form: str, orientation: int) -> None:
    data = encoded(scene(90, 60), "PNG" if form == "copy" else form, exif=turned_exif(orientation))
    image = Image.open(io.BytesIO(data))
    given = image.convert("RGB") if form == "copy" else image
    wanted = array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(array(prepare_image(given)), wanted)
    np.testing.assert_array_equal(array(prepare_image(prepare_image(given))), wanted)
    np.testing.assert_array_equal(array(prepare_image(ImageOps.exif_transpose(image))), wanted)


def test_an_array_is_not_turned(jpeg: Path) -> None:
    assert prepare_image(np.asarray(Image.open(jpeg))).size == (640, 480)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(m, "PNG") for m in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")] + [("CMYK", "TIFF"), ("F", "TIFF")],
)
def test_every_mode_is_converted_as_in_a_file(mode: str, kind: str) -> None:
    picture = scene(240, 210)
    if mode == "I;16":
        image = Image.fromarray(np.arange(240 * 210, dtype=np.uint16).reshape(210, 240))
    elif mode in ("LA", "RGBA"):
        image = picture.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(picture.size))
    else:
        image = picture.convert(mode)
    wanted = array(decode(encoded(image, kind), min_side=SIDE))
    np.testing.assert_array_equal(array(prepare_image(image, min_side=SIDE)), wanted)


def test_a_transparent_palette_lies_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    np.testing.assert_array_equal(array(prepare_image(image)), [[[10, 20, 30], [255, 255, 255]]])


@pytest.mark.parametrize(
    ("pixels", "wanted"),
    [
        (np.array([[0, 128, 255]], np.uint8), [0, 128, 255]),
        (np.array([[[0], [128], [255]]], np.uint8), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.int64), [0, 128, 255]),
        (np.array([[0, 32896, 65535]], ">u2"), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[-0.0005, 0.5, 1.0005]]), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float16), [0, 128, 255]),
        (np.array([[False, True, True]]), [0, 255, 255]),
        (np.array([[[0, 255], [0, 0], [200, 255]]], np.uint8), [0, 255, 200]),
    ],
)
def test_grey_arrays(pixels: NDArray[np.generic], wanted: list[int]) -> None:
    before = pixels.copy()
    np.testing.assert_array_equal(array(prepare_image(pixels))[0], [[v, v, v] for v in wanted])
    np.testing.assert_array_equal(pixels, before)


def test_colour_arrays() -> None:
    colours = np.array([[[1, 2, 3], [200, 100, 50]]], np.uint8)
    for given in (colours, colours / 255.0, colours.astype(np.uint16) * np.uint16(257), np.asfortranarray(colours)):
        np.testing.assert_array_equal(array(prepare_image(given)), colours)
    opaque = np.dstack([colours, np.array([[255, 0]], np.uint8)])
    np.testing.assert_array_equal(array(prepare_image(opaque)), [[[1, 2, 3], [255, 255, 255]]])


class TensorLike:
    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[np.uint8]:
        return np.full((4, 5, 3), 7, np.uint8)


def test_what_can_be_an_array_is_one() -> None:
    np.testing.assert_array_equal(array(prepare_image(TensorLike())), np.full((4, 5, 3), 7))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.zeros((3, 40, 50), np.uint8), "channels come last: give array.transpose(1, 2, 0)"),
        (np.zeros((2, 40, 50, 3), np.uint8), "give one photo at a time"),
        (np.zeros((40, 50, 7), np.uint8), "(40, 50, 7) is not a photo"),
        (np.zeros(9, np.uint8), "(9,) is not a photo"),
        (np.zeros((0, 5, 3), np.uint8), "(0, 5, 3) is not a photo"),
        (np.full((4, 5), 90.0), "from 90 to 90 can mean several things: give floats from 0 to 1"),
        (np.array([[0, np.nan]]), "give floats from 0 to 1"),
        (np.full((4, 5), -1), "give whole numbers from 0 to 255"),
        (np.full((4, 5), 256, np.int32), "give whole numbers from 0 to 255"),
        (np.full((4, 5), 1j), "complex128 is not a photo"),
        (np.full((4, 5), "x"), "is not a photo"),
        (None, "NoneType is not a photo: give a path, the bytes of a file"),
        (7, "int is not a photo"),
        (io.StringIO("text"), 'open its file with "rb"'),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_to_give(given: object, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        prepare_image(given)  # type: ignore[arg-type]


def closed_image(path: Path) -> Image.Image:
    image = Image.open(path)
    image.close()
    return image


def closed_file(path: Path) -> io.BytesIO:
    file = io.BytesIO(path.read_bytes())
    file.close()
    return file


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda _: b"", "empty"),
        (lambda _: io.BytesIO(), "empty"),
        (lambda _: Image.new("RGB", (0, 5)), "empty"),
        (lambda path: Image.open(io.BytesIO(path.read_bytes()[:9000])), "truncated"),
        (lambda path: path.parent / "none.jpg", "missing"),
        (lambda path: path.parent, "unreadable"),
        (closed_image, "unreadable"),
        (closed_file, "unreadable"),
    ],
)
def test_what_cannot_be_read_is_an_image_error(jpeg: Path, make: Callable[[Path], object], kind: str) -> None:
    with pytest.raises(ImageError) as caught:
        prepare_image(make(jpeg), min_side=SIDE)  # type: ignore[arg-type]
    assert caught.value.kind == kind


def test_pixels_are_limited_as_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", "100")
    for given in (scene(20, 10), np.asarray(scene(20, 10))):
        with pytest.raises(ImageError, match="20x10 pixels are more than 100"):
            prepare_image(given)


def edited(path: Path) -> Image.Image:
    image = loaded(path)
    image.paste((0, 0, 255), (0, 0, 640, 240))
    return image


def drafted(path: Path) -> Image.Image:
    image = Image.open(path)
    image.draft("RGB", (320, 240))
    return image


def without_its_turn(path: Path) -> Image.Image:
    image = loaded(path)
    image.getexif()[ORIENTATION] = 1
    return image


def replaced(path: Path) -> Image.Image:
    image = loaded(path)
    path.write_bytes(encoded(ImageOps.invert(scene()), "JPEG", exif=turned_exif()))
    return image


@pytest.mark.parametrize("change", [edited, drafted, without_its_turn, replaced])
def test_an_image_that_is_no_longer_its_file_is_answered_by_its_pixels(
    jpeg: Path, change: Callable[[Path], Image.Image]
) -> None:
    image = change(jpeg)
    got = array(prepare_image(image, min_side=SIDE))
    image.load()
    upright = Image.fromarray(np.asarray(image))
    if change is not without_its_turn:
        upright = upright.transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(got, array(decode(encoded(upright, "PNG"), min_side=SIDE)))


def test_nothing_that_is_given_is_changed(jpeg: Path) -> None:
    file, image = read_to_the_end(jpeg), Image.open(jpeg)
    at = file.tell()
    prepare_image(file, min_side=SIDE)
    prepare_image(image, min_side=SIDE)
    assert file.tell() == at
    assert (image.size, image.mode, image.getexif()[ORIENTATION]) == ((640, 480), "RGB", 6)
    np.testing.assert_array_equal(array(image), array(loaded(jpeg)))


def test_the_model_sees_the_same_in_every_form_and_order(jpeg: Path) -> None:
    embedder = load_embedder(threads=1)
    forms = [make(jpeg) for name, make in FROM_A_FILE.items() if name != "just opened"]
    other = np.asarray(ImageOps.invert(scene()))
    vectors = embedder.embed([other, *forms, other])  # type: ignore[list-item]
    looked = embedder.look(decode(jpeg.read_bytes(), min_side=embedder.decode_side)).vector
    np.testing.assert_array_equal(vectors[1:-1], np.tile(looked, (len(forms), 1)))
    np.testing.assert_array_equal(vectors[0], vectors[-1])
    np.testing.assert_array_equal(embedder.describe(jpeg).vector, looked)
    assert vectors[0] @ looked < 0.99
