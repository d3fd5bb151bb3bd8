"""Read files that users name: regular files only, and never more than a number of bytes.

A device has no end, opening a pipe may wait for ever, and files in /proc report a size of 0.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20


class RefusedError(OSError):
    """A file is refused; its text is the reason alone."""

    def __str__(self) -> str:
        return str(self.strerror)


class NotRegularError(RefusedError):
    """The file is a device, a pipe, a socket or a folder."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "this is not a regular file")


class TooLargeError(RefusedError):
    """The file has more bytes than may be read."""

    def __init__(self, most: int, size: int | None = None) -> None:
        has = "more than" if size is None else f"{size} bytes, more than"
        super().__init__(errno.EFBIG, f"the file has {has} {most}" + (" bytes" if size is None else ""))


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without ever blocking. Raises `OSError`: `NotRegularError`, or the system's."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # pathlib takes no opener
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise NotRegularError


def read_regular(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes.

    Raises `OSError`: `NotRegularError`, `TooLargeError`, or the system's.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise TooLargeError(most, size)
        data = file.read(size + 1)
        while len(data) <= most and (more := file.read(_PIECE)):  # it grows, or reports no size
            data += more
    if len(data) > most:
        raise TooLargeError(most)
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
