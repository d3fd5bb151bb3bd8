"""Small upright JPEGs of images, whatever format they are in: what a browser cannot draw is shown by these."""

from __future__ import annotations

from placeprint.dataset.decoding import images
from placeprint.report.thumbnails import QUALITY, jpeg

PREVIEW_SIDE = 960
"""Longer side of the preview of an image that is asked about, pixels."""


def small_jpeg(data: bytes, side: int) -> bytes:
    """Return a JPEG without EXIF whose longer side has at most so many pixels. Raises `ImageError`."""
    from PIL.Image import Resampling

    image = images.decode(data, min_side=side)
    image.thumbnail((side, side), Resampling.LANCZOS)
    return jpeg(image, quality=QUALITY)
