"""A town that stands already: what in its folder was rendered, and is the program's to replace."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.storage.atomic import require_way, sha256_file
from placeprint.storage.marker import is_plain, named
from placeprint.terminal import tell

NOTES = "town.json"
Files = Mapping[str, str]
"""The SHA-256 of each file of a town but `NOTES`, by its path in the town."""


def files_in(folder: Path) -> dict[str, str]:
    """Return the files of a folder that was just rendered."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}


def require_room(out: Path) -> None:
    """Refuse a folder that holds anything but a town as it was rendered.

    Raises
    ------
    UsageError
        It names the first of the other files.
    PermissionError
        Where nothing can be written.
    """
    require_way(out)
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise UsageError(f'"{out}" is a file: name a folder for the town')
    if not any(out.iterdir()):
        return
    files = _listed(out)
    if files is None:
        raise UsageError(f'"{out}" is not empty and is not a town that this release rendered: name another folder')
    if others := _others(out, files):
        raise UsageError(
            f'"{out}" holds what the town did not make, or was changed since ({named(others)}): nothing was replaced; '
            "move these files away, or name another folder"
        )


def _listed(town: Path) -> Files | None:
    """Return the files that a town lists; None when it is none."""
    try:
        files = json.loads((town / NOTES).read_bytes())["files"]
        inside = all(is_plain(part) for path in files for part in path.split("/"))
        return dict(files) if inside else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _others(town: Path, files: Files) -> list[str]:
    """Return what is in a town and was not rendered, sorted: files, links, and folders without a rendered file."""
    folders = {parent.as_posix() for path in files for parent in Path(path).parents}
    found = []
    for path in town.rglob("*"):
        name = path.relative_to(town).as_posix()
        if path.is_dir() and not path.is_symlink():
            ours = name in folders
        else:
            ours = name == NOTES or _is_rendered(path, files.get(name))
        found += [] if ours else [name]
    return sorted(found)


def _is_rendered(path: Path, digest: str | None) -> bool:
    return digest is not None and path.is_file() and not path.is_symlink() and sha256_file(path) == digest


def swap(fresh: Path, out: Path) -> None:
    """Put a new town where the old one was; the old one is kept aside until the new one stands."""
    old = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
    if out.exists():
        out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    if old.exists():
        _clear(old)


def _clear(town: Path) -> None:
    """Remove what was rendered of a town; what came to it meanwhile stays, and is said."""
    files = _listed(town) or {}
    with suppress(OSError):
        for name, digest in files.items():
            if _is_rendered(town / name, digest):
                (town / name).unlink()
        (town / NOTES).unlink(missing_ok=True)
    folders = {town / parent for path in (*files, NOTES) for parent in Path(path).parents}
    for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
        with suppress(OSError):
            folder.rmdir()
    if town.exists():
        tell(f'"{town}" is kept: it holds what the town did not make')
