"""Atomic writes, checksums and published folders: the only place that knows fsync.

A *published folder* holds one head file and one data folder. New data is written beside the old,
flushed, and only then does the head, replaced by one rename, point to it. So a kill -9 at any moment
leaves the old state or the new one, and a reader that has the old data open keeps it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from placeprint.errors import GalleryBusyError, GalleryCorruptError, GalleryFormatError, GalleryNotFoundError

_BLOCK = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`: afterwards the file is the old one or the new one, never a part.

    Raises
    ------
    OSError
        When the folder cannot be written to; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, atomically."""
    write_atomic(path, (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode())


def _seal(head: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's write lock; the system lets go of it when the process dies.

    Raises
    ------
    GalleryBusyError
        When another process holds it.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise GalleryBusyError(
            f'"{folder}" is being written to by another process: wait for it, then try again'
        ) from error


def publish(folder: Path, head_name: str, head: Mapping[str, Any], *, write: Callable[[Path], None]) -> None:
    """Replace the content of a published folder in one step. Call it inside `locked`.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    head_name : str
        Name of the head file.
    head : mapping
        Goes into the head file, with the data folder's name and each file's size and SHA-256.
    write : callable
        Is given an empty folder and writes the data files into it.
    """
    name = f"data-{secrets.token_hex(6)}"
    data = folder / name
    data.mkdir(parents=True)
    try:
        write(data)
        files = sorted(p for p in data.iterdir() if p.is_file())
        for file in files:
            _sync(file)
        _sync(data)
        table = {p.name: {"bytes": p.stat().st_size, "sha256": sha256_file(p)} for p in files}
        whole = {**head, "data": name, "files": table}
        write_json(folder / head_name, {**whole, "seal": _seal(whole)})
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    clear_leftovers(folder, name)


def clear_leftovers(folder: Path, current: str) -> None:
    """Remove what an interrupted write left. Call it inside `locked`."""
    for old in leftovers(folder, current):
        shutil.rmtree(old, ignore_errors=True)


def update_head(folder: Path, head_name: str, values: Mapping[str, Any]) -> None:
    """Replace some values of a head file in one step; the data stay as they are. Call it inside `locked`.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
    """
    head = {**read_head(folder, head_name), **values}
    write_json(folder / head_name, {**head, "seal": _seal(head)})


def leftovers(folder: Path, current: str) -> list[Path]:
    """Return data folders that no head points to: an interrupted write left them."""
    return sorted(p for p in folder.glob("data-*") if p.is_dir() and p.name != current)


def read_head(folder: Path, head_name: str) -> dict[str, Any]:
    """Read a head file and check its seal.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
        When it is not there, is not one of ours, or was changed.
    """
    path = folder / head_name
    try:
        head = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GalleryNotFoundError(
            f'there is no gallery at "{folder}": make one with: placeprint index DATASET -o {folder}'
        ) from error
    except (ValueError, OSError) as error:
        raise GalleryCorruptError(f'"{path}" cannot be read ({error}): build the gallery again') from error
    if not isinstance(head, dict) or "seal" not in head:
        raise GalleryFormatError(f'"{path}" is not the head of a gallery')
    seal = head.pop("seal")
    if _seal(head) != seal:
        raise GalleryCorruptError(f'"{path}" was changed or damaged: build the gallery again')
    return head


def damaged_files(folder: Path, head: Mapping[str, Any]) -> list[str]:
    """Compare every data file with its checksum; return one line for each that differs."""
    found = []
    data = folder / str(head["data"])
    for name, entry in head["files"].items():
        path = data / name
        if not path.is_file():
            found.append(f"{name}: the file is missing")
        elif path.stat().st_size != entry["bytes"]:
            found.append(f"{name}: {path.stat().st_size} bytes instead of {entry['bytes']}")
        elif sha256_file(path) != entry["sha256"]:
            found.append(f"{name}: the checksum differs")
    return found
