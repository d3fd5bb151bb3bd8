"""Where a photograph was taken, as its file name or its table says it."""

from __future__ import annotations

import math

from placeprint.errors import UsageError


def position_in_name(name: str) -> dict[str, float]:
    """Read ``@east@north@zone@letter@lat@lon@…`` (the format of VPR-datasets-downloader).

    Returns
    -------
    dict of str to float
        Fields of `placeprint.records.ImageRecord`; empty for a name of another form.

    Raises
    ------
    UsageError
        When the name begins with @ but carries no position.
    """
    fields = name.split("@")
    if len(fields) < 4 or fields[0]:
        return {}
    found = {key: _number(fields[i]) for i, key in ((1, "easting"), (2, "northing"))}
    if len(fields) > 6:
        found |= {key: _number(fields[i]) for i, key in ((5, "latitude"), (6, "longitude"))}
    if found["easting"] is None or found["northing"] is None:
        raise UsageError("the file name begins with @ but does not carry two numbers, east and north in metres")
    if found.get("latitude") is None or found.get("longitude") is None:
        found = {k: v for k, v in found.items() if k in ("easting", "northing")}
    return {k: v for k, v in found.items() if v is not None}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
