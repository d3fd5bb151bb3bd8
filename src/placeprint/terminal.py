"""Text for people: no file's name can control the terminal, and a closed terminal does not end the work."""

from __future__ import annotations

import errno
import io
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO, cast

_UNSEEN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Invisible characters that Python calls printable. The selectors of emoji (U+FE0F) stay: they change how one looks."""


class OutputClosedError(Exception):
    """The output cannot be written: its pipe was closed, or the disk is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.piped = error.errno in (errno.EPIPE, errno.EINVAL)  # the second is what Windows calls it


class Output(io.TextIOBase):
    """Replaces ``sys.stdout`` or ``sys.stderr``, and escapes whatever is not printable but line ends.

    It has no ``buffer``, so that nothing can bypass it.

    `required`: Raise `OutputClosedError` when it cannot be written to; otherwise go on in silence.
    `spelled`: False for styled text, whose names were escaped before.
    """

    def __init__(self, stream: TextIO, *, required: bool, spelled: bool = True) -> None:
        self._stream, self._required, self._spelled, self._gone = stream, required, spelled, False

    @property
    def styled(self) -> Output:
        """The same stream without escaping, for styles and cursor movements."""
        return Output(self._stream, required=self._required, spelled=False)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's encoding."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return its file descriptor."""
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
        """Flush the stream."""
        try:
            if not self._gone:
                self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """Stop writing: whatever follows would fail too."""
        self._gone = True
        if self._required:
            raise OutputClosedError(error) from error


def printable(text: str) -> str:
    """Escape what would not be visible as itself, so that a name stays on one line.

    That is control characters, direction marks, characters without width, and bytes that are not UTF-8.
    """
    if text.isprintable() and _UNSEEN.isdisjoint(text):
        return text
    return "".join(c if _seen(c) else _spelled(ord(c)) for c in text)


def _seen(character: str) -> bool:
    if character.isprintable():
        return character not in _UNSEEN
    return unicodedata.category(character) == "Zs"  # a space of another width


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 image``, ``2 images``, ``0 queries``.

    `one`: The singular, also with its verb: ``image is``.
    `many`: The plural; by default the singular with an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def sized(count: int) -> str:
    """Return a number of bytes as people read it: ``0 B``, ``1.2 MB``, ``10 GB``."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # the last one is used
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"


Hear = Callable[[str], None]
_listening: list[tuple[Hear, bool]] = []


def listen(hears: Sequence[tuple[Hear, bool]]) -> None:
    """Hand on what `note` is given from now on, to these and to no others.

    `hears`: With True it also hears what is on stderr anyway: a log file does.
    """
    _listening[:] = hears


def note(line: str, *, shown: bool = False) -> None:
    """Say what is done to whoever listens; nothing where nobody does. With `shown` it is on stderr anyway."""
    for hear, everything in _listening:
        if everything or not shown:
            hear(printable(line))


def tell(line: str) -> None:
    """Write one line to stderr, if it is there and still open."""
    note(line, shown=True)
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{printable(line)}\n")


def styled(stream: TextIO) -> TextIO:
    """Return the stream to write styled text to; names in it must be escaped before."""
    return cast(TextIO, stream.styled) if isinstance(stream, Output) else stream


def take_over() -> None:
    """Send everything that this program prints through `Output`, for the rest of its life.

    A stream that was closed from the start is replaced by the null device: otherwise the next file to be opened would
    take its descriptor, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest free descriptor
    for name, required in (("stdout", True), ("stderr", False)):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        if hasattr(stream, "reconfigure"):  # a character that the terminal cannot encode must not end a run
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Output(stream, required=required))
