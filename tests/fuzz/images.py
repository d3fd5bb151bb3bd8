"""Photographs: any bytes are a picture within its limits, or an `ImageError` of a known kind and one line."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from unittest.mock import patch

import numpy as np
from PIL import Image, PngImagePlugin

from placeprint.dataset.decoding import images
from placeprint.dataset.decoding.header import times_larger
from placeprint.errors import ImageError

from .changes import list_changed
from .target import Bytes, Target

KINDS = {"unreadable", "truncated", "damaged", "too-large"}
_SIDE = 8
_DECODE_MB = 64
_MOST_ROWS = 1 << 20
"""Bytes of coded rows that are unpacked to be changed."""


@contextmanager
def ready(_: Path) -> Iterator[Callable[[bytes], object]]:
    """Give the reader, for which a picture may take little memory."""
    with patch.dict("os.environ", {"PLACEPRINT_DECODE_MB": str(_DECODE_MB)}):
        yield read


def read(data: bytes) -> None:
    """Decode in all ways."""
    full = reduced = None
    try:
        size = images.size_of(data)
        assert images.format_of(data)
        reduced, told = images.decode_sized(data, min_side=_SIDE)
        assert told == size
        assert min(1, times_larger(size, _SIDE)) <= times_larger(reduced.size, _SIDE) <= 1
        full = images.decode(data)
        assert (full.size, full.mode, reduced.mode) == (size, "RGB", "RGB")
    except ImageError as error:
        _is_told_well(error)
    try:
        with images.what_is_there(data) as (image, damage):
            assert (damage is None) == (full is not None)
            assert full is None or full.tobytes() == image.tobytes()
            assert image.mode == "RGB"
            assert damage is None or 0 <= damage.share <= 1
    except ImageError as error:
        assert full is None
        _is_told_well(error)


def _is_told_well(error: ImageError) -> None:
    assert error.kind in KINDS
    assert error.reason.strip()
    assert "\n" not in error.reason
    assert len(error.reason) < 500


@cache
def seeds() -> Sequence[bytes]:
    """Return one small picture in every format."""
    rows, columns = np.mgrid[0:18, 0:24]
    colour = Image.fromarray(np.stack([rows * 14, columns * 10, (rows * columns) % 256], axis=2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    made = [
        _encoded(colour, "JPEG", exif=exif, quality=70),
        _encoded(colour, "JPEG", progressive=True, subsampling=2),
        _encoded(colour.convert("CMYK"), "JPEG", restart_marker_blocks=2),
        _encoded(colour.convert("L"), "JPEG", comment=b"a comment"),
        *(_encoded(colour.convert(mode), "PNG") for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
        _encoded(colour, "PNG", exif=exif),
        _with_texts(colour, exif.tobytes()),
        _encoded(colour, "WEBP", exif=exif),
        _encoded(colour.convert("RGBA"), "WEBP", lossless=True),
        _encoded(colour, "AVIF"),
        *(_encoded(colour, "TIFF", compression=packed) for packed in ("raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate")),
        _encoded(colour.convert("P"), "GIF", save_all=True, append_images=[colour.convert("P")]),
        _encoded(colour, "BMP"),
        _encoded(colour.convert("P"), "BMP"),
    ]
    return tuple(made)


def _with_texts(image: Image.Image, exif: bytes) -> bytes:
    """Return a PNG that says which way up it is in packed texts, in the two ways of other programs."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="8"/>', zip=True)
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=True)
    return _encoded(image, "PNG", pnginfo=texts)


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change one of the parts that a file of its format is made of."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd8" + b"".join(list_changed(_segments(data), random, lambda one: _segment(one, random, plain)))
    if data.startswith(b"\x89PNG"):
        return data[:8] + b"".join(list_changed(_chunks(data), random, lambda one: _chunk(one, random, plain)))
    if data.startswith((b"II*\0", b"MM\0*")):
        return _entry(data, random, plain)
    return plain(data)


def _segments(data: bytes) -> list[bytes]:
    """Return a JPEG's segments with their markers; coded data belongs to the one before it."""
    found, at = [], 2
    while 0 <= at < len(data):
        size = int.from_bytes(data[at + 2 : at + 4])
        end = at + 2 + size
        if data[at + 1 : at + 2] == b"\xda":
            while (end := data.find(b"\xff", end)) >= 0 and data[end + 1 : end + 2] in _IN_SCANS:
                end += 1
            end = len(data) if end < 0 else end
        found.append(data[at:end])
        at = end
    return found


_IN_SCANS = {b"", *(bytes([marker]) for marker in (0, *range(0xD0, 0xD8)))}


def _segment(one: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a segment's body, and most often keep its length true."""
    if one[1:2] == b"\xda" or len(one) < 4:
        return plain(one)
    body = plain(one[4:])[:65_000]
    size = len(body) + 2 if random.random() < 0.9 else random.choice((0, 1, 2, 65_535))
    marker = one[1] if random.random() < 0.9 else random.randrange(0xC0, 0x100)
    return bytes([0xFF, marker]) + size.to_bytes(2) + body


def _chunks(data: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        found.append(data[at:end])
        at = end
    return found


_NAMES = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"iTXt", b"zTXt", b"tEXt", b"iCCP", b"acTL", b"fdAT", b"IEND")


def _chunk(one: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a chunk's body or what it unpacks to, with the right checksum."""
    name, body = one[4:8], one[8:-4]
    if name == b"IDAT" and random.random() < 0.5:
        try:
            body = zlib.compress(plain(zlib.decompressobj().decompress(body, _MOST_ROWS)))
        except zlib.error:
            body = plain(body)
    else:
        body = plain(body)
    name = name if random.random() < 0.9 else random.choice(_NAMES)
    size = len(body) if random.random() < 0.95 else random.choice((0, 1 << 31, (1 << 32) - 1))
    return struct.pack(">I", size) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _entry(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change one of a TIFF's entries: twelve bytes."""
    order = "little" if data.startswith(b"II") else "big"
    at = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[at : at + 2], order)  # type: ignore[arg-type]
    if not 0 < count < 200:
        return plain(data)
    at += 2 + 12 * random.randrange(count)
    return data[:at] + plain(data[at : at + 12])[:12].ljust(12, b"\0") + data[at + 12 :]


TARGET = Target(
    ready=ready, seeds=seeds, change=change, megabytes=4 * _DECODE_MB
)  # two pictures at once, and their bytes
