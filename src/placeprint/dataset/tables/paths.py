"""Paths in tables: relative, absolute, as a ``file:`` address, or with backslashes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from placeprint.errors import ImageError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_FILE = re.compile(r"file:(?://(?P<host>[^/]*)(?=/))?(?P<path>.*)", re.IGNORECASE | re.DOTALL)
_DRIVE = re.compile(r"/?([a-z]:/.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder that a table's paths are relative to."""

    spellings: tuple[str, ...]  # Prefixes of absolute paths in the folder.
    path: Path | None = None  # None for an address: then the file system is not used.

    @classmethod
    def at(cls, path: Path) -> Self:
        """Return a folder on this machine."""
        spelled = dict.fromkeys(str(p).replace("\\", "/").rstrip("/") for p in (path.absolute(), Path(_real(path))))
        return cls(tuple(spelled), path)

    def relative(self, cell: str) -> str:
        """Return a cell's path relative to this folder; a path elsewhere stays absolute.

        Raises `ImageError`: ``outside`` for another kind of address; ``bad-name`` for an address that cannot be
        decoded.
        """
        name = cell
        if cell != cell.strip() and (self.path is None or not os.path.lexists(self.path / cell)):
            name = cell.strip()
        inside = self._below(name)
        if inside is None and name[:5].lower() == "file:":
            name = _file_path(name)
        name = name.replace("\\", "/")
        if inside is None and name != cell:
            inside = self._below(name)
        if inside is None and _ADDRESS.match(name):
            raise ImageError("outside", "it is an address: copy the photograph into the dataset's folder")
        return _plain(name if inside is None else inside)

    def _below(self, name: str) -> str | None:
        for start in self.spellings:
            if name.startswith(start + "/"):
                return name[len(start) + 1 :].lstrip("/")
        if self.path is not None and os.path.isabs(name):  # noqa: PTH117  a Path of every row costs a second a million
            above, _, last = name.rpartition("/")
            real = f"{_real(Path(above or '/'))}/{last}".replace("\\", "/")
            return next((real[len(s) + 1 :] for s in self.spellings if real.startswith(s + "/")), None)
        return None


def _plain(name: str) -> str:
    """Remove ``./`` and doubled slashes."""
    start = "/" if name.startswith("/") else ""
    return start + "/".join(part for part in name.split("/") if part not in ("", "."))


def _file_path(address: str) -> str:
    found = _FILE.fullmatch(address)
    assert found is not None
    if (found["host"] or "localhost").lower() != "localhost":
        raise ImageError("outside", f'it is an address of the machine "{found["host"]}": copy the photograph here')
    try:
        path = unquote(found["path"], errors="strict")
    except UnicodeDecodeError as error:
        raise ImageError("bad-name", "the address is not UTF-8 behind its % signs") from error
    drive = _DRIVE.fullmatch(path)
    return drive[1] if drive else path


@lru_cache(maxsize=1024)
def _real(path: Path) -> str:
    """Resolve symbolic links; cached, as tables name few folders again and again."""
    try:
        return str(path.resolve())
    except (OSError, RuntimeError, ValueError):
        return str(path)
