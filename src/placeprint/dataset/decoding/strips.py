"""Process images a few rows at a time, to save memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def strip_rows(width: int, pixels: int) -> int:
    """Return how many rows of an image have at most `pixels` pixels; at least one."""
    return max(1, pixels // max(1, width))


def strips(image: Image, pixels: int, *, multiple: int = 1) -> Iterator[tuple[int, Image]]:
    """Yield the top row of each strip, and the strip.

    `pixels`: Pixels of a strip, at most.
    `multiple`: The number of rows is a multiple of this, but in the last strip.
    """
    rows = max(1, strip_rows(image.width, pixels) // multiple) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
