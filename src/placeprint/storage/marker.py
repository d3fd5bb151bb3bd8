"""Folders that the program made, known by a *marker* file in them: nothing else is ever removed.

A folder gets its marker before any other file. The marker names the files that the program writes there, and its
process. Clearing removes those files, the marker, and the folder if it is then empty; files that somebody else put
there stay, and are reported. A folder without a marker is never touched, whatever it is called.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.terminal import tell

MARKER = ".placeprint"
KIND = "placeprint folder"
SHOWN = 3
FORGOTTEN = 24 * 3600.0
"""Seconds after which a folder counts as abandoned when it is not known whether its process is alive."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The content of a marker."""

    files: tuple[str, ...] = ()  # Names of the files that the program writes into the folder.
    process: int = 0  # The process that made it; 0 when a kill left the marker empty.
    machine: str = ""  # See `this_machine`.


def make_folder(folder: Path, files: Collection[str]) -> None:
    """Make a folder with a marker; its parent must exist.

    Raises `FileExistsError` when there is something of that name, whoever made it.
    """
    folder.mkdir()
    try:
        mark(folder, files)
    except OSError:  # the disk is full: a folder without a whole marker would never be cleared
        with suppress(OSError):
            (folder / MARKER).unlink(missing_ok=True)
            folder.rmdir()
        raise


def mark(folder: Path, files: Collection[str]) -> None:
    """Write the marker of a folder that the program made, if it has none; a file of that name stays."""
    path, known = folder / MARKER, marker_of(folder)
    if (known is not None and known.files) or (known is None and os.path.lexists(path)):
        return
    said = {"kind": KIND, "files": sorted(files), "process": os.getpid(), "machine": this_machine()}
    path.write_bytes(json.dumps(said).encode())  # one system call: a kill leaves all of it or nothing


def marker_of(folder: Path) -> Marker | None:
    """Return the marker of a folder; None when the program did not make it."""
    path = folder / MARKER
    if folder.is_symlink() or path.is_symlink() or not path.is_file():
        return None
    try:
        text = path.read_bytes()
        return _marker(json.loads(text)) if text else Marker()
    except (OSError, ValueError, RecursionError):
        return None


def _marker(said: Any) -> Marker | None:
    if not isinstance(said, dict) or said.get("kind") != KIND:
        return None
    files, process = said.get("files"), said.get("process")
    if not isinstance(files, list) or not all(map(is_plain, files)) or not isinstance(process, int):
        return None
    return Marker(tuple(files), process, str(said.get("machine", "")))


def is_plain(name: object) -> bool:
    """Return whether a name is that of a file directly in a folder, one that the system can be asked for."""
    if not isinstance(name, str) or name in ("", ".", "..") or set(name) & set("/\\:\0"):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def strangers_in(folder: Path) -> list[str]:
    """Return the names in a marked folder that the program did not write, sorted."""
    marker = marker_of(folder)
    ours = {MARKER, *marker.files} if marker else set()
    return sorted(p.name for p in folder.iterdir() if p.name not in ours or (p.is_dir() and not p.is_symlink()))


def named(names: Sequence[str], count: int = 0) -> str:
    """Return the first of some names for a message, and how many more of `count` there are."""
    some, count = ", ".join(repr(name)[1:-1] for name in names[:SHOWN]), count or len(names)
    return some if count <= SHOWN else f"{some} and {count - SHOWN} more"


def clear_folder(folder: Path) -> None:
    """Remove what the program wrote into a marked folder, and the folder; nothing when there is no marker.

    Files that the system does not let go of stay marked, and are removed another time.
    """
    marker = marker_of(folder)
    if marker is None:
        return
    with suppress(OSError):
        strangers = strangers_in(folder)
        for name in marker.files:
            if name not in strangers:
                (folder / name).unlink(missing_ok=True)
        (folder / MARKER).unlink(missing_ok=True)
        if strangers:
            tell(f'"{folder}" is kept: placeprint did not make {named(strangers)}')
        else:
            folder.rmdir()


def is_abandoned(folder: Path) -> bool:
    """Return whether the program made a folder in a process that has ended."""
    marker = marker_of(folder)
    if marker is None:
        return False
    if marker.machine and marker.machine == this_machine():
        return not Path(f"/proc/{marker.process}").exists()
    with suppress(OSError):
        return time.time() - (folder / MARKER).stat().st_mtime > FORGOTTEN
    return False


def this_machine() -> str:
    """Return an identifier of this machine since its last start; empty when unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
