"""Some room on the disk that is kept in a published folder, so that its head can be replaced when the disk is full."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from placeprint.storage.atomic import FULL

RESERVE = ".reserve"
_TEXT = b"This room is kept so that images can be removed when the disk is full.\n"
WHOLE = _TEXT * (1 << 12)
"""284 KiB: a new head needs some before the old one goes, 10 bytes for each row that it notes as removed. No zeros: a
copy of those may take no room."""


def keep_reserve(folder: Path) -> None:
    """Write the reserve where there is none, as much of it as there is room for; a stranger's file stays."""
    with suppress(OSError):
        path = folder / RESERVE
        if not os.path.lexists(path) or (is_reserve(path) and path.stat().st_size < len(WHOLE)):
            path.write_bytes(WHOLE)


def is_reserve(path: Path) -> bool:
    """Return whether this is a reserve: on a full disk it is shorter, never something else."""
    regular = path.is_file() and not path.is_symlink() and path.stat().st_size <= len(WHOLE)
    return regular and WHOLE.startswith(path.read_bytes())


def free_reserve(folder: Path, error: OSError) -> None:
    """Give the room back where a write failed because the disk is full; raise what it failed with where that is not so.

    Raises
    ------
    OSError
        The error that was given.
    """
    if error.errno not in FULL or not is_reserve(folder / RESERVE):
        raise error
    (folder / RESERVE).unlink()
