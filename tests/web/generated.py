"""What schemathesis is told beyond the description: photographs that are some, and ids that are there."""

from __future__ import annotations

import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image


def photo(colour: tuple[int, int, int], width: int, height: int, kind: str) -> bytes:
    """A plain photograph."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


def photos(kind: str) -> st.SearchStrategy[bytes]:
    """Plain photographs of one kind."""
    sides = st.integers(8, 64)
    return st.builds(photo, st.tuples(*[st.integers(0, 255)] * 3), sides, sides, st.just(kind))


schemathesis.openapi.media_type("image/jpeg", photos("JPEG"))
schemathesis.openapi.media_type("image/png", photos("PNG"))
schemathesis.openapi.media_type("image/webp", photos("WEBP"))
schemathesis.openapi.media_type("application/octet-stream", photos("PNG"))
