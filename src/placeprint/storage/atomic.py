"""Atomic writes and checksums: with `published`, the only place that knows fsync."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.storage.marker import clear_folder, is_abandoned, make_folder

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk, or of a user's share of it, that is full."""
_BLOCK = 1 << 20
_NEW = "new"


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`: afterwards the file is the old one or the new one, never a part.

    Until then it lies in a marked folder beside, ``.NAME.new``: the next write to the path clears what a kill left.

    Raises
    ------
    OSError
        When the folder cannot be written to; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = _room_for(path)
    try:
        with (folder / _NEW).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(folder / _NEW, path)
    finally:
        clear_folder(folder)
    sync(path.parent)


def _room_for(path: Path) -> Path:
    """Make the folder where a file lies until it is whole; who writes to the same path meanwhile has another."""
    folder = path.with_name(f".{path.name}.new")
    if is_abandoned(folder):
        clear_folder(folder)
    try:
        make_folder(folder, [_NEW])
    except FileExistsError:
        folder = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
        make_folder(folder, [_NEW])
    return folder


def require_way(path: Path) -> None:
    """Refuse a path where nothing can be made, before there is work that would be lost by it.

    Raises
    ------
    UsageError
        Where a folder on the way is a file.
    PermissionError
        Where one may not write.
    """
    above = path.absolute()
    while not os.path.lexists(above):
        above = above.parent
    if above == path.absolute() and not above.is_dir():
        above = above.parent  # what a file's own content allows is another question
    if not above.is_dir():
        raise UsageError(f'"{path}" cannot be made: "{above}" is not a folder')
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))


def require_ours(path: Path, ours: Callable[[bytes], bool]) -> None:
    """Refuse to write over a file that the program did not make, or where no file can be made.

    An empty file holds nothing that could be lost.

    Parameters
    ----------
    path : Path
    ours : callable
        Tells the program's own files from others by what is in them.

    Raises
    ------
    UsageError
    PermissionError
    """
    require_way(path)
    if not os.path.lexists(path) or (path.is_file() and (not path.stat().st_size or ours(path.read_bytes()))):
        return
    raise UsageError(f'"{path}" is there and placeprint did not make it: choose another place, or move it away first')


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, atomically."""
    write_atomic(path, json_text(value))


def json_text(value: object) -> bytes:
    """Return what `write_json` writes."""
    return (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode()


def has_keys(data: bytes, *keys: str) -> bool:
    """Return whether this is a JSON object with all of these keys."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() >= set(keys)
