"""Read the files of a dataset: none outside its folder, and none that is too large.

Whatever makes a file unusable raises one exception, `ImageError`, with a kind and a reason.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from placeprint.errors import ImageError, first_line
from placeprint.storage.regular_files import NotRegularError, TooLargeError, open_regular, read_regular

SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif"]
)
"""Suffixes of image files (lower case)."""

CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
"""Line breaks and control characters."""
_SURROGATE = re.compile("[\ud800-\udfff]")

MAX_BYTES = 256 * 1024 * 1024
"""A larger file is refused before it is read."""


def locate(root: Path, relative: str) -> Path:
    """Return the path of a record's file, refusing every path that leads out of `root`.

    Raises `ImageError`: ``bad-name`` for names that no manifest, log line or address can hold; ``outside`` for an
    absolute path, for ``..`` and for a symbolic link out of the folder; ``missing`` and ``not-a-file`` when there is
    nothing to read.
    """
    refuse_odd_name(relative)
    path = root / relative
    if Path(relative).is_absolute() or not _inside(path, root):
        raise ImageError("outside", "the path leaves the dataset's folder: it is not followed")
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError("missing", "the file is not there") from error
    except (OSError, ValueError) as error:
        raise ImageError("unreadable", f"the file cannot be accessed: {first_line(error)}") from error
    if not stat.S_ISREG(mode):
        raise ImageError("not-a-file", "this is not a regular file")
    return path


def refuse_odd_name(name: str) -> None:
    """Raise ImageError ``bad-name`` for a name that no manifest, log line or address can hold."""
    if CONTROL.search(name):
        raise ImageError("bad-name", "the file name holds a line break or a control character: rename the file")
    if _SURROGATE.search(name):
        raise ImageError("bad-name", "the file name is not UTF-8: rename the file")


def _inside(path: Path, root: Path) -> bool:
    try:
        real = path.resolve()
        # What is still a link is a loop. (pathlib raises for a name that is too long.)
        return not os.path.islink(real) and real.is_relative_to(root.resolve())  # noqa: PTH114
    except (OSError, RuntimeError, ValueError):
        return False


def open_file(path: Path) -> BinaryIO:
    """Open a regular file of at most `MAX_BYTES` for reading, without ever blocking.

    Raises `ImageError`: ``too-large``, ``missing``, ``not-a-file`` or ``unreadable``.
    """
    with _told():
        file = open_regular(path)
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            file.close()
            raise TooLargeError(MAX_BYTES, size)
        return file


def require_content(data: bytes) -> bytes:
    """Return the bytes of a file, unless there are none or more than `MAX_BYTES`.

    Raises `ImageError`: ``empty`` or ``too-large``.
    """
    if not data:
        raise ImageError("empty", "the file has no bytes")
    if len(data) > MAX_BYTES:
        raise ImageError("too-large", f"the file has more than {MAX_BYTES} bytes")
    return data


def read_bytes(path: Path) -> bytes:
    """Read a regular file of at most `MAX_BYTES`, whatever size the system reports.

    Raises `ImageError`: ``empty``, ``too-large``, ``missing``, ``not-a-file`` or ``unreadable``.
    """
    with _told():
        return require_content(read_regular(path, MAX_BYTES))


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors of reading a file into `ImageError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise ImageError("missing", "the file is not there") from error
    except NotRegularError as error:
        raise ImageError("not-a-file", str(error.strerror)) from error
    except TooLargeError as error:
        raise ImageError("too-large", str(error.strerror)) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or first_line(error)  # without the file's name, which stands beside it
        raise ImageError("unreadable", f"the file cannot be read: {why}") from error


def content_hash(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()
