"""Positives per query: by place, by several right places, by distance. Queries without any are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import DatasetError, UsageError
from placeprint.gallery.filters import metres_between
from placeprint.records import ImageRecord

DEFAULT_RADIUS = 25.0
"""Metres: the usual bound of the field for a right answer (Arandjelovic et al. 2016, NetVLAD)."""

Rows = NDArray[np.int64]


class GroundTruth(Protocol):
    """Which gallery rows are right for a query."""

    @property
    def rule(self) -> str:
        """The rule in words, for people."""

    def positives(self, query: ImageRecord) -> Rows:
        """Return the right gallery rows, ascending; empty when there is none."""


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A gallery image is right when it shares a place with the query."""

    rows_of: dict[str, Rows]
    rule: str = "same place"

    @classmethod
    def of(cls, gallery: Sequence[ImageRecord]) -> ByPlace:
        """Index the gallery's places."""
        rows: dict[str, list[int]] = {}
        for row, record in enumerate(gallery):
            for place in record.places:
                rows.setdefault(place, []).append(row)
        return cls({place: np.array(found, np.int64) for place, found in rows.items()})

    def positives(self, query: ImageRecord) -> Rows:
        """Return the rows of any of the query's places."""
        found = [self.rows_of[place] for place in query.places if place in self.rows_of]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class ByDistance:
    """A gallery image is right when it was taken within a radius of the query.

    Attributes
    ----------
    positions : ndarray of float64, shape (n, 2)
        East and north in metres, or latitude and longitude in degrees; NaN where unknown.
    metric : bool
        True for metres.
    radius : float
        Metres; the border counts.
    """

    positions: NDArray[np.float64]
    metric: bool
    radius: float
    rule: str

    @classmethod
    def of(cls, gallery: Sequence[ImageRecord], *, radius: float, metric: bool) -> ByDistance:
        """Collect the gallery's positions."""
        positions = np.array([_position(r, metric=metric) for r in gallery], np.float64).reshape(-1, 2)
        return cls(positions, metric, radius, f"within {radius:g} m")

    def positives(self, query: ImageRecord) -> Rows:
        """Return the rows within the radius."""
        here = np.array(_position(query, metric=self.metric))
        distance = _plane(self.positions, here) if self.metric else metres_between(self.positions, (here[0], here[1]))
        return np.flatnonzero(distance <= self.radius).astype(np.int64)


def choose_truth(
    gallery: Sequence[ImageRecord], queries: Sequence[ImageRecord], *, radius: float | None = None
) -> GroundTruth:
    """Choose the rule: distance when a radius is given or when there are positions and no places.

    Raises
    ------
    UsageError
        For a radius that is not above 0, or one without positions.
    DatasetError
        When there are neither places nor positions to judge by.
    """
    if radius is not None and not radius > 0:
        raise UsageError(f"the radius must be above 0 metres, not {radius:g}")
    both = (*gallery, *queries)
    metric = any(r.easting is not None for r in gallery) and any(r.easting is not None for r in queries)
    placed = metric or (any(r.latitude is not None for r in gallery) and any(r.latitude is not None for r in queries))
    labelled = any(r.places for r in both)
    if radius is not None and not placed:
        raise UsageError("a radius was given, but gallery and queries have no coordinates in common")
    if placed and (radius is not None or not labelled):
        return ByDistance.of(gallery, radius=radius or DEFAULT_RADIUS, metric=metric)
    if not labelled:
        raise DatasetError("no image has a place or a position: there is nothing to judge the answers by")
    return ByPlace.of(gallery)


def _position(record: ImageRecord, *, metric: bool) -> tuple[float, float]:
    first, second = (record.easting, record.northing) if metric else (record.latitude, record.longitude)
    return (np.nan, np.nan) if first is None or second is None else (first, second)


def _plane(positions: NDArray[np.float64], here: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.hypot(positions[:, 0] - here[0], positions[:, 1] - here[1]))
