"""The limit on the pixels of an image."""

from __future__ import annotations

import os

from placeprint.errors import ImageError, UsageError

MAX_PIXELS_VARIABLE = "PLACEPRINT_MAX_PIXELS"
MAX_PIXELS = 80_000_000
"""An image with more pixels in its header is refused as a possible decompression bomb."""


def max_pixels() -> int:
    """Return the pixel limit: `MAX_PIXELS`, or the environment's PLACEPRINT_MAX_PIXELS.

    Raises
    ------
    UsageError
        When the variable is not a whole number above 0.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE, "")
    if not text:
        return MAX_PIXELS
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f'{MAX_PIXELS_VARIABLE} is "{text}": give a whole number of pixels')
    return int(text)


def check_pixels(width: int, height: int) -> None:
    """Refuse an image with more pixels than the limit.

    Raises
    ------
    ImageError
        ``too-large``.
    """
    limit = max_pixels()
    if width * height > limit:
        raise ImageError(
            "too-large",
            f"{width}x{height} pixels are more than {limit}: if you trust the file, set {MAX_PIXELS_VARIABLE}",
        )
