"""The limit on the pixels of an image."""

from __future__ import annotations

import os

from placeprint.errors import ImageError, UsageError

MAX_PIXELS_VARIABLE = "PLACEPRINT_MAX_PIXELS"
_DIGITS = 12
"""More digits of a limit make no difference."""
MAX_PIXELS = 80_000_000
"""An image with more pixels in its header is refused as a possible decompression bomb."""
MAX_SIDE = 1 << 18
"""Pixels of a side: images are worked on a few rows at a time, and a row must not be a large image by itself."""


def max_pixels() -> int:
    """Return the pixel limit: `MAX_PIXELS`, or the environment's PLACEPRINT_MAX_PIXELS.

    Raises `UsageError` when the variable is not a whole number above 0.
    """
    return from_environment(MAX_PIXELS_VARIABLE, "pixels") or MAX_PIXELS


def from_environment(variable: str, unit: str) -> int | None:
    """Return the number in an environment variable; None when it is not set.

    Raises `UsageError` when it is not a whole number above 0.
    """
    text = os.environ.get(variable, "")
    if not text:
        return None
    number = int(text[:_DIGITS]) if text.isdecimal() else 0
    if not number:
        raise UsageError(f'{variable} is "{text}": give a whole number of {unit}')
    return number


def check_pixels(width: int, height: int) -> None:
    """Refuse an image with more pixels than the limit, or a longer side than any camera makes.

    Raises `ImageError`: ``too-large``.
    """
    limit = max_pixels()
    if width * height > limit:
        raise ImageError(
            "too-large",
            f"{width}x{height} pixels are more than {limit}: if you trust the file, set {MAX_PIXELS_VARIABLE}",
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError("too-large", f"a side of {max(width, height)} pixels is longer than {MAX_SIDE}: cut the image")
