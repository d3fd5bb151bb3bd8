"""Records of a protocol: its counts, the forms its files are downloaded in, and what counts as right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from placeprint.terminal import counted


class Reads(StrEnum):
    """How the images of a form, and what is known of them, are read."""

    NAMES = "names"
    """Positions, and frames, in file names that begin with @ (VPR-datasets-downloader)."""
    NUMBERS = "numbers"
    """Frames are the numbers in file names."""
    ORDER = "order"
    """Frames are the order of the file names; a list may say which of them take part."""
    STRUCT = "struct"
    """A MATLAB file with ``dbStruct``: names and UTM positions (Relja Arandjelović's NetVLAD)."""
    MSLS = "msls"
    """The CSV files of Mapillary Street-Level Sequences."""
    GSV = "gsv"
    """Places and positions in the file names of GSV-Cities."""
    REVISITED = "revisited"
    """``gnd`` as JSON or MATLAB: image lists, and lists of easy, hard and junk images a query."""
    GLD = "gld"
    """``retrieval_solution``: the index images that are right for each test image."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form in which people have the files."""

    about: str  # Whose form it is.
    reads: Reads
    inside: str  # Folders around all that follows; whoever gives a folder further in is understood too.
    # gallery, queries: Their folders below it; ``.`` where names say the rest, empty where there is no such split.
    gallery: str
    queries: str = ""
    table: str = ""  # A file that says what is what; empty for none.

    @property
    def needs(self) -> tuple[str, ...]:
        """The paths that must be there, as they are downloaded."""
        below = dict.fromkeys(part for part in (self.gallery, self.queries, self.table) if part)
        return tuple("/".join(filter(None, (self.inside, part))) for part in below if part != ".") or (".",)


@dataclass(frozen=True, slots=True)
class Count:
    """A published number of images."""

    images: int
    within: int = 0  # How far the true one may be from it: it was published rounded.

    def fits(self, images: int) -> bool:
        """Return whether a number of images is this one."""
        return abs(images - self.images) <= self.within

    def __str__(self) -> str:
        return f"{'about ' if self.within else ''}{self.images:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What counts as right; the same place where nothing else is said."""

    metres: float | None = None  # Gallery images this near, the border included.
    frames: int | None = None  # Gallery images at most so many frames away; 0: the one image that belongs to the query.
    # listed, junk: Names of the lists whose images are right, and of those that count neither way.
    listed: tuple[str, ...] = ()
    junk: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """The rule in words."""
        if self.metres is not None:
            return f"within {self.metres:g} m"
        if self.frames is not None:
            return f"within {counted(self.frames, 'frame')}" if self.frames else "the image of the pair"
        if self.listed:
            aside = f", {' and '.join(self.junk)} left out" if self.junk else ""
            return f"listed as {' or '.join(self.listed)}{aside}"
        return "same place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One published way to measure.

    Attributes
    ----------
    name : str
        For ``--protocol``.
    title : str
        As papers write it.
    family : str
        The dataset; protocols of one family share images, and their numbers are taken for each other's.
    gallery, queries : Count or None
        Published numbers of images; None where no source for them was at hand.
    right : Right
    forms : tuple of Form
    source : str
        Where counts and rule are published.
    reports : tuple of str
        The measures that papers print: ``R@5``, ``mAP``, ``mP@10``, ``mAP@100``.
    answerable : bool
        True when queries without a right image are left out of recall; else they are misses.
    note : str
        What else to know.

    Examples
    --------
    >>> import placeprint
    >>> found = next(one for one in placeprint.protocols() if one.name == "tokyo247")
    >>> found.title, str(found.gallery), str(found.queries), found.right.says
    ('Tokyo 24/7', '75,984', '315', 'within 25 m')
    """

    name: str
    title: str
    family: str
    gallery: Count | None
    queries: Count | None
    right: Right
    forms: tuple[Form, ...]
    source: str
    reports: tuple[str, ...] = ("R@1", "R@5", "R@10", "R@20")
    answerable: bool = False
    note: str = ""

    def fits(self, gallery: int, queries: int) -> bool:
        """Return whether these are the published numbers of images."""
        return all(
            count is not None and count.fits(n) for count, n in ((self.gallery, gallery), (self.queries, queries))
        )

    @property
    def size(self) -> str:
        """Its numbers of images in words."""
        return f"{self.gallery or '?'} gallery images and {self.queries or '?'} queries"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "family": self.family,
            "gallery": None if self.gallery is None else str(self.gallery),
            "queries": None if self.queries is None else str(self.queries),
            "right": self.right.says,
            "reports": list(self.reports),
            "unanswerable_queries": "left out" if self.answerable else "misses",
            "forms": [{"about": form.about, "needs": list(form.needs)} for form in self.forms],
            "source": self.source,
            "note": self.note,
        }
