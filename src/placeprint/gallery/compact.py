"""The verb `compact`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import listed_bytes, read_head
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.progress import Progress


@dataclass(frozen=True, slots=True)
class CompactResult:
    """What `compact` did.

    Attributes
    ----------
    gallery : Gallery
        As it is now: the same images, in one segment.
    segments : int
        How many there were: what was added in several steps.
    removed : int
        Images that were removed before, and lay in the files still.
    bytes_before, bytes_after : int
        Of all its files.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.compact("town.gallery")
    >>> done.segments, done.removed, done.bytes_before == done.bytes_after
    (1, 0, True)
    """

    gallery: Gallery
    segments: int
    removed: int
    bytes_before: int
    bytes_after: int


def compact(gallery: AnyGallery | Path | str, *, progress: Progress | None = None) -> CompactResult:
    """Write what was added to a gallery and removed from it as if it had been built at once.

    It answers the same, as fast as it can, and what was removed is not in its files any more. Changes do the same to
    parts of it, so that there are never many segments; this does it to all, and learns the index of large galleries.

    Parameters
    ----------
    gallery : Gallery, Path or str
        An open gallery, or its folder.
    progress : Progress, optional

    Raises
    ------
    UsageError
        For a gallery on a server, which does this by itself, and for one in memory.
    GalleryError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.remove("town.gallery", places=["town-hall"]).change.removed
    2
    >>> placeprint.compact("town.gallery").removed
    2
    """
    where = str(gallery) if isinstance(gallery, str | Path) else gallery.where
    opened = None if is_address(where) else open_gallery(gallery)
    if not isinstance(opened, Gallery) or opened.path is None:
        raise UsageError(f'only a gallery in a folder can be compacted, and "{where}" is none')
    head = read_head(opened.path)
    before, removed = listed_bytes(opened.path, head), sum(len(segment.removed) for segment in head.segments)
    made = opened.compact(progress=progress)
    return CompactResult(made, len(head.segments), removed, before, listed_bytes(opened.path, read_head(opened.path)))
