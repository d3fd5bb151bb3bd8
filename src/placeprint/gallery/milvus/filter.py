"""Filters that Milvus applies: by place, split and distance."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from placeprint.dataset.distances import EARTH, metres_between
from placeprint.errors import UsageError
from placeprint.gallery.columns import SPLITS
from placeprint.gallery.filters import Filter, Near
from placeprint.gallery.milvus.store import KEYS, Store
from placeprint.records import Split

NOT_NEAR = ("latitude", "longitude")


@dataclass(frozen=True, slots=True)
class EngineFilter:
    """Which images may be found: what `where_images` returns for a gallery in Milvus.

    It stands for one flag an image, as an array of bool does elsewhere, and holds none of them.
    """

    store: Store
    # size, end: Images of the gallery, and the number that all of theirs are below.
    size: int
    end: int
    expression: str  # As Milvus takes it. Of a circle it lets the box around through.
    circle: Near | None = None  # Latitude, longitude, metres.

    def __len__(self) -> int:
        """Return the number of images of the gallery."""
        return self.size

    def sum(self) -> int:
        """Return how many pass; those in a circle are read and counted here."""
        if self.circle is None:
            return self.store.count(self.expression)
        return sum(len(self.through(block)) for block in self._positions())

    def _positions(self) -> Any:
        """Yield the positions in the box, block by block."""
        return self.store.blocks(self.end, NOT_NEAR, expression=self.expression, rows=16 * KEYS)

    def through(self, rows: Any) -> list[Any]:
        """Return the rows that lie within the circle; all of them when there is none."""
        found = list(rows)
        if self.circle is None or not found:
            return found
        there = np.array([[_entity(row)["latitude"], _entity(row)["longitude"]] for row in found], np.float64)
        flags = metres_between(there, self.circle[:2]) <= self.circle[2]
        return [row for row, inside in zip(found, flags.tolist(), strict=True) if inside]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that `through` needs."""
        return NOT_NEAR if self.circle else ()


def _entity(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a row: those of a hit lie one level lower."""
    entity: Mapping[str, Any] = row.get("entity", row)
    return entity


def of_places(places: Collection[str]) -> str:
    """Return the condition that an image shows any of these places."""
    return f"array_contains_any(places, {json.dumps(sorted(places), ensure_ascii=False)})"


def engine_filter(store: Store, size: int, end: int, asked: Filter) -> EngineFilter:
    """Return the filter of a question; errors are those of `placeprint.gallery.filters.flags_where`."""
    parts, near = [], asked.near
    if asked.places:
        for place in sorted(asked.places):
            if not store.count(of_places([place])):
                raise UsageError(f'the gallery has no place "{place}"')
        parts.append(of_places(asked.places))
    if asked.split is not None:
        parts.append(f"split == {SPLITS.index(Split(asked.split))}")
    if near is not None:
        if not store.count("latitude <= 90.0"):
            raise UsageError("the gallery has no coordinates: images cannot be chosen by distance")
        parts.append(box_around(near))
    return EngineFilter(store, size, end, " and ".join(f"({part})" for part in parts), near)


def box_around(near: Near) -> str:
    """Return the condition that a position lies in the smallest box around a circle on the sphere."""
    latitude, longitude, metres = near
    reach = math.degrees(metres / EARTH) * (1 + 1e-9) + 1e-9
    south, north = latitude - reach, latitude + reach
    belt = f"latitude >= {south:.12f} and latitude <= {north:.12f}"
    if south <= -90 or north >= 90:  # a pole lies within: every longitude may
        return belt
    ratio = math.sin(math.radians(reach)) / math.cos(math.radians(latitude))
    wide = math.degrees(math.asin(min(1.0, ratio))) * (1 + 1e-9) + 1e-9
    west, east = longitude - wide, longitude + wide
    sides = f"longitude >= {west:.12f} and longitude <= {east:.12f}"
    if west < -180:
        sides = f"({sides}) or longitude >= {west + 360:.12f}"
    if east > 180:
        sides = f"({sides}) or longitude <= {east - 360:.12f}"
    return f"{belt} and ({sides})"
