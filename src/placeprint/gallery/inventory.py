"""What a gallery holds, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.table import RecordTable
from placeprint.records import ImageRecord


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place of a gallery.

    Attributes
    ----------
    place : str
    images : int
        How many show it.
    first : int
        The row of the first of them; of a gallery on a server its key.
    latitude, longitude : float or None
        The mean of the images that have a position, in degrees.
    title : str or None
        The name by which people know it.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.info("town.gallery", places=True)
    >>> found.place_rows[0].place, found.place_rows[0].images
    ('castle-gate', 3)
    """

    place: str
    images: int
    first: int
    latitude: float | None = None
    longitude: float | None = None
    title: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "first"}


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a gallery holds.

    Attributes
    ----------
    places : sequence of PlaceRow
        Sorted by name.
    located : int
        How many images have a position.

    Examples
    --------
    >>> import placeprint
    >>> held = placeprint.open_gallery("town.gallery").inventory()
    >>> len(held.places), held.places[0].images
    (5, 3)
    """

    places: Sequence[PlaceRow]
    located: int


def title_of(record: ImageRecord, place: str) -> str | None:
    """Return the name by which people know a place of an image."""
    return dict(zip(record.places, record.titles, strict=False)).get(place)


def inventory_of(records: RecordTable) -> Inventory:
    """Count the images of each place, without reading a record where no place has a title."""
    codes, count = records.columns.places, len(records.columns.table)
    shown = np.bincount(codes[codes >= 0], minlength=count)
    first = np.full(count, len(codes), np.int64)
    np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
    there, sums = _positions(records)
    rows = []
    holding, titled = records.columns.table.holding, records.titled  # which searches all lines
    for name, numbers in ((name, holding[name]) for name in records.places):
        known, row = int(there[numbers].sum()), int(first[numbers].min())
        latitude, longitude = (sums[numbers].sum(axis=0) / known).tolist() if known else (None, None)
        title = title_of(records[row], name) if titled else None
        rows.append(PlaceRow(name, int(shown[numbers].sum()), row, latitude, longitude, title))
    return Inventory(rows, int((~np.isnan(records.columns.positions[:, 0])).sum()))


def _positions(records: RecordTable) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how many images of each combination of places have coordinates, and the sums of those."""
    codes, count, positions = records.columns.places, len(records.columns.table), records.columns.positions
    rows = np.flatnonzero(~np.isnan(positions[:, 0]) & (codes >= 0))
    sums = np.zeros((count, 2))
    np.add.at(sums, codes[rows], positions[rows])
    return np.bincount(codes[rows], minlength=count), sums
