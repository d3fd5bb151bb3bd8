"""Checks that a gallery is as it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from placeprint.gallery.head import HEAD, GalleryHead, read_head
from placeprint.storage import published
from placeprint.storage.data_folder import DataFolder


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `Gallery.verify` found.

    Attributes
    ----------
    rows : int
    problems : tuple of str
        Empty when every file is as it was written; with the segment's folder where there are several.
    leftovers : tuple of str
        Folders of interrupted writes: harmless, removed by the next write.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.open_gallery("town.gallery").verify()
    VerifyReport(rows=11, problems=(), leftovers=())
    """

    rows: int
    problems: tuple[str, ...]
    leftovers: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when nothing is damaged."""
        return not self.problems


def verified(path: Path) -> VerifyReport:
    """Compare every byte of the gallery in a folder with its checksums, even if it does not open.

    Raises `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError` when its head is damaged: the head has
    the checksums.
    """
    head = read_head(path)
    left = [folder.name for folder in published.leftovers(path, HEAD)]
    damaged = problems_of(head, lambda data: data.damaged(data.files))
    return VerifyReport(head.rows, tuple(damaged), tuple(left))


def problems_of(head: GalleryHead, found: Callable[[DataFolder], list[str]]) -> list[str]:
    """Return what is found of the data folders of a gallery, with the folder's name where there are several."""
    several = len(head.segments) > 1
    return [
        f"{segment.data.name}/{problem}" if several else problem
        for segment in head.segments
        for problem in found(segment.data)
    ]
