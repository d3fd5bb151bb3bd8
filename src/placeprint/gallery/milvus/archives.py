"""Arrays as text: Milvus has strings, and no bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.storage.arrays import read_archive


def packed(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return arrays as text."""
    file = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, **named)
    return base64.b64encode(file.getvalue()).decode("ascii")


def unpacked(text: str) -> dict[str, NDArray[Any]]:
    """Read what `packed` wrote; nothing for no text. Raises `GalleryCorruptError`."""
    if not text:
        return {}
    try:
        return dict(read_archive(base64.b64decode(text)))
    except ValueError as error:
        raise GalleryCorruptError(f"what the gallery's head keeps of arrays cannot be read ({error})") from error
