"""Images a few rows at a time, so that what is made of their pixels never takes as much memory as all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def strip_rows(width: int, pixels: int) -> int:
    """Return how many rows of an image hold at most so many pixels; at least one."""
    return max(1, pixels // max(1, width))


def strips(image: Image, pixels: int, *, multiple: int = 1) -> Iterator[tuple[int, Image]]:
    """Yield the top row of each strip, and the strip.

    Parameters
    ----------
    image : PIL.Image.Image
    pixels : int
        Of one strip, at most.
    multiple : int
        The rows of a strip are a multiple of this, but for the last.
    """
    rows = max(1, strip_rows(image.width, pixels) // multiple) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
