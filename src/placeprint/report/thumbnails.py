"""Small copies of photographs for a page: decoded on threads, each embedded once."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset.images import decode, locate, read_bytes
from placeprint.errors import ImageError
from placeprint.progress import Progress, Stretch

SIDE = 240
"""Longer side, pixels: sharp at the 150 to 220 CSS pixels that the page gives a photograph."""

QUALITY = 72
"""Of the JPEG: about 10 kB a photograph."""


@dataclass(frozen=True, slots=True)
class Photo:
    """Where a photograph was: `path` is relative to `root`, and never followed out of it."""

    root: Path
    path: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small copy of a photograph, or why there is none.

    Attributes
    ----------
    key : str
        Its name inside the page.
    width, height : int
        Pixels; `SIDE` by `SIDE` without a picture.
    uri : str
        The JPEG as a ``data:`` address; empty without a picture.
    reason : str
        One line for people; empty with a picture.
    """

    key: str
    width: int = SIDE
    height: int = SIDE
    uri: str = ""
    reason: str = ""


def thumbnails(photos: Iterable[Photo], *, progress: Progress | None = None) -> dict[Photo, Thumbnail]:
    """Make one thumbnail for each different photograph; a photograph that is gone becomes a reason.

    Parameters
    ----------
    photos : iterable of Photo
        May repeat itself.
    progress : Progress, optional
    """
    wanted = list(dict.fromkeys(photos))
    workers = min(8, os.cpu_count() or 1)
    made: dict[Photo, Thumbnail] = {}
    with Stretch(progress, "thumbnails", len(wanted)) as step, ThreadPoolExecutor(workers) as pool:
        keys = (f"p{number}" for number in range(len(wanted)))
        for photo, thumbnail in zip(wanted, pool.map(_thumbnail, wanted, keys), strict=True):
            made[photo] = thumbnail
            step()
    return made


def _thumbnail(photo: Photo, key: str) -> Thumbnail:
    from PIL.Image import Resampling

    try:
        image = decode(read_bytes(locate(photo.root, photo.path)), min_side=SIDE)
    except ImageError as error:
        return Thumbnail(key, reason=error.reason)
    image.thumbnail((SIDE, SIDE), Resampling.LANCZOS)
    buffer = io.BytesIO()
    # The pixels and nothing else: EXIF (it may hold a position) and comments stay at home.
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True, comment=b"")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(key, image.width, image.height, f"data:image/jpeg;base64,{data}")
