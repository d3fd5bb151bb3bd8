"""Which rows of a gallery may answer a query: by place, split and distance. NumPy over the columns."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

import numpy as np

from placeprint.arrays import Flags
from placeprint.dataset.distances import EARTH, metres_between
from placeprint.errors import UsageError
from placeprint.gallery.columns import SPLITS
from placeprint.gallery.table import RecordTable
from placeprint.records import Split
from placeprint.spelling import choices, nearest_of_many
from placeprint.terminal import counted

Near = tuple[float, float, float]
"""Latitude and longitude in degrees, and a radius in metres."""


class Selection(Protocol):
    """Some of a gallery's images: one flag per image, or a condition that a server applies.

    Examples
    --------
    >>> import placeprint
    >>> gallery = placeprint.open_gallery("town.gallery")
    >>> chosen = gallery.where_images(placeprint.Filter(places=["town-hall"]))
    >>> int(chosen.sum()), len(chosen)
    (2, 11)
    """

    def __len__(self) -> int:
        """Return the number of images of the gallery."""

    def sum(self) -> Any:
        """Return how many of them these are."""


class FilterWords(TypedDict, total=False):
    """`Filter` as keywords."""

    places: Collection[str]
    near: Near | None
    split: Split | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which images of a gallery are asked: those that meet every condition.

    Attributes
    ----------
    places : collection of str
        Images that show any of these; of any place when it is empty.
    near : tuple of 3 floats, or None
        Latitude, longitude and metres: images taken within that distance. The border counts, and an image without
        coordinates is never near.
    split : Split, str or None
        Images of this split.

    Raises
    ------
    UsageError
        For coordinates that are not on Earth, a radius that is not above 0, or an unknown split.

    Examples
    --------
    >>> import placeprint
    >>> chosen = placeprint.Filter(places=["town-hall"], split="gallery")
    >>> gallery = placeprint.open_gallery("town.gallery")
    >>> only = gallery.where_images(chosen)
    >>> placeprint.Recognizer(gallery, only=only).recognize("town-hall.jpg").place
    'town-hall'
    """

    places: Collection[str] = ()
    near: Near | None = None
    split: Split | str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.places, str):
            raise UsageError(f'give a list of places, not the text "{self.places}"')
        object.__setattr__(self, "places", tuple(self.places))
        if self.near is not None:
            object.__setattr__(self, "near", _checked_near(self.near))
        if self.split is not None:
            object.__setattr__(self, "split", _known_split(self.split))

    @property
    def given(self) -> bool:
        """Whether there is any condition."""
        return bool(self.places) or self.near is not None or self.split is not None

    def to_dict(self, rows: Selection) -> dict[str, Any]:
        """Ready for JSON, with the number of images that are asked."""
        near = None if self.near is None else dict(zip(("latitude", "longitude", "metres"), self.near, strict=True))
        return {"places": list(self.places), "near": near, "split": self.split, "images": int(rows.sum())}


def flags_where(table: RecordTable, asked: Filter) -> Flags:
    """Return a flag for each record: whether it meets every condition.

    Raises `UsageError` for a place that the gallery does not have, or a distance in a gallery without coordinates.
    """
    found = np.ones(len(table), np.bool_)
    if asked.places:
        found &= _of_places(table, asked.places)
    if asked.split is not None:
        found &= table.columns.splits == SPLITS.index(Split(asked.split))
    if asked.near is not None:
        found &= _near(table, asked.near)
    return found


def _of_places(table: RecordTable, places: Collection[str]) -> Flags:
    if unknown := sorted(set(places) - set(table.places)):
        raise UsageError(f'the gallery has no place "{unknown[0]}"{_instead(unknown[0], table.places)}')
    flags = np.zeros(len(table), np.bool_)
    flags[table.rows_showing(places)] = True
    return flags


def _instead(name: str, places: tuple[str, ...]) -> str:
    """Name the place that was probably meant."""
    if near := nearest_of_many(name, places):
        return f': did you mean "{near}"?'
    return f": it has {counted(len(places), 'place')}" + (f', the first is "{places[0]}"' if places else "")


def _known_split(split: Split | str) -> Split:
    try:
        return Split(split)
    except ValueError as error:
        raise UsageError(f'split "{split}" is not known: {choices(str(split), Split)}') from error


def parse_near(text: str, option: str) -> Near:
    """Read ``48.1,11.5,500``.

    `option`: What asked for it, for people.
    Raises `UsageError` when it is not three numbers.
    """
    try:
        latitude, longitude, metres = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f'{option} takes latitude, longitude and metres, as 48.1372,11.5756,500, not "{text}"'
        ) from error
    return latitude, longitude, metres


def _checked_near(near: Near) -> Near:
    """Refuse what is no circle on Earth."""
    try:
        latitude, longitude, radius = map(float, near)
    except (TypeError, ValueError) as error:
        raise UsageError(f"near takes latitude, longitude and metres, not {near!r}") from error
    if not (math.isfinite(radius) and radius > 0):
        raise UsageError(f"the radius must be above 0 metres, not {radius:g}")
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise UsageError(f"there is no latitude {latitude:g} with longitude {longitude:g}: give degrees, as 48.1,11.5")
    return latitude, longitude, radius


def _near(table: RecordTable, near: Near) -> Flags:
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
