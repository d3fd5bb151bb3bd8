"""Every kind of file that a folder of photographs may hold, decoded or refused by one line."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hostile_files import chunk, encoded
from placeprint.dataset import files
from placeprint.dataset.decoding import heif
from placeprint.dataset.decoding.header import LONGEST
from placeprint.dataset.decoding.images import decode, memory_reused, size_of
from placeprint.dataset.files import locate, read_bytes
from placeprint.errors import ImageError, UsageError

# A 4x2 picture with no symmetry: each of its eight turns is another array.
PICTURE = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]],
        [[0, 0, 0], [60, 60, 60], [120, 120, 120], [255, 255, 255]],
    ],
    dtype=np.uint8,
)


def photo(width: int = 160, height: int = 120) -> Image.Image:
    """Smooth colours and a few edges: what a lossy coder keeps."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack((255 * x // width, 255 * y // height, 255 - 255 * x // width), axis=2).astype(np.uint8)
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).rectangle((width // 4, height // 4, width // 2, height // 2), fill=(250, 240, 20))
    return image


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    assert image.mode == "RGB"
    return np.asarray(image)


def png_header(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


# What each EXIF orientation says: how the stored picture must be turned to stand upright.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(PICTURE), kind, exif=exif, **options)
    wanted = UPRIGHT[orientation](PICTURE)
    np.testing.assert_array_equal(pixels(decode(data)), wanted)
    assert size_of(data) == (wanted.shape[1], wanted.shape[0])


def test_exif_orientation_of_a_jpeg_with_reduced_decode() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo(640, 480), "JPEG", quality=95, exif=exif)
    turned = photo(640, 480).transpose(Image.Transpose.ROTATE_270)
    small = decode(data, min_side=100)
    assert small.size == (120, 160)
    error = np.abs(pixels(small).astype(float) - pixels(turned.resize((120, 160), Image.Resampling.BOX)))
    assert error.mean() < 2.0


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_impossible_orientation_changes_nothing(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(pixels(decode(encoded(Image.fromarray(PICTURE), "PNG", exif=exif))), PICTURE)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    np.testing.assert_array_equal(pixels(decode(encoded(Image.fromarray(PICTURE), kind))), PICTURE)


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"quality": 95}), ("AVIF", {"quality": 95})]
)
def test_lossy_formats_keep_the_picture(kind: str, options: dict[str, int]) -> None:
    got = pixels(decode(encoded(photo(), kind, **options))).astype(float)
    assert np.abs(got - np.asarray(photo())).mean() < 3.0


def test_mpo_is_a_jpeg() -> None:
    data = encoded(photo(), "MPO", save_all=True, append_images=[Image.new("RGB", (160, 120))], quality=95)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert np.abs(pixels(decode(data)).astype(float) - np.asarray(photo())).mean() < 3.0


def test_heic_by_the_extra() -> None:
    plugin = pytest.importorskip("pillow_heif", reason='HEIC needs the extra: pip install "placeprint[heic]"')
    plugin.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo(), "HEIF", quality=95, exif=exif.tobytes())
    got = decode(data)
    turned = photo().transpose(Image.Transpose.ROTATE_270)
    assert got.size == (120, 160)
    assert np.abs(pixels(got).astype(float) - np.asarray(turned)).mean() < 4.0
    assert size_of(data) == (120, 160)


def test_heic_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "is_installed", lambda: False)
    with pytest.raises(ImageError, match=r"placeprint\[heic\]") as caught:
        decode(b"\0\0\0\x18ftypheic" + b"\0" * 100)
    assert caught.value.kind == "unreadable"


def test_greyscale_becomes_three_equal_channels() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    got = pixels(decode(encoded(Image.fromarray(grey), "PNG")))
    np.testing.assert_array_equal(got, np.repeat(grey[:, :, None], 3, axis=2))


def test_palette_is_resolved() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(pixels(decode(encoded(image, "PNG"))), [[[10, 20, 30], [200, 100, 50]]])


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_ink_not_light(kind: str, ink: tuple[int, ...], colour: tuple[int, ...]) -> None:
    got = pixels(decode(encoded(Image.new("CMYK", (16, 16), ink), kind))).astype(int)
    assert np.abs(got - colour).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_cut(kind: str) -> None:
    deep = np.array([[0, 257, 128 * 257], [65535, 300, 51400]], dtype=np.uint16)
    got = pixels(decode(encoded(Image.fromarray(deep), kind)))
    wanted = np.array([[0, 1, 128], [255, 1, 200]])  # value / 257, rounded
    np.testing.assert_array_equal(got, np.repeat(wanted[:, :, None], 3, axis=2))


def test_floating_point_samples_are_stretched() -> None:
    deep = np.array([[-1.0, 0.0], [1.0, 3.0]], dtype=np.float32)
    got = pixels(decode(encoded(Image.fromarray(deep), "TIFF")))
    np.testing.assert_array_equal(got[..., 0], [[0, 64], [128, 255]])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode: str) -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.putpixel((2, 0), (0, 0, 0, 102))
    got = pixels(decode(encoded(image.convert(mode), "PNG")))
    np.testing.assert_array_equal(got[0, :, 0], [0, 255, 153])  # 255 * (1 - 102 / 255)


def test_a_transparent_palette_entry_lies_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    got = pixels(decode(encoded(image, "PNG", transparency=1)))
    np.testing.assert_array_equal(got, [[[10, 20, 30], [255, 255, 255]]])


def test_a_transparent_colour_lies_on_white() -> None:
    image = Image.new("RGB", (2, 1), (9, 8, 7))
    image.putpixel((1, 0), (1, 2, 3))
    got = pixels(decode(encoded(image, "PNG", transparency=(1, 2, 3))))
    np.testing.assert_array_equal(got, [[[9, 8, 7], [255, 255, 255]]])


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 10, 10), (10, 10, 200))]
    got = pixels(decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    np.testing.assert_array_equal(got, np.full((8, 8, 3), (200, 10, 10)))


def test_an_image_that_is_no_jpeg_is_reduced_before_its_transparency_is_laid_on_white() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (90, 128, 4), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    got = decode(buffer.getvalue(), min_side=30)
    assert got.size == (64, 45)  # by 2, as libjpeg would, though 3 times as large
    shown = pixels[..., :3] * (pixels[..., 3:] / 255) + 255 - pixels[..., 3:]
    means = shown.reshape(45, 2, 64, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(np.asarray(got), means, atol=3)
    assert decode(buffer.getvalue(), min_side=46).size == (128, 90)


def test_pillow_keeps_memory_only_inside() -> None:
    before = Image.core.get_blocks_max()
    with memory_reused(before + 7):
        assert Image.core.get_blocks_max() == before + 7
        with memory_reused(before + 1):
            assert Image.core.get_blocks_max() == before + 7
    assert Image.core.get_blocks_max() == before


@pytest.mark.parametrize(
    ("min_side", "size"), [(None, (1600, 1200)), (700, (1600, 1200)), (600, (800, 600)), (150, (200, 150))]
)
def test_reduced_decode_keeps_the_picture(min_side: int | None, size: tuple[int, int]) -> None:
    data = encoded(photo(1600, 1200), "JPEG", quality=95)
    got = decode(data, min_side=min_side)
    assert got.size == size
    full = decode(data).resize(size, Image.Resampling.BOX)
    assert np.abs(pixels(got).astype(float) - pixels(full)).mean() < 1.0


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(6000, 50), (40, 7001), (1, 9000), (410, 3999), (500, 500)])
def test_no_image_is_much_larger_than_it_must_be_when_it_may_be_reduced(size: tuple[int, int], mode: str) -> None:
    ramp = Image.linear_gradient("L")  # from top to bottom
    grey = (ramp.rotate(90) if size[0] > size[1] else ramp).resize(size)
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else None
    data = encoded(deep or grey.convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    got, fewest = decode(data, min_side=20), min(20, *size)
    assert got.size == decode(encoded(grey, "PNG"), min_side=20).size
    assert fewest < 20 or min(got.size) >= 20 or max(got.size) >= 20 * LONGEST
    assert max(min(got.size), max(got.size) // LONGEST) < 40
    if mode not in ("LA", "RGBA", "1"):  # the first two are transparent where they are dark, the last has dots
        assert np.abs(pixels(got).mean(axis=(0, 1)) - np.asarray(grey).mean()).max() < 3
    assert size_of(data) == size


@pytest.mark.parametrize("size", [(110, 1900), (2000, 77), (3, 2000)])
def test_a_long_jpeg_is_reduced_too(size: tuple[int, int]) -> None:
    data = encoded(photo(*size), "JPEG", quality=95)
    got = decode(data, min_side=50)
    assert 50 * LONGEST // 2 < max(got.size) < 100 * LONGEST
    assert abs(pixels(got).mean() - pixels(decode(data)).mean()) < 3


def test_the_same_file_gives_the_same_pixels() -> None:
    data = encoded(photo(), "JPEG")
    np.testing.assert_array_equal(pixels(decode(data)), pixels(decode(bytes(data))))


def test_a_bomb_is_refused_by_its_header() -> None:
    for read in (decode, size_of):
        with pytest.raises(ImageError) as caught:
            read(png_header(60_000, 60_000))
        assert caught.value.kind == "too-large"


def test_the_pixel_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(100, 80), "PNG")
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", "7999")
    with pytest.raises(ImageError, match="100x80 pixels are more than 7999") as caught:
        decode(data)
    assert caught.value.kind == "too-large"
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", "8000")
    assert decode(data).size == (100, 80)
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", "many")
    with pytest.raises(UsageError, match="many"):
        decode(data)


def test_a_limit_raised_by_the_user_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # put back afterwards
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", "3600000000")
    assert size_of(png_header(60_000, 60_000)) == (60_000, 60_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_file_is_told_from_an_unreadable_one(kind: str) -> None:
    data = encoded(Image.effect_noise((200, 150), 80).convert("RGB"), kind)
    with pytest.raises(ImageError) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.kind == "truncated"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"these are words, not a photograph\n" * 20,
        b"\xff\xd8\xff\xe0",
        b"<svg xmlns='x'/>",
        b"%PDF-1.7",
        b"GIF89a",
    ],
)
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert caught.value.kind == "unreadable"
    assert "\n" not in caught.value.reason


@given(
    data=st.binary(max_size=400),
    start=st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"BM", b"RIFF\0\1\0\0WEBPVP8 "]
    ),
)
@settings(max_examples=150)
def test_random_bytes_raise_nothing_but_image_error(data: bytes, start: bytes) -> None:
    try:
        image = decode(start + data)
    except ImageError as error:
        assert error.kind in ("unreadable", "truncated", "too-large")  # noqa: PT017 - both ways are right
    else:
        assert image.mode == "RGB"


@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"]))
@settings(max_examples=120)
def test_a_damaged_image_raises_nothing_but_image_error(data: st.DataObject, kind: str) -> None:
    content = bytearray(encoded(photo(48, 32), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(content))
    except ImageError as error:
        assert error.reason  # noqa: PT017 - both ways are right
    else:
        assert image.mode == "RGB"


def test_read_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"12345")
    assert read_bytes(file) == b"12345"
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="5 bytes") as caught:
        read_bytes(file)
    assert caught.value.kind == "too-large"


@pytest.mark.parametrize(
    ("name", "kind"), [("empty.jpg", "empty"), ("gone.jpg", "missing"), ("folder.jpg", "unreadable")]
)
def test_read_bytes_says_why_not(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError) as caught:
        read_bytes(tmp_path / name)
    assert caught.value.kind == kind


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset with one photograph and ways out of it."""
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.jpg").write_bytes(b"x")
    (root / "x.jpg").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"y")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "in.jpg").symlink_to(root / "sub" / "a.jpg")
    (root / "up").symlink_to(tmp_path)
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    (root / "dangling.jpg").symlink_to(root / "nothing.jpg")
    os.mkfifo(root / "pipe.jpg")
    return root


@pytest.mark.parametrize("name", ["sub/a.jpg", "in.jpg", "sub/../sub/a.jpg"])
def test_locate_finds_files_inside(folder: Path, name: str) -> None:
    assert locate(folder, name).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../secret.jpg", "outside"),
        ("sub/../../secret.jpg", "outside"),
        ("/etc/passwd", "outside"),
        ("out.jpg", "outside"),
        ("up/secret.jpg", "outside"),
        ("loop.jpg", "outside"),
        ("dangling.jpg", "missing"),
        ("nothing.jpg", "missing"),
        ("sub/a.jpg/b.jpg", "missing"),
        ("x.jpg", "not-a-file"),
        ("pipe.jpg", "not-a-file"),
        ("a\nb.jpg", "bad-name"),
        ("a\0b.jpg", "bad-name"),
        ("a\u2028b.jpg", "bad-name"),
        (os.fsdecode(b"caf\xe9.jpg"), "bad-name"),
        ("n" * 300 + ".jpg", "unreadable"),
    ],
)
def test_locate_refuses_by_kind(folder: Path, name: str, kind: str) -> None:
    with pytest.raises(ImageError) as caught:
        locate(folder, name)
    assert caught.value.kind == kind
