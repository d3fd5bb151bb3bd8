"""Write EXIF as other programs do: any order of bytes, any type of a value, also ones that nobody should write."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GPS_AT, EXIF_AT = 0x8825, 0x8769
_SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 7: "B", 9: "i", 10: "ii", 11: "f", 12: "d"}

Entry = tuple[int, Any]
"""The type of a value, and the value: text, bytes, numbers or rationals."""


def exif_block(
    first: Mapping[int, Entry] = {}, exif: Mapping[int, Entry] = {}, gps: Mapping[int, Entry] = {}, *, order: str = ">"
) -> bytes:
    """The TIFF structure of three directories."""
    at, parts = 8, b""
    places: dict[int, int] = {}
    for tag, entries in ((EXIF_AT, exif), (GPS_AT, gps)):
        if entries:
            places[tag], made = at + len(parts), _directory(entries, at + len(parts), order)
            parts += made
    last = _directory({**first, **{tag: (4, [place]) for tag, place in places.items()}}, at + len(parts), order)
    return {">": b"MM\0*", "<": b"II*\0"}[order] + struct.pack(order + "I", at + len(parts)) + parts + last


def _directory(entries: Mapping[int, Entry], at: int, order: str) -> bytes:
    head, behind = struct.pack(order + "H", len(entries)), b""
    start = at + 2 + 12 * len(entries) + 4
    for tag, (kind, value) in sorted(entries.items()):
        if isinstance(value, str):
            value = value.encode() + b"\0"
        flat = [n for item in value for n in (item if isinstance(item, tuple) else (item,))]
        data = struct.pack(order + _SIZES[kind][0] * len(flat), *flat)
        count = len(value)
        head += struct.pack(order + "HHI", tag, kind, count)
        head += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", start + len(behind))
        behind += b"" if len(data) <= 4 else data + b"\0" * (len(data) % 2)
    return head + bytes(4) + behind


def picture(kind: str = "JPEG", *, seed: int = 0, size: tuple[int, int] = (48, 32)) -> bytes:
    """A small picture without metadata."""
    from PIL import Image

    made = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").rotate(seed).save(made, kind)
    return made.getvalue()


def jpeg_with(block: bytes, *, seed: int = 0) -> bytes:
    """A JPEG with an EXIF block."""
    data, body = picture(seed=seed), b"Exif\0\0" + block
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def save(path: Path, block: bytes, *, seed: int = 0) -> Path:
    """Save such a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg_with(block, seed=seed))
    return path


def gps_of(
    latitude: float, longitude: float, *, way: str = "seconds", altitude: float | None = None
) -> dict[int, Entry]:
    """A position as programs write it.

    ``seconds``: degrees, minutes and hundred-thousandths of seconds, as most hand-written code with piexif;
    ``fractions``: the nearest fraction of 32 bits for the seconds, as exiftool; ``minutes``: degrees and decimal
    minutes; ``degrees``: one rational alone.
    """
    made: dict[int, Entry] = {
        1: (2, "N" if latitude >= 0 else "S"),
        2: (5, _angle(abs(latitude), way)),
        3: (2, "E" if longitude >= 0 else "W"),
        4: (5, _angle(abs(longitude), way)),
    }
    if altitude is not None:
        made |= {5: (1, [int(altitude < 0)]), 6: (5, [(round(abs(altitude) * 100), 100)])}
    return made


def _angle(value: float, way: str) -> list[tuple[int, int]]:
    from fractions import Fraction

    degrees, minutes = int(value), (value - int(value)) * 60
    if way == "degrees":
        return [(round(value * 10**7), 10**7)]
    if way == "minutes":
        return [(degrees, 1), (round(minutes * 10**6), 10**6), (0, 1)]
    seconds = (minutes - int(minutes)) * 60
    if way == "fractions":
        exact = Fraction(seconds).limit_denominator(10**6)
        return [(degrees, 1), (math.floor(minutes), 1), (exact.numerator, exact.denominator)]
    return [(degrees, 1), (math.floor(minutes), 1), (round(seconds * 10**5), 10**5)]
