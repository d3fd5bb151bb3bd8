"""What people are shown: a stranger's name steers no terminal, and a terminal that is gone ends no work."""

from __future__ import annotations

import errno
import io
import os
import sys
import unicodedata
from contextlib import suppress
from typing import TextIO, cast

_UNSEEN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""What Unicode calls ignorable and Python printable. The selectors of emoji (U+FE0F) may stay: they change a look."""


class OutputClosedError(Exception):
    """Nobody takes what the program says: a pipe was closed, or a disk is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.piped = error.errno in (errno.EPIPE, errno.EINVAL)  # the second is what Windows calls it


class Output(io.TextIOBase):
    """Stands where ``sys.stdout`` or ``sys.stderr`` stood: what is written is spelled out, line ends excepted.

    It has no ``buffer``, so nothing gets round it.

    Parameters
    ----------
    stream : TextIO
    required : bool
        True raises `OutputClosedError` when it cannot be written to; False goes on in silence.
    spelled : bool
        False for what is styled, and whose names were spelled out before.
    """

    def __init__(self, stream: TextIO, *, required: bool, spelled: bool = True) -> None:
        self._stream, self._required, self._spelled, self._gone = stream, required, spelled, False

    @property
    def styled(self) -> Output:
        """The same stream, to write styles and moves of the cursor to."""
        return Output(self._stream, required=self._required, spelled=False)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of its file."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write text."""
        shown = "\n".join(map(printable, text.split("\n"))) if self._spelled else text
        try:
            if not self._gone:
                self._stream.write(shown)
        except OSError as error:
            self._failed(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        try:
            if not self._gone:
                self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """Write nothing more: what is left would fail again."""
        self._gone = True
        if self._required:
            raise OutputClosedError(error) from error


def printable(text: str) -> str:
    """Keep a name on one line, and spell out what cannot be seen as itself.

    These are control characters, direction marks, what has no width, and bytes that are not UTF-8.
    """
    if text.isprintable() and _UNSEEN.isdisjoint(text):
        return text
    return "".join(c if _seen(c) else _spelled(ord(c)) for c in text)


def _seen(character: str) -> bool:
    if character.isprintable():
        return character not in _UNSEEN
    return unicodedata.category(character) == "Zs"  # a blank of another width


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return how many of something in words: ``1 image``, ``2 images``, ``0 queries``.

    Parameters
    ----------
    count : int
    one : str
        For one of it, also with its verb: ``image is``.
    many : str
        For any other number; where nothing is given an s is added.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def tell(line: str) -> None:
    """Write one line to stderr, where there is one and somebody reads it."""
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{printable(line)}\n")


def styled(stream: TextIO) -> TextIO:
    """Return where styles go; names among them are to be spelled out before."""
    return cast(TextIO, stream.styled) if isinstance(stream, Output) else stream


def take_over() -> None:
    """Let all that this program says go through `Output`, for the rest of its life.

    A stream that was closed from the beginning goes nowhere: else the next file that is opened would be written to in
    its stead.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
    for name, required in (("stdout", True), ("stderr", False)):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        if hasattr(stream, "reconfigure"):  # what the encoding of a terminal lacks must not end a run
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Output(stream, required=required))
