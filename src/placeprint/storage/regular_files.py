"""Files that somebody names: regular ones only, and so many bytes of them, whatever the system says of their size.

A device has no end, a pipe may never begin, and the files of /proc say that they hold nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20


class RefusedError(OSError):
    """What a file is refused for, in words alone."""

    def __str__(self) -> str:
        return str(self.strerror)


class NotRegularError(RefusedError):
    """A device, a pipe, a socket or a folder was named."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "this is not a regular file")


class TooLargeError(RefusedError):
    """A file holds more bytes than may be read of it."""

    def __init__(self, most: int, size: int | None = None) -> None:
        has = "more than" if size is None else f"{size} bytes, more than"
        super().__init__(errno.EFBIG, f"the file has {has} {most}" + (" bytes" if size is None else ""))


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to be read; nothing is waited for.

    Raises
    ------
    OSError
        `NotRegularError`, or the system's.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # pathlib takes no opener
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise NotRegularError


def read_regular(path: Path, most: int) -> bytes:
    """Read a regular file of at most so many bytes.

    Raises
    ------
    OSError
        `NotRegularError`, `TooLargeError`, or the system's.
    """
    with open_regular(path) as file:
        return read_most(file, most)


def read_most(file: BinaryIO, most: int) -> bytes:
    """Read an open regular file of at most so many bytes.

    Raises
    ------
    OSError
        As `read_regular`.
    """
    size = os.fstat(file.fileno()).st_size
    if size > most:
        raise TooLargeError(most, size)
    data = file.read(size + 1)
    while len(data) <= most and (more := file.read(_PIECE)):  # it grows, or says no size
        data += more
    if len(data) > most:
        raise TooLargeError(most)
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
