"""Part of an image in place of the whole, as protocols ask that crop their queries to a bounding box."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TypeAlias

from placeprint.dataset.decoding import images
from placeprint.errors import ImageError

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the upright image; right and bottom are the first that are left out."""


def cropping(read: Callable[[str], bytes], boxes: Mapping[str, Box]) -> Callable[[str], bytes]:
    """Return what reads as `read` does, and of an image that has a box only what is in it, as a PNG."""

    def read_part(path: str) -> bytes:
        data, box = read(path), boxes.get(path)
        return data if box is None else _part(data, box)

    return read_part


def _part(data: bytes, box: Box) -> bytes:
    """Cut a box, its edges rounded as Pillow rounds them; what is outside of the image is left out.

    Raises `ImageError`: as decoding; ``damaged`` when nothing of the image is in the box.
    """
    image = images.decode(data)
    left, top, right, bottom = (
        min(max(round(edge), 0), size) for edge, size in zip(box, (*image.size, *image.size), strict=True)
    )
    if left >= right or top >= bottom:
        raise ImageError("damaged", f"nothing of its {image.width}x{image.height} pixels is in the box {box}")
    buffer = io.BytesIO()
    image.crop((left, top, right, bottom)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
