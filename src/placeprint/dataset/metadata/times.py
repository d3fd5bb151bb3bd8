"""Times in metadata: ISO 8601 and the form of EXIF, and how far a camera's clock is off."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from placeprint.errors import UsageError

_EXIF = re.compile(r"(\d{4})\D(\d\d)\D(\d\d)[ T](\d\d)\D(\d\d)(?:\D(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?")
_ZONE = re.compile(r"[+-]\d\d:\d\d|Z")
_CLOCK = re.compile(r"([+-]?)(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")
_SPAN = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}
_LARGEST = 400 * 86400.0


def iso_time(text: str, zone: str = "", fraction: str = "") -> str | None:
    """Return a time as ISO 8601; None where the text is none, as ``0000:00:00 00:00:00``.

    `text`: As EXIF and XMP write it.
    `zone`: ``+02:00`` where it stands apart, as in EXIF.
    `fraction`: Digits of the second behind its point, where they stand apart.
    """
    found = _EXIF.fullmatch(text.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, digits, own = found.groups()
    digits = digits or (fraction.strip() if fraction.strip().isdecimal() else "") or "0"
    try:
        micro = int(f"{digits:0<6.6}")
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), micro)
    except ValueError:
        return None
    zone = own or (zone.strip() if _ZONE.fullmatch(zone.strip()) else "")
    written = at.isoformat() + (zone if ":" in zone or zone in ("", "Z") else f"{zone[:3]}:{zone[3:]}")
    return written if seconds_of(written) is not None else None


def seconds_of(taken: str) -> float | None:
    """Return the seconds since 1970 of an ISO time; one without an offset is taken for UTC. None for any other text."""
    try:
        at = datetime.fromisoformat(taken)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def parse_offset(text: str, option: str = "--clock-offset") -> float:
    """Read how far a clock is ahead: ``+02:00``, ``-1:30:15``, ``90``, ``-37s``, ``2h``; return seconds.

    Raises `UsageError` when it is none of these.
    """
    clock, span = _CLOCK.fullmatch(text.strip()), _SPAN.fullmatch(text.strip())
    if clock:
        sign, hours, minutes, seconds = clock.groups()
        found = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0)).total_seconds()
        found = -found if sign == "-" else found
    elif span:
        found = float(span[1]) * _SECONDS[span[2]]
    else:
        found = _LARGEST + 1
    if abs(found) > _LARGEST:
        raise UsageError(f'{option} takes how far the clock is ahead, as +02:00, -37s or 90, not "{text}"')
    return found
