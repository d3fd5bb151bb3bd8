"""What a photo's metadata says, and what in it cannot be right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

IMPOSSIBLE, ODD = "position-impossible", "position-odd"
"""Names of the findings of `check`: a position that is not used, and one that was understood by a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the metadata of one photo says."""

    # latitude, longitude: Degrees; both or none.
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None  # Metres above the sea.
    heading: float | None = None  # Where the camera looked: degrees from north, clockwise, 0 to 360.
    position_error: float | None = None  # Metres, as the receiver estimated it.
    taken: str | None = None  # ISO 8601; with an offset only where the file says one.
    camera: str | None = None  # Maker, model and, where it is told, serial number.
    focal_length: float | None = None  # Millimetres.
    faults: tuple[tuple[str, str], ...] = field(default=())  # Kind and reason of what is wrong with the position.

    def filled(self, other: Facts) -> Facts:
        """Return these facts, and the other's where these say nothing; a position is taken whole."""
        names = _OF_THE_CAMERA if self.latitude is not None else [f.name for f in fields(Facts)]
        missing = {n: getattr(other, n) for n in names if n != "faults" and getattr(self, n) is None}
        return replace(self, **missing, faults=(*self.faults, *other.faults))


_OF_THE_CAMERA = ["taken", "camera", "focal_length"]


def position(
    latitude: float | None, longitude: float | None, faults: list[tuple[str, str]]
) -> tuple[float, float] | tuple[None, None]:
    """Return a position that can be on Earth; of any other a fault is noted."""
    if latitude is None and longitude is None:
        return None, None
    if latitude is None or longitude is None:
        there, gone = ("longitude", "latitude") if latitude is None else ("latitude", "longitude")
        faults.append((IMPOSSIBLE, f"it has a {there} and no {gone} that can be read: that counts as no position"))
    elif not (abs(latitude) <= 90 and abs(longitude) <= 180):
        faults.append((IMPOSSIBLE, f"latitude {latitude:g}, longitude {longitude:g} is not on Earth: not used"))
    else:
        return latitude, longitude
    return None, None


def within(value: float | None, least: float, most: float) -> float | None:
    """Return a number that lies in a range; None for any other."""
    return value if value is not None and math.isfinite(value) and least <= value <= most else None


ALTITUDES = (-12_000.0, 100_000.0)
"""Metres: from below the deepest sea to above any aircraft."""


def heading_of(value: float | None) -> float | None:
    """Return a direction from 0 to below 360 degrees; None where there is none."""
    found = within(value, -360, 360)
    return None if found is None else found % 360 % 360  # the first of -1e-20 is 360
