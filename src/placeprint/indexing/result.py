"""The result of indexing images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from placeprint.gallery.changes import Change
from placeprint.gallery.protocol import AnyGallery
from placeprint.records import FailedImage, SetAside


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What `index` or `add` did.

    Attributes
    ----------
    gallery : Gallery, or one that a server keeps
        As it is now.
    change : Change
        Images added, replaced, left alone.
    failures : tuple of FailedImage
        Images that could not be used, each with its reason.
    computed, cached : int
        Images embedded now, and taken from the cache.
    seconds : float
        Wall time of embedding.
    shares : mapping of str to float
        Where that time went; see `placeprint.embedding.pipeline.Embedded`.
    not_calibrated : str
        Why the gallery was not calibrated by itself; empty where it was, or where nobody tried.
    set_aside : tuple of SetAside
        Rows of a table of embeddings that are left for `evaluate` to ask.
    notes : tuple of str
        What is doubtful about that table.
    no_photos : str
        Why no photo can be asked of the gallery, and what can; empty where photos can.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.index("town", "new.gallery", preset="fast")
    >>> len(done.gallery), done.change.added, len(done.failures)
    (11, 11, 2)
    """

    gallery: AnyGallery
    change: Change
    failures: tuple[FailedImage, ...]
    computed: int
    cached: int
    seconds: float
    shares: Mapping[str, float]
    not_calibrated: str = ""
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()
    no_photos: str = ""

    def __repr__(self) -> str:
        """Say what changed, in one line."""
        counts = f"{self.change.added} added, {len(self.failures)} failed"
        return f"<IndexResult of {self.gallery.where}: {len(self.gallery)} images, {counts}, {self.seconds:.1f} s>"
