"""Read some entries of a TIFF structure, which EXIF is: headers alone, no more bytes than each entry may have.

Pillow reads every entry of a block, and 5,400 of them may point at the same 64 KB.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping

Rational = tuple[int, int]
"""Numerator and denominator."""
Value = str | bytes | tuple[float, ...] | tuple[Rational, ...]
"""Text; bytes without a meaning; numbers; rationals."""

ReadAt = Callable[[int, int], bytes]
"""Returns the bytes at an offset, as many as asked for or as many as there are."""

_PREFIX = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II\0*": "<", b"MM*\0": ">"}
"""The last two are written by mistake, and read by Pillow."""
_LONGEST = 1024
"""Bytes of one value."""
_ASCII, _UNDEFINED = 2, 7
_RATIONALS = {5: "I", 10: "i"}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}

Entries = Mapping[int, Value]


def reader_of(exif: bytes) -> ReadAt:
    """Return what reads an EXIF block from where its TIFF begins: some writers put its name before it, or twice."""
    data = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)
    return lambda at, count: data[at : at + count]


class TiffEntries:
    """The directories of a TIFF structure."""

    def __init__(self, read: ReadAt) -> None:
        head = read(0, 8)
        self._read, self._order = read, _ORDERS.get(head[:4], "")
        self.first = struct.unpack(self._order + "I", head[4:])[0] if self._order and len(head) == 8 else 0

    def directory(self, at: int, tags: Collection[int], *, longest: int = _LONGEST) -> Entries:
        """Return what can be read of these tags in the directory at an offset; of one tag the first, as Pillow."""
        found: dict[int, Value] = {}
        head = self._read(at, 2) if at else b""
        count = struct.unpack(self._order + "H", head)[0] if len(head) == 2 else 0
        block = self._read(at + 2, 12 * count)
        for start in range(0, len(block) - 11, 12):
            tag, kind, values = struct.unpack_from(self._order + "HHI", block, start)
            if tag in tags and tag not in found:
                value = self._value(kind, values, block[start + 8 : start + 12], longest)
                if value is not None:
                    found[tag] = value
        return found

    def _value(self, kind: int, values: int, inline: bytes, longest: int) -> Value | None:
        layout = "II" if kind in _RATIONALS else _NUMBERS.get(kind, "B" if kind in (_ASCII, _UNDEFINED) else "")
        size = struct.calcsize(f"={layout}") * values
        if not layout or not 0 < size <= longest:
            return None
        data = inline[:size] if size <= 4 else self._read(struct.unpack(self._order + "I", inline)[0], size)
        if len(data) < size:
            return None
        if kind == _UNDEFINED:
            return data
        if kind == _ASCII:
            return data.split(b"\0")[0].decode("utf-8", "replace").strip()
        if kind in _RATIONALS:
            flat = struct.unpack(f"{self._order}{2 * values}{_RATIONALS[kind]}", data)
            return tuple(zip(flat[::2], flat[1::2], strict=True))
        return tuple(float(number) for number in struct.unpack(f"{self._order}{values}{layout}", data))


def offset_of(entries: Entries, tag: int) -> int:
    """Return where the directory is that an entry points to; 0 for none."""
    value = entries.get(tag)
    first = value[0] if isinstance(value, tuple) and value else 0
    return int(first) if isinstance(first, float) and 0 < first < 2**32 else 0
