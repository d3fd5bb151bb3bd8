"""Images of a dataset or a gallery: what is known of each, and why some are left out."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from placeprint.errors import UsageError
from placeprint.storage.json_records import record_from

AT_ZERO = 1e-4
"""Degrees, some 11 metres."""
_ZONE = re.compile(r"([1-9]|[1-5]\d|60)[NS]?")


class Split(StrEnum):
    """Whether an image is searched, asked, or neither was said.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Split("query") is placeprint.Split.QUERY
    True
    """

    GALLERY = "gallery"
    QUERY = "query"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """One image of a dataset or a gallery.

    Attributes
    ----------
    path : str
        Relative to the manifest's folder, with forward slashes. Bytes that are not UTF-8 are kept
        as surrogate escapes.
    places : tuple of str
        The place it shows; several when each of them is a correct answer; empty when unlabelled.
    titles : tuple of str
        The names by which people know the places, in their order; empty where those are the places themselves.
    split : Split
        Gallery, query, or none.
    content_hash : str
        SHA-256 of the file's bytes, hexadecimal; empty when not read yet.
    width, height : int
        Pixels, after the EXIF turn; 0 when not read yet.
    latitude, longitude : float or None
        Degrees.
    easting, northing : float or None
        Metres, in a UTM zone or in a plane of the dataset's own.
    zone : str or None
        The UTM zone of the two and, where it is known, the hemisphere: ``31N``, ``31``. None for a plane that is not
        named.
    altitude : float or None
        Metres above the sea.
    heading : float or None
        Where the camera looked: degrees from north, clockwise.
    position_error : float or None
        Metres by which the position may be off, as the receiver estimated it.
    position_source : str or None
        ``exif``, ``sidecar`` or ``track``; None for a position of a table or a file's name, or none.
    taken : str or None
        When, as ISO 8601; without an offset where the camera's time zone is not known.
    camera : str or None
        Maker, model and serial number.
    focal_length : float or None
        Millimetres.
    sequence, frame : str or None, int or None
        The traverse and the position in it.
    address, licence : str or None
        Where the image came from, and under which terms.
    extra : mapping of str to str
        Columns of the manifest that have no meaning here. They are kept.

    Examples
    --------
    >>> import placeprint
    >>> record = placeprint.ImageRecord(path="mill/1.jpg", places=("Old Mill",), latitude=48.1, longitude=11.6)
    >>> record.place, str(record.split)
    ('Old Mill', 'none')
    """

    path: str
    places: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    split: Split = Split.NONE
    content_hash: str = ""
    width: int = 0
    height: int = 0
    latitude: float | None = None
    longitude: float | None = None
    easting: float | None = None
    northing: float | None = None
    zone: str | None = None
    altitude: float | None = None
    heading: float | None = None
    position_error: float | None = None
    position_source: str | None = None
    taken: str | None = None
    camera: str | None = None
    focal_length: float | None = None
    sequence: str | None = None
    frame: int | None = None
    address: str | None = None
    licence: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse values out of range; the caller knows the path, and adds it to the message."""
        if not self.path:
            raise UsageError("a record needs a path")
        if not (isinstance(self.places, tuple) and isinstance(self.titles, tuple)):
            raise UsageError('places and titles of a record are tuples of texts, as places=("Old Mill",)')
        if self.titles and len(self.titles) != len(self.places):
            raise UsageError(f"{len(self.titles)} titles do not name {len(self.places)} places")
        if self.width < 0 or self.height < 0:
            raise UsageError(f"an image cannot have {self.width} x {self.height} pixels")
        self._require_position()

    def _require_position(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            raise UsageError("latitude and longitude must be given together")
        for name, value, most in (("latitude", self.latitude, 90), ("longitude", self.longitude, 180)):
            if value is not None and not abs(value) <= most:
                raise UsageError(f"{name} {value} is not in -{most}..{most}")
        if (self.easting is None) != (self.northing is None):
            raise UsageError("easting and northing must be given together")
        if self.zone is not None and (self.easting is None or not _ZONE.fullmatch(self.zone)):
            raise UsageError(f'the UTM zone "{self.zone}" is not 1..60 with N or S, or has no easting')
        for name, value in (("altitude", self.altitude), ("heading", self.heading), ("error", self.position_error)):
            if value is not None and not math.isfinite(value):
                raise UsageError(f"the {name} {value} of a position is not a number")

    @property
    def at_zero(self) -> bool:
        """True at latitude 0, longitude 0, which devices write without a fix; or at UTM 0, 0."""
        if self.latitude is None or self.longitude is None:
            return self._metres_at_zero
        return max(abs(self.latitude), abs(self.longitude)) < AT_ZERO

    @property
    def degrees(self) -> tuple[float, float] | None:
        """Latitude and longitude; None when they are not known."""
        if self.latitude is None or self.longitude is None or self.at_zero:
            return None
        return self.latitude, self.longitude

    @property
    def metres(self) -> tuple[float, float] | None:
        """Easting and northing; None when they are not known, or come from latitude 0, longitude 0."""
        if self.easting is None or self.northing is None or self.at_zero or self._metres_at_zero:
            return None
        return self.easting, self.northing

    @property
    def _metres_at_zero(self) -> bool:
        """True at easting 0, northing 0 of a zone, which has no such point; a plane without a zone may begin there."""
        return self.zone is not None and self.easting == 0 and self.northing == 0

    @property
    def place(self) -> str | None:
        """The places as one label, joined by ``|``; None when unlabelled."""
        return "|".join(self.places) if self.places else None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, ready for JSON."""
        values = ((name, unset, getattr(self, name)) for name, unset in _UNSET.items())
        row = {name: value for name, unset, value in values if value != unset or name in ("path", "split")}
        row |= {name: list(found) for name in ("places", "titles") if (found := getattr(self, name))}
        if self.extra:
            row["extra"] = dict(self.extra)
        return row

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        ValueError, TypeError
            When a field is missing, not known, or not what it must be.
        """
        return record_from(cls, row)


_UNSET = {f.name: f.default for f in dataclasses.fields(ImageRecord) if f.name != "extra"}
"""Values of fields that are not set: frame 0 and longitude 0.0 are."""


@dataclass(frozen=True, slots=True)
class FailedImage:
    """An image that could not be used: a row with a reason, not an exception.

    Attributes
    ----------
    path : str
        As in the manifest.
    kind : str
        The word of `placeprint.errors.ImageError`.
    reason : str
        One line for people.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.index("town", "new.gallery", preset="fast").failures[0]
    FailedImage(path='gallery/castle-gate/06.jpg', kind='empty', reason='the file has no bytes')
    """

    path: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Images that are left out, and why in a few words: ``without a label``, ``of the query split``."""

    why: str
    paths: tuple[str, ...]

    @property
    def says(self) -> str:
        """The count and the reason: ``3 without a label``."""
        return f"{len(self.paths)} {self.why}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"says": self.says, "why": self.why, "count": len(self.paths), "paths": list(self.paths)}


def titles_of(records: Iterable[ImageRecord]) -> dict[str, str]:
    """Return the title of each place that has one; of several, that of its first image."""
    titles: dict[str, str] = {}
    for record in records:
        for place, title in zip(record.places, record.titles, strict=False):
            titles.setdefault(place, title)
    return {place: title for place, title in titles.items() if title != place}
