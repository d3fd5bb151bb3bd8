"""A GPX track: where somebody was, and when. GPX 1.0 and 1.1, https://www.topografix.com/gpx.asp."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from placeprint.arrays import Floats
from placeprint.dataset.metadata.angles import degrees_of_text
from placeprint.dataset.metadata.facts import ALTITUDES, within
from placeprint.dataset.metadata.times import seconds_of
from placeprint.dataset.metadata.xml_events import XmlError, read_xml
from placeprint.errors import DatasetError
from placeprint.storage.regular_files import open_regular

LARGEST = 1 << 26
"""Bytes of a file: some half a million points, six days at one a second. They take some five seconds to read."""
MOST_GAP = 300.0
"""Seconds between two points within which somebody went straight on."""
MOST_BESIDE = 60.0
"""Seconds before the first point and behind the last."""
_POINTS = frozenset(["trkpt", "rtept", "wpt"])
_PIECE = 1 << 20


@dataclass(frozen=True)
class Track:
    """Positions in the order of time.

    Attributes
    ----------
    name : str
        Of the file, for people.
    seconds : ndarray of float64, shape (n,)
        Since 1970, ascending.
    places : ndarray of float64, shape (n, 3)
        Latitude and longitude in degrees, altitude in metres or NaN.
    offset : float
        Seconds that the camera's clock is ahead of the time that its photos seem to say: of UTC where they tell no
        zone.

    Examples
    --------
    >>> from pathlib import Path
    >>> import placeprint
    >>> point = '<trkpt lat="48.1" lon="11.{}"><time>2024-05-01T10:0{}:00Z</time></trkpt>'
    >>> _ = Path("walk.gpx").write_text(f"<gpx>{point.format(25, 0)}{point.format(75, 2)}</gpx>")
    >>> placeprint.read_track("walk.gpx").at("2024-05-01T10:01:00")
    (48.1, 11.5, None)
    """

    name: str
    seconds: Floats
    places: Floats
    offset: float = 0.0

    def at(self, taken: str) -> tuple[float, float, float | None] | None:
        """Return latitude, longitude and altitude at the time of a photo; None where the track does not tell."""
        time = seconds_of(taken)
        if time is None or not len(self.seconds):
            return None
        time -= self.offset
        after = int(np.searchsorted(self.seconds, time))
        before, after = max(after - 1, 0), min(after, len(self.seconds) - 1)
        first, last = float(self.seconds[before]), float(self.seconds[after])
        if not first - MOST_BESIDE <= time <= last + MOST_BESIDE or last - first > MOST_GAP:
            return None
        share = min(max((time - first) / (last - first), 0.0), 1.0) if last > first else 0.0
        step = self.places[after] - self.places[before]
        step[1] = (step[1] + 180) % 360 - 180  # over the date line
        latitude, longitude, altitude = (self.places[before] + share * step).tolist()
        return latitude, (longitude + 180) % 360 - 180, None if np.isnan(altitude) else altitude


def read_track(path: Path | str, *, offset: float = 0.0) -> Track:
    """Read the points with a time of a GPX file.

    Parameters
    ----------
    path : Path or str
    offset : float
        See `Track`.

    Raises
    ------
    DatasetError
        When it cannot be read, is not GPX, or has no point with a time.

    Examples
    --------
    >>> from pathlib import Path
    >>> import placeprint
    >>> point = '<trkpt lat="48.1" lon="11.5"><time>2024-05-01T10:00:00Z</time></trkpt>'
    >>> _ = Path("walk.gpx").write_text(f"<gpx>{point}</gpx>")
    >>> len(placeprint.read_track("walk.gpx").seconds)
    1
    """
    path, points = Path(path), _Points()
    try:
        with open_regular(path) as file:
            read_xml(_pieces(file), start=points.start, text=points.text, end=points.end)
    except OSError as error:
        raise DatasetError(f'the track "{path}" cannot be read: {error.strerror}') from error
    except XmlError as error:
        raise DatasetError(f'the track "{path}" cannot be read: {error}') from error
    if not points.found:
        raise DatasetError(f'the track "{path}" has no point with a time and a position: is it a GPX file?')
    rows = np.frombuffer(points.found, np.float64).reshape(-1, 4)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    return Track(path.name, rows[:, 0].copy(), rows[:, 1:].copy(), offset)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    left = LARGEST
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece
    if left <= 0:
        raise XmlError(f"it has more than {LARGEST >> 20} MB: give the part of it in which the photos were taken")


class _Points:
    """Gathers points that have a time: time, latitude, longitude and altitude of one after the other."""

    def __init__(self) -> None:
        self.found = array("d")
        self._open: dict[str, str] | None = None
        self._name = ""

    def start(self, name: str, values: dict[str, str]) -> None:
        """Open a point, or one of its values."""
        self._name = name.rpartition(" ")[2]
        if self._name in _POINTS:
            self._open = {"lat": values.get("lat", ""), "lon": values.get("lon", "")}

    def text(self, data: str) -> None:
        """Add to a value of the point that is open."""
        if self._open is not None and self._name in ("time", "ele"):
            self._open[self._name] = (self._open.get(self._name, "") + data)[:100]

    def end(self, name: str) -> None:
        """Close a point."""
        self._name = ""
        if name.rpartition(" ")[2] not in _POINTS or self._open is None:
            return
        point, self._open = self._open, None
        time = seconds_of(point.get("time", "").strip())
        latitude, longitude = degrees_of_text(point["lat"], "ns"), degrees_of_text(point["lon"], "ew")
        if time is None or latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
            return
        try:
            altitude = within(float(point.get("ele", "nan")), *ALTITUDES)
        except ValueError:
            altitude = None
        self.found.extend((time, latitude, longitude, math.nan if altitude is None else altitude))
