"""Distances on Earth, between latitudes and longitudes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EARTH = 6_371_008.8
"""Mean radius of the Earth, metres (IUGG)."""


def metres_between(
    positions: NDArray[np.float64], here: tuple[float, float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return great-circle distances by the haversine formula; NaN where a position is NaN.

    `positions`, shape (n, 2): Latitude and longitude, degrees; `here`: one such, or one for each.
    """
    return _haversine(np.radians(positions), np.radians(here))


def metres_among(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each of some positions from each, shape (n, n)."""
    there = np.radians(positions)
    return _haversine(there[:, None], there[None])


def _haversine(there: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    half = (there - centre) / 2
    cosines = np.cos(there[..., 0]) * np.cos(centre[..., 0])
    a = np.sin(half[..., 0]) ** 2 + cosines * np.sin(half[..., 1]) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(np.clip(a, 0, 1))))


def metres_apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two positions: latitude and longitude, degrees."""
    return float(metres_between(np.array([one], np.float64), other)[0])


def middle_of(positions: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the median of latitudes and of longitudes, which one wrong position does not move; never empty.

    Longitudes are counted from the first one, so that both sides of the 180th meridian are near each other.
    """
    first = positions[0][1]
    north, east = np.median([(lat, (lon - first + 180) % 360 - 180) for lat, lon in positions], axis=0).tolist()
    return north, (first + east + 180) % 360 - 180
