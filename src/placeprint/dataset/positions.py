"""Positions in file names and tables: degrees, or metres in a UTM zone."""

from __future__ import annotations

import cmath
import math
import re
from typing import TypedDict

from placeprint.errors import UsageError

_BANDS = "CDEFGHJKLMNPQRSTUVWX"
"""Letters of the bands of latitude beside a UTM zone: 8 degrees each, from 80 degrees south."""
_BAND_S = (3.5e6, 4.5e6)
"""Northings of the band S, 32 to 40 degrees north. With any other the letter S means south."""
_NUMBER = re.compile(r"(\d{1,2})(?:\.0+)?\s*([A-Za-z]*)")
_HEMISPHERES = {"n": "N", "north": "N", "s": "S", "south": "S"}

_AXIS, _FLATTENING = 6_378_137.0, 1 / 298.257223563
_SCALE, _FALSE_EASTING, _FALSE_NORTHING = 0.9996, 500_000.0, 10_000_000.0


class Position(TypedDict, total=False):
    """Fields of `placeprint.records.ImageRecord`."""

    latitude: float
    longitude: float
    easting: float
    northing: float
    zone: str


def position_in_name(name: str) -> Position:
    """Read ``@east@north@zone@letter@lat@lon@…`` (the format of VPR-datasets-downloader).

    Returns nothing for a name of another form.
    Raises `UsageError` when the name begins with @ but holds no position.
    """
    fields = name.split("@")
    if len(fields) < 4 or fields[0]:
        return {}
    easting, northing = _number(fields[1]), _number(fields[2])
    if easting is None or northing is None:
        raise UsageError("the file name begins with @ but does not carry two numbers, east and north in metres")
    long = len(fields) > 6
    latitude, longitude = (_number(fields[5]), _number(fields[6])) if long else (None, None)
    if latitude is None or longitude is None:
        latitude = longitude = None
    number, letter = (fields[3], fields[4]) if len(fields) > 4 else ("", "")
    if not (number.strip().isdecimal() if long else _is_zone(number, letter)):
        number = ""  # a shorter name has another form, where that field may be anything
    return completed(easting, northing, latitude, longitude, number=number, letter=letter)


def completed(
    easting: float | None,
    northing: float | None,
    latitude: float | None,
    longitude: float | None,
    *,
    number: str = "",
    letter: str = "",
    hemisphere: str = "",
) -> Position:
    """Make a position of its parts; missing degrees are computed from the UTM zone.

    `number`: The UTM zone: ``31``, or with its letter ``31U``.
    `letter`: The band of latitude, or N or S. S is the band from 32 to 40 degrees north if the northing fits, otherwise
    south.
    `hemisphere`: N or S, from a column of its own: never a band.
    Raises `UsageError` for a zone or a letter that does not exist.
    """
    found: Position = {}
    if latitude is not None:
        found["latitude"] = latitude
    if longitude is not None:
        found["longitude"] = longitude
    if easting is not None:
        found["easting"] = easting
    if northing is not None:
        found["northing"] = northing
    if easting is None or northing is None or not number.strip():
        return found
    zone, side = _zone(number, letter, hemisphere, northing, latitude)
    found["zone"] = f"{zone}{side}"
    if side and latitude is None and longitude is None and (easting, northing) != (0, 0):  # see ImageRecord.at_zero
        where = degrees_of(easting, northing, zone, south=side == "S")
        if where is not None:
            found |= {"latitude": where[0], "longitude": where[1]}
    return found


def degrees_of(easting: float, northing: float, zone: int, *, south: bool) -> tuple[float, float] | None:
    """Convert UTM on WGS 84 to latitude and longitude, exact to a millimetre; None for a point that is not on Earth.

    Krueger's series in the third flattening, to its third order, as in Kawase 2011, "A General Formula for Calculating
    Meridian Arc Length and its Application to Coordinate Conversion in the Gauss-Krueger Projection".
    """
    n = _FLATTENING / (2 - _FLATTENING)
    radius = _AXIS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    plane = complex(northing - (_FALSE_NORTHING if south else 0.0), easting - _FALSE_EASTING) / (_SCALE * radius)
    if abs(plane.real) > math.pi / 2 or abs(plane.imag) > 1:
        return None
    back = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    sphere = plane - sum(factor * cmath.sin(2 * j * plane) for j, factor in enumerate(back, start=1))
    conformal = math.asin(math.sin(sphere.real) / math.cosh(sphere.imag))
    there = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    latitude = conformal + sum(factor * math.sin(2 * j * conformal) for j, factor in enumerate(there, start=1))
    east = math.atan2(math.sinh(sphere.imag), math.cos(sphere.real))
    longitude = math.degrees(east) + 6 * zone - 183
    return math.degrees(latitude), (longitude + 180) % 360 - 180


def _zone(number: str, letter: str, hemisphere: str, northing: float, latitude: float | None) -> tuple[int, str]:
    """Return the number of a zone and its hemisphere, which is empty when unknown."""
    match = _NUMBER.fullmatch(number.strip())
    if match is None or not 1 <= int(match[1]) <= 60:
        raise UsageError(f'the UTM zone "{number}" is not 1..60')
    if latitude is not None:
        return int(match[1]), "N" if latitude >= 0 or northing < 0 else "S"
    return int(match[1]), _side(hemisphere.strip(), letter.strip() or match[2], northing)


def _side(hemisphere: str, letter: str, northing: float) -> str:
    if hemisphere:
        if hemisphere.lower() not in _HEMISPHERES:
            raise UsageError(f'the hemisphere "{hemisphere}" is neither N nor S')
        return _HEMISPHERES[hemisphere.lower()]
    if not letter:
        return "N" if northing < 0 else ""
    if letter.lower() == "s":
        return "N" if _BAND_S[0] <= northing <= _BAND_S[1] else "S"
    if letter.lower() in _HEMISPHERES:
        return _HEMISPHERES[letter.lower()]
    if letter.upper() not in _BANDS or len(letter) != 1:
        raise UsageError(f'the letter "{letter}" of the UTM zone is not {_BANDS[0]} to {_BANDS[-1]}')
    # Without the false northing, as some write it, points south of the equator are below 0.
    return "N" if letter.upper() >= "N" or northing < 0 else "S"


def _is_zone(number: str, letter: str) -> bool:
    match = _NUMBER.fullmatch(number.strip())
    return match is not None and 1 <= int(match[1]) <= 60 and (letter.strip() or "N").upper() in _BANDS


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
