"""Ground truth: which gallery images are right for a query, by place or by distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats, Rows
from placeprint.dataset.distances import metres_between
from placeprint.errors import DatasetError, UsageError
from placeprint.records import ImageRecord
from placeprint.terminal import counted

DEFAULT_RADIUS = 25.0
"""Metres: the usual bound of the field for a right answer (Arandjelovic et al. 2016, NetVLAD)."""

NOWHERE = (np.nan, np.nan)


class GroundTruth(Protocol):
    """Which gallery rows are right for a query."""

    @property
    def rule(self) -> str:
        """The rule in words, for people."""

    @property
    def unjudged(self) -> str:
        """What the queries are that it cannot judge, in words."""

    def positives(self, query: ImageRecord) -> Rows:
        """Return the right gallery rows, ascending; empty when there is none."""

    def ignored(self, query: ImageRecord) -> Rows:
        """Return the gallery rows that count neither way for a query, and are left out of its ranking."""

    def judges(self, query: ImageRecord) -> bool:
        """Return whether it can tell what is right for a query: one that it cannot takes no part."""


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A gallery image is right when it shares a place with the query."""

    rows_of: dict[str, Rows]
    rule: str = "same place"
    unjudged: str = "without a label"

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

    def ignored(self, query: ImageRecord) -> Rows:  # noqa: ARG002 - none for any
        """Return no rows: every image counts."""
        return np.empty(0, np.int64)

    def judges(self, query: ImageRecord) -> bool:
        """Return whether the query has a place."""
        return bool(query.places)


@dataclass(frozen=True, slots=True)
class ByDistance:
    """A gallery image is right when it was taken within a radius of the query.

    Two images of one UTM zone are compared in its plane, others by latitude and longitude; planes that are not named
    are one plane only among themselves.
    """

    metres: Floats  # (n, 2): East and north; NaN where unknown.
    zones: NDArray[np.str_]  # (n,): Of the two; empty where it is not named.
    degrees: Floats  # (n, 2): Latitude and longitude; NaN where unknown.
    radius: float  # Metres; the border counts.
    only_zone: str  # The one zone of a set, where it has one: a plane that is not named is taken for it.
    planes: frozenset[str]  # The zones in which gallery images are known.
    on_sphere: bool  # Whether the latitude and longitude of any gallery image are known.
    unjudged: str = "without a position"

    @property
    def rule(self) -> str:
        """The radius."""
        return f"within {self.radius:g} m"

    @classmethod
    def of(
        cls, gallery: Sequence[ImageRecord], queries: Sequence[ImageRecord] = (), *, radius: float = DEFAULT_RADIUS
    ) -> ByDistance:
        """Collect the gallery's positions."""
        named = {r.zone for r in (*gallery, *queries) if r.zone is not None and r.metres is not None}
        only = named.pop() if len(named) == 1 else ""
        return cls(
            np.array([r.metres or NOWHERE for r in gallery], np.float64).reshape(-1, 2),
            np.array([r.zone or only for r in gallery], np.str_),
            np.array([r.degrees or NOWHERE for r in gallery], np.float64).reshape(-1, 2),
            radius,
            only,
            frozenset(r.zone or only for r in gallery if r.metres),
            any(r.degrees for r in gallery),
        )

    def positives(self, query: ImageRecord) -> Rows:
        """Return the rows within the radius."""
        return np.flatnonzero(self.offsets(query) <= self.radius).astype(np.int64)

    def ignored(self, query: ImageRecord) -> Rows:  # noqa: ARG002 - none for any
        """Return no rows: every image counts."""
        return np.empty(0, np.int64)

    def judges(self, query: ImageRecord) -> bool:
        """Return whether the query's position can be compared with any of the gallery."""
        if query.degrees and self.on_sphere:
            return True
        return query.metres is not None and (query.zone or self.only_zone) in self.planes

    def offsets(self, query: ImageRecord) -> Floats:
        """Return the metres to each image of the gallery; NaN where they cannot be compared."""
        found = metres_between(self.degrees, query.degrees or NOWHERE)
        east, north = query.metres or NOWHERE
        zone = query.zone or self.only_zone
        # A plane that is not named may be several: degrees are surer there.
        plane = (self.zones == zone) & (np.isnan(found) if not zone else True)
        return np.where(plane, np.hypot(self.metres[:, 0] - east, self.metres[:, 1] - north), found)


def choose_truth(
    gallery: Sequence[ImageRecord], queries: Sequence[ImageRecord], *, radius: float | None = None
) -> GroundTruth:
    """Choose the rule: distance when a radius is given or when there are positions and no places.

    Raises `UsageError` for a radius that is not above 0, or one without positions; `DatasetError` when there are
    neither places nor positions to judge by.
    """
    if radius is not None and not radius > 0:
        raise UsageError(f"the radius must be above 0 metres, not {radius:g}")
    labelled = any(r.places for r in queries)
    if radius is not None or not labelled:
        near = ByDistance.of(gallery, queries, radius=radius or DEFAULT_RADIUS)
        if any(near.judges(query) for query in queries):
            return near
    if radius is not None:
        raise UsageError("a radius was given, but gallery and queries have no coordinates in common")
    if not labelled:
        raise DatasetError(
            f"none of {counted(len(queries), 'query', 'queries')} has a place, or a position as the gallery's images "
            "have: there is nothing to judge the answers by"
        )
    return ByPlace.of(gallery)
