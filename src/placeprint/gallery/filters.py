"""Which rows of a gallery may answer a query: by place, split and distance. NumPy over the columns."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import UsageError
from placeprint.gallery.columns import SPLITS
from placeprint.gallery.table import RecordTable
from placeprint.records import Split
from placeprint.terminal import counted

EARTH = 6_371_008.8
"""Mean radius of the Earth, metres (IUGG)."""

Flags = NDArray[np.bool_]
Near = tuple[float, float, float]
"""Latitude and longitude in degrees, and a radius in metres."""

_COMPARED = 20_000
"""Names that an unknown one is compared with at most."""


class Rows(Protocol):
    """Some of a gallery's images: one flag per image, or a condition that a server applies."""

    def __len__(self) -> int:
        """Return the number of images of the gallery."""

    def sum(self) -> Any:
        """Return how many of them these are."""


class Filtered(Protocol):
    """A gallery that can filter its images, wherever it is kept."""

    def where_images(
        self, *, places: Collection[str] = (), split: Split | str | None = None, near: Near | None = None
    ) -> Rows:
        """Return the images that meet every given condition."""


def rows_where(
    gallery: Filtered,
    *,
    places: Collection[str] = (),
    split: Split | str | None = None,
    near: Near | None = None,
) -> Rows:
    """Return which images of a gallery meet every given condition.

    Parameters
    ----------
    gallery : Gallery
        In a folder, in memory or on a server, which then applies the conditions.
    places, split, near
        As in `flags_where`.

    Returns
    -------
    Rows
        As the gallery's `search` takes it for `only`: an ndarray of bool, shape (n,), where the gallery is here.

    Raises
    ------
    UsageError
        As `flags_where`.
    """
    return gallery.where_images(places=places, split=split, near=near)


def flags_where(
    table: RecordTable,
    *,
    places: Collection[str] = (),
    split: Split | str | None = None,
    near: Near | None = None,
) -> Flags:
    """Return a flag for each record: whether it meets every given condition.

    Parameters
    ----------
    table : RecordTable
    places : collection of str
        Images that show any of these.
    split : Split or str, optional
        Images of this split.
    near : tuple of 3 floats, optional
        Latitude, longitude and metres: images within that distance; the border counts, and an image without
        coordinates is never near.

    Raises
    ------
    UsageError
        For a place that the gallery does not have, for coordinates that are not on Earth, a radius that is not
        above 0, a gallery without coordinates, or an unknown split.
    """
    found = np.ones(len(table), np.bool_)
    if places:
        found &= _of_places(table, places)
    if split is not None:
        found &= table.columns.splits == SPLITS.index(known_split(split))
    if near is not None:
        found &= _near(table, near)
    return found


def metres_between(positions: NDArray[np.float64], here: tuple[float, float]) -> NDArray[np.float64]:
    """Return great-circle distances by the haversine formula; NaN where a position is NaN.

    Parameters
    ----------
    positions : ndarray of float64, shape (n, 2)
        Latitude and longitude, degrees.
    here : tuple of 2 floats
    """
    there, centre = np.radians(positions), np.radians(here)
    half = (there - centre) / 2
    a = np.sin(half[:, 0]) ** 2 + np.cos(there[:, 0]) * np.cos(centre[0]) * np.sin(half[:, 1]) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(np.clip(a, 0, 1))))


def _of_places(table: RecordTable, places: Collection[str]) -> Flags:
    if unknown := sorted(place for place in places if place not in table.columns.table.holding):
        raise UsageError(f'the gallery has no place "{unknown[0]}"{_instead(unknown[0], table.places)}')
    flags = np.zeros(len(table), np.bool_)
    flags[table.rows_showing(places)] = True
    return flags


def _instead(name: str, places: tuple[str, ...]) -> str:
    """Name the place that was probably meant."""
    folded = {place.casefold(): place for place in places}
    if name.casefold() in folded:
        return f': did you mean "{folded[name.casefold()]}"?'
    likely = sorted(folded, key=lambda other: abs(len(other) - len(name)))[:_COMPARED]
    alike = difflib.get_close_matches(name.casefold(), likely, n=1)
    if alike:
        return f': did you mean "{folded[alike[0]]}"?'
    return f": it has {counted(len(places), 'place')}" + (f', the first is "{places[0]}"' if places else "")


def known_split(split: Split | str) -> Split:
    """Return the split.

    Raises
    ------
    UsageError
        When there is none of this name.
    """
    try:
        return Split(split)
    except ValueError as error:
        raise UsageError(f'split "{split}" is not known: choose one of {", ".join(Split)}') from error


def parse_near(text: str, option: str) -> Near:
    """Read ``48.1,11.5,500``.

    Parameters
    ----------
    text : str
    option : str
        What asked for it, for people.

    Raises
    ------
    UsageError
        When it is not three numbers.
    """
    try:
        latitude, longitude, metres = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f'{option} takes latitude, longitude and metres, as 48.1372,11.5756,500, not "{text}"'
        ) from error
    return latitude, longitude, metres


def checked_near(near: Near) -> None:
    """Refuse what is no circle on Earth.

    Raises
    ------
    UsageError
    """
    latitude, longitude, radius = near
    if not (math.isfinite(radius) and radius > 0):
        raise UsageError(f"the radius must be above 0 metres, not {radius:g}")
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise UsageError(f"there is no latitude {latitude:g} with longitude {longitude:g}: give degrees, as 48.1,11.5")


def _near(table: RecordTable, near: Near) -> Flags:
    checked_near(near)
    latitude, longitude, radius = near
    positions = table.columns.positions
    # Two images are at least as far apart as their latitudes; only the few of that belt need the whole formula.
    belt = math.degrees(radius / EARTH) * (1 + 1e-9) + 1e-9
    close = np.flatnonzero(np.abs(positions[:, 0] - latitude) <= belt)
    if not len(close) and np.isnan(positions[:, 0]).all():
        raise UsageError("the gallery has no coordinates: images cannot be chosen by distance")
    flags = np.zeros(len(table), np.bool_)
    flags[close[metres_between(positions[close], (latitude, longitude)) <= radius]] = True
    return flags
