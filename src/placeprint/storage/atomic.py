"""Atomic writes and checksums. Only this module and `published` call fsync."""

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
"""Errors of a full disk, or of a user's full quota."""
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
    """Flush a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`: whatever happens, the file is the old one or the new one, never a part.

    The data is first written into a marked folder beside it, ``.NAME.new``; the next write to the path clears what a
    killed process left there.

    Raises `OSError` when the folder cannot be written to; nothing is left behind.
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
    """Make the folder for a file on its way; two writers to one path get two folders."""
    folder = path.with_name(f".{path.name}.new")
    if is_abandoned(folder):
        clear_folder(folder)
    try:
        make_folder(folder, [_NEW])
    except FileExistsError:
        folder = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
        make_folder(folder, [_NEW])
    return folder


def _head(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def require_way(path: Path) -> None:
    """Refuse a path that cannot be written, before any work is done for it.

    Raises `UsageError` when a folder on the way is a file; `PermissionError` when the folder is not writable.
    """
    above = path.absolute()
    while not os.path.lexists(above):
        above = above.parent
    if above == path.absolute() and not above.is_dir():
        above = above.parent  # whether the file itself may be replaced is another question
    if not above.is_dir():
        raise UsageError(f'"{path}" cannot be made: "{above}" is not a folder')
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))


def require_ours(path: Path, ours: Callable[[bytes], bool], *, most: int = -1) -> None:
    """Refuse to overwrite a file that the program did not write, or to write where no file can be made.

    An empty file may be overwritten: nothing is lost.

    `ours`: Tells the program's own files from others by their content.
    `most`: Bytes of it that are read, where its beginning tells; all by default.
    Raises `UsageError`; `PermissionError`.
    """
    require_way(path)
    if not os.path.lexists(path) or (path.is_file() and (not path.stat().st_size or ours(_head(path, most)))):
        return
    raise UsageError(
        f'"{path}" already exists and was not made by placeprint: choose another path, or move it away first'
    )


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, atomically."""
    write_atomic(path, json_text(value))


def json_text(value: object) -> bytes:
    """Return the bytes that `write_json` writes."""
    return (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode()


def has_keys(data: bytes, *keys: str) -> bool:
    """Return whether the data is a JSON object with all of these keys."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() >= set(keys)
