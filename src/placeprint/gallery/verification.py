"""Checks that a gallery is as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.gallery.head import HEAD, read_head
from placeprint.storage import published


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `Gallery.verify` found.

    Attributes
    ----------
    rows : int
    problems : tuple of str
        Empty when every file is as it was written.
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

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
        When its head is damaged: the head has the checksums.
    """
    head = read_head(path)
    left = [folder.name for folder in published.leftovers(path, HEAD)]
    damaged = [problem for segment in head.segments for problem in segment.data.damaged(segment.data.files)]
    return VerifyReport(head.rows, tuple(damaged), tuple(left))
