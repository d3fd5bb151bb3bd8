"""The OpenAPI description: what a generator of requests finds when it believes it."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from served import TOKEN, WRITER, served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: make test-web installs it")

import hypothesis  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from PIL import Image  # noqa: E402

from placeprint.web.settings import digest_of  # noqa: E402

CASES = int(os.environ.get("PLACEPRINT_SCHEMA_CASES", "200"))
"""Of all operations together; `make test-web-schema` asks for 2,000."""


def photo(colour: tuple[int, int, int], width: int, height: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


def photos(kind: str) -> st.SearchStrategy[bytes]:
    sides = st.integers(8, 64)
    return st.builds(photo, st.tuples(*[st.integers(0, 255)] * 3), sides, sides, st.just(kind))
