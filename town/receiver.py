"""Where photographs were taken, and what their cameras' receivers made of it: EXIF positions, some of them wrong.

The town is a street plan in metres: the place with number n stands at a crossing, 150 m from the next. It lies in the
middle of the Atlantic, where nobody takes it for a real one.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

STREET = 150.0
"""Metres between two crossings."""
_IN_A_ROW = 16
_ORIGIN = (45.0, -30.0)
_METRES_PER_DEGREE = 111_194.93
"""Of a great circle of the mean radius of the Earth."""

EXACT, SHIFTED, WRONG, NONE = "exact", "shifted", "wrong", "none"
"""What a photograph says of its position: the truth within some metres; one that is 40 to 90 m off, as between high
walls; another crossing; nothing."""
_SHARES = {EXACT: 0.7, SHIFTED: 0.1, WRONG: 0.05, NONE: 0.15}
_NOISE = 3.0
"""Standard deviation of an exact position, metres, in each direction."""


@dataclass(frozen=True)
class Fix:
    """A position, and what is wrong with it."""

    kind: str
    latitude: float
    longitude: float


def degrees_of(number: int, east: float, north: float) -> tuple[float, float]:
    """Return latitude and longitude of a point beside the crossing of a place, metres."""
    east, north = east + STREET * (number % _IN_A_ROW), north + STREET * (number // _IN_A_ROW)
    latitude = _ORIGIN[0] + north / _METRES_PER_DEGREE
    return latitude, _ORIGIN[1] + east / (_METRES_PER_DEGREE * math.cos(math.radians(_ORIGIN[0])))


def fix_of(number: int, east: float, north: float, rng: np.random.Generator) -> Fix:
    """Return what a receiver at a point says."""
    kind = str(rng.choice(list(_SHARES), p=list(_SHARES.values())))
    turn, far = rng.uniform(0, 2 * math.pi), rng.uniform(40, 90) if kind == SHIFTED else 0.0
    east += far * math.cos(turn) + float(rng.normal(0, _NOISE))
    north += far * math.sin(turn) + float(rng.normal(0, _NOISE))
    if kind == WRONG:
        number += int(rng.integers(3, _IN_A_ROW - 3))
    return Fix(kind, *degrees_of(number, east, north))


def with_position(data: bytes, fix: Fix) -> bytes:
    """Return a JPEG with the position in its EXIF block; as it is where there is none."""
    if fix.kind == NONE:
        return data
    body = b"Exif\0\0" + _exif(fix.latitude, fix.longitude)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _exif(latitude: float, longitude: float) -> bytes:
    """Return a TIFF structure with a GPS directory, as CIPA DC-008 has it."""
    head = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHII", 1, 0x8825, 4, 1, 26) + bytes(4)
    letters = (b"N" if latitude >= 0 else b"S", b"E" if longitude >= 0 else b"W")
    entries = b"".join(
        struct.pack(">HHI", tag, 2, 2) + letter + bytes(3) + struct.pack(">HHII", tag + 1, 5, 3, at)
        for tag, letter, at in ((1, letters[0], 80), (3, letters[1], 104))
    )
    return head + struct.pack(">H", 4) + entries + bytes(4) + _angle(latitude) + _angle(longitude)


def _angle(degrees: float) -> bytes:
    """Return degrees, minutes and hundred-thousandths of seconds as three rationals."""
    units = round(abs(degrees) * 3600 * 10**5)
    minutes, seconds = divmod(units, 60 * 10**5)
    return struct.pack(">6I", minutes // 60, 1, minutes % 60, 1, seconds, 10**5)
