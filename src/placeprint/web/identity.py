"""Ids of images, and URLs: stable, and never a path of the disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.columns import path_hash
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.table import RecordTable

_ID = re.compile(r"([0-9a-f]{16})(?:-([1-9][0-9]{0,5}))?")


def image_id(records: RecordTable, row: int) -> str:
    """Return the id of an image: 64 bits of a hash of its path, and the number of its root where that is not the first.

    It stays the same as long as the image is in the gallery, whatever is added or removed.
    """
    root = int(records.columns.roots[row])
    return f"{int(records.columns.paths[row]):016x}" + (f"-{root}" if root else "")


def row_of(gallery: Gallery, image: str) -> int | None:
    """Return the row of an image by its id; None when there is none."""
    found = _ID.fullmatch(image)
    if found is None:
        return None
    columns = gallery.records.columns
    alike = columns.paths == np.uint64(int(found[1], 16))
    rows = np.flatnonzero(alike & (columns.roots == int(found[2] or 0)))
    return int(rows[0]) if len(rows) else None


UPLOADED_NAME = re.compile(r"[0-9a-f]{64}\.[a-z]{3,4}")
UPLOADED_ROOT = "uploaded"
"""The root, in a gallery in Milvus, of images that were added through a server, which may keep them anywhere."""


def milvus_image_id(key: int) -> str:
    """Return the id of an image in Milvus: its key, which is a hash of its root and its path."""
    return f"{key:016x}"


def milvus_key(image: str) -> int | None:
    """Return the key of an id; None when it is not one."""
    return int(image, 16) if _ID.fullmatch(image) and "-" not in image and image < "8" else None


@dataclass(frozen=True, slots=True)
class Urls:
    """The URLs of a server."""

    prefix: str = ""  # The path that the server is under behind a proxy, as ``/photos``; empty at the root.

    def image(self, image: str) -> str:
        """Return the URL of an original."""
        return f"{self.prefix}/v1/images/{image}"

    def thumbnail(self, image: str) -> str:
        """Return the URL of a thumbnail; `?size=` chooses its size."""
        return f"{self.prefix}/v1/images/{image}/thumbnail"

    def place(self, place: str) -> str:
        """Return the URL of a place."""
        return f"{self.prefix}/v1/places/{quote(place, safe='', errors='surrogateescape')}"


def rows_at(gallery: Gallery, path: str) -> NDArray[np.int64]:
    """Return the rows of a path, under whatever root; the path of an uploaded image is the hash of its content."""
    rows = np.flatnonzero(gallery.records.columns.paths == np.uint64(path_hash(path)))
    return rows[[gallery.records[row].path == path for row in rows.tolist()]] if len(rows) else rows
