"""EXIF: where and when a photo was taken, and with what. Tags and types as in CIPA DC-008 (Exif 3.0)."""

from __future__ import annotations

import math
from typing import cast

from placeprint.dataset.decoding.tiff_entries import Entries, Rational, ReadAt, TiffEntries, Value, offset_of
from placeprint.dataset.metadata.angles import degrees_of_text
from placeprint.dataset.metadata.facts import ALTITUDES, IMPOSSIBLE, ODD, Facts, heading_of, position, within
from placeprint.dataset.metadata.times import iso_time

_MAKE, _MODEL, _XMP, _EXIF_AT, _GPS_AT = 0x010F, 0x0110, 0x02BC, 0x8769, 0x8825
_TAKEN, _DIGITIZED, _ZONE, _DIGITIZED_ZONE, _FRACTION = 0x9003, 0x9004, 0x9011, 0x9012, 0x9291
_FOCAL, _SERIAL = 0x920A, 0xA431
_LATITUDE, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE, _TIME, _DIRECTION, _DATE, _ERROR = 2, 4, 5, 6, 7, 17, 29, 31
_MOST_XMP = 1 << 20
_BELOW = (1.0, 3.0)
"""Altitude references: below the sea, below the ellipsoid."""
_SIGNED = 1 << 31
_LONGEST_NAME = 200
_Faults = list[tuple[str, str]]


def exif_facts(read: ReadAt) -> tuple[Facts, bytes]:
    """Read an EXIF block; also return the XMP packet that a TIFF holds, or nothing."""
    block = TiffEntries(read)
    first = block.directory(block.first, (_MAKE, _MODEL, _EXIF_AT, _GPS_AT))
    camera = block.directory(
        offset_of(first, _EXIF_AT), (_TAKEN, _DIGITIZED, _ZONE, _DIGITIZED_ZONE, _FRACTION, _FOCAL, _SERIAL)
    )
    gps = block.directory(offset_of(first, _GPS_AT), range(32))
    packet = _packet(block.directory(block.first, (_XMP,), longest=_MOST_XMP).get(_XMP))
    faults: _Faults = []
    latitude, longitude = position(
        _angle(gps, _LATITUDE, "latitude", "ns", faults), _angle(gps, _LONGITUDE, "longitude", "ew", faults), faults
    )
    facts = Facts(
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(gps),
        heading=heading_of(_single(gps.get(_DIRECTION))),
        position_error=within(_single(gps.get(_ERROR)), 0, 1e7),
        taken=_taken(camera, gps),
        camera=" ".join(filter(None, (_text(first, _MAKE), _text(first, _MODEL), _text(camera, _SERIAL)))) or None,
        focal_length=within(_single(camera.get(_FOCAL)), 0.1, 1e5),
        faults=tuple(faults),
    )
    return facts, packet


def _packet(value: Value | None) -> bytes:
    """Return an XMP packet, which is bytes; numbers of any other kind are none."""
    if isinstance(value, tuple) and all(isinstance(number, float) and 0 <= number < 256 for number in value):
        return bytes(int(number) for number in cast("tuple[float, ...]", value))
    return value if isinstance(value, bytes) else b""


def _angle(gps: Entries, tag: int, name: str, sides: str, faults: _Faults) -> float | None:
    """Read degrees, minutes and seconds; south and west, whose letter stands in the entry before, are below 0."""
    value = gps.get(tag)
    if value is None:
        return None
    letter = _text(gps, tag - 1)[:1].lower()
    size = _magnitude(value, name, sides, faults)
    if size is None or math.isnan(size):
        faults.append((IMPOSSIBLE, f"its {name} cannot be read: {_shown(value)}"))
        return None
    if letter not in sides or not letter:
        if not isinstance(value, str) or not set(value.lower()) & set(sides):
            said = f'the hemisphere "{letter}"' if letter else "no hemisphere"
            assumed = "the sign was followed" if size < 0 else f"{'north' if sides == 'ns' else 'east'} was assumed"
            faults.append((ODD, f"its {name} has {said}: {assumed}"))
        return size
    if letter == sides[0] and size < 0 and not isinstance(value, str):
        faults.append((ODD, f"its {name} is negative and marked {letter.upper()}: the sign was followed"))
    return -abs(size) if letter in "sw" else size


def _magnitude(value: Value, name: str, sides: str, faults: _Faults) -> float | None:
    if isinstance(value, str):
        return degrees_of_text(value, sides)
    parts = [_number(part, 180) for part in value[:3]] if isinstance(value, tuple) else []
    while len(parts) > 1 and parts[-1] is None and _is_nothing(cast("tuple[Rational, ...]", value)[len(parts) - 1]):
        parts.pop()  # minutes or seconds that nobody measured
    known = [part for part in parts if part is not None and math.isfinite(part)]
    if not parts or len(known) < len(parts):
        return None
    if any(abs(part) > 60 for part in known[1:]):
        faults.append((ODD, f"its {name} has more than 60 minutes or seconds, {_shown(value)}: they were added up"))
    size: float = sum(abs(part) / 60.0**power for power, part in enumerate(known))
    return -size if any(part < 0 for part in known) else size


def _number(part: float | int | Rational, most: float) -> float | None:
    """Return one number; None for a rational without a denominator.

    Negative numbers that were written into an unsigned rational are read as what they were.
    """
    if not isinstance(part, tuple):
        return float(part)
    over, under = part
    if not under:
        return None
    if over >= _SIGNED and abs(over / under) > most:
        over -= 2 * _SIGNED
    return over / under


def _is_nothing(part: object) -> bool:
    return part == (0, 0)


def _single(value: Value | None) -> float | None:
    if isinstance(value, str):
        try:
            return float(value.replace(",", "."))
        except ValueError:
            return None
    return _number(value[0], 1e6) if isinstance(value, tuple) and value else None


def _altitude(gps: Entries) -> float | None:
    found, side = _single(gps.get(_ALTITUDE)), gps.get(_ALTITUDE_REF)
    if found is None:
        return None
    below = _single(side.decode("latin-1") if isinstance(side, bytes) and side.isdigit() else side)  # also as text
    if isinstance(side, bytes) and side[:1] in (b"\1", b"\3"):
        below = float(side[0])
    return within(-abs(found) if below in _BELOW else found, *ALTITUDES)


def _taken(camera: Entries, gps: Entries) -> str | None:
    """Return the time of capture: of the camera's clock, else of the receiver's, which is UTC."""
    fraction = _text(camera, _FRACTION)
    for tag, zone in ((_TAKEN, _ZONE), (_DIGITIZED, _DIGITIZED_ZONE)):
        if found := iso_time(_text(camera, tag), _text(camera, zone), fraction):
            return found
    clock = gps.get(_TIME)
    if not isinstance(clock, tuple) or len(clock) != 3:
        return None
    hour, minute, second = (_number(part, 1e9) for part in clock)
    if (
        hour is None
        or minute is None
        or second is None
        or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61)
    ):
        return None
    return iso_time(f"{_text(gps, _DATE)} {int(hour):02}:{int(minute):02}:{int(second):02}", "Z")


def _text(entries: Entries, tag: int) -> str:
    value = entries.get(tag)
    if isinstance(value, bytes):
        value = value.split(b"\0")[0].decode("utf-8", "replace")
    return "".join(c for c in value.strip()[:_LONGEST_NAME] if c.isprintable()) if isinstance(value, str) else ""


def _shown(value: Value) -> str:
    parts = (
        [f"{p[0]}/{p[1]}" if isinstance(p, tuple) else f"{p:g}" for p in value[:3]] if isinstance(value, tuple) else []
    )
    return " ".join(parts) or repr(value)[:40]
