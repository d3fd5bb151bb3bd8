"""Pixels of every depth become 8-bit RGB, in strips: the same values, in little memory."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from placeprint.dataset.decoding import tones
from placeprint.dataset.decoding.images import decode, size_of
from placeprint.dataset.decoding.integrity import png_chunks


def samples(mode: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    if mode == "F":
        values = rng.normal(0, 40, (61, 47)).astype(np.float32)
        values[3, :3] = np.nan, np.inf, -np.inf
        return values
    if mode == "I":
        return rng.integers(-9000, 90_000, (61, 47)).astype(np.int32)
    return rng.integers(0, 65_536, (61, 47)).astype(np.uint16)


@pytest.mark.parametrize("mode", ["F", "I", "I;16"])
@pytest.mark.parametrize("strip", [1, 47 * 7, 1 << 20])
def test_strips_change_no_value(monkeypatch: pytest.MonkeyPatch, mode: str, strip: int) -> None:
    monkeypatch.setattr(tones, "_STRIP", strip)
    values = samples(mode)
    image = Image.fromarray(values)
    assert image.mode == mode
    wide = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    wide = (wide - wide.min()) * (255 / (wide.max() - wide.min())) if mode == "F" else wide / 257
    np.testing.assert_array_equal(np.asarray(tones.eight_bits(image)), np.clip(np.rint(wide), 0, 255))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
@pytest.mark.parametrize("strip", [1, 31 * 4, 1 << 20])
def test_strips_lay_the_same_picture_on_white(monkeypatch: pytest.MonkeyPatch, mode: str, strip: int) -> None:
    monkeypatch.setattr(tones, "_STRIP", strip)
    rng = np.random.default_rng(4)
    image = Image.fromarray(rng.integers(0, 256, (23, 31, 4), dtype=np.uint8))
    if mode in ("P", "PA"):
        image = image.convert("RGB").quantize(16)
        image.info["transparency"] = 3
        image = image.convert("PA") if mode == "PA" else image
    else:
        image = image.convert(mode)
    layer = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    wanted = Image.alpha_composite(white, layer).convert("RGB")
    np.testing.assert_array_equal(np.asarray(tones.to_rgb(image)), np.asarray(wanted))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGB"])
@pytest.mark.parametrize("factor", [2, 3, 7])
def test_strips_reduce_to_the_same_picture(monkeypatch: pytest.MonkeyPatch, mode: str, factor: int) -> None:
    monkeypatch.setattr(tones, "_STRIP", 61 * 8)
    image = Image.fromarray(np.random.default_rng(6).integers(0, 256, (47, 61, 4), dtype=np.uint8)).convert(mode)
    np.testing.assert_array_equal(np.asarray(tones.reduced(image, factor)), np.asarray(image.reduce(factor)))


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I", "TIFF"), ("F", "TIFF")])
def test_a_deep_image_is_not_held_as_wide_numbers(monkeypatch: pytest.MonkeyPatch, mode: str, kind: str) -> None:
    monkeypatch.setattr(tones, "_STRIP", 1 << 14)
    side = 1500
    deep = Image.fromarray(np.tile(samples(mode), (side // 61 + 1, side // 47 + 1))[:side, :side])
    buffer = io.BytesIO()
    deep.save(buffer, kind)
    data = buffer.getvalue()
    decode(data, min_side=256)  # imports
    tracemalloc.start()
    decode(data, min_side=256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - len(data) < 3 * side * side  # bytes; it was 26 a pixel


def test_a_deep_image_is_decoded_as_its_copy_of_eight_bits() -> None:
    grey = np.random.default_rng(5).integers(0, 256, (300, 400), dtype=np.uint8)
    pictures = []
    for pixels in (grey, grey.astype(np.uint16) * 257):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        pictures.append(np.asarray(decode(buffer.getvalue(), min_side=70)))
    assert pictures[0].shape == (75, 100, 3)
    np.testing.assert_array_equal(*pictures)


def test_the_size_of_a_png_is_told_without_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    text = PngInfo()
    text.add_text("Comment", "words")
    files = {}
    for name, options in {"plain": {}, "text": {"pnginfo": text}, "turned": {"exif": turned}}.items():
        buffer = io.BytesIO()
        Image.new("RGB", (40, 30)).save(buffer, "PNG", **options)  # type: ignore[arg-type]
        files[name] = buffer.getvalue()
    for name in ("text", "turned"):
        blocks = b"".join(
            files[name][start - 8 : end + 4]
            for kind, start, end in png_chunks(files[name])
            if kind in (b"eXIf", b"tEXt")
        )
        assert blocks
        files[f"{name} behind"] = files["plain"][:-12] + blocks + files["plain"][-12:]
    load = ImageFile.ImageFile.load

    def of_one_pixel(image: ImageFile.ImageFile) -> object:
        assert image.size == (1, 1)
        return load(image)

    assert decode(files["turned behind"]).size == (30, 40)
    monkeypatch.setattr(ImageFile.ImageFile, "load", of_one_pixel)
    sizes = {name: size_of(data) for name, data in files.items()}
    assert sizes == {name: (30, 40) if "turned" in name else (40, 30) for name in files}
    assert len(sizes) == 5
