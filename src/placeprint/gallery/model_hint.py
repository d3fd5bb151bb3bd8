"""Where the file of a gallery's model was when the gallery was made: a hint, which may be a stranger's.

Nothing here looks at the disk for it. `placeprint.recognition.model_lookup` does, and believes no file but by its hash.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def absolute(file: Path) -> Path:
    """Return an absolute path to a file, which itself may be a link."""
    return file.parent.resolve() / file.name


def model_file_entry(folder: Path, file: Path | None) -> dict[str, Any]:
    """Return the part of a gallery's head that says where its model's file is: nothing where a name finds it.

    A file that lies in the gallery's folder or beside it is told relative to that folder: both may be moved together.
    """
    if file is None:
        return {}
    here = folder.resolve()
    near = file.parent == here.parent or here in file.parents
    return {"model_file": Path(os.path.relpath(file, here)).as_posix() if near else str(file)}


def model_file_of(said: object, folder: Path | None = None) -> Path | None:
    """Return the absolute path that a head says.

    `said`: Whatever the head holds. Nothing comes of what is no line of text, or is a place on another machine: to look
    there would tell that machine who asks.
    `folder`: What a relative path is relative to; without it there are none.
    """
    if not isinstance(said, str) or not said or not said.isprintable() or said[:2] in ("//", "\\\\", "/\\", "\\/"):
        return None
    if folder is None:
        return Path(said) if Path(said).is_absolute() else None
    return Path(os.path.normpath(folder.resolve() / said))
