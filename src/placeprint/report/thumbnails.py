"""Thumbnails for a page: decoded on threads, each in the page once."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from placeprint.dataset.decoding.images import decode
from placeprint.dataset.files import locate, read_bytes
from placeprint.errors import ImageError
from placeprint.progress import Progress, Stretch

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 240
"""Longer side, pixels: sharp at the 150 to 220 CSS pixels that the page gives an image."""

QUALITY = 72
"""Of the JPEG: about 10 kB an image."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image's file: `path` is relative to `root` and never followed out of it."""

    root: Path
    path: str

    def opened(self, side: int) -> Image:
        """Return it upright in RGB, its shorter side at least `side` pixels where the image has them.

        Raises `ImageError` when it is gone, cannot be read, or lies outside of `root`.
        """
        return decode(read_bytes(locate(self.root, self.path)), min_side=side)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small copy of an image, or why there is none."""

    key: str  # Its name inside the page.
    # width, height: Pixels; `SIDE` by `SIDE` without a picture.
    width: int = SIDE
    height: int = SIDE
    uri: str = ""  # The JPEG as a ``data:`` address; empty without a picture.
    reason: str = ""  # One line for people; empty with a picture.


def thumbnails(images: Iterable[ImageFile], *, progress: Progress | None = None) -> dict[ImageFile, Thumbnail]:
    """Make one thumbnail for each different image; an image that is gone becomes a reason.

    `images`: May repeat itself.
    """
    wanted = list(dict.fromkeys(images))
    workers = min(8, os.cpu_count() or 1)
    made: dict[ImageFile, Thumbnail] = {}
    with Stretch(progress, "thumbnails", len(wanted)) as step, ThreadPoolExecutor(workers) as pool:
        keys = (f"p{number}" for number in range(len(wanted)))
        for image, thumbnail in zip(wanted, pool.map(_thumbnail, wanted, keys), strict=True):
            made[image] = thumbnail
            step()
    return made


def _thumbnail(file: ImageFile, key: str) -> Thumbnail:
    from PIL.Image import Resampling

    try:
        image = file.opened(SIDE)
    except ImageError as error:
        return Thumbnail(key, reason=error.reason)
    image.thumbnail((SIDE, SIDE), Resampling.LANCZOS)
    return Thumbnail(key, image.width, image.height, data_uri(jpeg(image)))


def jpeg(image: Image, *, quality: int = QUALITY) -> bytes:
    """Encode the pixels and nothing else: no EXIF, which may hold a position, and no comments."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True, exif=b"", comment=b"")
    return buffer.getvalue()


def data_uri(picture: bytes) -> str:
    """Return a JPEG as an address that carries it."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"
