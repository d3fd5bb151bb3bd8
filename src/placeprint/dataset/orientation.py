"""Which way up a photograph is, from its EXIF block."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placeprint.dataset.integrity import png_chunks

if TYPE_CHECKING:
    from PIL.Image import Image

_TAG = 0x0112
_TOLD_BY = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_TEXT_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_WARNINGS = threading.Lock()


@contextmanager
def quietly() -> Iterator[None]:
    """Silence warnings; one thread at a time, because the filters belong to the whole process."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def orientation(image: Image) -> int:
    """Return the EXIF orientation, 1 to 8 and 1 for none; of a PNG that is not loaded, this decodes its pixels."""
    try:
        with quietly():
            return int(image.getexif().get(_TAG, 1))
    except Exception:  # a damaged EXIF block must not cost the image
        return 1


def header_orientation(image: Image, data: bytes) -> int:
    """Return the EXIF orientation without decoding any pixel.

    A PNG's may lie behind its pixels, and Pillow decodes them to get there: it is given one pixel in their place.
    """
    if image.format != "PNG" or "exif" in image.info:
        return orientation(image)
    texts = [data[start - 8 : end + 4] for name, start, end in png_chunks(data) if name in _TEXT_CHUNKS]
    return _of_one_pixel(b"".join(texts)) if texts else 1


def _of_one_pixel(chunks: bytes) -> int:
    from PIL import Image

    pixel = io.BytesIO()
    Image.new("L", (1, 1)).save(pixel, "PNG")
    whole = pixel.getvalue()
    try:
        with quietly(), Image.open(io.BytesIO(whole[:33] + chunks + whole[33:]), formats=["PNG"]) as image:
            return int(image.getexif().get(_TAG, 1))
    except Exception:  # as above
        return 1


def is_turned(image: Image, turn: int) -> bool:
    """Return whether an orientation swaps width and height; Pillow turns a TIFF itself, its size too."""
    return turn >= 5 and image.format != "TIFF"


def upright(image: Image, turn: int) -> Image:
    """Apply an orientation."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    if turn not in turns:
        return image
    turned = image.transpose(turns[turn])
    for told in _TOLD_BY:  # what was turned must not be turned again
        turned.info.pop(told, None)
    return turned
