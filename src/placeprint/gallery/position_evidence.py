"""What a gallery's own images tell of positions by picture, kept in its head. It is learned in `recognition`."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from placeprint.errors import GalleryFormatError
from placeprint.storage.json_records import record_from
from placeprint.terminal import counted

FORMAT = 1
MOST = 10_000
"""Held-out images, of any release."""
FARTHEST = 20_037_509.0
"""Metres between two points of the Earth, at most: the error of an image for which nothing was found."""
LEAST_CONFIDENCE = -10.0
"""Of an image for which nothing was found."""
_HIGHEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionEvidence:
    """Images of a gallery with a position, asked as if it were not known; from it follow `placeprint.PositionLimits`.

    Attributes
    ----------
    known : tuple of (float, float)
        Confidence of the estimate and its error in metres, of images with others of their spot in the gallery.
    unknown : tuple of float
        Confidence of the estimate where all of the image's spot was left out.
    distrusted : tuple of (int, str)
        Root and path of images whose position the others contradict: they are no witnesses.
    asked : int
        Images of the gallery that were held out; 0 where too few have others of their spot.
    images : int
        In the gallery at that time.
    changed : int
        Added, replaced or removed since.

    Examples
    --------
    >>> import placeprint
    >>> evidence = placeprint.open_gallery("town.gallery").position_evidence
    >>> evidence.asked, evidence.images
    (0, 11)
    """

    known: tuple[tuple[float, float], ...] = ()
    unknown: tuple[float, ...] = ()
    distrusted: tuple[tuple[int, str], ...] = ()
    asked: int = 0
    images: int = 0
    changed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that no gallery has.

        Raises
        ------
        ValueError
        """
        if max(len(self.known), len(self.unknown), len(self.distrusted)) > MOST:
            raise ValueError(f"there are more than {MOST} held-out images")
        confidences = [*(confidence for confidence, _ in self.known), *self.unknown]
        if not all(LEAST_CONFIDENCE <= each <= _HIGHEST for each in confidences):
            raise ValueError("a confidence is out of range")
        if not all(0 <= error <= FARTHEST for _, error in self.known):
            raise ValueError("an error is no distance on the Earth")
        if min((self.asked, self.images, self.changed, *(root for root, _ in self.distrusted))) < 0:
            raise ValueError("a count is negative")

    def joined(self, known: Iterable[tuple[float, float]], unknown: Iterable[float]) -> Self:
        """Return the evidence with that of other images."""
        return dataclasses.replace(self, known=(*self.known, *known), unknown=(*self.unknown, *unknown))

    def after(self, changed: int) -> Self:
        """Return the evidence after that many more images were added, replaced or removed."""
        return dataclasses.replace(self, changed=self.changed + changed)

    @property
    def worn(self) -> bool:
        """Whether so much changed that it must be learned again: a tenth of the images, or any if too few were there.

        Learning asks hundreds of images among all others, and a few more or less move no quantile by much.
        """
        return self.changed > (self.images // 10 if self.asked else 0)

    def outdated(self, gallery: str) -> str:
        """Return a line that says that it is `worn`, and how to renew it.

        Empty where it is not, and where no position is given: then that says it.
        """
        return self.older(gallery) if self.asked else ""

    def older(self, gallery: str = "GALLERY") -> str:
        """Return the line wherever it is worn."""
        if not self.worn:
            return ""
        changed = counted(self.changed, "image was", "images were")
        return f"when to give a position was learned before {changed} added, replaced or removed: {renewal(gallery)}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON to store."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        GalleryFormatError
            When another release wrote it, or a field is not what it must be.
        """
        values = dict(row)
        if (said := values.pop("format", None)) != FORMAT:
            raise GalleryFormatError(
                f"what the gallery keeps of positions has format {said!a:.40}, this release reads {FORMAT}: upgrade "
                "placeprint, or build the gallery again"
            )
        try:
            return record_from(cls, values)
        except (TypeError, ValueError) as error:
            raise GalleryFormatError(
                f"what the gallery keeps of positions cannot be read ({error}): build it again"
            ) from error


def renewal(gallery: str = "GALLERY") -> str:
    """Return what learns it, for people; it works where nothing can be calibrated, too.

    Answers, which a server sends to anybody, do not name the gallery's folder.
    """
    return f"{shlex.join(['placeprint', 'locate', gallery, 'PHOTOS'])} learns it, and keeps it"
