"""Published folders: one head file and the data folders that it lists as segments, replaced in one step.

New data is written beside the old and flushed; only then is the head replaced, by one rename, to point to it, and to
what it keeps of the old. So a kill -9 at any moment leaves the old state or the new one, and a reader that has the old
data open keeps it.

Only folders with a marker are cleared away (see `placeprint.storage.marker`), and empty data folders, which a kill
leaves that comes before the marker. A data folder that lost its marker, as in a copy without hidden files, gets a new
one when it is replaced, with the files that the head lists.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from placeprint.errors import (
    GalleryBusyError,
    GalleryCorruptError,
    GalleryError,
    GalleryFormatError,
    GalleryNotFoundError,
    UsageError,
)
from placeprint.spelling import nearest_path
from placeprint.storage.atomic import json_text, sha256_file, sync, write_atomic
from placeprint.storage.data_folder import DataFolder, is_data, on_all_cores
from placeprint.storage.marker import clear_folder, make_folder, mark, marker_of, named, strangers_in
from placeprint.storage.reserve import RESERVE, free_reserve, is_reserve, keep_reserve

LOCK = ".lock"
LARGEST_HEAD = 1 << 26
"""Bytes of a head: it lists each file, and each folder that images came from."""
SEGMENTS = "segments"
"""What a head calls the entries of its data folders."""
_OF_ONE = ("data", "files", "rows", "places", "removed")
"""What a head of an older release says of its only data folder."""


def _seal(head: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


def _sealed(head: Mapping[str, Any]) -> bytes:
    """Return the bytes of a head file, which can be read again. Raises `GalleryError` when there are too many."""
    text = json_text({**head, "seal": _seal(head)})
    if len(text) > LARGEST_HEAD:
        raise GalleryError(f"the head would have {len(text)} bytes, more than {LARGEST_HEAD}: nothing was changed")
    return text


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's write lock; the system releases it when the process dies.

    Raises `GalleryBusyError` when another process holds it.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    if not _is_lock(folder / LOCK):
        raise UsageError(f'"{folder / LOCK}" is not the lock of a gallery: move it away first')
    try:
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise GalleryBusyError(
            f'"{folder}" is being written to by another process: wait for it, then try again'
        ) from error


def _is_lock(path: Path) -> bool:
    """Return whether a path is a lock or free. A lock is empty, and filelock would empty any other file."""
    return not os.path.lexists(path) or (path.is_file() and not path.is_symlink() and path.stat().st_size == 0)


Write = Callable[[Path], Mapping[str, Any]]
"""Writes data files into the folder that it is given, and returns what else the head says of them."""


def publish(
    folder: Path,
    head_name: str,
    head: Mapping[str, Any],
    *,
    segments: Sequence[Mapping[str, Any] | Write],
    files: Collection[str],
) -> None:
    """Replace the content of a published folder in one step. Call it inside `locked`.

    When the disk has no room for the head alone, the reserve is used.

    `folder`: Made when it is not there.
    `head_name`: Name of the head file.
    `head`: The content of the head file, but for its segments.
    `segments`: Entries that stay, and what writes new ones.
    `files`: Names of the files that may be written, and that are removed when they are replaced or it is interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        entries = [each if isinstance(each, Mapping) else _written(folder, each, files) for each in segments]
        _mark_old(folder, head_name)
        _replace(folder, head_name, {**head, SEGMENTS: entries})
    finally:
        clear_leftovers(folder, head_name)
    keep_reserve(folder)


def _written(folder: Path, write: Write, files: Collection[str]) -> dict[str, Any]:
    """Write a data folder, flush it, and return its entry."""
    data = folder / f"data-{secrets.token_hex(6)}"
    make_folder(data, files)
    values = write(data)
    made = [data / name for name in sorted(files) if (data / name).is_file()]
    if others := strangers_in(data):
        raise RuntimeError(f"files were written that nobody would clear away: {named(others)}")
    sums = on_all_cores(lambda name: _flushed(data / name), [p.name for p in made])
    sync(data)
    sizes = {p.name: (p.stat().st_size, sums[p.name]) for p in made}
    return {**DataFolder(data, sizes).entry(), **values}


def _flushed(file: Path) -> str:
    """Flush a file to the disk, and return its checksum."""
    sync(file)
    return sha256_file(file)


def _replace(folder: Path, head_name: str, head: Mapping[str, Any]) -> None:
    """Replace the head file; when the disk is full, the reserve makes room for it."""
    sealed = _sealed(head)
    try:
        write_atomic(folder / head_name, sealed)
    except OSError as error:
        free_reserve(folder, error)
        write_atomic(folder / head_name, sealed)


def _mark_old(folder: Path, head_name: str) -> None:
    """Give the data folders of the old head a marker where they lost their own."""
    with suppress(GalleryError):
        for old in _folders(folder, read_head(folder, head_name)):
            if old.path.is_dir() and not old.path.is_symlink():
                mark(old.path, old.files)


def _folders(folder: Path, head: Mapping[str, Any]) -> list[DataFolder]:
    return [DataFolder.of(folder, entry) for entry in head[SEGMENTS]]


def clear_leftovers(folder: Path, head_name: str) -> None:
    """Remove data that the head does not point to. Call it inside `locked`."""
    for old in leftovers(folder, head_name):
        clear_folder(old)
        if _is_begun(old):  # a kill came before the marker, or after it
            with suppress(OSError):
                old.rmdir()


def leftovers(folder: Path, head_name: str) -> list[Path]:
    """Return the data folders that the head does not point to, as an interrupted write leaves them."""
    try:
        current = {data.name for data in _folders(folder, read_head(folder, head_name))}
    except GalleryNotFoundError:
        current = set()
    except GalleryError:  # it is not known which of them it points to
        return []
    on_the_way = re.compile(rf"\.{re.escape(head_name)}\.new(-[0-9a-f]{{8}})?")
    names = (p for p in folder.iterdir() if is_data(p.name) or on_the_way.fullmatch(p.name))
    return sorted(p for p in names if p.name not in current and (marker_of(p) is not None or _is_begun(p)))


def strangers_beside(folder: Path, head_name: str) -> list[str]:
    """Return the names in a folder without a head that no interrupted write left there, sorted."""
    ours = {p.name for p in leftovers(folder, head_name)}
    ours |= {name for name, is_ours in ((LOCK, _is_lock), (RESERVE, is_reserve)) if is_ours(folder / name)}
    return sorted(p.name for p in folder.iterdir() if p.name not in ours)


def _is_begun(folder: Path) -> bool:
    """Return whether a folder may be one whose writing or clearing was interrupted: an empty data folder."""
    if not is_data(folder.name) or folder.is_symlink() or not folder.is_dir():
        return False
    return not any(folder.iterdir())


def remove_published(folder: Path, head_name: str) -> None:
    """Remove a published folder: its data, its head, its lock, and the folder if nothing else is in it."""
    with suppress(GalleryError, OSError):
        read_head(folder, head_name)
        with locked(folder):
            _mark_old(folder, head_name)
            (folder / head_name).unlink()
            clear_leftovers(folder, head_name)
        (folder / LOCK).unlink(missing_ok=True)
        if is_reserve(folder / RESERVE):
            (folder / RESERVE).unlink()
        folder.rmdir()


def update_head(folder: Path, head_name: str, values: Mapping[str, Any]) -> None:
    """Replace some values of a head file in one step; the data stays. Call it inside `locked`.

    When the disk is full, the reserve is used, as in `publish`.

    Raises `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError`.
    """
    try:
        _replace(folder, head_name, {**read_head(folder, head_name), **values})
    finally:
        keep_reserve(folder)


def read_head(folder: Path, head_name: str) -> dict[str, Any]:
    """Read a head file and check its seal; one of an older release has one segment, and says so here.

    Raises `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError` when it is missing, is not a head, or
    was changed.
    """
    path = folder / head_name
    try:
        head = json.loads(_head_bytes(path))
        seal = head.pop("seal", None) if isinstance(head, dict) else None
        sealed = seal is not None and _seal(head) == seal
    except (FileNotFoundError, NotADirectoryError) as error:
        if folder.is_file():
            raise GalleryNotFoundError(f'"{folder}" is a file, but a gallery is a folder') from error
        filled = folder.is_dir() and any(folder.iterdir())
        dataset, made = (folder, f"{folder}.gallery") if filled else ("DATASET", folder)
        near = nearest_path(folder)
        if near is not None and (near / head_name).is_file():
            raise GalleryNotFoundError(f'there is no gallery at "{folder}": did you mean "{near}"?') from error
        raise GalleryNotFoundError(
            f'there is no gallery at "{folder}": make one with: placeprint index {dataset} -o {made}'
        ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise GalleryCorruptError(f'"{path}" cannot be read ({error}): build the gallery again') from error
    if seal is None:
        raise GalleryFormatError(f'"{path}" is not the head of a gallery')
    if not sealed:
        raise GalleryCorruptError(f'"{path}" was changed or damaged: build the gallery again')
    if SEGMENTS not in head:
        head = {SEGMENTS: [{name: head.pop(name) for name in _OF_ONE if name in head}], **head}
    if not isinstance(head[SEGMENTS], list) or not all(isinstance(entry, dict) for entry in head[SEGMENTS]):
        raise GalleryFormatError(f'"{path}" lists no segments: it was not written by placeprint')
    _folders(folder, head)
    return dict(head)


def _head_bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(LARGEST_HEAD + 1)
    if len(data) > LARGEST_HEAD:
        raise ValueError(f"it has more than {LARGEST_HEAD} bytes")
    return data


def is_head(path: Path, kind: str) -> bool:
    """Return whether a file is a head of this kind, even if damaged or of another release."""
    try:
        head = json.loads(_head_bytes(path))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("kind") == kind and "seal" in head
