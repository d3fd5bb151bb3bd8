"""What `locate` found: a position with an error radius for each photo, or why there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from placeprint.recognition.spots.limits import PositionLimits
from placeprint.records import FailedImage

KNOWN, PICTURE, TIME, NONE = "known", "picture", "time", "none"
"""How a photo was located: it said so itself; by what it shows; by the photos taken before and after it; not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """One photo and its position.

    Attributes
    ----------
    path : str
        Relative to the result's root.
    how : str
        ``known``: it has a position; ``picture``: by what it shows; ``time``: by the photos taken before and after it;
        ``none``.
    latitude, longitude : float or None
        Degrees.
    radius : float or None
        Metres that the position may be off at the stated share; None where the photo said its position itself.
    confidence : float or None
        Of the picture; None where no picture was asked.
    matches : tuple of str
        Paths of the gallery's images that speak for it, best first.
    rows : tuple of int
        Their rows.
    taken : str or None
        When, as ISO 8601.
    why : str
        One line for people.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Located(path="1.jpg", how="known", latitude=48.1, longitude=11.5, why="its EXIF says so").located
    True
    """

    path: str
    how: str
    latitude: float | None = None
    longitude: float | None = None
    radius: float | None = None
    confidence: float | None = None
    matches: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    taken: str | None = None
    why: str = ""

    @property
    def located(self) -> bool:
        """Whether it has a position."""
        return self.latitude is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateResult:
    """The result of `placeprint.locate`.

    Attributes
    ----------
    root : Path
        The folder that all paths are relative to.
    photos : tuple of Located
        In the order of their paths.
    failures : tuple of FailedImage
        Photos that could not be used.
    limits : PositionLimits or None
        When an estimate is given, and its radius; None where the gallery is too small to tell.
    unlearned : str
        Why there are no `limits`; empty where there are.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.locate("town.gallery", "town-hall.jpg")
    >>> found.counts()
    {'known': 0, 'picture': 0, 'time': 0, 'none': 1}
    """

    root: Path
    photos: tuple[Located, ...]
    failures: tuple[FailedImage, ...] = ()
    limits: PositionLimits | None = None
    unlearned: str = ""

    def counts(self) -> dict[str, int]:
        """Count the photos by how they were located."""
        found = Counter(photo.how for photo in self.photos)
        return {how: found[how] for how in (KNOWN, PICTURE, TIME, NONE)}

    def table(self) -> list[dict[str, Any]]:
        """Return one row a photo."""
        names = ("path", "how", "latitude", "longitude", "radius", "confidence", "taken", "why")
        return [{name: getattr(photo, name) for name in names} for photo in self.photos]

    @property
    def new(self) -> tuple[Located, ...]:
        """The photos that got a position: by picture or by time."""
        return tuple(photo for photo in self.photos if photo.how in (PICTURE, TIME))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "root": str(self.root),
            "counts": self.counts(),
            "limits": None if self.limits is None else asdict(self.limits),
            "unlearned": self.unlearned,
            "photos": [asdict(photo) for photo in self.photos],
            "failures": [asdict(failure) for failure in self.failures],
        }
