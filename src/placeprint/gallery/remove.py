"""The verb `remove`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.gallery.changes import Change
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """What `remove` did.

    Attributes
    ----------
    gallery : Gallery, or one that a server keeps
        As it is now.
    change : Change
        Images that were removed, and what the gallery does not have.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.remove("town.gallery", ["nowhere.jpg"], places=["town-hall"])
    >>> done.change.removed, done.change.missing, len(done.gallery)
    (2, ('nowhere.jpg',), 9)
    """

    gallery: AnyGallery
    change: Change


def remove(gallery: AnyGallery | Path | str, paths: Sequence[str] = (), *, places: Sequence[str] = ()) -> RemoveResult:
    """Remove images from a gallery by path or by place; what the gallery does not have costs no other.

    Parameters
    ----------
    gallery : Gallery, Path or str
        An open gallery, a folder or an address.
    paths : sequence of str
        Of images, as the gallery names them.
    places : sequence of str
        Remove all images of these places.

    Raises
    ------
    UsageError
        When nothing is named, or a single text is given where several are expected.
    GalleryError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.remove("town.gallery", places=["town-hall"]).change.removed
    2
    """
    if isinstance(paths, str) or isinstance(places, str):
        raise UsageError("give a list of paths or places, not one text")
    if not paths and not places:
        raise UsageError("say what to remove: paths of images, or --place NAME")
    return RemoveResult(*open_gallery(gallery).remove(paths, places=places))
