"""Positions by time: a photo was taken between the places where those before and after it were taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from placeprint.dataset.distances import metres_apart
from placeprint.dataset.metadata.times import seconds_of
from placeprint.recognition.location.result import NONE, TIME, Located
from placeprint.terminal import counted

MOST_SECONDS = 600.0
"""From a photo to the one before, and to the one after."""
MOST_METRES = 300.0
"""Between those two."""
WALKING = 1.5
"""Metres a second that somebody may have strayed from the straight way."""


def placed_between(photos: Sequence[Located]) -> tuple[Located, ...]:
    """Give positions to photos without, of one camera's clock, by their located neighbours in time.

    The radius covers the neighbours' own, and a walk aside within the time to the nearer one and back.
    """
    timed = sorted((time, n) for n, photo in enumerate(photos) if photo.taken and (time := seconds_of(photo.taken)))
    fixed = [(time, photos[n]) for time, n in timed if photos[n].located]
    made, at = list(photos), 0
    for time, number in timed:
        while at < len(fixed) and fixed[at][0] < time:
            at += 1
        if photos[number].how == NONE and 0 < at < len(fixed):
            made[number] = _between(photos[number], time, fixed[at - 1], fixed[at])
    return tuple(made)


def _between(photo: Located, time: float, before: tuple[float, Located], after: tuple[float, Located]) -> Located:
    (first, one), (last, other) = before, after
    if max(time - first, last - time) > MOST_SECONDS:
        return photo
    assert one.latitude is not None
    assert one.longitude is not None
    assert other.latitude is not None
    assert other.longitude is not None
    metres = metres_apart((one.latitude, one.longitude), (other.latitude, other.longitude))
    if metres > MOST_METRES:
        return photo
    share = (time - first) / (last - first) if last > first else 0.0
    east = (other.longitude - one.longitude + 180) % 360 - 180
    radius = max(one.radius or 0.0, other.radius or 0.0, 10.0) + WALKING * min(time - first, last - time)
    return replace(
        photo,
        how=TIME,
        latitude=one.latitude + share * (other.latitude - one.latitude),
        longitude=(one.longitude + share * east + 180) % 360 - 180,
        radius=math.hypot(radius, min(share, 1 - share) * metres),
        why=f"between {one.path} and {other.path}, {counted(round(last - first), 'second')} and {metres:.0f} m apart",
    )
