"""Positions as a table, GeoJSON (RFC 7946) or KML (OGC 2.3), for maps and other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from placeprint.errors import UsageError
from placeprint.recognition.location.result import Located, LocateResult
from placeprint.storage.atomic import require_ours, write_atomic

COLUMNS = ("path", "latitude", "longitude", "radius", "how", "confidence", "taken", "why")
_CORNERS = 36
_NAME = "placeprint locate"
_KML_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n<name>{_NAME}</name>\n'
)


def write_positions(result: LocateResult, out: Path) -> None:
    """Write the photos to a file, in the form that its name ends in.

    `out`: ``.csv``: all photos, as a manifest that `index` reads, with paths relative to `LocateResult.root`;
    ``.geojson``: those with a position, as points; ``.kml``: these, and circles of their radius.
    Raises `UsageError` for another ending, and for a file there that is none of these.
    """
    refuse_form(out)
    write_atomic(out, _FORMS[out.suffix.lower()](result.photos).encode("utf-8", "surrogateescape"))


def refuse_form(out: Path) -> None:
    """Refuse a file that `write_positions` would not write, before anything is located. Raises `UsageError`."""
    if out.suffix.lower() not in _FORMS:
        raise UsageError(f'"{out}" is none of the forms that are written: {", ".join(_FORMS)}')
    require_ours(out, lambda data: data.startswith(_HEADS[out.suffix.lower()]))


def table(photos: Sequence[Located]) -> str:
    """Return a CSV with one row a photo; what reads it as a manifest finds paths and positions."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    rows.writeheader()
    for photo in photos:
        row = {name: getattr(photo, name) for name in COLUMNS}
        rows.writerow({name: "" if value is None else value for name, value in row.items()})
    return text.getvalue()


def geojson(photos: Sequence[Located]) -> str:
    """Return one point for each photo with a position, longitude first."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [photo.longitude, photo.latitude]},
            "properties": {name: getattr(photo, name) for name in COLUMNS if name not in ("latitude", "longitude")},
        }
        for photo in photos
        if photo.located
    ]
    return json.dumps({"generator": _NAME, "type": "FeatureCollection", "features": features}, indent=1) + "\n"


def kml(photos: Sequence[Located]) -> str:
    """Return a placemark for each photo with a position, and the circle that it may be off by."""
    marks = "".join(_placemark(photo) for photo in photos if photo.located)
    return f"{_KML_HEAD}{marks}</Document></kml>\n"


def _placemark(photo: Located) -> str:
    said = f"<name>{_text(photo.path)}</name><description>{_text(photo.why)}</description>"
    when = f"<TimeStamp><when>{_text(photo.taken)}</when></TimeStamp>" if photo.taken else ""
    point = f"<Point><coordinates>{photo.longitude},{photo.latitude}</coordinates></Point>"
    if not photo.radius:
        return f"<Placemark>{said}{when}{point}</Placemark>\n"
    ring = f"<outerBoundaryIs><LinearRing><coordinates>{_ring(photo)}</coordinates></LinearRing></outerBoundaryIs>"
    circle = f"<MultiGeometry>{point}<Polygon>{ring}</Polygon></MultiGeometry>"
    return f"<Placemark>{said}{when}{circle}</Placemark>\n"


def _ring(photo: Located) -> str:
    assert photo.latitude is not None
    assert photo.longitude is not None
    assert photo.radius is not None
    north = math.degrees(photo.radius / 6_371_008.8)
    east = north / max(math.cos(math.radians(photo.latitude)), 0.01)
    turns = (2 * math.pi * step / _CORNERS for step in range(_CORNERS + 1))
    return " ".join(
        f"{photo.longitude + east * math.cos(turn):.7f},{photo.latitude + north * math.sin(turn):.7f}" for turn in turns
    )


def _text(text: str) -> str:
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


_FORMS: dict[str, Callable[[Sequence[Located]], str]] = {".csv": table, ".geojson": geojson, ".kml": kml}
_HEADS = {
    ".csv": f"{','.join(COLUMNS)}\n".encode(),
    ".geojson": f'{{\n "generator": "{_NAME}"'.encode(),
    ".kml": _KML_HEAD.encode(),
}
"""How our own files begin: no other is written over."""
