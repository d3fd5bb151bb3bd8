"""The data files of a published folder, with the sizes and checksums that its head lists.

Sizes are compared whenever files are opened, checksums whenever one is read as a whole or copied, so that damage never
gets a new checksum.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from placeprint.cores import available_cores
from placeprint.errors import GalleryCorruptError, GalleryFormatError
from placeprint.storage.atomic import sha256_file
from placeprint.storage.marker import is_plain

SMALL = 1 << 20
"""Bytes that are read sooner than threads are started."""
ADVICE = "run placeprint verify, and build it again"
_DATA = re.compile(r"data-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder of data files."""

    path: Path
    files: Mapping[str, tuple[int, str]]  # Bytes and SHA-256 of each file, by name.

    @classmethod
    def of(cls, folder: Path, head: Mapping[str, Any]) -> Self:
        """Return the data folder that an entry of a head points to.

        Raises `GalleryFormatError` when it names something outside the folder, or lacks sizes and checksums.
        """
        data, files = head.get("data"), head.get("files")
        if not is_data(data) or not isinstance(files, dict) or not all(map(is_plain, files)):
            raise GalleryFormatError(f'"{folder}" names files outside the gallery: it was not written by placeprint')
        if not all(map(_is_entry, files.values())):
            raise GalleryFormatError(
                f'"{folder}" lacks the size or checksum of a file: it was not written by placeprint'
            )
        return cls(folder / str(data), {name: (entry["bytes"], entry["sha256"]) for name, entry in files.items()})

    def entry(self) -> dict[str, Any]:
        """Return what `of` reads."""
        files = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in self.files.items()}
        return {"data": self.name, "files": files}

    @property
    def name(self) -> str:
        """The folder's name, which no other folder had before."""
        return self.path.name

    def require_sizes(self, names: Collection[str]) -> None:
        """Require that files are there, with the sizes in the head. Takes no longer for larger files.

        Raises `FileNotFoundError` when a file is missing, as while another process replaces them; `GalleryCorruptError`
        or `GalleryFormatError` when a file has another size, or is not listed.
        """
        for name in names:
            if name not in self.files:
                raise GalleryFormatError(f'the head of "{self.path.parent}" does not list {name}: build it again')
            if problem := self._size_problem(name):
                raise GalleryCorruptError(
                    f'"{self.path / name}" cannot be read ({problem}: its files do not belong together): {ADVICE}'
                )

    def missized(self) -> list[str]:
        """Return a line for each file that is missing or has another size; none is read for it."""
        return [f"{name}: {problem}" for name in self.files if (problem := self._looked_at(name))]

    def require(self, names: Collection[str]) -> None:
        """Require that files match their checksums. Raises `GalleryCorruptError`: names the files that do not."""
        if problems := self.damaged(names):
            raise GalleryCorruptError(f'"{self.path}" is damaged ({"; ".join(problems[:3])}): {ADVICE}')

    def damaged(self, names: Collection[str]) -> list[str]:
        """Compare files with their checksums, on all cores, and return one line for each that differs."""
        small = sum(self.files[name][0] for name in names if name in self.files) < SMALL
        found = {name: self._problem(name) for name in names} if small else on_all_cores(self._problem, names)
        return [f"{name}: {found[name]}" for name in names if found[name]]

    def _problem(self, name: str) -> str:
        if name not in self.files:
            return "" if not (self.path / name).exists() else "it is not listed"
        try:
            return self._looked_at(name) or (
                "" if sha256_file(self.path / name) == self.files[name][1] else "the checksum differs"
            )
        except OSError as error:
            return f"it cannot be read ({error.strerror})"

    def _looked_at(self, name: str) -> str:
        try:
            return self._size_problem(name)
        except FileNotFoundError:
            return "the file is missing"
        except OSError as error:
            return f"it cannot be read ({error.strerror})"

    def _size_problem(self, name: str) -> str:
        found = (self.path / name).stat()
        if not stat.S_ISREG(found.st_mode):
            return "it is not a file"
        wanted = self.files[name][0]
        return "" if found.st_size == wanted else f"{found.st_size} bytes instead of {wanted}"


def on_all_cores(ask: Callable[[str], str], names: Collection[str]) -> dict[str, str]:
    """Call a function for each file on a thread of its own, and return its answers by name."""
    with ThreadPoolExecutor(available_cores()) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def is_data(name: object) -> bool:
    """Return whether a name is that of a data folder."""
    return isinstance(name, str) and _DATA.fullmatch(name) is not None


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    size, digest = entry.get("bytes"), entry.get("sha256")
    whole = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return whole and isinstance(digest, str) and _SHA256.fullmatch(digest) is not None
