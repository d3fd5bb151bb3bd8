"""Disk space that a published folder keeps in reserve, so that its head can be replaced when the disk is full."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from placeprint.storage.atomic import FULL

RESERVE = ".reserve"
_TEXT = b"This room is kept so that images can be removed when the disk is full.\n"
WHOLE = _TEXT * (1 << 12)
"""284 KiB for the new head beside the old one, which takes 10 bytes for each removed row. Not zeros: a file system may
store those without space."""


def keep_reserve(folder: Path) -> None:
    """Write the reserve if it is missing or shorter, as far as there is space; any other file of its name stays."""
    with suppress(OSError):
        path = folder / RESERVE
        if not os.path.lexists(path) or (is_reserve(path) and path.stat().st_size < len(WHOLE)):
            path.write_bytes(WHOLE)


def is_reserve(path: Path) -> bool:
    """Return whether a file is a reserve, which may be shorter on a full disk."""
    regular = path.is_file() and not path.is_symlink() and path.stat().st_size <= len(WHOLE)
    return regular and WHOLE.startswith(path.read_bytes())


def free_reserve(folder: Path, error: OSError) -> None:
    """Remove the reserve after a write failed because the disk is full.

    Raises `OSError`: the error itself, when it is another one or there is no reserve.
    """
    if error.errno not in FULL or not is_reserve(folder / RESERVE):
        raise error
    (folder / RESERVE).unlink()
