"""Read the orientation of an image from its EXIF or XMP block, and apply it.

Pillow reads every entry of an EXIF block, and 5,400 entries may all point at the same 64 KB. Here only the entry of the
orientation is read, and damaged or hostile blocks count as none.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placeprint import forks
from placeprint.dataset.decoding.tiff_entries import TiffEntries, reader_of

if TYPE_CHECKING:
    from PIL.Image import Image

_TAG = 0x0112
_TOLD_BY = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_MOST_XMP = 1 << 18
"""Bytes of an XMP block that are searched."""
_WARNINGS = forks.Lock()


@contextmanager
def quietly() -> Iterator[None]:
    """Silence warnings, in one thread at a time: the filters belong to the whole process."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def orientation(image: Image) -> int:
    """Return the EXIF orientation of an open Pillow image, 1 to 8, or 1 for none."""
    try:
        with quietly():
            turn = int(image.getexif().get(_TAG, 1))
    except Exception:  # a damaged EXIF block must not cost the image
        return 1
    return turn if 1 <= turn <= 8 else 1


def turn_of(exif: bytes, xmp: bytes) -> int:
    """Return the orientation in the EXIF block, or else the XMP block: 1 to 8, or 1 for none."""
    block = TiffEntries(reader_of(exif))
    told = block.directory(block.first, (_TAG,)).get(_TAG)
    if told is None:
        found = _XMP.search(xmp, 0, _MOST_XMP)
        told = (float(found[1]),) if found else ()
    turn = told[0] if isinstance(told, tuple) and told else 1
    return int(turn) if isinstance(turn, float) and turn in range(1, 9) else 1


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
    for told in _TOLD_BY:  # it must not be turned again
        turned.info.pop(told, None)
    return turned
